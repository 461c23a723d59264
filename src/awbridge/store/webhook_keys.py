"""The table `webhook_keys`: keys that ClickPost gave for our webhook, kept as SHA-256 only."""

from __future__ import annotations

import hashlib
from datetime import datetime

from awbridge.store.database import Session
from awbridge.store.queries import Queries

_sql = Queries("webhook_keys")


def digest(key: str) -> str:
    """What is kept of a key: enough to check one, useless to a thief."""
    return hashlib.sha256(key.encode()).hexdigest()


async def add(session: Session, key: str, *, webhook_url: str, now: datetime) -> None:
    """Accept this key from now on."""
    await session.execute(_sql.add, digest(key), webhook_url, now)


async def every(session: Session) -> list[str]:
    """The digests of all keys."""
    return [row["sha256"] for row in await session.fetch(_sql.all)]
