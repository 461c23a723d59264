"""The tables `webhook_keys` (keys that ClickPost gave, as SHA-256 only) and `webhook_refusals` (what they kept out).

A digest needs no encryption at rest: there is nothing in it to decrypt, and no secret of ours that could leak with it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from awbridge.domain.people.audited import AuditAction
from awbridge.store.engine.database import Session, row_as
from awbridge.store.engine.queries import Queries
from awbridge.store.people import audit_log

_sql = Queries(__name__)

NO_KEY = "no_key"
WRONG_KEY = "wrong_key"
NO_ACCOUNT = "no_account"  # to the address of an account that does not exist
ID_LENGTH = 12  # characters of a digest by which people name a key


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookKey:
    """A key that webhooks may carry, and the address that it was given for."""

    sha256: str = field(repr=False)
    webhook_url: str
    created_at: datetime

    @property
    def id(self) -> str:
        """What people call it by."""
        return self.sha256[:ID_LENGTH]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """How many deliveries were ever refused for a reason, and when the last one was."""

    reason: str
    refused: int
    last_at: datetime


def digest(key: str) -> str:
    """What is kept of a key: enough to check one, useless to a thief."""
    return hashlib.sha256(key.encode()).hexdigest()


async def add(session: Session, key: str, *, webhook_url: str, now: datetime) -> None:
    """Accept this key from now on."""
    sha256 = digest(key)
    await session.execute(_sql.add, sha256, webhook_url, now)
    host = urlsplit(webhook_url).netloc
    await audit_log.record(session, AuditAction.WEBHOOK_KEY_ADDED, sha256[:ID_LENGTH], after={"host": host}, now=now)


async def every(session: Session) -> list[str]:
    """The digests of all keys."""
    return [key.sha256 for key in await listed(session)]


async def listed(session: Session) -> list[WebhookKey]:
    """All keys, the newest first."""
    return [row_as(WebhookKey, row) for row in await session.fetch(_sql.all)]


async def remove(session: Session, sha256: str) -> bool:
    """Accept this key no more; False when it was not known."""
    if not await session.execute(_sql.remove, sha256):
        return False
    await audit_log.record(session, AuditAction.WEBHOOK_KEY_REVOKED, sha256[:ID_LENGTH])
    return True


async def refuse(session: Session, reason: str, refused: int, *, last_at: datetime) -> None:
    """Count deliveries that were refused."""
    await session.execute(_sql.refuse, reason, refused, last_at)


async def refusals(session: Session) -> dict[str, Refusal]:
    """What was refused, by reason."""
    return {row["reason"]: row_as(Refusal, row) for row in await session.fetch(_sql.refusals)}
