"""Database faults that the drill injects."""

from __future__ import annotations

import asyncio

from awbridge.store.engine.database import Session
from awbridge.store.engine.queries import Queries
from awbridge.store.engine.store import Store

_sql = Queries(__name__)


async def stumble(store: Store, *, seconds: float) -> int:
    """Let the database stumble; how many connections were dropped.

    PostgreSQL drops every connection of awbridge but the one that asks. SQLite is locked for `seconds`.
    """
    if store.dialect == "sqlite":
        async with store.write():
            await asyncio.sleep(seconds)
        return 0
    async with store.read() as session:
        return (await session.fetch(_sql.drop_connections))[0]["dropped"]


async def drop_oldest_connection(session: Session) -> int:
    """PostgreSQL drops the oldest connection of awbridge but the one that asks; how many that were: 0 or 1."""
    return (await session.fetch(_sql.drop_oldest_connection))[0]["dropped"]
