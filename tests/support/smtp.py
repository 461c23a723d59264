"""A real SMTP server (aiosmtpd) of the tests' own: loopback only, keeps accepted mail and can be made to refuse."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.support.ports import free_port


@dataclass
class Mailbox:
    """What the server received. `answer` is its response to a mail; it keeps the mails that it accepts.

    With None it accepts the mail and closes the connection without a response. It refuses addresses in `unknown`.
    """

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list[EmailMessage])
    answer: str | None = "250 OK"
    unknown: set[str] = field(default_factory=lambda: {"nobody@example.com"})

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, _: Any) -> str:
        if address in self.unknown:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.answer is not None and not self.answer.startswith("2"):
            return self.answer
        assert isinstance(envelope.content, bytes)
        self.mails.append(cast("EmailMessage", message_from_bytes(envelope.content, policy=policy.default)))
        if self.answer is None:
            assert server.transport is not None
            server.transport.abort()
        return self.answer or "451 gone"


@contextmanager
def smtp_server(
    *, tls: ssl.SSLContext | None = None, starttls: ssl.SSLContext | None = None, password: str = "", utf8: bool = True
) -> Iterator[Mailbox]:
    """A server on a free port; stopped after. With a password it requires one, and only over TLS."""

    def knows(_server: SMTP, _session: Session, _envelope: Envelope, _how: str, offered: LoginPassword) -> AuthResult:
        return AuthResult(success=offered.password == password.encode(), handled=False)

    mailbox = Mailbox(port=free_port())
    controller = Controller(
        mailbox,
        hostname="127.0.0.1",
        port=mailbox.port,
        ssl_context=tls,
        tls_context=starttls,
        authenticator=knows if password else None,
        auth_required=bool(password),
        auth_require_tls=tls is None,
        enable_SMTPUTF8=utf8,
    )
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()
