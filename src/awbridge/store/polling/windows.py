"""The table `catch_up_windows`: which stretches of time of updated-order are covered."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from awbridge.domain.tracking.asking import next_window
from awbridge.domain.tracking.coverage import Span
from awbridge.store.engine.database import Session, row_as
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchUpWindow:
    """A window of updated-order, from (inclusive) to (exclusive).

    After an interrupted try, `next_page` is where to resume, `page_at` when it was reached, and `items` how many items
    were stored by then. `lease_ends_at`: the end of its lease; a write under another lease has no effect.
    """

    from_at: datetime
    to_at: datetime
    items: int = 0
    next_page: str | None = None
    page_at: datetime | None = None
    lease_ends_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoveredWindow:
    """A stretch of time and the result of requesting it. `done_at` is None while it is still to be done."""

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
) -> CatchUpWindow | None:
    """The next window to ask for, under a lease: one left undone, else the next after the watermark.

    `start` is where covering begins on an empty table; `end` is how far the vendor's data may be trusted to be
    complete. None when nothing as long as `shortest` is uncovered.
    """
    left = await session.fetch(_sql.open, now)
    if left:
        window = row_as(CatchUpWindow, left[0], lease_ends_at=now + lease)
        await session.execute(_sql.lease, window.from_at, now + lease)
        return window
    watermark = (await session.fetch(_sql.last))[0]["to_at"] or start
    following = next_window(watermark, end=end, longest=longest, shortest=shortest)
    if following is None:
        return None
    added = await session.execute(_sql.add, *following, now + lease)
    return CatchUpWindow(from_at=following[0], to_at=following[1], lease_ends_at=now + lease) if added else None


async def hold(session: Session, window: CatchUpWindow, *, until: datetime) -> CatchUpWindow | None:
    """The window under a lease that ends then; None where it is not held any more."""
    held = await session.execute(_sql.hold, window.from_at, window.lease_ends_at, until)
    return replace(window, lease_ends_at=until) if held else None


async def turned(
    session: Session, window: CatchUpWindow, *, next_page: str | None, items: int, now: datetime, lease: timedelta
) -> CatchUpWindow | None:
    """A page is stored (in this transaction): the next try may resume after it. None where it is not held any more."""
    until = now + lease
    held = await session.execute(_sql.turned, window.from_at, next_page, now, items, until, window.lease_ends_at)
    return replace(window, lease_ends_at=until) if held else None


async def restart(session: Session, window: CatchUpWindow) -> None:
    """Clear the resume point of an interrupted try: the next one begins with the first page."""
    await session.execute(_sql.restart, window.from_at)


async def done(session: Session, window: CatchUpWindow, *, items: int, now: datetime) -> bool:
    """The window is covered: every page of it was stored. False where it is not held any more."""
    return await session.execute(_sql.done, window.from_at, now, items, window.lease_ends_at) > 0


async def failed(session: Session, window: CatchUpWindow, *, problem: str, again_at: datetime) -> bool:
    """The window could not be fetched; it is tried again then. False where it is not held any more."""
    return await session.execute(_sql.failed, window.from_at, again_at, problem, window.lease_ends_at) > 0


async def recent(session: Session, *, limit: int) -> list[CoveredWindow]:
    """The newest windows."""
    return [row_as(CoveredWindow, row) for row in await session.fetch(_sql.recent, limit)]


async def since(session: Session, start: datetime) -> list[Span]:
    """The windows that end after `start` as spans, oldest first. Those that adjoin and are as covered are one span."""
    return [row_as(Span, row) for row in await session.fetch(_sql.since, start)]


async def catching_up(session: Session, *, behind: datetime, since: datetime) -> bool:
    """Whether the newest window ends before `behind`, and a page or a window was stored after `since`."""
    newest = await session.fetch(_sql.newest)
    moved = [at for row in newest for at in (row["done_at"], row["page_at"]) if at is not None]
    return bool(moved) and newest[0]["to_at"] < behind and max(moved) > since


async def covered_until(session: Session) -> datetime | None:
    """Up to when every minute is covered; None before the first window."""
    undone = (await session.fetch(_sql.undone))[0]["from_at"]
    return undone or (await session.fetch(_sql.last))[0]["to_at"]
