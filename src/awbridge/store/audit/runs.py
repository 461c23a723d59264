"""The table `runs`: each scheduled run, once across all replicas, with its result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from awbridge.store.engine.database import Session, row_as
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedRun:
    """A run that is ours until its lease ends. `tries` counts this one too."""

    job: str
    due_at: datetime
    tries: int
    lease_owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A stored run: `finished_at` is None while it runs or waits for a retry."""

    job: str
    due_at: datetime
    tries: int
    started_at: datetime | None
    finished_at: datetime | None
    next_try_at: datetime | None
    result: str | None
    problem: str | None


async def last_due(session: Session, job: str) -> datetime | None:
    """The latest moment at which the job was due, whatever its result; None when it was never seen."""
    return (await session.fetch(_sql.last, job))[0]["due_at"]


async def begin(session: Session, job: str, due_at: datetime, *, now: datetime) -> None:
    """Mark where a job's history begins: nothing due before is made up for."""
    await session.execute(_sql.begin, job, due_at, now, "before the first start")


async def add(session: Session, job: str, due: Sequence[datetime], *, now: datetime) -> None:
    """The job was due at these moments; those that are known already stay as they are."""
    for due_at in sorted(due):
        await session.execute(_sql.add, job, due_at, now)


async def claim(session: Session, job: str, *, owner: str, now: datetime, until: datetime) -> ClaimedRun | None:
    """Take the job's oldest unfinished run under a lease; None when there is none, or others are at it."""
    rows = await session.fetch(_sql.claim, job, owner, now, until)
    return row_as(ClaimedRun, rows[0]) if rows else None


async def renew(session: Session, run: ClaimedRun, *, until: datetime) -> bool:
    """Keep the lease; False when it is lost."""
    return await session.execute(_sql.renew, run.job, run.due_at, run.lease_owner, until) > 0


async def finish(session: Session, run: ClaimedRun, *, result: str | None, problem: str | None, now: datetime) -> None:
    """The run is over. With a `problem`, it is given up."""
    await session.execute(_sql.finish, run.job, run.due_at, run.lease_owner, now, result, problem)


async def again(
    session: Session, run: ClaimedRun, *, at: datetime, result: str | None, problem: str | None, tries: int
) -> None:
    """The run continues, or is retried, then."""
    await session.execute(_sql.again, run.job, run.due_at, run.lease_owner, at, result, problem, tries)


async def recent(session: Session, job: str, *, limit: int) -> list[Run]:
    """The newest runs of a job."""
    return [row_as(Run, row) for row in await session.fetch(_sql.recent, job, limit)]
