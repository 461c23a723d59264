"""Sends mail over SMTP: reports, alarms and customer notices.

`smtp://` uses STARTTLS if the server offers it, and requires it if there is a password. `?starttls=always` requires it,
`?starttls=never` disables it. `smtps://` is encrypted from the first byte.
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

TIMEOUT = 30.0  # seconds for each SMTP step
LARGE_TIMEOUT = 60.0  # the same for mails with attachments
LONGEST = 60.0  # seconds for the whole SMTP session
LARGE_LONGEST = 300.0  # the same for mails with attachments
_ADVICE = "AWBRIDGE_SMTP_URL: write smtp://user:password@host:587 or smtps://user:password@host:465"
_NO_UTF8 = "the address has non-ASCII letters before its @, which the mail server does not support (SMTPUTF8)"
_STARTTLS = {"always": True, "require": True, "never": False}


class MailServer:
    """One SMTP server. Errors never contain the password."""

    def __init__(self, url: str, *, timeout: float = TIMEOUT, longest: float = LONGEST) -> None:
        """`timeout`, `longest`: seconds for a step and for a whole session. Raises SettingsError for an invalid URL."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise SettingsError(f"{_ADVICE}.") from None
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise SettingsError(f"{_ADVICE}.")
        starttls = parse_qs(parts.query).get("starttls", [""])[0]
        if starttls and starttls not in _STARTTLS:
            raise SettingsError(f"{_ADVICE}; starttls is always or never.")
        self._tls = parts.scheme == "smtps"
        self._host = parts.hostname
        self._port = port or (465 if self._tls else 587)
        self._user = unquote(parts.username or "") or None
        self._password = unquote(parts.password or "") or None
        self._starttls = False if self._tls else _STARTTLS.get(starttls, True if self._password else None)
        self._timeout = timeout
        self._longest = longest

    async def submit(self, mail: EmailMessage) -> SendResult:
        """Send one mail to all addresses in To, Cc and Bcc. Failures of the server are results, not exceptions.

        If the server refuses only some addresses, the mail counts as sent and a warning is logged: a retry would reach
        the other addresses twice.
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
            return _result_of(error) if _is_ascii(mail) else NotSent(_NO_UTF8, again=False)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            return _result_of(error)
        if refused:
            log.warning("mail.some_refused", refused=len(refused))
        return Sent()


def _result_of(error: Exception) -> NotSent | MaybeSent:
    """The result of a failed SMTP session: whether the mail may have been sent, and whether to retry."""
    match error:
        case aiosmtplib.SMTPRecipientsRefused():
            codes = [one.code for one in error.recipients]
            return NotSent(
                f"the mail server refused the recipient ({codes[0]})", again=any(_is_transient(code) for code in codes)
            )
        case aiosmtplib.SMTPAuthenticationError():
            return NotSent(f"the mail server refused the user or password ({error.code})")
        case aiosmtplib.SMTPResponseException():
            return NotSent(f"the mail server refused the mail ({error.code})", again=_is_transient(error.code))
        case aiosmtplib.SMTPConnectError() | ssl.SSLError():
            return NotSent(f"no connection to the mail server: {type(error).__name__}")
        case aiosmtplib.SMTPServerDisconnected() | aiosmtplib.SMTPTimeoutError() | OSError():
            return MaybeSent(f"the connection to the mail server was lost: {type(error).__name__}")
        case aiosmtplib.SMTPException():
            return NotSent(f"the mail server lacks a required feature (such as STARTTLS): {type(error).__name__}")
        case _:
            return NotSent(f"the message cannot be sent as mail: {type(error).__name__}", again=False)


def _is_ascii(mail: EmailMessage) -> bool:
    """Whether all sender and recipient addresses are ASCII."""
    headers = [str(value) for name in ("From", "To", "Cc", "Bcc") for value in mail.get_all(name, [])]
    return all(address.isascii() for _, address in getaddresses(headers))


def ascii_host(address: str) -> str:
    """An address with its host in ASCII (xn--...), which every mail server accepts."""
    name, at, host = address.rpartition("@")
    try:
        return name + at + host.encode("idna").decode("ascii")
    except UnicodeError:
        return address


def _is_transient(code: int) -> bool:
    return 400 <= code < 500


async def send_mail(smtp_url: str, mail: EmailMessage) -> None:
    """Send one mail. Raises SettingsError for an invalid URL, MailError if the mail is not known to be sent."""
    result = await MailServer(smtp_url, timeout=LARGE_TIMEOUT, longest=LARGE_LONGEST).submit(mail)
    if not isinstance(result, Sent):
        raise MailError(f"the mail is not known to be sent: {result.problem}")


class MailChannel:
    """The mail channel of notices and alarms. All tries have the notice's Message-ID, so readers see one mail."""

    repeatable = True

    def __init__(self, url: str, *, sender: str) -> None:
        """Raises SettingsError for an invalid URL or sender."""
        self._server = MailServer(url)
        if "@" not in parseaddr(sender)[1]:
            raise SettingsError("AWBRIDGE_NOTICE_MAIL_FROM is not set. Write: Acme <orders@acme.example>.")
        self._sender = sender

    async def send(self, message: Message) -> SendResult:
        """Send one message as text and HTML. Failures of the server are results, not exceptions."""
        return await self._server.submit(self.compose(message))

    def compose(self, message: Message) -> EmailMessage:
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
