"""Schedule: every due time runs once over all processes, survives their end, and is made up for when missed."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from awbridge.domain.errors import MailError
from awbridge.domain.schedule import check_cron, day_before, day_span, due_between
from awbridge.steps.runtime.lease import RENEWED
from awbridge.steps.runtime.schedule import MOST_TRIES, Job, Ran, run_due, schedules
from awbridge.store import Store
from awbridge.store.audit import runs
from tests.support.world import INDIA, SetClock

START = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
DAILY = "30 0 * * *"  # at 00:30 in India, 19:00 UTC of the day before


class Work:
    def __init__(self, *, fail: int = 0, parts: int = 1) -> None:
        self.due: list[datetime] = []
        self.fail = fail
        self.parts = parts

    async def __call__(self, due_at: datetime) -> Ran:
        await asyncio.sleep(0)
        self.due.append(due_at)
        if len(self.due) <= self.fail:
            raise MailError("the mail server is away")
        return Ran(f"part {len(self.due)}", more=len(self.due) < self.parts)


def job(work: Any, **changes: Any) -> Job:
    return Job(**{"name": "daily", "cron": DAILY, "work": work, "catch_up": 7, **changes})


@pytest.fixture
async def begun(store: Store) -> Store:
    """A store that has seen the job once, at START."""
    await run(store, SetClock(START), job(Work()))
    return store


async def run(store: Store, clock: SetClock, *jobs: Job) -> int:
    return await run_due(store=store, clock=clock, zone=INDIA, jobs=jobs)


async def recent(store: Store, limit: int = 50) -> list[runs.Run]:
    async with store.read() as session:
        return await runs.recent(session, "daily", limit=limit)


async def test_a_job_that_was_never_seen_makes_nothing_up(store: Store) -> None:
    work = Work()
    assert await run(store, SetClock(START), job(work)) == 0
    assert work.due == []


async def test_a_job_runs_once_when_it_is_due(begun: Store) -> None:
    work, clock = Work(), SetClock(START + timedelta(hours=6, minutes=59))
    assert await run(begun, clock, job(work)) == 0
    clock.forward(minutes=2)
    assert [await run(begun, clock, job(work)) for _ in range(3)] == [1, 0, 0]
    assert work.due == [datetime(2026, 11, 2, 19, 0, tzinfo=UTC)]
    assert (await recent(begun))[0].result == "part 1"


async def test_missed_runs_are_made_up_for_the_latest_of_them(begun: Store) -> None:
    work, clock = Work(), SetClock(START + timedelta(days=10))
    while await run(begun, clock, job(work, catch_up=3)):
        pass
    assert [d.day for d in work.due] == [9, 10, 11]
    again = Work()
    assert await run(begun, clock, job(again, catch_up=3)) == 0


async def test_two_replicas_racing_run_each_due_time_once(begun: Store, store_url: str) -> None:
    other = await Store.open(store_url)
    work, clock = Work(), SetClock(START + timedelta(days=3))
    try:
        for _ in range(4):
            await asyncio.gather(*(run(s, clock, job(work)) for s in (begun, other, begun, other)))
    finally:
        await other.close()
    assert sorted(work.due) == sorted(set(work.due))
    assert len(work.due) == 3


async def test_a_failed_run_is_tried_again_after_a_pause_and_says_why(begun: Store) -> None:
    work, clock = Work(fail=2), SetClock(START + timedelta(days=1))
    await run(begun, clock, job(work))
    (latest, *_) = await recent(begun)
    assert (latest.problem, latest.finished_at, latest.tries) == ("the mail server is away", None, 1)
    assert await run(begun, clock, job(work)) == 0
    for minutes in (1, 2):
        clock.forward(minutes=minutes, seconds=1)
        assert await run(begun, clock, job(work)) == 1
    (done, *_) = await recent(begun)
    assert (done.result, done.problem, done.tries) == ("part 3", None, 3)


async def test_a_run_that_never_works_is_given_up_with_its_problem(begun: Store) -> None:
    work, clock = Work(fail=999), SetClock(START + timedelta(days=1))
    for _ in range(MOST_TRIES + 3):
        await run(begun, clock, job(work, cron="0 0 1 1 *") if work.due else job(work))
        clock.forward(hours=2)
    assert len(work.due) == MOST_TRIES
    (latest, *_) = await recent(begun)
    assert latest.finished_at
    assert latest.problem == "the mail server is away"


async def test_an_error_that_nobody_foresaw_does_not_show_what_it_carried(begun: Store) -> None:
    async def broken(_due: datetime) -> Ran:
        raise RuntimeError("9812345678")

    await run(begun, SetClock(START + timedelta(days=1)), job(broken))
    assert (await recent(begun))[0].problem == "RuntimeError: see the log"


async def test_a_killed_run_is_taken_up_when_its_lease_is_over(begun: Store) -> None:
    async def killed(_due: datetime) -> Ran:
        raise KeyboardInterrupt

    clock = SetClock(START + timedelta(days=1))
    task = run(begun, clock, job(killed))
    with pytest.raises(KeyboardInterrupt):
        await task
    work = Work()
    assert await run(begun, clock, job(work)) == 0
    clock.now += RENEWED
    assert await run(begun, clock, job(work)) == 1
    assert (await recent(begun))[0].tries == 2


async def test_a_run_with_more_to_do_continues_without_using_up_tries(begun: Store) -> None:
    work, clock = Work(parts=3), SetClock(START + timedelta(days=1))
    assert [await run(begun, clock, job(work)) for _ in range(4)] == [1, 1, 1, 0]
    (done, *_) = await recent(begun)
    assert (done.result, done.tries) == ("part 3", 1)


async def test_schedules_show_the_next_time_and_the_last_result(begun: Store) -> None:
    clock = SetClock(START + timedelta(days=1))
    await run(begun, clock, job(Work()))
    (shown,) = await schedules(store=begun, clock=clock, zone=INDIA, crons=[("daily", DAILY)])
    assert shown.next_due_at == datetime(2026, 11, 3, 19, 0, tzinfo=UTC)
    assert [r.result for r in shown.runs] == ["part 1"]


@pytest.mark.parametrize("text", ["", "daily", "61 * * * *", "* * * *", "0 0 31 2 *", "30 0 * * * *"])
def test_what_is_no_cron_expression_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cron expression"):
        check_cron(text)


def test_a_day_begins_and_ends_at_the_zones_own_midnight_also_when_clocks_change() -> None:
    assert day_span(date(2026, 11, 2), INDIA) == (
        datetime(2026, 11, 1, 18, 30, tzinfo=UTC),
        datetime(2026, 11, 2, 18, 30, tzinfo=UTC),
    )
    london = ZoneInfo("Europe/London")
    hours = [
        (e - s) / timedelta(hours=1) for s, e in (day_span(date(2026, m, d), london) for m, d in ((3, 29), (10, 25)))
    ]
    assert hours == [23, 25]
    midnight = datetime(2026, 11, 2, 18, 30, tzinfo=UTC)
    assert day_before(midnight, INDIA) == date(2026, 11, 2)
    assert day_before(midnight - timedelta(microseconds=1), INDIA) == date(2026, 11, 1)


def test_a_daily_job_comes_once_a_day_also_when_clocks_change() -> None:
    london = ZoneInfo("Europe/London")
    span = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, 23, tzinfo=UTC))
    for cron in ("30 0 * * *", "30 1 * * *", "30 2 * * *"):
        due = due_between(cron, london, *span, most=1000)
        assert len({d.astimezone(london).date() for d in due}) == len(due) == 365, cron
