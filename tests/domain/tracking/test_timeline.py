"""One scan is one entry, for any copies of it in any order."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from msgspec.structs import replace

from awbridge.domain.tracking.scan import Scan, Source
from awbridge.domain.tracking.timeline import MOST_WORDINGS, Timeline, differences

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
SCAN = Scan(waybill="W1", courier_partner_id=4, code=5, scanned_at=NOON, status="In Transit", location="Pune")


def timeline_of(*copies: Scan, timeline: Timeline | None = None) -> Timeline:
    timeline = timeline or Timeline()
    for number, copy in enumerate(copies):
        timeline.add(copy, own="W1", received_at=NOON + timedelta(minutes=number), source=Source.WEBHOOK)
    return timeline


def test_a_scan_is_recognised_by_its_id_or_its_content() -> None:
    first = replace(SCAN, scan_id="s1")
    assert len(timeline_of(first, SCAN).entries) == 1
    assert len(timeline_of(first, replace(first, status="Moving")).entries) == 1
    assert len(timeline_of(first, replace(SCAN, scan_id="s2")).entries) == 2
    assert len(timeline_of(first, replace(SCAN, location="Delhi")).entries) == 2


def test_a_known_scan_gains_the_fields_of_its_copies_and_keeps_the_first_texts() -> None:
    [entry] = timeline_of(
        replace(SCAN, ndr_code=0), replace(SCAN, checkpoint_id="c", status="in  transit", ndr_code=6)
    ).entries
    assert (entry.scan_id, entry.checkpoint_id, entry.ndr_code, entry.status) == (None, "c", 6, "In Transit")
    assert entry.received_at == NOON


def test_a_failed_pickup_gets_its_reason_from_whichever_copy_has_it() -> None:
    copies = (
        SCAN,
        replace(SCAN, npr_code=0),
        replace(SCAN, npr_code=4, npr_description="Not ready"),
        replace(SCAN, npr_code=9),
    )
    [entry] = timeline_of(*copies).entries
    assert (entry.npr_code, entry.npr_description) == (4, "Not ready")


def test_content_received_with_an_id_is_recognised_without_it() -> None:
    reworded = replace(SCAN, status="Moving")
    assert len(timeline_of(replace(SCAN, scan_id="s1"), replace(reworded, scan_id="s1"), reworded).entries) == 1


def test_a_limited_number_of_wordings_of_one_scan_is_kept() -> None:
    reworded = [replace(SCAN, scan_id="s1", status=f"wording {n}") for n in range(MOST_WORDINGS + 10)]
    [entry] = timeline_of(*reworded).entries
    assert len(entry.fingerprints) == MOST_WORDINGS
    first, last = replace(reworded[0], scan_id=None), replace(reworded[-1], scan_id=None)
    assert len(timeline_of(*reworded, first).entries) == 1
    assert len(timeline_of(*reworded, last).entries) == 2


def test_a_copy_with_both_ids_proves_two_entries_to_be_one() -> None:
    by_webhook, by_polling = replace(SCAN, scan_id="s"), replace(SCAN, checkpoint_id="c", status="Moving")
    stored = timeline_of(by_webhook, by_polling)
    for number, entry in enumerate(stored.entries, 1):
        entry.id = number
    timeline = timeline_of(replace(SCAN, scan_id="s", checkpoint_id="c"), timeline=Timeline(stored.entries))
    [entry] = timeline.entries
    assert (entry.scan_id, entry.checkpoint_id, entry.status) == ("s", "c", "In Transit")
    assert [e.id for e in timeline.gone] == [2]
    assert timeline.changed == [entry]
    assert timeline_of(by_polling, timeline=timeline).entries == [entry]


# Scans with equal content at one time and place: only their ids distinguish them, pair by pair.
TWINS = [replace(SCAN, scan_id=str(n), checkpoint_id=f"c{n}") for n in range(3)]


def seen_by_webhook(scan: Scan) -> Scan:
    return replace(scan, checkpoint_id=None, scanned_at=scan.scanned_at + timedelta(milliseconds=710))


def seen_by_polling(scan: Scan) -> Scan:
    return replace(scan, scan_id=None, status=scan.status.upper(), remark="other words")


@given(
    st.integers(1, 3),
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from([seen_by_webhook, seen_by_polling])), max_size=12),
    st.randoms(use_true_random=False),
)
def test_copies_from_two_sides_in_any_order_are_as_many_scans_as_there_were(
    scans: int, repeats: list[tuple[int, Any]], dice: random.Random
) -> None:
    copies = [side(twin) for twin in TWINS[:scans] for side in (seen_by_webhook, seen_by_polling)]
    copies += [side(TWINS[n % scans]) for n, side in repeats]
    copies += [replace(SCAN, ndr_code=3)] * (scans == 1)
    dice.shuffle(copies)
    timeline = timeline_of(*copies)
    assert len(timeline.entries) == scans
    assert {e.scan_id for e in timeline.entries} == {str(n) for n in range(scans)}
    assert {e.checkpoint_id for e in timeline.entries} == {f"c{n}" for n in range(scans)}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_scan_reported_with_and_without_a_location_is_one_with_it(order: tuple[int, int]) -> None:
    copies = [replace(SCAN, remark="at the hub"), replace(SCAN, location="", remark="")]
    [entry] = timeline_of(*(copies[place] for place in order)).entries
    assert (entry.location, entry.remark) == ("Pune", "at the hub")


def test_scans_at_two_places_stay_two_scans() -> None:
    here, there, plain = SCAN, replace(SCAN, location="Delhi"), replace(SCAN, location="")
    for copies in permutations((here, plain, there, plain)):
        assert sorted(e.location for e in timeline_of(*copies).entries) == ["Delhi", "Pune"], copies
    assert len(timeline_of(plain, replace(plain, status="Held")).entries) == 2
    assert len(timeline_of(plain, replace(SCAN, status="Held")).entries) == 2
    assert len(timeline_of(replace(SCAN, scan_id="1"), replace(plain, scan_id="2")).entries) == 2


def without_a_place(scan: Scan) -> Scan:
    return replace(seen_by_webhook(scan), location="", remark="")


@given(st.lists(st.integers(0, 5), max_size=12), st.randoms(use_true_random=False))
def test_partial_copies_in_any_order_are_as_many_scans_as_there_were(repeats: list[int], dice: random.Random) -> None:
    journey = [replace(SCAN, scanned_at=NOON + timedelta(hours=n), scan_id=f"s{n}") for n in range(2)]
    sides = (seen_by_webhook, without_a_place, lambda scan: replace(scan, scan_id=None))
    copies = [side(scan) for scan in journey for side in sides]
    copies += [copies[n] for n in repeats]
    dice.shuffle(copies)
    entries = timeline_of(*copies).entries
    assert sorted((e.scan_id, e.location) for e in entries) == [("s0", "Pune"), ("s1", "Pune")]


def test_rebuilt_rows_keep_their_ids_and_only_differences_are_written() -> None:
    stored = timeline_of(SCAN, replace(SCAN, code=6), replace(SCAN, code=8))
    for number, entry in enumerate(stored.entries, 1):
        entry.id = number
    rebuilt = timeline_of(SCAN, replace(SCAN, code=6, remark="more"), replace(SCAN, code=9))
    differ = differences(stored.entries, rebuilt)
    assert [(e.id, e.code) for e in differ.changed] == [(2, 6)]
    assert [e.code for e in differ.new] == [9]
    assert [(e.id, e.code) for e in differ.gone] == [(3, 8)]


def test_a_future_scan_counts_from_its_receipt() -> None:
    [entry] = timeline_of(replace(SCAN, scanned_at=NOON + timedelta(days=9))).entries
    assert entry.seen_at == NOON
