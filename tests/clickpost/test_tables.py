"""Tables that the vendor mails are read whatever their columns are called; what a spreadsheet spoilt is refused."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from awbridge.clickpost.tables import (
    COURIER,
    ORDER,
    REFERENCE,
    STATUS,
    WAYBILL,
    CellSpoilt,
    TableUnreadable,
    read_table,
)

MEANINGS = {"waybill": WAYBILL, "reference_number": REFERENCE, "order_id": ORDER, "courier": COURIER, "status": STATUS}
INDIA = ZoneInfo("Asia/Kolkata")


def xlsx(*rows: list[Any]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"AWB Number,Courier Partner,Note\n123,4,x\n",
        b'\xef\xbb\xbfwaybill;cp_id;Note\r\n123;4;"a;b"\r\n',
        b"Tracking-Number\tCOURIER_PARTNER_ID\tNote\n123\t4\tx\n",
        "awb_no,courier\n123,4\n".encode("utf-16"),
        b"Failed webhooks of yesterday\n\nAWB,Courier (id),R\xe9marque\n='123',4,x\n".replace(b"='123'", b'"=""123"""'),
        xlsx(["Report"], [], ["AWB", "cp id"], ["123", 4]),
        xlsx(["AWB", "cp id"], [123, "4"]),
    ],
)
def test_columns_are_known_by_whatever_name(data: bytes) -> None:
    table = read_table("report", data, MEANINGS)
    (row,) = table.rows
    assert (row.id("waybill"), row.text("courier")) == ("123", "4")
    assert set(table.understood) == {"waybill", "courier"}


def test_the_result_says_what_was_understood_and_what_was_not() -> None:
    table = read_table("r.csv", b"Status of call,AWB,order id,Remarks\n200,1,O,x\n", MEANINGS)
    assert table.understood == {"waybill": "AWB", "order_id": "order id", "status": "Status of call"}
    assert table.passed_over == ["Remarks"]


def test_lines_are_those_of_the_file() -> None:
    table = read_table("r.csv", b'awb,status\n\n1,"a\nb"\n,\n2,c\n', MEANINGS)
    assert [(row.line, row.id("waybill")) for row in table.rows] == [(3, "1"), (6, "2")]
    assert [row.line for row in read_table("r.xlsx", xlsx(["awb"], [], ["1"]), MEANINGS).rows] == [3]


@pytest.mark.parametrize(
    "data", [b"awb\n1.23457E+12\n", b"awb\n1E+15\n", xlsx(["awb"], [1234567890123456789]), xlsx(["awb"], ["1.2E+11"])]
)
def test_a_waybill_that_a_spreadsheet_rounded_is_refused_with_its_line(data: bytes) -> None:
    (row,) = read_table("r", data, MEANINGS).rows
    with pytest.raises(CellSpoilt, match=r"line 2: the waybill .* export the column as text"):
        row.id("waybill")


@pytest.mark.parametrize("waybill", ["1E10", "12E45", "00123", "123456789012345", "SF1234567"])
def test_waybills_that_only_look_like_numbers_are_taken(waybill: str) -> None:
    (row,) = read_table("r.csv", f"awb\n{waybill}\n".encode(), MEANINGS).rows
    assert row.id("waybill") == waybill


@pytest.mark.parametrize(
    "cell",
    [
        *("2026-11-02 12:30:00", "02/11/2026 12:30", "2-11-2026 12:30:00"),
        *("46328.520833333336", 46328.520833333336, datetime(2026, 11, 2, 12, 30)),  # noqa: DTZ001
    ],
)
def test_times_are_read_as_text_date_or_serial_number(cell: Any) -> None:
    (row,) = read_table("r.xlsx", xlsx(["awb", "status"], ["1", cell]), MEANINGS).rows
    assert row.time("status", zone=INDIA) == datetime(2026, 11, 2, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize("cell", ["", "soon", 12, True, "31/02/2026"])
def test_what_is_no_time_is_none(cell: Any) -> None:
    (row,) = read_table("r.xlsx", xlsx(["awb", "status"], ["1", cell]), MEANINGS).rows
    assert row.time("status", zone=INDIA) is None


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no column is understood"),
        (b"name,place\nA,B\n", "It has: name, place"),
        (b"PK\x03\x04 broken", "not a spreadsheet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "save it as .xlsx"),
        (b"awb\x00\n", "neither CSV nor XLSX"),
        (b"awb,x\n1," + b"9" * 2_000_000, "line"),
    ],
)
def test_what_is_no_table_is_refused_with_the_reason(data: bytes, says: str) -> None:
    with pytest.raises(TableUnreadable, match=says):
        read_table("report", data, MEANINGS)
