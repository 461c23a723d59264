"""The table `catch_up_windows`: which stretches of time of updated-order are covered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from awbridge.store.database import Session
from awbridge.store.queries import Queries

_sql = Queries("windows")


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A stretch of time to be asked for, from (inclusive) to (exclusive)."""

    from_at: datetime
    to_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CoveredWindow:
    """A stretch of time and what came of asking for it. `done_at` is None while it is still to be done."""

    from_at: datetime
    to_at: datetime
    done_at: datetime | None
    items: int
    problem: str | None


async def claim(
    session: Session,
    *,
    now: datetime,
    lease: timedelta,
    start: datetime,
    end: datetime,
    longest: timedelta,
    shortest: timedelta,
) -> Window | None:
    """The next window to ask for, under a lease: one left undone, else the next after the watermark.

    `start` is where covering begins on an empty table; `end` is how far the vendor's data may be trusted to be
    complete. None when nothing as long as `shortest` is uncovered.
    """
    left = await session.fetch(_sql.open, now)
    if left:
        window = Window(from_at=left[0]["from_at"], to_at=left[0]["to_at"])
        await session.execute(_sql.lease, window.from_at, now + lease)
        return window
    watermark = (await session.fetch(_sql.last))[0]["to_at"] or start
    window = Window(from_at=watermark, to_at=min(watermark + longest, end))
    if window.to_at - window.from_at < shortest:
        return None
    added = await session.execute(_sql.add, window.from_at, window.to_at, now + lease)
    return window if added else None


async def done(session: Session, window: Window, *, items: int, now: datetime) -> None:
    """The window is covered: every page of it was stored."""
    await session.execute(_sql.done, window.from_at, now, items)


async def failed(session: Session, window: Window, *, problem: str, again_at: datetime) -> None:
    """The window could not be fetched; it is tried again then."""
    await session.execute(_sql.failed, window.from_at, again_at, problem)


async def recent(session: Session, *, limit: int) -> list[CoveredWindow]:
    """The newest windows."""
    return [CoveredWindow(**dict(row)) for row in await session.fetch(_sql.recent, limit)]
