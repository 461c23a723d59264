"""Tables are read with any column names, header position, encoding and delimiter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from awbridge.domain.errors import CellDamaged, TableUnreadable
from awbridge.tables.table import open_table
from tests.tables.files import LAYOUT, ids, read, xlsx


@pytest.mark.parametrize(
    "data",
    [
        b"AWB Number,Courier Partner,Note\n123,4,x\n",
        b'\xef\xbb\xbfwaybill;cp_id;Note\r\n123;4;"a;b"\r\n',
        b"Tracking-Number\tCOURIER_PARTNER_ID\tNote\n123\t4\tx\n",
        "awb_no,courier\n123,4\n".encode("utf-16"),
        "awb_no,courier\n123,4\n".encode("utf-16-le"),
        "awb_no,courier\n123,4\n".encode("utf-16-be"),
        b"sep=;\r\nAWB;cp id\r\n123;4\r\n",
        b'"sep=,"\nAWB,cp id\n123,4\n',
        b"\xef\xbb\xbfsep=\t\nAWB\tcp id\n123\t4\n",
        b'Failed webhooks of yesterday\n\nAWB,Courier (id),R\xe9marque\n"=""123""",4,x\n',
        b"\xe2\x80\x8bAWB\xef\xbb\xbf,`cp id\n`123,'4\n",
        b'AWB;Courier;body\n123;4;"{""a"":1,""b"":2,""c"":3}"\n',
        xlsx(["Report"], [], ["AWB", "cp id"], ["123", 4]),
        xlsx(["AWB", "cp id"], [123, "4"]),
    ],
)
def test_columns_are_recognised_with_any_name_and_delimiter(tmp_path: Path, data: bytes) -> None:
    table, (row,) = read(tmp_path, data)
    assert (row.id("waybill"), row.text("courier").strip("'")) == ("123", "4")
    assert set(table.understood) == {"waybill", "courier"}


@pytest.mark.parametrize(
    ("data", "notes"),
    [
        ("AWB,Ort\n1,Köln\n".encode(), []),
        ("AWB,Ort\n1,Köln\n".encode("cp1252"), ["read as text separated by commas, in Windows-1252"]),
        ("AWB;Ort\n1;Köln\n".encode(), ["read as text separated by semicolons, in UTF-8"]),
        ("AWB\tOrt\n1\tKöln\n".encode("utf-16"), ["read as text separated by tabs, in UTF-16"]),
        (b"sep=!\nAWB!Ort\n1!x\n", ["read as text separated by !, in UTF-8"]),
    ],
)
def test_the_detected_encoding_and_delimiter_are_reported(tmp_path: Path, data: bytes, notes: list[str]) -> None:
    table, _ = read(tmp_path, data)
    assert table.notes == notes


def test_recognised_and_unknown_columns_are_listed(tmp_path: Path) -> None:
    table, _ = read(tmp_path, b"Status of call,AWB,order id,Remarks\n200,1,O,x\n")
    assert table.understood == {"waybill": "AWB", "order_id": "order id", "status": "Status of call"}
    assert table.unknown_columns == ["Remarks"]


def test_line_numbers_are_those_of_the_file(tmp_path: Path) -> None:
    _, rows = read(tmp_path, b'awb,status\n\n1,"a\nb"\n,\n2,c\n')
    assert [(row.line, row.id("waybill")) for row in rows] == [(3, "1"), (6, "2")]
    _, rows = read(tmp_path, b'sep=,\nawb,status\n\n1,"a\nb"\n,\n2,c\n')
    assert [row.line for row in rows] == [4, 7]
    assert [row.line for row in read(tmp_path, xlsx(["awb"], [], ["1"]))[1]] == [3]


def test_two_header_rows_are_joined_if_the_upper_names_groups(tmp_path: Path) -> None:
    upper = ["Shipment", "", "", "Status", ""]
    lower = ["AWB", "Reference", "Note", "Code", "At"]
    for data in (
        xlsx(upper, lower, ["00125", "R-1", "x", 8, "y"]),
        "\n".join(",".join(cells) for cells in (upper, lower, ["00125", "R-1", "x", "8", "y"])).encode(),
    ):
        table, (row,) = read(tmp_path, data)
        assert (row.id("waybill"), row.id("reference_number"), row.text("status")) == ("00125", "R-1", "8")
        assert table.understood["status"] in ("Status Code", "Status")


def test_a_second_header_row_is_skipped(tmp_path: Path) -> None:
    _, rows = read(tmp_path, b"AWB Number,Reference No,Status\nawb_number,reference_number,status\n1,R,5\n")
    assert ids(rows) == ["1"]


def test_totals_and_repeated_headers_are_skipped_and_reported(tmp_path: Path) -> None:
    table, rows = read(
        tmp_path,
        b"AWB,Reference,Status\n1,R-1,5\nTotal,1,\nAWB,Reference,Status\n2,R-2,8\n,,\n,Grand Total: 2,\n  ,\t,\n",
    )
    assert ids(rows) == ["1", "2"]
    assert table.notes == [
        "skipped a row of totals: line 3",
        "skipped a repeated header: line 4",
        "skipped a row of totals: line 7",
    ]


@pytest.mark.parametrize("first", ["TOTAL-1", "Total Health Pvt Ltd", "GT123", "Subhash", "SUBTOTALS-7"])
def test_rows_that_only_resemble_totals_are_kept(tmp_path: Path, first: str) -> None:
    table, rows = read(tmp_path, f"AWB,Reference\n{first},R\n".encode())
    assert ids(rows) == [first]
    assert table.notes == []


@pytest.mark.parametrize(
    "data", [b"awb\n1.23457E+12\n", b"awb\n1E+15\n", xlsx(["awb"], [1234567890123456789]), xlsx(["awb"], ["1.2E+11"])]
)
def test_a_rounded_waybill_is_refused_with_line_and_column(tmp_path: Path, data: bytes) -> None:
    _, (row,) = read(tmp_path, data)
    with pytest.raises(CellDamaged, match=r"^line 2, column awb: .* export the column as text"):
        row.id("waybill")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "is empty"),
        (
            b"name,place\nA,B\n",
            "no column is recognised. Columns found: name, place. Recognised column names: waybill, ",
        ),
        (
            b"name;St\xe4tus\n1;2\n",
            r"Columns found: name, Stätus \(read as text separated by semicolons, in Windows-1252\)",
        ),
        (b"status;place\nA;B\n", "no column holds waybill or reference number. Columns found: status, place"),
        (b"PK\x03\x04 broken", "the spreadsheet cannot be read"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "save it as .xlsx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "protected by a password"),
        (b"<html><table><tr><td>AWB</td></tr></table>", "an HTML page"),
        (b'\xef\xbb\xbf<?xml version="1.0"?><Workbook/>', "XML"),
        (b"%PDF-1.7", "PDF"),
        (b"\x1f\x8b\x08", "unpack it"),
        (b"awb\x00\n", "neither text nor a spreadsheet"),
        (b"awb,x\n1," + b"9" * 2_000_000, "line 2: not CSV"),
        (b'awb,x\n1,"never closed\n2,y\n3,z\n', "not CSV: unexpected end"),
        ("awb,x\n1,".encode("utf-16") + b"\x00\xd8", "not valid UTF-16"),
    ],
)
def test_a_file_that_is_not_a_table_is_refused_with_the_reason(tmp_path: Path, data: bytes, problem: str) -> None:
    with pytest.raises(TableUnreadable, match=problem):
        read(tmp_path, data)


def test_a_long_text_is_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    with path.open("w") as file:
        file.write("AWB,Reference\n")
        file.writelines(f"{n:013d},R-{n}\n" for n in range(50_000))
    rows: Any = open_table(path, "long.csv", LAYOUT).pick(("waybill", "status"))
    assert next(rows) == (2, ("0000000000000", ""))
    assert sum(1 for _ in rows) == 49_999


def test_a_row_with_a_different_number_of_cells_is_reported(tmp_path: Path) -> None:
    _, rows = read(tmp_path, b"AWB,Reference\n1,2,3\n4\n5,6,\n7,8\n")
    assert [row.width_problem for row in rows] == [
        "3 cells, but the header names 2 columns",
        "1 cells, but the header names 2 columns",
        "3 cells, but the header names 2 columns",
        "",
    ]


def test_a_text_may_have_more_lines_than_a_sheet(tmp_path: Path) -> None:
    table, _ = read(tmp_path, b"AWB,Reference\n1,2\n")
    assert table.place(10_000_007) == "line 10000007"
