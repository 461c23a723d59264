"""Cells: guards and formats are removed; values damaged by a spreadsheet program are refused, never guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from awbridge.domain.errors import CellDamaged
from awbridge.tables.cells import NoValue, read_id, read_text
from awbridge.tables.times import read_wall_time

INDIA = ZoneInfo("Asia/Kolkata")


@pytest.mark.parametrize(
    "cell",
    [
        *("00125", ' ="00125" ', '=T("00125")', "'00125", "`00125", "`00125`", "'00125'", "\u201800125", '"00125"'),
        *("\ufeff00125", "\u200b00125\u200e", "00\u200d125", "\u00a000125\u00a0", "\t00125", '\'="00125"', "=00125"),
    ],
)
def test_guards_and_formatting_of_an_identifier_are_removed(cell: str) -> None:
    assert read_id(cell) == "00125"


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        *(
            ("2001.0", "2001"),
            ("4048770000001.00", "4048770000001"),
            ("2001.", "2001"),
            (2001.0, "2001"),
            (2001, "2001"),
        ),
        *(("560,001", "560001"), ("4,048,770,000,001", "4048770000001"), ("40,48,77,00,00,001.00", "4048770000001")),
        *((123456789012345, "123456789012345"), ("1234567890123456789", "1234567890123456789"), (True, "true")),
        *(("SF1234567", "SF1234567"), ("1E10", "1E10"), ("12E45", "12E45"), ("ORDER-1/2", "ORDER-1/2")),
        *(("+91 98765 43210", "+91 98765 43210"), ("9876543216,9876543217", "9876543216,9876543217"), ("1.5", "1.5")),
    ],
)
def test_identifiers_are_restored_from_spreadsheet_formatting(cell: Any, text: str) -> None:
    assert read_id(cell) == text


@pytest.mark.parametrize(
    "cell",
    [
        *("", None, "0", 0, 0.0, "0.0", "NA", "n/a", "#N/A", "#REF!", "#VALUE!", "#DIV/0!", "Err:502", "-", "--"),
        *("nan", "NaT", "<NA>", "None", "null", " undefined ", "\u200b", "'-", NoValue(is_error=True)),
    ],
)
def test_placeholders_and_formula_errors_are_not_identifiers(cell: Any) -> None:
    assert read_id(cell) == ""


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        *(("4.00012E+12", "rounded"), ("4.04877E+12", "rounded"), ("9.87654E+09", "rounded"), ("4,00E+12", "rounded")),
        *(("1e+21", "rounded"), ("4.048770000001E12", "rounded"), ("1E+15", "rounded"), ('="4.04877E+12"', "rounded")),
        *((1234567890123456, "more than 15 digits"), (1e15, "more than 15 digits")),
        *(("1234567890123456.0", "more than 15 digits"), (-1e16, "more than 15 digits")),
        *((datetime(2026, 4, 3), "date"), (date(2026, 4, 3), "date"), ("3-Apr", "date")),  # noqa: DTZ001
        *((NoValue(), "never calculated"), ("=VLOOKUP(A2,B:C,2,0)", "formula"), ("=A2&B2", "formula")),
    ],
)
def test_values_destroyed_by_a_spreadsheet_are_refused(cell: Any, why: str) -> None:
    with pytest.raises(CellDamaged, match=why) as raised:
        read_id(cell)
    assert str(cell) not in str(raised.value), "it may be a phone number"


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        *((0.1 + 0.2, "0.3"), (1499.0, "1499"), (250.5, "250.5"), (0, "0"), (False, "false"), (None, "")),
        *((date(2026, 11, 2), "2026-11-02"), (datetime(2026, 11, 2), "2026-11-02")),  # noqa: DTZ001
        *((datetime(2026, 11, 2, 14, 30), "2026-11-02 14:30:00"), ("'+91 98", "+91 98"), ("'t Hooft", "'t Hooft")),  # noqa: DTZ001
        *(('="05"', "05"), ("क्\u200dष", "क्\u200dष"), ("\u200bPune\u00a0", "Pune"), ("- NA -", "- NA -")),
    ],
)
def test_text_and_amounts_are_read_as_shown(cell: Any, text: str) -> None:
    assert read_text(cell) == text


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        *(("1.23457E+06", "rounded"), (1e17, "15 digits"), ("#REF!", "error"), (NoValue(is_error=True), "error")),
        *((NoValue(), "never calculated"), ("=SUM(A1:A2)", "formula")),
    ],
)
def test_amounts_destroyed_by_a_spreadsheet_are_refused(cell: Any, why: str) -> None:
    with pytest.raises(CellDamaged, match=why):
        read_text(cell)


AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "cell",
    [
        *("22-11-2026 02:30 PM", "22-Nov-2026 14:30", "22/11/26 14:30", "22.11.2026 14:30:00", "22-11-2026 2:30pm"),
        *("22 Nov 2026, 02:30 p.m.", "Nov 22, 2026 2:30 PM", "Sun, 22 Nov 2026 09:00:00 GMT", "2026/11/22 14:30"),
        *("2026-11-22 02:30 PM", "22-Nov-26 14:30", "22/11/2026 14:30 IST", "22-11-2026T14:30:00.5+05:30"),
        *("\u200b22-11-2026 14:30\u00a0", "46348.604166666664", 46348.604166666664, datetime(2026, 11, 22, 14, 30)),  # noqa: DTZ001
    ],
)
def test_times_are_read_as_people_and_spreadsheets_write_them(cell: Any) -> None:
    at = read_wall_time(cell, INDIA)
    assert at is not None
    assert at.replace(second=0) == AT


@pytest.mark.parametrize("cell", ["22/11/26", "22-11-2026", "22 Nov 2026", "22-Nov-26", date(2026, 11, 22), 46348])
def test_a_date_without_time_is_midnight_in_the_zone(cell: Any) -> None:
    assert read_wall_time(cell, INDIA) == AT - timedelta(hours=14, minutes=30)


@pytest.mark.parametrize(("clock", "hour"), [("12:05 AM", 0), ("12:05 PM", 12), ("1:05 am", 1), ("14:05 PM", 14)])
def test_noon_and_midnight_are_distinguished(clock: str, hour: int) -> None:
    at = read_wall_time(f"22-11-2026 {clock}", INDIA)
    assert at is not None
    assert at.astimezone(INDIA).hour == hour


@pytest.mark.parametrize(
    "cell",
    ["", "soon", "11/22/2026", "31/02/2026", "22-Foo-2026", "22-11", 12, True, None, "25:00", "22-11-2026 25:00"],
)
def test_an_unreadable_time_is_none(cell: Any) -> None:
    assert read_wall_time(cell, INDIA) is None
