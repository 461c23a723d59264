from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from awbridge.clickpost.wire.tracking_codes import STATUSES, status_info
from awbridge.domain.tracking.lifecycle import Sighting, newest, sighting

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
times = st.integers(-5, 5).map(lambda minutes: NOON + timedelta(minutes=minutes))
sightings = st.builds(
    lambda code, at: sighting(status_info(code), at, NOON), st.sampled_from([*STATUSES, 43, 1005, 7777]), times
)


def fold(seen: list[Sighting]) -> Sighting | None:
    return reduce(newest, seen, None)


@given(st.lists(sightings, max_size=12), st.randoms(use_true_random=False))
def test_any_order_and_repetition_yields_the_same_timeline(seen: list[Sighting], dice: random.Random) -> None:
    muddled = seen + dice.choices(seen, k=5) if seen else []
    dice.shuffle(muddled)
    assert fold(muddled) == fold(seen)


@given(st.lists(sightings, min_size=1, max_size=12))
def test_a_late_scan_never_moves_a_shipment_back(seen: list[Sighting]) -> None:
    before = fold(seen[:-1])
    after = fold(seen)
    assert after is not None
    assert before is None or after >= before


@given(st.lists(sightings, max_size=8), st.lists(sightings, max_size=8))
def test_batches_may_be_split_anywhere(first: list[Sighting], second: list[Sighting]) -> None:
    assert newest(fold(first), fold(second)) == fold(first + second)


def test_ties_go_to_the_later_step_and_final_beats_not_final() -> None:
    transit, delivery = (sighting(status_info(code), NOON, NOON) for code in (5, 6))
    assert newest(delivery, transit) == delivery
    delivered, returning = (sighting(status_info(code), NOON, NOON) for code in (8, 21))
    assert newest(returning, delivered) == delivered


def test_newer_beats_final() -> None:
    delivered = sighting(status_info(8), NOON - timedelta(hours=1), NOON)
    returning = sighting(status_info(11), NOON, NOON)
    assert newest(delivered, returning) == returning


def test_a_scan_from_the_future_counts_from_its_receipt() -> None:
    assert sighting(status_info(8), NOON + timedelta(days=1), NOON).seen_at == NOON


def test_without_sightings_there_is_no_status() -> None:
    assert newest() is None
    assert newest(None, None) is None
