from __future__ import annotations

import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awbridge.domain.retry import DEFAULT_RETRY_DELAYS, JITTER, backoff, delay_before_retry, throttled_pause

DELAYS = (60.0, 300.0, 900.0)


@given(st.integers(1, 3), st.integers())
def test_each_failure_waits_its_delay_with_jitter(failures: int, seed: int) -> None:
    delay = delay_before_retry(DELAYS, failures, dice=random.Random(seed))
    assert delay is not None
    assert DELAYS[failures - 1] <= delay.total_seconds() <= DELAYS[failures - 1] * (1 + JITTER)


def test_an_exhausted_list_of_delays_ends_the_retries() -> None:
    assert delay_before_retry(DELAYS, 4) is None
    assert delay_before_retry((), 1) is None


def test_the_vendors_pause_is_honoured() -> None:
    assert delay_before_retry(DELAYS, 1, at_least=1000.0) == timedelta(seconds=1000)
    short = delay_before_retry(DELAYS, 2, at_least=1.0)
    assert short is not None
    assert short >= timedelta(seconds=300)


@pytest.mark.parametrize("failures", [0, -3])
def test_no_failure_yet_waits_as_after_the_first(failures: int) -> None:
    delay = delay_before_retry(DELAYS, failures)
    assert delay is not None
    assert delay >= timedelta(seconds=60)


def test_the_default_delays_outlast_a_night() -> None:
    assert len(DEFAULT_RETRY_DELAYS) >= 3
    assert sum(DEFAULT_RETRY_DELAYS) >= 12 * 3600


def test_a_backoff_doubles_up_to_its_longest_pause() -> None:
    first, longest = timedelta(seconds=5), timedelta(seconds=30)
    pauses = [backoff(tries, first=first, longest=longest).total_seconds() for tries in (0, 1, 2, 3, 4, 1000)]
    assert pauses == [5, 5, 10, 20, 30, 30]


@given(st.none() | st.floats(0, 1000))
def test_a_throttled_call_waits_at_least_as_long_as_the_vendor_requests(retry_after: float | None) -> None:
    least = max(retry_after or 0.0, 1.0)
    assert least * 0.999999 <= throttled_pause(retry_after).total_seconds() <= least * 1.5 + 1e-6
