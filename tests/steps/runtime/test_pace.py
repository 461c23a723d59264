"""The pace of calls: held over all processes on one database, and by no process that is gone."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from awbridge.steps.runtime.pace import Pace
from awbridge.store import Store
from awbridge.store.polling.paces import LONGEST_QUEUE, SLACK
from tests.support.rows import T0, sql
from tests.support.world import SetClock

_CALLER = """
import asyncio, sys, time
from awbridge.steps.runtime.clock import utc_now
from awbridge.steps.runtime.pace import Pace
from awbridge.store import Store

async def main(url, a_second):
    store, pace = await Store.open(url), Pace("calls", float(a_second))
    while True:
        await pace.turn(store, utc_now)
        print(time.time(), flush=True)

asyncio.run(main(*sys.argv[1:]))
"""
A_SECOND = 40.0


class Turns:
    """A pace of a call every half second whose sleeps are noted, not slept."""

    def __init__(self, store: Store, clock: SetClock, a_second: float = 2.0) -> None:
        self._store, self._clock = store, clock
        self.slept: list[float] = []
        self.pace = Pace("calls", a_second, sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))

    async def take(self, turns: int = 1) -> list[float]:
        """How long each of so many turns was waited for."""
        self.slept.clear()
        for _ in range(turns):
            await self.pace.turn(self._store, self._clock)
        return [*self.slept]

    async def rest(self, seconds: float) -> None:
        await self.pace.rest(self._store, self._clock, seconds)


async def test_turns_of_all_processes_lie_apart(store: Store, store_url: str) -> None:
    clock = SetClock()
    others = [await Store.open(store_url) for _ in range(3)]
    callers = [Turns(one, clock) for one in (store, *others)]
    waited = await asyncio.gather(*(caller.take(5) for caller in callers))
    assert sorted(seconds for slept in waited for seconds in slept) == [n / 2 for n in range(1, 20)]
    clock.forward(seconds=9.75)
    assert await callers[0].take() == [0.25]
    clock.forward(hours=1)
    assert await callers[1].take(2) == [0.5], "idle time is not saved up"
    for one in others:
        await one.close()


async def test_a_rest_that_was_asked_for_holds_everybody(store: Store) -> None:
    clock = SetClock()
    mine, theirs = Turns(store, clock), Turns(store, clock)
    await mine.take()
    await mine.rest(5.0)
    await mine.rest(1.0)
    assert await theirs.take(2) == [5.0, 5.5]


async def test_a_clock_that_stood_wrong_holds_nobody_up(store: Store) -> None:
    wrong, right = SetClock(T0 + timedelta(days=300)), SetClock()
    await Turns(store, wrong).take(3)
    assert await Turns(store, right).take(2) == [0.5]
    ahead = LONGEST_QUEUE / 2.0 + SLACK.total_seconds()
    await Turns(store, right).rest(ahead - 0.001)
    assert sum(await Turns(store, right).take()) == pytest.approx(ahead - 0.001), (
        "a queue that may be true is waited for"
    )


async def test_a_long_wait_is_waited_in_parts_and_each_says_that_it_lives(store: Store) -> None:
    clock, slept, beats = SetClock(), list[float](), list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(round(seconds, 3))

    slow = Pace("calls", 1 / 70, sleep=sleep, beat=lambda: beats.append(sum(slept)))
    await slow.turn(store, clock)
    assert (slept, beats) == ([], [0])
    await slow.turn(store, clock)
    assert slept == [30.0, 30.0, 10.0]
    assert beats == [0, 0, 30, 60, 70]
    async with store.write() as session:
        await session.execute(sql("UPDATE paces SET next_turn = 0"))
    await slow.turn(store, clock)
    assert slept == [30.0, 30.0, 10.0], "no wait where nobody called of late"


async def test_each_kind_of_call_has_a_pace_of_its_own(store: Store) -> None:
    clock = SetClock()
    await Turns(store, clock).take(5)
    other = Turns(store, clock)
    other.pace = Pace("others", 1.0, sleep=other._sleep)
    assert await other.take(2) == [1.0]


@contextmanager
def calling(url: str) -> Iterator[subprocess.Popen[bytes]]:
    caller = subprocess.Popen([sys.executable, "-c", _CALLER, url, str(A_SECOND)], stdout=subprocess.PIPE)
    try:
        yield caller
    finally:
        caller.kill()
        caller.wait(60)
        assert caller.stdout
        caller.stdout.close()


@pytest.mark.slow
async def test_the_pace_holds_over_processes_of_which_one_is_killed(store: Store, store_url: str) -> None:
    del store  # its file is used by processes of their own
    with calling(store_url) as first, calling(store_url) as second, calling(store_url) as killed:
        assert killed.stdout
        began = [float(killed.stdout.readline()) for _ in range(5)]
        killed.send_signal(signal.SIGKILL)
        await asyncio.sleep(3.0)
        for one in (first, second):
            one.kill()
        printed = sorted(
            [*began, *(float(line) for one in (first, second, killed) if one.stdout for line in one.stdout.readlines())]
        )
    after = [at for at in printed if at > began[-1]]
    passed = after[-1] - after[0]
    assert passed > 2.0
    assert len(after) <= passed * A_SECOND + 5, "no more than one process would make"
    assert len(after) >= passed * A_SECOND / 3, "and who was killed holds up nobody"
