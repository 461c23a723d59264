"""How many shipments were placed, and rejected, in each of the last hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from awbridge.store.engine.database import Session
from awbridge.store.engine.queries import Queries, Statement

_sql = Queries(__name__)

MOST_COUNTED = 50_000  # shipments of one hour
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class HourCounts:
    """What happened within the hour from `from_at`. Rejected ones that were corrected since are not counted."""

    from_at: datetime
    placed: int
    rejected: int


async def by_hour(session: Session, *, until: datetime, hours: int) -> list[HourCounts]:
    """The last `hours` before `until`, oldest first."""
    starts = [until - n * _HOUR for n in range(hours, 0, -1)]
    placed = await _counts(session, _sql.placed_between, starts)
    rejected = await _counts(session, _sql.rejected_between, starts)
    return [HourCounts(from_at=at, placed=placed[at], rejected=rejected[at]) for at in starts]


async def _counts(session: Session, statement: Statement, starts: list[datetime]) -> dict[datetime, int]:
    rows = await session.fetch_rows(statement, [(at, at + _HOUR, MOST_COUNTED) for at in starts])
    return {row["from_at"]: row["shipments"] for row in rows}
