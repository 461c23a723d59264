"""Mail over SMTP, as text and HTML. The Message-ID is the notice's own: a repeated try is one mail to its reader."""

from __future__ import annotations

import ssl
from email.message import EmailMessage
from email.utils import parseaddr
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib

from awbridge.domain.errors import SettingsError
from awbridge.domain.notices import MaybeSent, Message, NotSent, SendResult, Sent

_ADVICE = "AWBRIDGE_SMTP_URL: write smtp://user:password@host:587 or smtps://user:password@host:465."


class Mail:
    """Sends mails through one server. `smtp://` uses STARTTLS where that is offered; `?starttls=always` insists."""

    repeatable = True

    def __init__(self, url: str, *, sender: str, timeout: float = 30.0) -> None:
        """Raises SettingsError where the URL or the sender cannot be read."""
        try:
            parts = urlsplit(url)
            self._port = parts.port
        except ValueError:
            raise SettingsError(_ADVICE) from None
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise SettingsError(_ADVICE)
        if "@" not in parseaddr(sender)[1]:
            raise SettingsError("AWBRIDGE_NOTICE_MAIL_FROM is not set. Write: Acme <orders@acme.example>.")
        self._sender = sender
        self._host = parts.hostname
        self._tls = parts.scheme == "smtps"
        self._user = unquote(parts.username or "") or None
        self._password = unquote(parts.password or "") or None
        self._timeout = timeout
        must = parse_qs(parts.query).get("starttls", [""])[0]
        if must not in ("", "always", "require", "never"):
            raise SettingsError(f"{_ADVICE} starttls is always or never.")
        # A password never goes over a line that is not encrypted.
        starttls = {"always": True, "require": True, "never": False}.get(must, True if self._password else None)
        self._starttls = False if self._tls else starttls

    async def send(self, message: Message) -> SendResult:
        """Send one mail. Never raises for what the server does."""
        try:
            await aiosmtplib.send(
                self.compose(message),
                hostname=self._host,
                port=self._port,
                username=self._user,
                password=self._password,
                use_tls=self._tls,
                start_tls=self._starttls,
                timeout=self._timeout,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [one.code for one in error.recipients]
            return NotSent(f"the server refused the recipient ({codes[0]})", again=all(400 <= c < 500 for c in codes))
        except aiosmtplib.SMTPAuthenticationError as error:
            return NotSent(f"the server refused user or password ({error.code})")
        except aiosmtplib.SMTPResponseException as error:
            return NotSent(f"the server refused the mail ({error.code})", again=400 <= error.code < 500)
        except (aiosmtplib.SMTPConnectError, ssl.SSLError) as error:
            return NotSent(f"no connection to the mail server: {type(error).__name__}")
        except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError, OSError) as error:
            return MaybeSent(f"the connection to the mail server broke: {type(error).__name__}")
        except aiosmtplib.SMTPException as error:
            return NotSent(f"the mail server does not do what it must (such as STARTTLS): {type(error).__name__}")
        return Sent()

    def compose(self, message: Message) -> EmailMessage:
        """The mail as it goes over the wire."""
        mail = EmailMessage()
        mail["From"] = self._sender
        mail["To"] = message.to
        mail["Subject"] = " ".join(message.subject.split())
        mail["Message-ID"] = f"<{message.key}@{parseaddr(self._sender)[1].rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail["Content-Language"] = message.language
        mail.set_content(message.text)
        if message.html is not None:
            mail.add_alternative(message.html, subtype="html")
        return mail
