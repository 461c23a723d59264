"""What is known of backups: the last one, its age, and whether a newer one failed."""

from __future__ import annotations

from datetime import timedelta

from awbridge.steps.notify.health_monitor import HealthMonitor, Machine
from awbridge.store import Store
from awbridge.store.audit import runs
from awbridge.store.backup.backups import JOB, BackupState, backup_state, last_backup, record
from awbridge.store.notify import alarms
from tests.support.rows import T0
from tests.support.world import SetClock

HOUR = timedelta(hours=1)


async def state(store: Store) -> BackupState:
    async with store.read() as session:
        return await backup_state(session)


async def test_the_last_backup_is_known_and_a_failed_one_does_not_count(store: Store) -> None:
    assert (await state(store)).age(T0) is None, "none is expected"
    async with store.write() as session:
        await runs.begin(session, JOB, T0, now=T0)
    assert (await state(store)).age(T0 + HOUR) == HOUR, "since it was first due"
    async with store.write() as session:
        await record(session, "in the bucket", taken_at=T0 + HOUR, now=T0 + 2 * HOUR)
        await runs.add(session, JOB, [T0 + 3 * HOUR], now=T0 + 3 * HOUR)
        run = await runs.claim(session, JOB, owner="w", now=T0 + 3 * HOUR, until=T0 + 4 * HOUR)
        assert run
        await runs.again(session, run, at=T0 + 4 * HOUR, result=None, problem="no room", tries=1)
    found = await state(store)
    assert found.last
    assert (found.last.taken_at, found.last.result, found.problem) == (T0 + HOUR, "in the bucket", "no room")
    assert found.last.age(T0 + 3 * HOUR) == found.age(T0 + 3 * HOUR) == 2 * HOUR
    async with store.write() as session:
        run = await runs.claim(session, JOB, owner="w", now=T0 + 4 * HOUR, until=T0 + 5 * HOUR)
        assert run
        await runs.finish(session, run, result="made", problem=None, now=T0 + 4 * HOUR)
    async with store.read() as session:
        last = await last_backup(session)
    assert last
    assert last.result == "made"
    assert (await state(store)).problem is None


async def test_no_backup_for_long_and_a_failed_one_are_an_alarm_until_one_is_made(store: Store) -> None:
    clock = SetClock()
    machine = Machine(name="one", free_share=lambda: 0.5, least_free=0.1)
    monitor = HealthMonitor(store=store, clock=clock, loops=list, machine=machine, backup_within=timedelta(hours=36))

    async def raised(hours: float) -> list[str]:
        clock.forward(hours=hours)
        await monitor.check()
        async with store.read() as session:
            return [alarm.text for alarm in await alarms.open_now(session)]

    assert await raised(1) == [], "none was ever due"
    async with store.write() as session:
        await record(session, "by hand", taken_at=clock(), now=clock())
    assert await raised(35) == []
    (text,) = await raised(2)
    assert text == "the last backup is of 2026-11-02 07:30 UTC, more than 36 h ago; see awbridge schedules"
    async with store.write() as session:
        await runs.add(session, JOB, [clock()], now=clock())
        run = await runs.claim(session, JOB, owner="w", now=clock(), until=clock() + HOUR)
        assert run
        await runs.again(session, run, at=clock() + HOUR, result=None, problem="no room", tries=1)
    (text,) = await raised(1)
    assert text.startswith("the backup failed (no room); the last backup is of 2026-11-02 07:30 UTC")
    async with store.write() as session:
        await record(session, "by hand", taken_at=clock(), now=clock())
    assert await raised(1) == []
