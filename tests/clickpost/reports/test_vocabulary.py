"""The vocabulary of reports: couriers and statuses by name; unknown names are counted, never guessed."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from awbridge.clickpost.reports.report_rows import ReportRow, ReportRows, read_report
from awbridge.clickpost.reports.vocabulary import MOST_WORDS, OTHERS, CourierNames, KnownCourier, Vocabulary
from awbridge.domain.reconciliation.differences import Gap

HEADER = (
    "Order ID,Reference Number,Courier Partner,AWB,RTO AWB,Clickpost Unified Status,Created at,Pickup Date,"
    "Latest Timestamp,Latest Remark,Delivery Date,Updated at,Account Code\n"
)


def read(tmp_path: Path, *rows: tuple[str, str], header: str = HEADER) -> tuple[ReportRows, list[ReportRow]]:
    """A report with the vendor's own columns, and one row for each (courier, status)."""
    lines = (
        f"o-{n},ORDER-{n},{courier},`400000000000{n},,{status},22-11-2026 10:00,,22-11-2026 14:30,,,,Surface\n"
        for n, (courier, status) in enumerate(rows)
    )
    file = tmp_path / "report.csv"
    file.write_text(header + "".join(lines))
    report = read_report(file, "report.csv", zone=ZoneInfo("Asia/Kolkata"))
    return report, list(report)


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("Cancelled", 10),
        ("CancelledOrder", 10),
        ("RTO-ShipmentDelay", 27),
        ("RTO-ShipmentDelayed", 27),
        ("ShipmentDelay", 18),
        ("RTO-Failed Delivery", 15),
        ("RTO-InTransit", 21),
        ("RTO - Out For Delivery", 13),
        ("rto_marked", 12),
        ("ExchangeDelivered", 32),
        ("Out For Delivery", 6),
        ("DestinationHubIn", 1004),
        ("43", 43),
    ],
)
def test_the_status_names_of_reports_are_status_codes(tmp_path: Path, word: str, code: int) -> None:
    report, (row,) = read(tmp_path, ("Delhivery", word))
    assert (row.waybill, row.status_code, row.gaps) == ("4000000000000", code, Gap.NONE)
    assert not report.not_understood()


def test_no_status_is_a_status_that_is_understood(tmp_path: Path) -> None:
    report, (row,) = read(tmp_path, ("Delhivery", "NoStatusExist"))
    assert (row.status_code, row.gaps, bool(report.not_understood())) == (None, Gap.NONE, False)


def test_unknown_names_of_a_report_are_counted_by_name(tmp_path: Path) -> None:
    report, rows = read(
        tmp_path, ("Delhivery", "RTO-Handover"), ("Delhivery", "RTO-Handover"), ("Moon Express", "Delivered"), ("", "")
    )
    assert [row.gaps for row in rows] == [Gap.ALWAYS, Gap.ALWAYS, Gap.ALWAYS, Gap.ALWAYS | Gap.STATUS]
    unknown = report.not_understood()
    assert (unknown.statuses, unknown.couriers, unknown.lacking, unknown.columns) == (
        {"RTO-Handover": 2},
        {"Moon Express": 1},
        [],
        [],
    )
    assert unknown.sentences() == [
        "courier names not understood: 'Moon Express' in 1 row",
        "statuses not understood: 'RTO-Handover' in 2 rows",
    ]


def test_a_column_that_is_not_understood_leaves_its_side_lacking(tmp_path: Path) -> None:
    report, (row,) = read(
        tmp_path, ("Delhivery", "Delivered"), header=HEADER.replace("Clickpost Unified Status", "Stage of the parcel")
    )
    assert row.gaps & Gap.ALWAYS
    unknown = report.not_understood()
    assert (unknown.lacking, unknown.columns) == (["status"], ["Stage of the parcel"])


def test_a_time_without_seconds_may_be_any_of_its_minute(tmp_path: Path) -> None:
    _, (row,) = read(tmp_path, ("Delhivery", "Delivered"))
    theirs = row.theirs(ZoneInfo("Asia/Kolkata"))
    assert theirs.status_at
    assert (theirs.status_at.isoformat(), theirs.status_within.total_seconds()) == ("2026-11-22T09:00:00+00:00", 59)


@pytest.mark.parametrize(
    ("name", "courier"),
    [
        ("Delhivery", 4),
        ("Delhivery Reverse", 25),
        ("delhivery-rvp", 25),
        ("Blue Dart", 5),
        ("Bluedart Reverse", 28),
        ("Smartr", 250),
        ("Reverse", None),
        ("Ekart Reverse", None),
        ("", None),
    ],
)
def test_well_known_couriers(name: str, courier: int | None) -> None:
    assert CourierNames().find(name) == courier


def test_the_companys_own_accounts_name_the_courier() -> None:
    names = CourierNames(
        [
            KnownCourier(4, "Delhivery", "Surface"),
            KnownCourier(904, "Delhivery", "Surface B2B"),
            KnownCourier(25, "Delhivery", "Back"),
            KnownCourier(77, "Moon Express", "M"),
            KnownCourier(55, "Ekart", "E"),
            KnownCourier(31, "", "F"),
        ]
    )
    assert names.find("moon express") == 77
    assert names.find("Delhivery", "Surface B2B") == 904
    assert names.find("Delhivery", "Surface") == 4
    assert names.find("Delhivery", "unknown account") == 4  # the well-known one
    assert names.find("Delhivery Reverse") == 25
    assert names.find("Ekart Reverse") == 55  # it has no other
    assert CourierNames([KnownCourier(4, "Delhivery")]).find("Delhivery Reverse") == 4
    assert CourierNames([KnownCourier(8, "Moon"), KnownCourier(9, "Moon")]).find("Moon") is None


def test_too_many_unknown_names_are_counted_together() -> None:
    words = Vocabulary()
    reader = words.reader()
    for number in range(MOST_WORDS + 20):
        words.count(reader("", "Delhivery", "", "", f"word {number}" + "x" * 100))
    assert (len(words.statuses), words.statuses[OTHERS], max(map(len, words.statuses))) == (MOST_WORDS + 1, 20, 60)
