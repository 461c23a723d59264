"""The concurrency limit: where it settles at vendors of several kinds, and what it never does."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awbridge.domain.concurrency import (
    FLOOR,
    QUICK,
    REST,
    START,
    ConcurrencyLimit,
    after_answer,
    after_pushback,
    after_rest,
    starting,
)

CEILING = 100


@dataclass(frozen=True)
class Simulated:
    limits: list[int]
    pushbacks: int

    @property
    def settled(self) -> float:
        """The mean limit over the last half of the answers."""
        last = self.limits[len(self.limits) // 2 :]
        return sum(last) / len(last)


def simulate(
    seconds: Callable[[int], float], *, answers: int = 6000, offered: int = CEILING, most: int = CEILING + 1
) -> Simulated:
    """A vendor whose answer time depends on the calls in flight, and that throttles calls above `most`."""
    limit, clock, in_flight, limits, pushbacks = starting(CEILING), 0.0, 0, list[int](), 0
    ends: list[tuple[float, float, bool]] = []
    for _ in range(answers):
        while in_flight < min(limit.now, offered):
            in_flight += 1
            throttled = in_flight > most
            took = 0.01 if throttled else seconds(in_flight)
            heapq.heappush(ends, (clock + took, clock, throttled))
        clock, sent_at, throttled = heapq.heappop(ends)
        if throttled:
            pushbacks += 1
            limit = after_pushback(limit, sent_at=sent_at, at=clock)
        else:
            limit = after_answer(limit, sent_at=sent_at, in_flight=in_flight, at=clock)
        in_flight -= 1
        limits.append(limit.now)
    return Simulated(limits, pushbacks)


@pytest.mark.parametrize("seconds", [0.001, 0.5, 8.0])
def test_a_vendor_that_stays_as_fast_gets_as_many_calls_as_the_ceiling_allows(seconds: float) -> None:
    result = simulate(lambda _: seconds)
    assert result.limits[0] == START
    assert result.limits[-1] == CEILING


def test_answers_that_vary_at_random_do_not_stop_the_growth() -> None:
    dice = random.Random(1)
    assert simulate(lambda _: dice.uniform(1, 6)).settled > 2 * START


def test_a_vendor_that_queues_what_exceeds_its_capacity_gets_little_more_than_that() -> None:
    result = simulate(lambda n: max(1.0, n / 40), answers=20_000)
    assert 40 * 0.9 <= result.settled <= 40 * 1.6


def test_a_vendor_that_only_gets_slower_gets_no_more_than_at_the_start() -> None:
    result = simulate(lambda n: n / 10, answers=20_000)
    assert result.settled <= START * 1.1


def test_a_vendor_that_throttles_gets_about_what_it_allows() -> None:
    result = simulate(lambda _: 1.0, answers=20_000, most=50)
    assert 25 <= result.settled <= 50
    assert result.pushbacks < 20_000 * 0.01


def test_a_limit_that_is_not_used_does_not_grow() -> None:
    assert set(simulate(lambda _: 0.01, offered=START // 2 - 1).limits) == {START}


def test_one_pushback_of_many_calls_halves_once() -> None:
    limit = starting(CEILING)
    for _ in range(START):
        limit = after_pushback(limit, sent_at=1.0, at=2.0)
    assert limit.now == START // 2
    assert after_pushback(limit, sent_at=2.5, at=3.0).now == START // 4


def test_a_limit_that_rested_starts_again_and_never_higher() -> None:
    grown = ConcurrencyLimit(ceiling=CEILING, value=80.0, answered_at=100.0)
    assert after_rest(grown, 100.0 + REST - 1).now == 80
    assert after_rest(grown, 100.0 + REST).now == START
    small = ConcurrencyLimit(ceiling=CEILING, value=5.0, careful=True, answered_at=100.0)
    assert after_rest(small, 100.0 + REST).now == 5
    assert after_rest(starting(CEILING), 1e9).now == START


ANSWERS = st.one_of(
    st.tuples(st.just("answer"), st.floats(0, 60), st.integers(0, 250)),
    st.tuples(st.just("pushback"), st.floats(0, 60), st.just(0)),
)


@given(ceiling=st.integers(1, 200), answers=st.lists(ANSWERS, max_size=400))
def test_the_limit_keeps_its_bounds_and_grows_by_a_quarter_at_most(
    ceiling: int, answers: list[tuple[str, float, int]]
) -> None:
    limit, at = starting(ceiling), 0.0
    for kind, seconds, in_flight in answers:
        at += 0.01
        old, unused = limit, limit.peak * 2 < limit.now and in_flight * 2 < limit.now
        if kind == "answer":
            limit = after_answer(limit, sent_at=at - seconds, in_flight=in_flight, at=at)
        else:
            limit = after_pushback(limit, sent_at=at - seconds, at=at)
        assert min(FLOOR, ceiling) <= limit.now <= ceiling
        assert old.value / 2 <= limit.value <= max(old.value * 1.25, old.value + 2)
        if unused or kind == "pushback":
            assert limit.value <= old.value


@given(slower=st.floats(1.25, 100), first=st.floats(QUICK, 20))
def test_slower_answers_after_a_growth_take_it_back(slower: float, first: float) -> None:
    limit = starting(CEILING)
    for _ in range(START):
        limit = after_answer(limit, sent_at=0.0, in_flight=START, at=first)
    assert limit.now == 25
    for _ in range(START):  # sent before the limit grew
        limit = after_answer(limit, sent_at=first - 0.1, in_flight=25, at=first * 2)
    for _ in range(25):
        limit = after_answer(limit, sent_at=first, in_flight=25, at=first + first * slower)
    assert limit.now == START
