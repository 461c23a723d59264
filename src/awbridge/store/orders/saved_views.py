"""The table `saved_views`: named filters of the list of shipments, shared by everyone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from awbridge.store.engine.database import Session, row_as
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedView:
    """A named filter. `query`: the parameters of the list's URL, such as `state=rejected&courier=4`."""

    name: str
    query: str
    created_at: datetime
    updated_at: datetime


async def every(session: Session) -> list[SavedView]:
    """All of them, by name."""
    return [row_as(SavedView, row) for row in await session.fetch(_sql.every)]


async def save(session: Session, name: str, query: str, *, now: datetime) -> None:
    """Store a view, in place of one of the same name."""
    await session.execute(_sql.save, name, query, now)


async def remove(session: Session, name: str) -> bool:
    """Remove a view; False if there is none of that name."""
    return await session.execute(_sql.remove, name) > 0
