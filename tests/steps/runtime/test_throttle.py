"""ApplyThrottle: work that can wait rests while others wait for an answer, long where it could not keep up anyway."""

from __future__ import annotations

import pytest

from awbridge.steps.runtime.busy import BUSY, WINDOW, ProcessLoad
from awbridge.steps.runtime.throttle import CROWD_SHARE, GATHER, LEAST, LONGEST, QUIET_AFTER, SHARE, ApplyThrottle

WORKED = 0.02  # seconds


class Street:
    """Where `a_second` deliveries arrive, evenly, on a clock that only work and rests move."""

    def __init__(self, a_second: float = 0.0) -> None:
        self.now = 1_000.0
        self.came = 0.0
        self.a_second = a_second
        self.is_crowded = False
        self.rests: list[float] = []
        self.throttle = ApplyThrottle(
            lambda: int(self.came), lambda: self.is_crowded, clock=lambda: self.now, sleep=self._sleep
        )

    def pass_by(self, seconds: float) -> None:
        self.now += seconds
        self.came += seconds * self.a_second

    async def _sleep(self, seconds: float) -> None:
        self.rests.append(seconds)
        self.pass_by(seconds)

    async def rest(self, *, worked: float = WORKED, done: int = 30, more: bool = True) -> float:
        """How long apply rests after a round."""
        self.pass_by(worked)
        before = len(self.rests)
        await self.throttle.give_way(worked, done, more=more)
        return sum(self.rests[before:])


async def test_where_nobody_comes_nobody_rests() -> None:
    street = Street()
    assert [await street.rest(more=more) for more in (True, False)] == [0.0, 0.0]


async def test_while_many_wait_for_pages_it_rests_longer_than_it_works() -> None:
    street = Street()
    street.is_crowded = True
    assert await street.rest() == CROWD_SHARE * WORKED, "also where no delivery arrives"
    street.a_second = 1_000
    assert await street.rest() == CROWD_SHARE * WORKED
    assert await street.rest(more=False) == GATHER
    assert await street.rest(worked=10.0, done=100_000) == LONGEST
    street.is_crowded = False
    assert await street.rest() == 0.0


async def test_it_is_quiet_until_a_delivery_arrives_and_again_a_second_after_the_last() -> None:
    street = Street()
    assert street.throttle.is_quiet
    street.came += 1
    assert not street.throttle.is_quiet
    street.pass_by(0.9 * QUIET_AFTER)
    assert not street.throttle.is_quiet, "a pause is no end"
    street.pass_by(0.2 * QUIET_AFTER)
    assert street.throttle.is_quiet


async def test_work_that_keeps_up_continues_while_any_is_left_and_then_lets_some_gather() -> None:
    street = Street(1_000)
    assert [await street.rest() for _ in range(3)] == [0.0, 0.0, 0.0]
    assert await street.rest(more=False) == GATHER


async def test_work_that_cannot_keep_up_rests_long_until_it_can() -> None:
    street = Street(20_000)
    assert await street.rest() == SHARE * WORKED
    assert await street.rest(worked=0.001, done=1) == LEAST
    assert await street.rest(worked=10.0) == LONGEST
    street.a_second = 100
    rests = [await street.rest() for _ in range(6)]
    assert rests[0] == SHARE * WORKED, "it may be a pause of theirs"
    assert rests[-1] == 0.0


async def test_nothing_is_a_rush_of_which_nothing_is_left() -> None:
    assert await Street(20_000).rest(done=1, more=False) == GATHER


async def test_a_rush_lasts_until_no_more_come_than_get_done() -> None:
    street = Street(4_500)
    done = 30  # in WORKED: 1,500 a second
    assert await street.rest(done=done) == SHARE * WORKED
    street.a_second = 2_250
    assert [await street.rest(done=done) for _ in range(4)] == [SHARE * WORKED] * 4, "half as many again come"
    street.a_second = 1_500
    assert [await street.rest(done=done) for _ in range(4)][-1] == 0.0
    street.a_second = 2_250
    assert await street.rest(done=done) == 0.0, "half as many again are no rush yet"


@pytest.mark.parametrize("a_second", [50, 1_000, 4_000])
async def test_a_stream_is_applied_in_few_rounds_within_a_second(a_second: int) -> None:
    """A round takes 10 ms, and 0.2 ms for each delivery."""
    street, applied, rounds, batch, oldest = Street(a_second), 0, 0, 512, 0.0
    while street.now < 1_010.0:
        done = min(int(street.came) - applied, batch)
        oldest = max(oldest, (street.came - applied) / a_second)
        applied, rounds = applied + done, rounds + 1
        await street.rest(worked=0.01 + 0.0002 * done, done=done, more=done == batch)
    assert rounds / 10 <= max(4, a_second / 250)
    assert oldest < 1.0


def test_a_process_is_busy_by_its_processor_time_of_late() -> None:
    now, used = [0.0], [0.0]
    load = ProcessLoad(lambda: now[0], lambda: used[0])

    def after(seconds: float, share: float) -> bool:
        now[0] += seconds
        used[0] += seconds * share
        return load()

    assert not load()
    assert after(2 * WINDOW, BUSY + 0.1)
    assert after(WINDOW / 4, 0.0), "too short to tell"
    assert not after(WINDOW, BUSY - 0.1)
    assert not after(3600.0, 0.0)
    assert after(2 * WINDOW, 2.0)
