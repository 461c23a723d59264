from __future__ import annotations

import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awbridge.domain.retry import DEFAULT_RETRY_DELAYS, JITTER, delay_before_retry

DELAYS = (60.0, 300.0, 900.0)


@given(st.integers(1, 3), st.integers())
def test_each_failure_waits_its_delay_with_a_little_jitter(failures: int, seed: int) -> None:
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


def test_the_default_outlasts_a_night() -> None:
    assert len(DEFAULT_RETRY_DELAYS) >= 3
    assert sum(DEFAULT_RETRY_DELAYS) >= 12 * 3600
