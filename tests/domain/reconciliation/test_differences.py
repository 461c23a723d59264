"""What counts as a difference, and the windows of report requests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from awbridge.domain.orders.shipment import State, WaybillKind
from awbridge.domain.reconciliation.differences import (
    DayCounts,
    DifferenceKind,
    DifferenceTable,
    Ours,
    Theirs,
    differences,
    newest,
    report_windows,
)

T = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
INDIA = ZoneInfo("Asia/Kolkata")
ALL = (DifferenceKind.WAYBILL, DifferenceKind.COURIER, DifferenceKind.STATUS)


def ours(**changes: Any) -> Ours:
    known: dict[str, Any] = {"reference_number": "R", "waybill": "W", "courier_partner_id": 4, "state": State.PLACED}
    return Ours(**{**known, "status_code": 5, "status_at": T, "last_tracked_at": T, **changes})


def theirs(**changes: Any) -> Theirs:
    known: dict[str, Any] = {"waybill": "W", "reference_number": "R", "courier_partner_id": 4, "status_code": 5}
    return Theirs(**{"line": 2, **known, "status_at": T, **changes})


@pytest.mark.parametrize(
    ("mine", "yours", "found"),
    [
        ({}, {}, ()),
        ({}, {"status_code": 8}, (DifferenceKind.STATUS,)),
        ({}, {"courier_partner_id": 6}, (DifferenceKind.COURIER,)),
        ({}, {"waybill": "OTHER"}, (DifferenceKind.WAYBILL,)),
        (
            {},
            {"waybill": "OTHER", "courier_partner_id": 6, "status_code": 8},
            (DifferenceKind.WAYBILL, DifferenceKind.COURIER, DifferenceKind.STATUS),
        ),
        ({}, {"waybill": "", "courier_partner_id": None, "status_code": None}, ()),
        ({"status_code": None, "status_at": None}, {}, (DifferenceKind.STATUS,)),
        ({"status_at": T + MINUTE}, {"status_code": 4}, ()),  # our update is newer
        ({"status_at": T - MINUTE}, {"status_code": 8}, (DifferenceKind.STATUS,)),
        (
            {"last_tracked_at": T + MINUTE},
            {"status_code": 8, "status_at": None},
            (),
        ),  # updated after the report was made
        ({"last_tracked_at": T - MINUTE}, {"status_code": 8, "status_at": None}, (DifferenceKind.STATUS,)),
        ({"kind": WaybillKind.CHILD}, {"waybill": "W-1", "status_code": 8}, ()),  # a piece has its own status
        ({"kind": WaybillKind.RTO}, {"waybill": "BACK", "courier_partner_id": 9}, ()),
    ],
)
def test_differences_of_a_shipment(
    mine: dict[str, Any], yours: dict[str, Any], found: tuple[DifferenceKind, ...]
) -> None:
    assert differences(ours(**mine), theirs(**yours), DifferenceTable.REGISTERED, made_at=T) == found


@pytest.mark.parametrize(
    ("state", "found"),
    [(State.READY, (DifferenceKind.STATUS,)), (State.REJECTED, ()), (State.PLACED, ()), (State.RETRYING, ())],
)
def test_a_failed_order_is_a_difference_only_if_it_is_unknown_here(state: State, found: tuple[DifferenceKind]) -> None:
    row = theirs(waybill="", status_code=None)
    assert differences(ours(state=state, waybill=""), row, DifferenceTable.FAILURES, made_at=None) == found


@pytest.mark.parametrize(
    ("counts", "agree"),
    [((5, 5, 5), True), ((5, 5, 9), True), ((5, 4, 5), False), ((5, 6, 6), False), ((5, 5, 4), False)],
)
def test_counts(counts: tuple[int, int, int], agree: bool) -> None:
    assert DayCounts(ours=counts[0], placed=counts[1], tracked=counts[2]).agree is agree


def test_reports_cover_everything_from_the_day_until_now_in_windows_of_a_day() -> None:
    start = datetime(2026, 11, 1, 18, 30, tzinfo=UTC)
    windows = report_windows(start, start + timedelta(hours=30, microseconds=5), most=31)
    assert windows[0] == (start, start + timedelta(hours=24))
    assert windows[1][0] == windows[0][1]
    assert windows[1][1] >= start + timedelta(hours=30)
    assert len(windows) == 2
    assert len(report_windows(start, start + timedelta(days=100), most=31)) == 31


def test_of_several_rows_the_latest_status_counts_or_else_the_last_line() -> None:
    rows = [theirs(line=2, status_at=T), theirs(line=3, status_at=T - MINUTE), theirs(line=4, status_at=None)]
    assert newest(rows).line == 2
    assert newest([theirs(line=7, status_at=None), theirs(line=9, status_at=None)]).line == 9
