"""Whoever suspends an account waits until no process works for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from awbridge.steps.accounts.closed import NOTICED, until_closed
from awbridge.steps.accounts.host import LEASE
from awbridge.store import Store
from awbridge.store.accounts import wakes
from awbridge.store.audit import processes
from awbridge.store.audit.processes import ReportedProcess
from tests.support.world import SetClock

pytestmark = pytest.mark.heavy

SUSPENDED_AT = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)


async def waited(store: Store, clock: SetClock) -> bool:
    """`until_closed`, with a clock that each pause moves on."""

    async def pause(_seconds: float) -> None:
        clock.forward(seconds=0.5)

    return await until_closed(store, "gulf", SUSPENDED_AT, clock=clock, pause=pause)


@pytest.fixture(name="clock")
def clock_at_the_suspension() -> SetClock:
    return SetClock(SUSPENDED_AT)


async def a_process_runs(store: Store, *, at: datetime = SUSPENDED_AT) -> None:
    async with store.write() as session:
        await processes.report(
            session,
            ReportedProcess(id="one", kind="serve", host="here", version="1", started_at=at, seen_at=at),
        )


async def test_nothing_is_waited_for_where_no_process_runs(store: Store, clock: SetClock) -> None:
    async with store.write() as session:
        await wakes.hold(session, "gulf", process="killed", until=SUSPENDED_AT + LEASE)
    assert await waited(store, clock)
    assert clock() == SUSPENDED_AT


async def test_a_process_that_may_not_know_yet_is_waited_for(store: Store, clock: SetClock) -> None:
    await a_process_runs(store)
    assert await waited(store, clock)
    assert clock() == SUSPENDED_AT + NOTICED
    assert await waited(store, clock)
    assert clock() == SUSPENDED_AT + NOTICED, "again, it is at once"


async def test_the_lease_of_a_process_that_was_killed_is_waited_for(store: Store, clock: SetClock) -> None:
    await a_process_runs(store)
    async with store.write() as session:
        await wakes.hold(session, "gulf", process="killed", until=SUSPENDED_AT + LEASE)
        await wakes.hold(session, "india", process="one", until=SUSPENDED_AT + timedelta(hours=1))
    assert await waited(store, clock)
    assert clock() == SUSPENDED_AT + LEASE


async def test_a_process_that_does_not_let_go_is_said_so(store: Store, clock: SetClock) -> None:
    await a_process_runs(store)
    async with store.write() as session:
        await wakes.hold(session, "gulf", process="one", until=SUSPENDED_AT + timedelta(hours=1))
        await wakes.forget(session, "gulf", process="two")
    assert not await waited(store, clock)
