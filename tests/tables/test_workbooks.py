"""Spreadsheets as the common libraries write them: sheets, hidden ones, formulas without a value, far cells."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pandas as pd
import pytest
import xlsxwriter
import xlwt
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table as OdsTable
from odf.table import TableCell, TableRow
from odf.text import P

from awbridge.domain.errors import CellDamaged, TableUnreadable
from awbridge.tables.times import read_wall_time
from awbridge.tables.xlsx import SheetScan, scan_sheet
from tests.tables.files import ids, read, workbook, xlsx

INDIA = ZoneInfo("Asia/Kolkata")
AT = datetime(2026, 11, 22, 14, 30)  # noqa: DTZ001
ROWS = [["AWB", "Reference No", "Status"], ["00125", "R-1", AT], [4048770000001, 2001.0, "x"]]


def written_by_xlsxwriter(fill: Callable[[Any, Any], None]) -> bytes:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    fill(book, book.add_worksheet())
    book.close()
    return file.getvalue()


def written_by_xlwt() -> bytes:
    file = io.BytesIO()
    book = xlwt.Workbook()
    sheet = book.add_sheet("S")
    for row, cells in enumerate(ROWS):
        for column, value in enumerate(cells):
            is_time = isinstance(value, datetime)
            sheet.write(row, column, value, xlwt.easyxf(num_format_str="dd-mm-yyyy hh:mm" if is_time else "General"))
    book.save(file)
    return file.getvalue()


def ods(*rows: list[TableCell], before: int = 0) -> bytes:
    """A document of one sheet, with `before` empty rows above the others."""
    book, table = OpenDocumentSpreadsheet(), OdsTable(name="S")
    if before:
        gap = TableRow(numberrowsrepeated=before)
        gap.addElement(TableCell(numbercolumnsrepeated=3))
        table.addElement(gap)
    for cells in rows:
        row = TableRow()
        for cell in cells:
            row.addElement(cell)
        table.addElement(row)
    book.spreadsheet.addElement(table)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def ods_cell(text: str = "", **attributes: Any) -> TableCell:
    cell = TableCell(**({"valuetype": "string"} if text and not attributes else attributes))
    if text:
        cell.addElement(P(text=text))
    return cell


def typed_cell(value: Any) -> TableCell:
    if isinstance(value, datetime):
        return ods_cell(str(value), valuetype="date", datevalue=value.isoformat())
    return ods_cell(value) if isinstance(value, str) else ods_cell(str(value), valuetype="float", value=value)


def written_by_pandas() -> bytes:
    file = io.BytesIO()
    pd.DataFrame(ROWS[1:], columns=ROWS[0]).to_excel(file, index=False, engine="openpyxl")
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [xlsx(*ROWS), written_by_xlwt(), ods(*(list(map(typed_cell, cells)) for cells in ROWS)), written_by_pandas()],
)
def test_xlsx_xls_and_ods_yield_the_same_rows(tmp_path: Path, data: bytes) -> None:
    _, rows = read(tmp_path, data)
    assert ids(rows) == ["00125", "4048770000001"]
    assert ids(rows, "reference_number") == ["R-1", "2001"]
    assert read_wall_time(rows[0].cells["status"], INDIA) == datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def test_a_formula_that_was_never_calculated_is_an_error_not_a_waybill(tmp_path: Path) -> None:
    def fill(book: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["AWB", "Reference", "Status"])
        sheet.write_formula(1, 0, '=TEXT(12,"00000")')  # XlsxWriter puts 0 there
        sheet.write_string(1, 1, "R-1")
        sheet.write_formula(2, 0, '=TEXT(12,"00000")', None, "00012")
        sheet.write_formula(2, 1, "=1-1", None, "")
        sheet.write(3, 0, '="00125"')  # a guard, which `write` turns into a formula

    table, rows = read(tmp_path, written_by_xlsxwriter(fill))
    for row in (rows[0], rows[2]):
        with pytest.raises(CellDamaged, match=rf"^line {row.line}, column AWB: a formula that was never calculated"):
            row.id("waybill")
    assert rows[1].id("waybill") == "00012"
    with pytest.raises(CellDamaged, match="never calculated"):
        rows[1].id("reference_number")
    assert table.notes == []


def test_formulas_without_a_value_are_found_in_otherwise_empty_rows(tmp_path: Path) -> None:
    _, rows = read(tmp_path, xlsx(["AWB", "Reference"], ["=A1", "=B1"], ["=A1", None]))
    assert [row.line for row in rows] == [2, 3]
    with pytest.raises(CellDamaged, match=r"^line 3, column AWB: a formula"):
        rows[1].id("waybill")


def test_a_zero_that_a_spreadsheet_program_calculated_is_a_zero() -> None:
    sheet = b'<worksheet><sheetData><row r="2"><c r="B2"><f>1-1</f><v>0</v></c></row></sheetData></worksheet>'
    assert scan_sheet(io.BytesIO(sheet), stale=False).without_value == {}
    assert list(scan_sheet(io.BytesIO(sheet), stale=True).without_value) == [SheetScan.at(1, 1)]


@pytest.mark.parametrize(
    ("cell", "has_value"),
    [
        (b'<x:c r="C7" t="str"><x:f>A1</x:f><x:v></x:v></x:c>', True),
        (b'<x:c r="C7"><x:f>A1</x:f></x:c>', False),
        (b'<x:c r="C7"><x:f>A1</x:f><x:v/></x:c>', False),
        (b'<x:c r="C7"><x:f t="shared" si="0"/><x:v>7</x:v></x:c>', True),
        (b'<x:c r="C7" t="e"><x:v>#N/A</x:v></x:c>', False),
        (b'<x:c r="C7"><x:v>7</x:v></x:c>', True),
    ],
)
def test_cells_are_found_under_any_namespace_prefix(cell: bytes, has_value: bool) -> None:
    row = b'<x:row r="7"><x:c r="A7" s="1"/>' + cell + b'<x:c r="ZZZ7" s="1"/></x:row>'
    found = scan_sheet(io.BytesIO(b"<x:worksheet><x:sheetData>" + row + b"</x:sheetData></x:worksheet>"), stale=False)
    assert (found.rows, found.columns) == (7, 3)
    assert list(found.without_value) == ([] if has_value else [SheetScan.at(6, 2)])


def test_errors_are_neither_waybills_nor_amounts(tmp_path: Path) -> None:
    _, (row,) = read(tmp_path, xlsx(["AWB", "Reference", "Status"], ["#N/A", "R-1", "#REF!"]))
    assert row.id("waybill") == ""
    with pytest.raises(CellDamaged, match=r"^line 2, column Status: a formula's error"):
        row.text("status")


def test_the_sheet_with_recognised_columns_is_read(tmp_path: Path) -> None:
    data = workbook({"Cover": [["Report of", "yesterday"]], "Old": [["AWB"], ["9"]], "Data": ROWS}, hidden=["Old"])
    table, rows = read(tmp_path, data)
    assert ids(rows) == ["00125", "4048770000001"]
    assert table.notes == [
        "read from sheet Data",
        "skipped sheet Old: it is hidden",
        "skipped sheet Cover: its columns are not recognised",
    ]


def test_all_sheets_with_recognised_columns_are_read(tmp_path: Path) -> None:
    more = [["Status", "Reference", "AWB"], ["5", "R-9", "777"], ["5", "R-8", "4E+12"]]
    table, rows = read(tmp_path, workbook({"Pune": ROWS, "Delhi": more, "Pivot": [["Status", "AWB"], ["a", "1"]]}))
    assert ids(rows[:3]) == ["00125", "4048770000001", "777"]
    assert [(row.sheet, row.line) for row in rows] == [
        ("Pune", 2),
        ("Pune", 3),
        ("Delhi", 2),
        ("Delhi", 3),
        ("Pivot", 2),
    ]
    with pytest.raises(CellDamaged, match=r"^sheet Delhi, line 3, column AWB: "):
        rows[3].id("waybill")
    picked = list(table.pick(("waybill", "courier")))
    assert len({number for number, _ in picked}) == len(picked), "lines of two sheets are distinct"
    assert picked[2][1] == ("777", "")


def test_a_sheet_with_few_recognised_columns_is_reported_as_skipped(tmp_path: Path) -> None:
    full = [["AWB", "Reference", "Order ID", "Courier", "Status"], ["1", "R", "O", "4", "5"]]
    table, rows = read(tmp_path, workbook({"Data": full, "Look-up": [["AWB", "City"], ["9", "Pune"]]}))
    assert ids(rows) == ["1"]
    assert "skipped sheet Look-up: few of its columns are recognised" in table.notes


def test_a_hidden_sheet_is_read_if_no_other_is_recognised(tmp_path: Path) -> None:
    table, rows = read(tmp_path, workbook({"Cover": [["x"]], "Data": ROWS}, hidden=["Data"]))
    assert ids(rows)[0] == "00125"
    assert table.notes[0] == "read from hidden sheet Data"


def test_without_a_recognised_sheet_the_columns_of_each_are_listed(tmp_path: Path) -> None:
    with pytest.raises(TableUnreadable, match=r"Columns found: sheet A: Name, City; sheet B: Total"):
        read(tmp_path, workbook({"A": [["Name", "City"]], "B": [["Total"]]}))


def test_a_table_that_begins_below_the_first_cell_keeps_its_line_numbers(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet["C5"], sheet["D5"], sheet["C6"], sheet["D6"], sheet["C8"] = "AWB", "Ref No", "=A1", "R-1", "77"
    file = io.BytesIO()
    book.save(file)
    _, rows = read(tmp_path, file.getvalue())
    assert [row.line for row in rows] == [6, 8]
    with pytest.raises(CellDamaged, match=r"^line 6, column AWB: a formula"):
        rows[0].id("waybill")


def zipped(**parts: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), text)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (zipped(xl__workbook_dot_bin=""), "binary workbook .*xlsb.* save it as .xlsx or .csv"),
        (zipped(report_dot_csv="awb\n1\n"), "unpack it"),
        (zipped(xl__workbook_dot_xml="<workbook/>"), "the spreadsheet cannot be read"),
        (zipped(content_dot_xml="<office/>"), "the spreadsheet cannot be read"),
        (xlsx(), "is empty"),
    ],
)
def test_the_error_of_an_unreadable_spreadsheet_states_what_to_do(tmp_path: Path, data: bytes, problem: str) -> None:
    with pytest.raises(TableUnreadable, match=problem):
        read(tmp_path, data)


def test_a_distant_cell_is_refused_before_it_exhausts_memory(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet["A1"], sheet["XFD1048576"] = "AWB", "x"
    file = io.BytesIO()
    book.save(file)
    with pytest.raises(TableUnreadable, match="delete the empty rows and columns"):
        read(tmp_path, file.getvalue())


FORMULA = 'of:="001"&"25"'
OWN_CELLS = (
    (ods_cell(formula=FORMULA), "never calculated"),
    (ods_cell(formula=FORMULA, valuetype="string"), "never calculated"),
    (ods_cell(formula="of:=1+1", valuetype="float"), "never calculated"),
    (ods_cell("00125", formula=FORMULA, valuetype="string"), ""),
    (ods_cell("2", formula="of:=1+1", valuetype="float", value="2"), ""),
    (ods_cell(formula=FORMULA, valuetype="string", stringvalue=""), ""),
    (ods_cell("#REF!", formula="of:=[.#REF!]", valuetype="string", stringvalue=""), "error"),
    (ods_cell("Err:502", formula="of:=A(", valuetype="float", value="0"), "error"),
    (ods_cell("#1 of 2"), ""),
)


@pytest.mark.parametrize("before", [0, 3])
def test_formulas_of_an_ods_are_values_uncalculated_or_errors(tmp_path: Path, before: int) -> None:
    head = [ods_cell("AWB"), ods_cell("Reference"), ods_cell("Status")]
    rows = [[ods_cell(numbercolumnsrepeated=1), ods_cell(f"R-{n}"), cell] for n, (cell, _) in enumerate(OWN_CELLS)]
    _, read_rows = read(tmp_path, ods(head, *rows, before=before))
    assert ids(read_rows, "reference_number") == [f"R-{n}" for n in range(len(OWN_CELLS))]
    for row, (_, problem) in zip(read_rows, OWN_CELLS, strict=True):
        if problem:
            with pytest.raises(CellDamaged, match=rf"^line {row.line}, column Status: a formula.*{problem}"):
                row.text("status")
        else:
            row.text("status")


def test_repeated_formulas_of_an_ods_are_found_in_every_cell(tmp_path: Path) -> None:
    head = [ods_cell("Note"), ods_cell("AWB"), ods_cell("Reference")]
    row = [ods_cell("x"), ods_cell(formula=FORMULA, numbercolumnsrepeated=2)]
    _, (found,) = read(tmp_path, ods(head, row))
    for meaning in ("waybill", "reference_number"):
        with pytest.raises(CellDamaged, match="never calculated"):
            found.id(meaning)


def xls_of_formulas(*formulas: str) -> bytes:
    book = xlwt.Workbook()
    book.add_sheet("Cover").write(0, 0, "Report")
    sheet = book.add_sheet("Data")
    for column, title in enumerate(("AWB", "Reference")):
        sheet.write(0, column, title)
    for row, formula in enumerate(formulas, start=1):
        sheet.write(row, 0, xlwt.Formula(formula))
        sheet.write(row, 1, f"R-{row}")
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def test_formulas_of_an_xls_written_by_a_library_are_errors(tmp_path: Path) -> None:
    _, rows = read(tmp_path, xls_of_formulas('CONCATENATE("001";"25")', "1+1"))
    assert ids(rows, "reference_number") == ["R-1", "R-2"]
    for row in rows:
        with pytest.raises(CellDamaged, match=rf"^line {row.line}, column AWB: a formula that was never calculated"):
            row.id("waybill")


def test_a_calculated_formula_of_an_xls_has_its_value(tmp_path: Path) -> None:
    data = xls_of_formulas('CONCATENATE("001";"25")', "1+1")
    place = data.rindex(b"\x03\x00\x00\x00\x00\x00\xff\xff")
    _, rows = read(tmp_path, data[:place] + struct.pack("<d", 2.0) + data[place + 8 :])
    assert rows[1].id("waybill") == "2"
    with pytest.raises(CellDamaged, match="never calculated"):
        rows[0].id("waybill")


def with_summary(data: bytes) -> bytes:
    """The same XLS with the (empty) summary that a spreadsheet program leaves: a free entry of the directory has it."""
    root = data.index("Root Entry".encode("utf-16-le"))
    name = "\x05SummaryInformation\x00".encode("utf-16-le")
    siblings = struct.pack("<LLL", *[0xFFFFFFFF] * 3)
    entry = name.ljust(64, b"\0") + struct.pack("<HBB", len(name), 2, 1) + siblings + bytes(36)
    entry += struct.pack("<LQ", 0xFFFFFFFE, 0)
    book = root + 128
    beside = data[book : book + 68] + struct.pack("<L", 2) + data[book + 72 : book + 128]
    return data[:book] + beside + entry + data[book + 256 :]


def test_values_of_an_xls_saved_by_a_spreadsheet_program_are_trusted(tmp_path: Path) -> None:
    data = xls_of_formulas('CONCATENATE("001";"25")')
    _, rows = read(tmp_path, with_summary(data))
    assert rows[0].id("waybill") == ""
    assert rows[0].id("reference_number") == "R-1"
