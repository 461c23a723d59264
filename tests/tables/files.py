"""Files as real programs write them, and a table that reads them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl

from awbridge.clickpost.reports.report_columns import COURIER, ORDER, REFERENCE, STATUS, WAYBILL
from awbridge.tables.header import layout_by_names
from awbridge.tables.table import Row, Table, open_table

MEANINGS = {"waybill": WAYBILL, "reference_number": REFERENCE, "order_id": ORDER, "courier": COURIER, "status": STATUS}
LAYOUT = layout_by_names(MEANINGS, ("waybill", "reference_number"))


def read(folder: Path, data: bytes, name: str = "report") -> tuple[Table, list[Row]]:
    """The table in these bytes, and its rows."""
    path = folder / name
    path.write_bytes(data)
    table = open_table(path, name, LAYOUT)
    return table, list(table.rows())


def ids(rows: Sequence[Row], meaning: str = "waybill") -> list[str]:
    """One identifier of each row."""
    return [row.id(meaning) for row in rows]


def xlsx(*rows: Sequence[Any]) -> bytes:
    """A workbook of one sheet, as openpyxl writes it."""
    return workbook({"Sheet": rows})


def workbook(sheets: dict[str, Sequence[Sequence[Any]]], hidden: Sequence[str] = ()) -> bytes:
    """A workbook as openpyxl writes it."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        sheet.sheet_state = "hidden" if name in hidden else "visible"
        for row in rows:
            sheet.append(list(row))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()
