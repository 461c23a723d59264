"""Mail through one SMTP server, by its URL: smtp://user:password@host:587 or smtps://host:465."""

from __future__ import annotations

from email.message import EmailMessage
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib
import structlog

from awbridge.domain.errors import MailError, SettingsError

log = structlog.get_logger()

TIMEOUT = 60.0  # seconds for each step of the conversation


async def send_mail(smtp_url: str, message: EmailMessage) -> None:
    """Hand one mail to the server; it goes to everybody in To, Cc and Bcc.

    `smtp://` uses STARTTLS where the server offers it; `?starttls=always` insists, `?starttls=never` refrains. Raises
    SettingsError for a URL that is none, MailError when the server is away or refuses the mail or every address. Where
    it refuses only some of the addresses, that is told in the log: a second try would reach the others twice.
    """
    parts = urlsplit(smtp_url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise SettingsError("AWBRIDGE_SMTP_URL: write smtp://user:password@host:587 or smtps://host:465")
    starttls = {"always": True, "never": False}.get(parse_qs(parts.query).get("starttls", [""])[0])
    try:
        refused, _ = await aiosmtplib.send(
            message,
            hostname=parts.hostname,
            port=parts.port or (465 if parts.scheme == "smtps" else 587),
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            use_tls=parts.scheme == "smtps",
            start_tls=None if parts.scheme == "smtp" and starttls is None else bool(starttls),
            timeout=TIMEOUT,
        )
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise MailError(f"the mail server did not take it ({type(error).__name__})") from error
    if refused:
        log.warning("mail.some_refused", refused=len(refused))
