"""Schedule: runs jobs at the times of their cron expressions, each due time once across all replicas.

A due time becomes a row of `runs`, and the row is claimed under a lease that is renewed while the job runs. What was
missed while no process ran is caught up. A failed job is retried with pauses; a killed one once its lease ends.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from awbridge.domain.errors import AwbridgeError, StoreBusy
from awbridge.domain.retry import backoff
from awbridge.domain.schedule import due_between, next_due
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.lease import RENEWED, LeaseLost, renewed
from awbridge.store import Store
from awbridge.store.audit import runs
from awbridge.store.audit.runs import ClaimedRun, Run

log = structlog.get_logger()

FIRST_PAUSE = timedelta(minutes=1)  # after a failed try; doubles
LONGEST_PAUSE = timedelta(hours=1)
MOST_TRIES = 30  # about a day; then the run fails and shows its problem


@dataclass(frozen=True, slots=True)
class Ran:
    """The outcome of a run, as text for the operator. `more`: it must continue, and may be interrupted here."""

    result: str
    more: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Work at the times of a cron expression.

    `work` gets the due time. Of missed due times, the latest `catch_up` are run.
    """

    name: str
    cron: str
    work: Callable[[datetime], Awaitable[Ran]]
    catch_up: int = 1


async def run_due(*, store: Store, clock: Clock, zone: ZoneInfo, jobs: Sequence[Job]) -> int:
    """Run every job that is due, one run of each; how many ran."""
    done = 0
    for job in jobs:
        await _note_due(store, clock, zone, job)
        now = clock()
        async with store.write() as session:
            run = await runs.claim(session, job.name, owner=uuid.uuid4().hex, now=now, until=now + RENEWED)
        if run:
            await _run(store, clock, job, run)
            done += 1
    return done


async def _note_due(store: Store, clock: Clock, zone: ZoneInfo, job: Job) -> None:
    now = clock()
    async with store.read() as session:
        last = await runs.last_due(session, job.name)
    if last is None:
        async with store.write() as session:
            await runs.begin(session, job.name, now, now=now)
        return
    due = due_between(job.cron, zone, last, now, most=job.catch_up)
    if due:
        async with store.write() as session:
            await runs.add(session, job.name, due, now=now)


async def _run(store: Store, clock: Clock, job: Job, run: ClaimedRun) -> None:
    due = run.due_at.isoformat()

    async def renew() -> bool:
        async with store.write() as session:
            return await runs.renew(session, run, until=clock() + RENEWED)

    try:
        async with renewed(renew):
            ran = await job.work(run.due_at)
    except StoreBusy:
        raise  # the loop pauses; the lease runs out
    except LeaseLost:
        log.warning("lease.lost", work=f"the scheduled job {job.name}")
        return
    except Exception as error:
        await _failed(store, clock, run, error)
        return
    async with store.write() as session:
        if ran.more:
            await runs.again(session, run, at=clock(), result=ran.result, problem=None, tries=run.tries - 1)
        else:
            await runs.finish(session, run, result=ran.result, problem=None, now=clock())
    log.info("schedule.completed", job=job.name, due=due, result=ran.result)


async def _failed(store: Store, clock: Clock, run: ClaimedRun, error: Exception) -> None:
    expected = isinstance(error, AwbridgeError)
    problem = str(error) if expected else f"{type(error).__name__}: see the log"
    log.warning("schedule.failed", job=run.job, due=run.due_at.isoformat(), tries=run.tries, problem=problem,
                exc_info=None if expected else error)  # fmt: skip
    async with store.write() as session:
        if run.tries >= MOST_TRIES:
            await runs.finish(session, run, result=None, problem=problem, now=clock())
        else:
            pause = backoff(run.tries, first=FIRST_PAUSE, longest=LONGEST_PAUSE)
            await runs.again(session, run, at=clock() + pause, result=None, problem=problem, tries=run.tries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A job as it is shown: when it is due next, and its last runs, newest first."""

    job: str
    cron: str
    next_due_at: datetime
    runs: tuple[Run, ...]


async def schedules(
    *, store: Store, clock: Clock, zone: ZoneInfo, crons: Sequence[tuple[str, str]], last: int = 1
) -> list[Schedule]:
    """Every job (name, cron expression) with its `last` runs."""
    found: list[Schedule] = []
    for name, cron in crons:
        async with store.read() as session:
            recent = await runs.recent(session, name, limit=last)
        due = next_due(cron, zone, clock())
        found.append(Schedule(job=name, cron=cron, next_due_at=due, runs=tuple(recent)))
    return found
