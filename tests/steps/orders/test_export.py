"""An export is the whole list, page by page; nothing in it is a formula, and numbers that are names stay text."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from awbridge.domain.errors import NotPossible
from awbridge.domain.orders.listing import Listing
from awbridge.steps.orders import export
from awbridge.steps.orders.export import Export, check_xlsx, csv_lines, write_xlsx
from awbridge.steps.orders.shipment_columns import COLUMNS, SHOWN, read_columns
from awbridge.store import Store
from tests.support.rows import T0, add, place
from tests.support.world import SetClock, an_order

INDIA = ZoneInfo("Asia/Kolkata")
EVERY = tuple(COLUMNS)
HOSTILE = "=HYPERLINK('x')"


async def fill(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five shipments; the newest has a hostile order id, an AWB and a pincode that begin with a zero."""
    monkeypatch.setattr(export, "PAGE", 2)
    for n in range(4):
        await add(store, f"R-{n}", now=T0)
    payload = an_order("R-9")
    payload["drop_info"]["drop_pincode"] = "010001"
    await add(store, "R-9", order_id=HOSTILE, payload=payload, now=T0 + (T0 - T0.replace(hour=0)))
    await place(store, "R-9", "0012345")


async def test_a_csv_has_every_row_once_and_no_formula(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    await fill(store, monkeypatch)
    wanted = Export(listing=Listing(), zone=INDIA, columns=EVERY)
    text = b"".join([chunk async for chunk in csv_lines(store, SetClock(), wanted)]).decode()
    assert text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert [row["Reference"] for row in rows] == ["R-9", "R-3", "R-2", "R-1", "R-0"]
    assert (rows[0]["Order"], rows[0]["AWB"], rows[0]["Pincode"]) == (f"'{HOSTILE}", "0012345", "010001")
    assert rows[1]["Received"] == "2026-11-02T12:00:00+05:30"
    assert '"0012345"' in text


async def test_a_spreadsheet_keeps_text_as_text(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await fill(store, monkeypatch)
    wanted = Export(listing=Listing(), zone=INDIA, columns=read_columns("order,awb,pincode,retries"))
    assert await write_xlsx(store, SetClock(), wanted, tmp_path / "x.xlsx") == 5
    sheet: Any = openpyxl.load_workbook(tmp_path / "x.xlsx").active
    cells = [[(cell.value, cell.data_type) for cell in row] for row in sheet.iter_rows(min_row=1, max_row=2)]
    assert [value for value, _ in cells[0]] == ["Reference", "Order", "AWB", "Pincode", "Retries"]
    assert cells[1] == [("R-9", "s"), (HOSTILE, "s"), ("0012345", "s"), ("010001", "s"), (0, "n")]
    assert sheet.max_row == 6


async def test_a_worksheet_that_is_full_is_refused(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(store, monkeypatch)
    monkeypatch.setattr(export, "MOST_ROWS", 4)
    with pytest.raises(NotPossible, match="at most 4 rows"):
        await write_xlsx(store, SetClock(), Export(listing=Listing(), zone=INDIA), tmp_path / "x.xlsx")


def test_without_xlsxwriter_the_text_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(NotPossible, match=r"awbridge\[xlsx\]"):
        check_xlsx()


def test_columns_are_in_their_own_order_and_begin_with_the_reference() -> None:
    assert read_columns("edd, awb") == ("reference", "awb", "edd")
    assert read_columns("") == SHOWN
    with pytest.raises(ValueError, match="state"):
        read_columns("stat")
