"""The table `processes`: which processes of awbridge run on this database, as each last reported itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from awbridge.store.engine.database import Session, row_as
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)

EVERY = timedelta(seconds=30)
ALIVE = timedelta(minutes=2)  # a process that has not reported for this long counts as ended
COUNTED = timedelta(hours=1)  # webhooks of this time are counted
KEPT = timedelta(days=1)  # of ended processes


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedProcess:
    """A process. `kind`: serve or work. `stored`, `unstored`: webhooks that it answered with 200 and 503
    within the last hour.

    `p99_ms`: milliseconds from receipt to commit, the 99th percentile of its newest webhooks; None before the first.
    `problem`: what is wrong with the file of settings that it read again; None if nothing is.
    """

    id: str
    kind: str
    host: str
    version: str
    started_at: datetime
    seen_at: datetime
    stored: int = 0
    unstored: int = 0
    p99_ms: int | None = None
    problem: str | None = None


async def report(session: Session, process: ReportedProcess) -> None:
    """Store what a process reports of itself, and forget those that ended long ago."""
    p = process
    numbers = (p.started_at, p.seen_at, p.stored, p.unstored, p.p99_ms, p.problem)
    await session.execute(_sql.report, p.id, p.kind, p.host, p.version, *numbers)
    await session.execute(_sql.forget, p.seen_at - KEPT, p.seen_at + KEPT)


async def end(session: Session, process_id: str) -> None:
    """A process ended in good order."""
    await session.execute(_sql.end, process_id)


async def alive(session: Session, *, now: datetime) -> list[ReportedProcess]:
    """The processes that run now, by kind and host."""
    return [row_as(ReportedProcess, row) for row in await session.fetch(_sql.since, now - ALIVE, now + ALIVE)]
