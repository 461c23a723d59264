"""When a shipment is polled: daily by the guide, or only without updates; never twice within two hours."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awbridge.domain.tracking.asking import DAY, PollingRules, calls_a_day
from awbridge.domain.tracking.polling_mode import PollingMode
from tests.support.rows import T0

GUIDE = PollingRules()
ECONOMICAL = PollingRules(mode=PollingMode.ECONOMICAL)
HOUR = timedelta(hours=1)


def next_poll(rules: PollingRules, at: datetime = T0, **changes: Any) -> datetime | None:
    facts: dict[str, Any] = {"polled_at": None, "due_at": None, "final": False, "was_final": False, "gap": False}
    return rules.after_update(last_tracked_at=at, **(facts | changes))


def test_the_shipments_of_a_sales_hour_are_spread_over_half_a_day() -> None:
    first = [GUIDE.first_poll(T0, f"SALE-{number}") for number in range(2000)]
    assert all(T0 + 11 * HOUR < at < T0 + DAY for at in first)
    by_hour = [sum(T0 + hour * HOUR <= at < T0 + (hour + 1) * HOUR for at in first) for hour in range(12, 22)]
    assert min(by_hour) > 120
    assert max(by_hour) < 220
    assert GUIDE.first_poll(T0, "SALE-1") == first[1], "the same in every process"
    assert ECONOMICAL.first_poll(T0, "SALE-1") == T0 + DAY


@given(st.lists(st.integers(1, 600), max_size=40), st.integers(0, 60))
def test_in_guide_mode_an_update_does_not_postpone_the_daily_poll(minutes: list[int], turn_after: int) -> None:
    """For any rate of updates, with each poll waiting `turn_after` minutes for its turn."""
    due = GUIDE.first_poll(T0, "R")
    polled_at, at = None, T0
    for pause in minutes:
        at += timedelta(minutes=pause)
        while due + timedelta(minutes=turn_after) <= at:
            now = due + timedelta(minutes=turn_after)
            assert now - (polled_at or T0) <= DAY + timedelta(minutes=turn_after) - HOUR
            polled_at, due = now, GUIDE.after_poll(now)
        answer = next_poll(GUIDE, at, polled_at=polled_at, due_at=due)
        assert answer == due


def test_in_economical_mode_an_update_postpones_the_poll() -> None:
    assert next_poll(ECONOMICAL, T0 + HOUR, due_at=T0 + 2 * HOUR) == T0 + HOUR + DAY
    assert next_poll(ECONOMICAL, final=True) is None


@pytest.mark.parametrize("rules", [GUIDE, ECONOMICAL])
def test_a_gap_is_polled_at_once_but_never_twice_within_two_hours(rules: PollingRules) -> None:
    for final in (False, True):
        assert next_poll(rules, gap=True, final=final, due_at=T0 + DAY) == T0
        assert next_poll(rules, gap=True, final=final, polled_at=T0 - HOUR) == T0 + HOUR


def test_in_guide_mode_the_end_is_polled_once_more_after_the_courier_was_polled_again() -> None:
    once_more = next_poll(GUIDE, final=True, polled_at=T0 - 5 * HOUR, due_at=T0 + 18 * HOUR)
    assert once_more == T0 + 2 * HOUR
    assert next_poll(GUIDE, T0 + HOUR, final=True, was_final=True, due_at=once_more) == once_more, "a copy"
    assert next_poll(GUIDE, T0 + DAY, final=True, was_final=True, due_at=None) is None, "done"


def test_an_unscheduled_shipment_returns_with_the_next_update() -> None:
    assert next_poll(GUIDE, polled_at=T0 - 9 * DAY) == T0, "without updates for long"
    assert next_poll(GUIDE, was_final=True, polled_at=T0 - HOUR, due_at=None) == GUIDE.after_poll(T0 - HOUR)


def test_calls_a_day() -> None:
    assert calls_a_day([]) == 0
    assert calls_a_day([1, 5, 6], ask_after=DAY * 24 / 23) == 1 + 1 + 2
    assert calls_a_day([1_000_000]) == 208_696, "each due after 23 hours, five a call"
