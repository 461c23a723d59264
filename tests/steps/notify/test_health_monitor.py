"""Alarms that no step raises by itself: raised once over all processes, resolved when all of them have recovered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from awbridge.domain.reconciliation.differences import DifferenceKind, Theirs
from awbridge.sinks.objects import Objects
from awbridge.steps.audit.archive import archive_due
from awbridge.steps.notify.health_monitor import FAILING_ROUNDS, FORGET_AFTER, HealthMonitor, Machine
from awbridge.steps.runtime.loop import Loop
from awbridge.store import Store
from awbridge.store.audit import archive
from awbridge.store.notify import alarms
from awbridge.store.orders import shipments
from awbridge.store.reconciliation import differences
from awbridge.store.reconciliation.differences import Finding
from awbridge.store.tracking import inbox
from tests.steps.audit.test_archive import policy as archive_policy
from tests.steps.notify.test_alarm import gives_up, send
from tests.steps.tracking.test_shipment_details import NOW, a_placed, deliver, hooks
from tests.support.evidence_rows import call, keep
from tests.support.notices import Kept
from tests.support.rows import T0, decided, delivery, fetch
from tests.support.world import SetClock, webhook

pytestmark = pytest.mark.heavy


class Process:
    """A process with a disk and a step that may be unwell."""

    def __init__(self, store: Store, clock: SetClock, name: str = "one") -> None:
        async def work() -> int:
            return 0

        self.free = 0.5
        self.loop = Loop("push", work, idle_seconds=1)
        machine = Machine(name=name, free_share=lambda: self.free, least_free=0.1)
        self._monitor = HealthMonitor(store=store, clock=clock, loops=lambda: [self.loop], machine=machine)

    async def check(self) -> None:
        await self._monitor.check()


async def raised(store: Store) -> set[str]:
    async with store.read() as session:
        return {alarm.cause for alarm in await alarms.open_now(session)}


async def minutes(clock: SetClock, number: int, *processes: Process) -> None:
    """Let time pass, with a look of every process each minute."""
    for _ in range(number):
        clock.forward(minutes=1)
        for process in processes:
            await process.check()


async def test_it_raises_and_clears_and_looks_once_a_minute(store: Store) -> None:
    clock = SetClock()
    one = Process(store, clock)
    one.free, one.loop.failures = 0.05, FAILING_ROUNDS
    await gives_up(store, "R", clock)
    await one.check()
    assert await raised(store) == {"gave_up", "disk", "step.push"}
    one.free, one.loop.failures = 0.5, 0
    await one.check()
    assert len(await raised(store)) == 3, "it looks once a minute"
    async with store.write() as session:
        assert await shipments.try_again(session, "R", now=clock())
    await minutes(clock, 1, one)
    assert await raised(store) == set()


async def test_a_lost_box_is_an_alarm_for_a_week(store: Store) -> None:
    clock = SetClock(NOW)
    one = Process(store, clock)
    await a_placed(store, children=("AWB1-1", "AWB1-2"))
    await deliver(store, *hooks(webhook("AWB1", 5, T0), webhook("AWB1-2", 16, T0)))
    await one.check()
    assert await raised(store) == {"pieces"}
    clock.forward(days=3)
    await one.check()
    assert await raised(store) == set(), "it was lost more than seven days ago"


async def test_a_full_disk_of_one_machine_is_one_alarm_and_one_recovery(store: Store) -> None:
    clock, chat = SetClock(), Kept()
    full, other = Process(store, clock, "full"), Process(store, clock, "other")
    full.free = 0.05
    for _ in range(40):
        await minutes(clock, 1, full, other)
        full.free -= 0.001
        await send(store, clock, chat)
    assert [m.subject for m in chat.messages] == ["awbridge: alarm: disk"]
    assert "on full has 5% left" in chat.messages[0].text
    full.free = 0.5
    await minutes(clock, 1, full, other)
    await send(store, clock, chat)
    assert [m.subject for m in chat.messages] == ["awbridge: alarm: disk", "awbridge: resolved: disk"]


async def test_an_alarm_of_two_processes_ends_when_both_have_recovered(store: Store) -> None:
    clock = SetClock()
    one, two = Process(store, clock, "one"), Process(store, clock, "two")
    one.loop.failures = two.loop.failures = FAILING_ROUNDS
    await minutes(clock, 30, one, two)
    one.loop.failures = 0
    await minutes(clock, 40, one, two)
    assert await raised(store) == {"step.push"}
    two.loop.failures = 0
    await minutes(clock, 16, one, two)
    assert await raised(store) == set()


async def test_the_alarm_of_a_process_that_is_gone_expires(store: Store) -> None:
    clock = SetClock()
    before = Process(store, clock)
    before.loop.failures = FAILING_ROUNDS
    await minutes(clock, 2, before)
    after = Process(store, clock)  # restarted, and healthy
    await minutes(clock, int(FORGET_AFTER.total_seconds() // 60) - 2, after)
    assert await raised(store) == {"step.push"}
    await minutes(clock, 3, after)
    assert await raised(store) == set()


async def test_an_archive_that_takes_nothing_is_an_alarm_until_it_does(store: Store, tmp_path: Path) -> None:
    clock = SetClock()
    one = Process(store, clock)
    folder = tmp_path / "archive"
    folder.write_text("a file where the folder should be")
    objects, policy = Objects.open(f"file://{tmp_path}/objects"), archive_policy(folder)
    await keep(store, call(), outcome="rejected", at=T0)
    clock.forward(minutes=6)
    await archive_due(store=store, objects=objects, clock=clock, policy=policy)
    await minutes(clock, 9, one)
    assert await raised(store) == set(), "a file that waits a little is no alarm"
    await minutes(clock, 3, one)
    assert await raised(store) == {"archive"}
    async with store.read() as session:
        (text,) = [alarm.text for alarm in await alarms.open_now(session)]
        counts = await archive.counts(session)
    assert text.startswith("1 files cannot be archived (local disk: ")
    assert counts.next_try_at == T0 + timedelta(minutes=6, seconds=5)
    assert f"tried next at {counts.next_try_at:%Y-%m-%d %H:%M} UTC" in text
    assert (counts.tries, str(counts.problem) in text) == (1, True)
    folder.unlink()
    clock.forward(hours=1)
    await archive_due(store=store, objects=objects, clock=clock, policy=policy)
    assert [row["problem"] for row in await fetch(store, "SELECT problem FROM archive_files")] == [None]
    await minutes(clock, 1, one)
    assert await raised(store) == set()


async def test_many_refusals_are_an_alarm_until_they_are_corrected(store: Store) -> None:
    clock, chat = SetClock(), Kept()
    one = Process(store, clock)
    await decided(store, placed=53, refused=67, clock=clock)
    await minutes(clock, 1, one)
    await send(store, clock, chat)
    clock.forward(hours=14)
    await minutes(clock, 1, one)
    assert await raised(store) == {"refused"}, "a quiet night ends nothing"
    async with store.write() as session:
        for n in range(60):
            assert await shipments.try_again(session, f"REFUSED-{n}", now=clock())
    await minutes(clock, 1, one)
    await send(store, clock, chat)
    assert [m.subject for m in chat.messages] == ["awbridge: alarm: refused", "awbridge: resolved: refused"]
    assert "ClickPost refused 67 of the last 120 orders (56%)" in chat.messages[0].text


@pytest.mark.parametrize(("placed", "refused"), [(3, 9), (110, 10)])
async def test_few_refusals_or_a_small_share_of_them_are_no_alarm(store: Store, placed: int, refused: int) -> None:
    clock = SetClock()
    await decided(store, placed=placed, refused=refused, clock=clock)
    await minutes(clock, 1, Process(store, clock))
    assert await raised(store) == set()


@pytest.mark.heavy
async def test_refusals_of_an_hour_count_beside_what_was_placed_in_it(store: Store) -> None:
    clock = SetClock()
    one = Process(store, clock)
    await decided(store, placed=200, refused=0, clock=clock)
    clock.forward(hours=2)
    await decided(store, placed=20, refused=30, clock=clock, name="LATER")
    await minutes(clock, 1, one)
    assert await raised(store) == {"refused"}
    await decided(store, placed=200, refused=0, clock=clock, name="WELL")
    await minutes(clock, 1, one)
    assert await raised(store) == set()


async def test_a_delivery_that_nobody_understands_is_an_alarm_until_it_is_replayed(store: Store) -> None:
    clock = SetClock(datetime.now(UTC))
    one = Process(store, clock)
    async with store.write() as session:
        await inbox.add(session, [delivery("raw:1", body=b"<", problem="not JSON"), delivery("odd")])
        (odd,) = await inbox.claim(session, now=clock(), limit=9)
        await inbox.dead_lettered(session, odd, problem="no status")
    await minutes(clock, 1, one)
    async with store.read() as session:
        assert [a.text[:30] for a in await alarms.open_now(session)] == ["2 deliveries could not be unde"]
    clock.forward(days=8)
    await minutes(clock, 1, one)
    assert await raised(store) == set(), "what nobody cared for in a week is counted by the metrics alone"


async def test_differences_that_stay_are_an_alarm_until_they_are_solved(store: Store) -> None:
    clock = SetClock()
    one = Process(store, clock)
    theirs = Theirs(line=1, waybill="AWB1", reference_number="R")
    async with store.write() as session:
        found = [Finding(kind=DifferenceKind.MISSING_HERE, ours=None, theirs=theirs)]
        await differences.add(session, 7, found, check_at=T0 + timedelta(minutes=10), now=T0)
    await minutes(clock, 59, one)
    assert await raised(store) == set(), "most solve themselves within an hour"
    await minutes(clock, 2, one)
    assert await raised(store) == {"reconcile.differences"}
    async with store.write() as session:
        (difference,) = await differences.listed(session, 7)
        assert await differences.solve(session, difference, how="known here since", now=clock())
    await minutes(clock, 1, one)
    assert await raised(store) == set()
