"""The results of a journey: milestones, attempts, failures, promises, stuck; the same for any order of the scans."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import hypothesis.strategies as st
import pytest
from hypothesis import given

from awbridge.clickpost.wire.tracking_codes import STATUSES, milestone_of, status_event
from awbridge.domain.tracking.milestones import (
    Milestone,
    StatusEvent,
    attempts,
    count_made,
    failures,
    first,
    pickup_failures,
    reached,
)
from awbridge.domain.tracking.overdue import StuckAfter
from awbridge.domain.tracking.promise import Promise, changes, current, due_at

START = datetime(2026, 11, 2, 6, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def journey(*steps: tuple[float, int] | tuple[float, int, int]) -> list[StatusEvent]:
    """(hours since the start, code, NDR code)."""
    return [
        status_event(code, at=START + hours * HOUR, ndr_code=ndr[0] if ndr else None, remark=f"s{code}")
        for hours, code, *ndr in steps
    ]


TWO_TRIES = journey((0, 28), (5, 25), (6, 4), (20, 5), (30, 6), (36, 9, 1), (50, 6), (55, 8))


def hours(at: datetime | None) -> float | None:
    return None if at is None else (at - START) / HOUR


def test_a_journey_with_a_failed_delivery_in_milestones() -> None:
    found = [(r.milestone.value, hours(r.at)) for r in reached(TWO_TRIES)]
    assert found == [
        ("awb_generated", 0),
        ("out_for_pickup", 5),
        ("shipped", 6),
        ("out_for_delivery", 30),
        ("failed_delivery", 36),
        ("out_for_delivery", 50),
        ("delivered", 55),
    ]
    assert [r.ndr_code for r in reached(TWO_TRIES) if r.milestone is Milestone.FAILED_DELIVERY] == [1]


def test_a_return_to_origin_in_milestones() -> None:
    found = reached(journey((6, 4), (30, 9, 2), (40, 11), (41, 12), (50, 21), (60, 13), (70, 14)))
    assert hours(first(found, Milestone.RTO_STARTED)) == 41
    assert hours(first(found, Milestone.RTO_DELIVERED)) == 70
    assert first(found, Milestone.DELIVERED) is None


@pytest.mark.parametrize(
    ("code", "milestone"),
    [
        (10, Milestone.CANCELLED),
        (16, Milestone.LOST),
        (17, Milestone.DAMAGED),
        (32, Milestone.DELIVERED),
        (7, Milestone.FAILED_DELIVERY),
    ],
)
def test_each_end_and_exception_is_a_milestone(code: int, milestone: Milestone) -> None:
    assert hours(first(reached(journey((3, code))), milestone)) == 3


@pytest.mark.parametrize("code", [18, 19, 20])
def test_a_slow_or_held_shipment_is_in_transit_and_not_late(code: int) -> None:
    found = {r.milestone for r in reached(journey((3, code)))}
    assert found == {Milestone.SHIPPED}
    assert milestone_of(code) is Milestone.SHIPPED


@pytest.mark.parametrize(("code", "started"), [(11, False), (12, True), *((c, True) for c in (13, 15, 21, 26, 27))])
def test_an_rto_request_does_not_start_an_rto(code: int, started: bool) -> None:
    assert (milestone_of(code) is Milestone.RTO_STARTED) is started
    assert (first(reached(journey((3, code))), Milestone.RTO_STARTED) is not None) is started


def test_a_moving_shipment_has_shipped_even_without_such_a_scan() -> None:
    assert hours(first(reached(journey((3, 28), (9, 5), (12, 6))), Milestone.SHIPPED)) == 9
    assert first(reached(journey((3, 28), (9, 25))), Milestone.SHIPPED) is None


def test_awb_generated_and_stuck_are_milestones_without_a_scan() -> None:
    found = reached([], placed_at=START, stuck_since=START + HOUR)
    assert [(r.milestone, hours(r.at)) for r in found] == [(Milestone.AWB_GENERATED, 0), (Milestone.STUCK, 1)]


@pytest.mark.parametrize(
    ("steps", "made", "ends"),
    [
        ([(30, 6), (36, 9, 1), (50, 6), (55, 8)], 2, [36, 55]),
        ([(30, 6), (31, 6), (36, 8)], 1, [36]),  # reported out twice
        ([(30, 6), (54, 6)], 2, [None, None]),  # out on two days
        ([(30, 9, 1), (30, 9, 1), (33, 9, 6)], 1, [30]),  # one failure reported three times
        ([(30, 9, 1), (60, 9, 1)], 2, [30, 60]),
        ([(30, 8)], 1, [30]),
        ([(30, 6), (36, 9, 4), (60, 6), (61, 8)], 1, [36, 61]),  # the courier did not come the first time
        ([(20, 7), (30, 13), (36, 15)], 0, []),  # not serviceable; the way back is no attempt
        ([], 0, []),
    ],
)
def test_delivery_attempts_are_counted(steps: list[tuple[float, int]], made: int, ends: list[float | None]) -> None:
    found = attempts(journey(*steps))
    assert count_made(found) == made
    assert [hours(a.ended_at) for a in found] == ends


def test_a_reason_reported_later_belongs_to_the_failure_before_it() -> None:
    found = failures(journey((30, 9), (31, 5, 3), (50, 9, 0), (60, 9, 6), (61, 5, 2)))
    assert [(hours(f.at), f.ndr_code, f.ndr_name) for f in found] == [
        (30, 3, "Delivery Rescheduled"),
        (50, 0, "Unknown"),
        (60, 6, "Address Issue"),
    ]


def test_a_reason_without_a_failed_scan_counts_as_a_failure() -> None:
    assert [f.ndr_code for f in failures(journey((30, 5, 99)))] == [99]
    assert failures(journey((30, 5, 0))) == []


def missed(*steps: tuple[float, int, int | None]) -> list[StatusEvent]:
    """(hours since the start, code, NPR code)."""
    return [
        status_event(
            code, at=START + hours * HOUR, npr_code=npr, npr_description=f"n{npr}" if npr else "", remark=f"s{code}"
        )
        for hours, code, npr in steps
    ]


def test_failed_pickups_are_reported_with_their_reasons() -> None:
    found = pickup_failures(
        missed((1, 25, None), (3, 3, None), (4, 25, 2), (8, 3, 0), (30, 3, 5), (31, 4, 5), (60, 8, 0))
    )
    assert [(hours(f.at), f.npr_code, f.npr_name, f.remark) for f in found] == [
        (3, 2, "n2", "s3"),
        (8, 0, "", "s3"),
        (30, 5, "n5", "s3"),
    ]
    assert [f.npr_code for f in pickup_failures(missed((30, 25, 99)))] == [99], (
        "a reason without a failed scan counts as a failure"
    )
    assert pickup_failures(missed((30, 25, 0), (40, 4, None))) == []
    assert pickup_failures(TWO_TRIES) == []
    assert failures(missed((3, 3, 5))) == [], "a failed pickup has no failed delivery"


scans = st.tuples(st.integers(0, 90), st.sampled_from([*STATUSES, 43, 1005]), st.sampled_from([0, 1, 4]))


@given(st.lists(scans, max_size=15), st.randoms(use_true_random=False))
def test_no_order_of_the_scans_makes_a_difference(steps: list[tuple[int, int, int]], dice: random.Random) -> None:
    events = journey(*steps)
    shuffled = list(events)
    dice.shuffle(shuffled)
    assert reached(events) == reached(shuffled)
    assert attempts(events) == attempts(shuffled)
    assert failures(events) == failures(shuffled)
    assert count_made(attempts(events)) <= sum(code in (6, 8, 9) for _, code, _ in steps)


def promise(edd: str, stated: int, received: int) -> Promise:
    return Promise(edd=edd, stated_at=START + stated * HOUR, received_at=START + received * HOUR, source="webhook")


def test_an_older_promise_received_late_does_not_overrule() -> None:
    first_stated, changed, late = promise("2026-11-05", 1, 1), promise("2026-11-07", 9, 9), promise("2026-11-05", 3, 30)
    for promises in ([first_stated, changed, late], [late, changed, first_stated]):
        assert current(promises) == changed
        assert changes(promises) == [first_stated, changed]
    assert current([]) is None


def test_an_edd_is_met_until_the_end_of_its_local_day() -> None:
    zone = ZoneInfo("Asia/Kolkata")
    assert due_at("2026-11-05", zone) == datetime(2026, 11, 5, 18, 30, tzinfo=UTC)
    for odd in (None, "", "tomorrow", "9999-12-31"):
        assert due_at(odd, zone) is None


def test_each_leg_has_its_own_limit() -> None:
    limits = StuckAfter(pickup=HOUR, transit=2 * HOUR, delivery=3 * HOUR, way_back=4 * HOUR)
    legs = {b: limits.on_leg(b) / HOUR for b in (None, 1, 2, 3, 4, 5, 7)}
    assert legs == {None: 1, 1: 1, 2: 2, 3: 2, 4: 3, 5: 3, 7: 4}
