"""Guesses of links are limited by address; nobody else notices."""

from __future__ import annotations

from collections import Counter

import pytest

from awbridge.web.customer_page.guess_limiter import BURST, GuessLimiter


class Steady:
    """A monotonic clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_thirty_guesses_a_minute_are_answered_and_the_next_waits() -> None:
    clock = Steady()
    limiter = GuessLimiter(clock=clock)
    assert [limiter.count("203.0.113.7") for _ in range(BURST)] == [0] * 30
    assert limiter.count("203.0.113.7") == 2
    clock.now += 60
    assert [limiter.count("203.0.113.7") for _ in range(BURST + 1)] == [*([0] * 30), 2]


def test_guesses_that_go_on_are_counted_and_do_not_lengthen_the_wait() -> None:
    refused = Counter[str]()
    limiter = GuessLimiter(refused, clock=Steady())
    waits = [limiter.count("203.0.113.7") for _ in range(1000)]
    assert max(waits) == 2
    assert refused == {"track_token": 970}


@pytest.mark.parametrize(
    ("address", "is_same"),
    [("2001:db8:1:2::1", True), ("2001:db8:1:2:ffff::9", True), ("2001:db8:1:3::1", False), ("203.0.113.7", False)],
)
def test_an_ipv6_network_is_one_address(address: str, is_same: bool) -> None:
    limiter = GuessLimiter(clock=Steady())
    for n in range(BURST):
        limiter.count(f"2001:db8:1:2::{n:x}")
    assert bool(limiter.count(address)) is is_same
