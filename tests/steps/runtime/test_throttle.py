"""ApplyThrottle: work that can wait rests while others wait for an answer, long where it could not keep up anyway."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from awbridge.steps.runtime.throttle import CROWD_SHARE, GATHER, LONGEST, MEASURE, MEASURE_EVERY, SHARE, ApplyThrottle

WORKED = 0.02  # seconds


class Street:
    """Where deliveries arrive."""

    def __init__(self) -> None:
        self.arrived = 0
        self.is_crowded = False
        self.courtesy = ApplyThrottle(lambda: self.arrived, lambda: self.is_crowded)

    async def rest(self, *, worked: float = WORKED, done: int = 30, more: bool = True) -> float:
        """How long the work rests, after one arrival since the last time."""
        self.arrived += 1
        started = time.monotonic()
        await self.courtesy.give_way(worked, done, more=more)
        return time.monotonic() - started

    @asynccontextmanager
    async def busy(self, a_second: int) -> AsyncGenerator[None]:
        """So many come, evenly."""
        began, before = time.monotonic(), self.arrived

        async def come() -> None:
            while True:
                self.arrived = before + int((time.monotonic() - began) * a_second)
                await asyncio.sleep(0.001)

        coming = asyncio.create_task(come())
        yield
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


async def test_where_nobody_comes_nobody_rests() -> None:
    street = Street()
    started = time.monotonic()
    for more in (True, False):
        await street.courtesy.give_way(WORKED, 30, more=more)
    assert time.monotonic() - started < GATHER / 2


async def test_while_many_wait_for_pages_it_rests_longer_than_it_works() -> None:
    street = Street()
    street.is_crowded = True
    assert await street.rest() >= CROWD_SHARE * WORKED
    assert await street.rest(more=False) >= CROWD_SHARE * WORKED
    started = time.monotonic()
    await street.courtesy.give_way(WORKED, 30, more=True)
    assert time.monotonic() - started >= CROWD_SHARE * WORKED, "also where no delivery arrives"
    assert LONGEST <= await street.rest(worked=10.0) < 2 * LONGEST
    street.is_crowded = False
    await street.rest()
    assert await street.rest() < MEASURE / 2


async def test_it_is_quiet_until_a_delivery_arrives_and_again_once_way_was_given_to_it() -> None:
    street = Street()
    assert street.courtesy.is_quiet
    street.arrived += 1
    assert not street.courtesy.is_quiet
    await street.courtesy.give_way(WORKED, 30, more=False)
    assert street.courtesy.is_quiet


async def test_work_that_keeps_up_measures_once_a_second_and_otherwise_continues() -> None:
    street = Street()
    async with street.busy(1_000):
        assert await street.rest() >= MEASURE
        assert max([await street.rest() for _ in range(5)]) < MEASURE / 2


async def test_work_that_is_done_lets_some_gather() -> None:
    assert GATHER <= await Street().rest(done=1, more=False) < MEASURE


async def test_work_that_cannot_keep_up_rests_long_until_it_can() -> None:
    street = Street()
    async with street.busy(20_000):
        await street.rest()
        assert await street.rest() >= SHARE * WORKED
        assert LONGEST <= await street.rest(worked=10.0) < 2 * LONGEST
    rests = [await street.rest() for _ in range(6)]
    assert min(rests[:2]) >= SHARE * WORKED, "it may be a pause of theirs"
    assert rests[-1] < MEASURE / 2


async def test_those_whom_the_work_itself_held_up_are_no_rush() -> None:
    street = Street()

    async def burst() -> None:
        await asyncio.sleep(MEASURE / 8)
        street.arrived += 1_000

    await asyncio.gather(street.rest(), burst())
    assert await street.rest() < MEASURE / 2


async def test_a_rush_lasts_until_no_more_come_than_get_done() -> None:
    street = Street()
    done = 30  # in WORKED: 1,500 a second
    async with street.busy(4_500):
        await street.rest(done=done)
    async with street.busy(2_250):
        assert await street.rest(done=done) >= SHARE * WORKED, "twice as many came"
        assert await street.rest(done=done) >= SHARE * WORKED, "half as many again do"
    async with street.busy(750):
        rests = [await street.rest(done=done) for _ in range(4)]
        assert rests[-1] < MEASURE / 2
    async with street.busy(2_250):
        await asyncio.sleep(MEASURE_EVERY)
        assert MEASURE <= await street.rest(done=done) < SHARE * WORKED, "a look"
        assert await street.rest(done=done) < MEASURE / 2, "half as many again are no rush yet"
