"""Reports as received: any columns, any delimiter, and the damage of spreadsheet programs."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from awbridge.clickpost.reports.report_rows import ReportRow, ReportRows, read_report
from awbridge.domain.errors import TableUnreadable

INDIA = ZoneInfo("Asia/Kolkata")
AT = datetime(2026, 11, 2, 14, 26, 16, tzinfo=UTC)


def read(tmp_path: Path, content: str | bytes, encoding: str = "utf-8") -> tuple[ReportRows, list[ReportRow]]:
    file = tmp_path / "report"
    file.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    report = read_report(file, "report.csv", zone=INDIA)
    return report, list(report)


def test_the_report_of_the_dashboard(tmp_path: Path) -> None:
    report, rows = read(
        tmp_path,
        "AWB,Reference Number,Order ID,Courier Partner,Courier Partner ID,Clickpost Status Code,Status,"
        "Status Timestamp\n"
        "4000000000001,ORDER-1,1,Delhivery,4,8,Delivered to consignee,2026-11-02 19:56:16\n",
    )
    assert rows == [ReportRow(2, "4000000000001", "ORDER-1", 4, 8, "2026-11-02 19:56:16")]
    assert rows[0].theirs(INDIA).status_at == AT
    assert report.understood["status_code"] == "Clickpost Status Code"
    assert (report.passed_over, report.unreadable) == ([], 0)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("\ufeffawb_number;reference no;courier;status\n\n7001234567890;R-1;Blue dart;Out For Delivery\n", "utf-8"),
        ("awb_number\treference no\tcourier\tstatus\n7001234567890\tR-1\tbluedart\tOutForDelivery\n", "utf-16"),
        ("A report of ClickPost\n\nawb_number|reference no|courier|status\n7001234567890|R-1|5|6\n", "utf-8"),
        ('Waybill,"reference_number",cp_id,clickpost_status_code\n="7001234567890",\'R-1,5.0, 6 \n', "utf-8"),
    ],
)
def test_any_delimiter_encoding_and_way_to_name_a_column(tmp_path: Path, content: str, encoding: str) -> None:
    _, rows = read(tmp_path, content, encoding)
    assert [row[1:5] for row in rows] == [("7001234567890", "R-1", 5, 6)]


def test_hindi_text_and_line_breaks_in_cells_are_read(tmp_path: Path) -> None:
    report, rows = read(
        tmp_path,
        'AWB,Customer,Remark,Status\n4000000000001,आशा राव,"दरवाज़ा बंद\nदोबारा, कल",दिया गया\n'
        "4000000000002,,,Delivered\n",
    )
    assert [(row.line, row.waybill, row.status_code) for row in rows] == [
        (2, "4000000000001", None),
        (4, "4000000000002", 8),
    ]
    assert report.passed_over == ["Customer", "Remark"]


def test_text_in_windows_encodings_is_read(tmp_path: Path) -> None:
    _, rows = read(tmp_path, "AWB,Name\n4000000000001,José\n", "cp1252")
    assert rows[0].waybill == "4000000000001"


def test_a_row_with_a_rounded_waybill_is_found_by_its_reference_number(tmp_path: Path) -> None:
    report, rows = read(tmp_path, "AWB,Reference\n4.00E+12,ORDER-1\n4.00E+12,\n,\n")
    assert [row[:3] for row in rows] == [(2, "", "ORDER-1")]
    assert (report.spoilt, report.unreadable) == (2, 1)
    assert "line 2" in report.first_problem
    assert "rounded" in report.first_problem


def test_short_rows_placeholders_and_order_ids_instead_of_references(tmp_path: Path) -> None:
    report, rows = read(tmp_path, "Status,Order ID,AWB\nDelivered,1001\nnull,,NULL\n8,None,4000000000009,more\n")
    assert [row[1:5] for row in rows] == [("", "1001", None, 8), ("4000000000009", "", None, 8)]
    assert report.unreadable == 1


def test_a_spreadsheet_with_dates_and_numbers(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (
        ("AWB Number", "Reference No", "CP ID", "Status", "Status Timestamp"),
        (400000000001, "ORDER-1", 4, "In Transit", datetime(2026, 11, 2, 19, 56, 16)),  # noqa: DTZ001
        (1e18, "ORDER-2", 4.0, "Delivered", 46328.83074074074),
    ):
        sheet.append(row)
    content = io.BytesIO()
    book.save(content)
    report, rows = read(tmp_path, content.getvalue())
    assert [row[:5] for row in rows] == [(2, "400000000001", "ORDER-1", 4, 5), (3, "", "ORDER-2", 4, 8)]
    assert [row.theirs(INDIA).status_at for row in rows] == [AT, AT]
    assert report.spoilt == 1


def test_serial_dates_in_csv(tmp_path: Path) -> None:
    _, rows = read(
        tmp_path, "AWB,Status,Status Time\n4000000000001,5,46328.83074074074\n4000000000002,5,2/11/2026 19:56:16\n"
    )
    assert [row.theirs(INDIA).status_at for row in rows] == [AT, AT]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"Name,City\nAsha,Pune\n", "no column is recognised. Columns found: Name, City"),
        (
            b"Status,City\n5,Pune\n",
            "no column holds waybill or reference number or order id. Columns found: Status, City",
        ),
        (b"\x00\x01\x02\x03binary", "neither text nor a spreadsheet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "the spreadsheet cannot be read"),
        (b"PK\x03\x04nothing", "the spreadsheet cannot be read"),
    ],
)
def test_a_file_that_is_not_a_table_is_refused_with_the_reason(tmp_path: Path, content: bytes, problem: str) -> None:
    with pytest.raises(TableUnreadable, match=problem):
        read(tmp_path, content)
