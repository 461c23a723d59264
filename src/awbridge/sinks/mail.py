"""Mail over SMTP: one way to hand a mail to the server, for reports, alarms and customers alike.

`smtp://` uses STARTTLS where the server offers it, and always where there is a password: none goes over an open line.
`?starttls=always` insists, `?starttls=never` refrains. `smtps://` is encrypted from the first byte.
"""

from __future__ import annotations

import asyncio
import ssl
from email.message import EmailMessage
from email.utils import formatdate, getaddresses, parseaddr
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib
import structlog

from awbridge.domain.errors import MailError, SettingsError
from awbridge.domain.notify.notices import MaybeSent, Message, NotSent, SendResult, Sent

log = structlog.get_logger()

TIMEOUT = 30.0  # seconds for each step of the conversation
LARGE_TIMEOUT = 60.0  # the same for mails that carry files
LONGEST = 60.0  # seconds for the conversation as a whole: then it is broken off
LARGE_LONGEST = 300.0  # the same for mails that carry files
_ADVICE = "AWBRIDGE_SMTP_URL: write smtp://user:password@host:587 or smtps://user:password@host:465"
_NO_UTF8 = "the address has letters beyond ASCII before its @, and the mail server takes none (SMTPUTF8)"
_STARTTLS = {"always": True, "require": True, "never": False}


class MailServer:
    """One SMTP server, by its URL. Its text never holds the password."""

    def __init__(self, url: str, *, timeout: float = TIMEOUT, longest: float = LONGEST) -> None:
        """`timeout`, `longest`: seconds for a step, and for handing over a mail. Raises SettingsError for a bad URL."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise SettingsError(f"{_ADVICE}.") from None
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise SettingsError(f"{_ADVICE}.")
        must = parse_qs(parts.query).get("starttls", [""])[0]
        if must and must not in _STARTTLS:
            raise SettingsError(f"{_ADVICE}; starttls is always or never.")
        self._tls = parts.scheme == "smtps"
        self._host = parts.hostname
        self._port = port or (465 if self._tls else 587)
        self._user = unquote(parts.username or "") or None
        self._password = unquote(parts.password or "") or None
        self._starttls = False if self._tls else _STARTTLS.get(must, True if self._password else None)
        self._timeout = timeout
        self._longest = longest

    async def hand_over(self, mail: EmailMessage) -> SendResult:
        """Hand one mail over, for everybody in To, Cc and Bcc. Never raises for what the server does.

        Where it refuses only some of the addresses the mail is sent, and the log says so: a second try would reach the
        others twice.
        """
        if "Date" not in mail:
            mail["Date"] = formatdate()
        try:
            async with asyncio.timeout(self._longest):
                refused, _ = await aiosmtplib.send(
                    mail,
                    hostname=self._host,
                    port=self._port,
                    username=self._user,
                    password=self._password,
                    use_tls=self._tls,
                    start_tls=self._starttls,
                    timeout=self._timeout,
                )
        except aiosmtplib.SMTPNotSupported as error:
            return _meaning(error) if _is_ascii(mail) else NotSent(_NO_UTF8, again=False)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            return _meaning(error)
        if refused:
            log.warning("mail.some_refused", refused=len(refused))
        return Sent()


def _meaning(error: Exception) -> NotSent | MaybeSent:
    """What an error of the conversation says: whether the mail may have gone out, and whether to try again."""
    match error:
        case aiosmtplib.SMTPRecipientsRefused():
            codes = [one.code for one in error.recipients]
            return NotSent(f"the server refused the recipient ({codes[0]})", again=any(_passes(code) for code in codes))
        case aiosmtplib.SMTPAuthenticationError():
            return NotSent(f"the server refused user or password ({error.code})")
        case aiosmtplib.SMTPResponseException():
            return NotSent(f"the server refused the mail ({error.code})", again=_passes(error.code))
        case aiosmtplib.SMTPConnectError() | ssl.SSLError():
            return NotSent(f"no connection to the mail server: {type(error).__name__}")
        case aiosmtplib.SMTPServerDisconnected() | aiosmtplib.SMTPTimeoutError() | OSError():
            return MaybeSent(f"the connection to the mail server broke: {type(error).__name__}")
        case aiosmtplib.SMTPException():
            return NotSent(f"the mail server does not do what it must (such as STARTTLS): {type(error).__name__}")
        case _:
            return NotSent(f"this cannot be sent as a mail: {type(error).__name__}", again=False)


def _is_ascii(mail: EmailMessage) -> bool:
    """Whether every address of a mail, from and to, is ASCII."""
    headers = [str(value) for name in ("From", "To", "Cc", "Bcc") for value in mail.get_all(name, [])]
    return all(address.isascii() for _, address in getaddresses(headers))


def ascii_host(address: str) -> str:
    """An address whose host is written as every mail server takes it: xn--... where it has letters beyond ASCII."""
    name, at, host = address.rpartition("@")
    try:
        return name + at + host.encode("idna").decode("ascii")
    except UnicodeError:
        return address


def _passes(code: int) -> bool:
    return 400 <= code < 500


async def send_mail(smtp_url: str, mail: EmailMessage) -> None:
    """Hand one mail over. Raises SettingsError for a URL that is none, MailError where it is not known to be sent."""
    result = await MailServer(smtp_url, timeout=LARGE_TIMEOUT, longest=LARGE_LONGEST).hand_over(mail)
    if not isinstance(result, Sent):
        raise MailError(f"the mail server did not take it: {result.problem}")


class MailChannel:
    """The channel of notices and alarms. The Message-ID is the notice's own: tries are one mail to its reader."""

    repeatable = True

    def __init__(self, url: str, *, sender: str) -> None:
        """Raises SettingsError where the URL or the sender cannot be read."""
        self._server = MailServer(url)
        if "@" not in parseaddr(sender)[1]:
            raise SettingsError("AWBRIDGE_NOTICE_MAIL_FROM is not set. Write: Acme <orders@acme.example>.")
        self._sender = sender

    async def send(self, message: Message) -> SendResult:
        """Send one message, as text and HTML. Never raises for what the server does."""
        return await self._server.hand_over(self.compose(message))

    def compose(self, message: Message) -> EmailMessage:
        """The mail as it goes over the wire."""
        mail = EmailMessage()
        mail["From"] = self._sender
        mail["To"] = ascii_host(message.to)
        mail["Subject"] = " ".join(message.subject.split())
        mail["Message-ID"] = f"<{message.key}@{parseaddr(self._sender)[1].rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail["Content-Language"] = message.language
        mail.set_content(message.text)
        if message.html is not None:
            mail.add_alternative(message.html, subtype="html")
        return mail
