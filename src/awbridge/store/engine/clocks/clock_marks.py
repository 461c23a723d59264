"""The table `clock_marks`: the latest time that any process has seen; and the database's own clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from awbridge.store.engine.database import Session
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetBack:
    """Time was found to have gone back by so much: a clock had been ahead."""

    at: datetime
    by: timedelta


async def database_time(session: Session) -> datetime | None:
    """What time it is for the database; None on SQLite, where the machine's clock is everybody's."""
    return (await session.fetch(_sql.now))[0]["now_at"]


async def latest(session: Session) -> datetime | None:
    """The latest time that was seen, or that something stored is dated; None in an empty database."""
    row = (await session.fetch(_sql.latest))[0]
    return max((at for at in (row["mark_at"], row["order_at"], row["window_at"]) if at), default=None)


async def note(session: Session, now: datetime) -> None:
    """It is so late."""
    await session.execute(_sql.note, now)


async def set_back(session: Session, *, now: datetime, by: timedelta) -> None:
    """Time went back by so much; what was dated ahead is pulled back."""
    await session.execute(_sql.set_back, now, by.total_seconds())


async def last_set_back(session: Session, *, after: datetime) -> SetBack | None:
    """When time was last found to have gone back, if that was after then."""
    rows = await session.fetch(_sql.last_set_back, after)
    return SetBack(at=rows[0]["set_back_at"], by=timedelta(seconds=rows[0]["set_back_seconds"])) if rows else None
