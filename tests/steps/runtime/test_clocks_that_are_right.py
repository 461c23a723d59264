"""Clocks: what only looks like a clock that was ahead changes nothing; and several processes that look at once."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from awbridge.domain.errors import StoreBusy
from awbridge.steps.runtime.set_clocks import ClockPolicy, SetClocks
from awbridge.store import Store
from awbridge.store.engine.clocks import clock_marks, shared_time
from awbridge.store.engine.clocks.shared_time import SharedTime
from tests.steps.runtime.test_set_clocks import DAY, HOUR, LEASE, Bridge, Hands, last_set_back
from tests.support.rows import T0, add, fetch, sql
from tests.support.stores import TABLES, postgres_only, sqlite_only
from tests.support.world import INDIA, SetClock, get

RUN = "INSERT INTO runs (job, due_at, tries, started_at, finished_at) VALUES ('daily', $1, 1, $2, $2)"


def looking(store: Store, clock: Callable[[], datetime], shared: SharedTime | None = None) -> SetClocks:
    return SetClocks(
        store=store, clock=clock, policy=ClockPolicy(zone=INDIA, lease=LEASE), shared=shared or SharedTime()
    )


async def note(store: Store, at: datetime) -> None:
    async with store.write() as session:
        await clock_marks.note(session, at)


async def mark(store: Store) -> datetime | None:
    async with store.read() as session:
        return await clock_marks.latest(session)


async def work(store: Store, at: datetime) -> None:
    """Rows as the steps leave them at that time: an order that is tried later, a run, a window, a notice of its own."""
    await add(store, "R", now=at)
    async with store.write() as session:
        await session.execute(
            sql("UPDATE shipments SET next_try_at = $1, lease_ends_at = $1, updated_at = $2"), at + HOUR, at
        )
        await session.execute(sql(RUN), at - HOUR, at)
        window = "INSERT INTO catch_up_windows (from_at, to_at, done_at, items) VALUES ($1, $2, $3, 0)"
        await session.execute(sql(window), at - HOUR, at - HOUR / 2, at)


def about(at: datetime) -> object:
    """That time, give or take the milliseconds that SQLite's arithmetic and two clocks differ by."""
    return pytest.approx(at, abs=timedelta(seconds=1))


async def everything(store: Store) -> dict[str, list[str]]:
    """All rows but the mark."""
    return {
        table: sorted(str(row) for row in await fetch(store, f"SELECT * FROM {table}"))
        for table in TABLES
        if table != "clock_marks"
    }


@pytest.mark.parametrize("steps", [(-59,), (-20, -20), (40, -59, 30, -25), (0.5, -0.5) * 3])
async def test_small_steps_of_a_clock_that_is_set_change_nothing(store: Store, steps: tuple[float, ...]) -> None:
    clock, hands = SetClock(T0), Hands(T0.timestamp())
    clocks = looking(store, clock, hands.shared())
    await clocks.check()
    await work(store, T0)
    before = await everything(store)
    for step in steps:
        clock.forward(seconds=step)
        hands.wall += step
        await clocks.check()
    assert await everything(store) == before
    assert await last_set_back(store) is None


async def test_a_summer_time_that_ends_changes_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        clock = SetClock(datetime(2026, 10, 25, 0, 59, tzinfo=UTC))  # 02:59 there, and 02:01 two minutes later
        clocks = looking(store, clock)
        await clocks.check()
        await work(store, clock())
        before = await everything(store)
        clock.forward(minutes=2)
        await clocks.check()
        assert await everything(store) == before
    finally:
        monkeypatch.undo()
        time.tzset()


async def test_a_process_that_stood_still_does_not_take_the_others_mark_for_a_wrong_clock(store: Store) -> None:
    """A paused machine continues with an old time until it has measured."""
    await work(store, T0 + HOUR)
    await note(store, T0 + HOUR)  # by another
    before = await everything(store)
    times = iter([T0])
    clocks = looking(store, lambda: next(times, T0 + HOUR))
    await clocks.check()
    assert await everything(store) == before
    assert await last_set_back(store) is None
    await clocks.check()
    assert await everything(store) == before


@postgres_only
async def test_by_an_answer_that_came_too_late_nothing_is_decided(store: Store) -> None:
    await work(store, T0 + HOUR)
    await note(store, T0 + HOUR)
    before = await everything(store)
    steady = iter(range(0, 1000, 2))  # seconds: each answer takes two
    shared = SharedTime(steady=lambda: float(next(steady)))
    async with store.read() as session:
        assert await shared.measure(session) == 0.0  # the first one counts, for want of a better
        assert await shared.measure(session) is None
    await looking(store, SetClock(T0), shared).check()
    assert await everything(store) == before
    assert await mark(store) == T0 + HOUR


@sqlite_only
async def test_a_machine_that_slept_has_no_clock_that_jumped(store: Store) -> None:
    clock, hands = SetClock(T0), Hands(T0.timestamp())
    clocks = looking(store, clock, hands.shared())
    await clocks.check()
    clock.forward(hours=8)
    hands.wall, hands.steady = hands.wall + 8 * 3600, hands.steady + 8 * 3600
    await clocks.check()
    assert clocks.problem == ""
    assert await mark(store) == T0 + 8 * HOUR


@pytest.mark.skipif(sys.platform != "linux", reason="its clock that counts while the machine sleeps is named otherwise")
def test_the_steady_clock_counts_while_the_machine_sleeps() -> None:
    asleep_too = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert asleep_too <= shared_time._steady() < asleep_too + 1


async def test_a_clock_that_was_never_set_corrects_nothing_and_is_a_problem(store: Store) -> None:
    """A machine without a battery starts in 1970, until NTP sets its clock."""
    await work(store, T0)
    await note(store, T0)
    before = await everything(store)
    clock = SetClock(datetime(1970, 1, 1, 0, 3, tzinfo=UTC))
    clocks = looking(store, clock)
    await clocks.check()
    assert await everything(store) == before
    assert clocks.problem.startswith("shows 1970-01-01 00:03 UTC")
    clock.now = T0
    await clocks.check()
    assert clocks.problem == ""
    assert await everything(store) == before


async def test_a_backup_of_yesterday_is_taken_as_it_is(store: Store) -> None:
    await work(store, T0 - DAY)
    await note(store, T0 - DAY)
    before = await everything(store)
    await looking(store, SetClock(T0)).check()
    assert await everything(store) == before
    assert (await mark(store), await last_set_back(store)) == (T0, None)


async def test_a_backup_that_was_made_while_a_clock_was_ahead_is_corrected_once(store: Store) -> None:
    await work(store, T0 + 2 * DAY)
    await note(store, T0 + 2 * DAY)
    clocks = looking(store, SetClock(T0))
    await clocks.check()
    corrected = await everything(store)
    shipment = await get(store, "R")
    assert shipment.created_at == T0
    assert shipment.next_try_at == about(T0 + HOUR)
    assert await fetch(store, "SELECT * FROM runs") == []
    await clocks.check()
    assert await everything(store) == corrected
    assert await last_set_back(store) == clock_marks.SetBack(at=T0, by=2 * DAY)


async def test_replicas_that_start_at_once_correct_the_same(store: Store) -> None:
    await work(store, T0 + DAY)
    await note(store, T0 + DAY)
    offsets = [timedelta(seconds=seconds) for seconds in (0, 0.02, -0.03, 0.01)]
    replicas = [looking(store, SetClock(T0 + offset)) for offset in offsets]
    for _ in range(2):
        results = await asyncio.gather(*(replica.check() for replica in replicas), return_exceptions=True)
        assert not [result for result in results if result != 0 and not isinstance(result, StoreBusy)]
    shipment = await get(store, "R")
    assert (shipment.next_try_at, shipment.created_at) == (about(T0 + HOUR), about(T0))
    assert await mark(store) == about(T0)


async def test_what_a_replica_writes_after_another_has_corrected_is_corrected_too(store: Store) -> None:
    """Each measures by itself, so one continues for some seconds with a time that was ahead."""
    await add(store, "R")
    first, clock, hands = Bridge(store), SetClock(T0), Hands(T0.timestamp())
    second = looking(store, clock, hands.shared())
    await second.check()
    await first.ahead()
    await first.right_again()
    async with store.write() as session:
        late = "UPDATE shipments SET next_try_at = $1, updated_at = $2"
        await session.execute(sql(late), T0 + DAY + HOUR, T0 + DAY)
    hands.steady += DAY.total_seconds()  # its time was ahead of that by a day, as it sees now
    await second.check()
    assert (await get(store, "R")).next_try_at == about(T0 + HOUR)


class Ticking(SetClock):
    """Time that passes with every reading."""

    def __call__(self) -> datetime:
        self.forward(seconds=5)
        return self.now


async def test_what_is_begun_while_it_is_corrected_stays(store: Store) -> None:
    await note(store, T0 + DAY)
    async with store.write() as session:
        await session.execute(sql(RUN), T0 - timedelta(minutes=10), T0 + timedelta(minutes=1))
    clock = Ticking(T0)
    await looking(store, clock).check()
    assert clock.now > T0 + timedelta(minutes=1)
    assert await last_set_back(store) is not None
    assert len(await fetch(store, "SELECT * FROM runs")) == 1
