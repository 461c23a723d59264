"""Exports a list of shipments as CSV or XLSX, page by page, so that its length does not matter."""

from __future__ import annotations

import asyncio
import csv
import io
import os
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from awbridge.domain.customer_page.links import NO_LINKS, TrackLinks
from awbridge.domain.errors import NotPossible
from awbridge.domain.orders.listing import Listing
from awbridge.domain.orders.shipment import Shipment
from awbridge.domain.sheet import LONGEST_CELL, cell
from awbridge.domain.tracking.overdue import DEFAULT_STUCK_AFTER, StuckAfter
from awbridge.private_files import touch_private
from awbridge.steps.orders.listing import read_page
from awbridge.steps.orders.shipment_columns import COLUMNS, SHOWN, Showing, values
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store

PAGE = 500  # shipments read at once
MOST_ROWS = 1_048_575  # of a worksheet, without its heading
CSV_TYPE = "text/csv; charset=utf-8"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What to export. Times are local to `zone`, with its offset."""

    listing: Listing
    zone: ZoneInfo
    columns: Sequence[str] = SHOWN
    stuck_after: StuckAfter = field(default=DEFAULT_STUCK_AFTER)
    links: TrackLinks = NO_LINKS

    @property
    def titles(self) -> list[str]:
        """The titles of its columns."""
        return [COLUMNS[name].title for name in self.columns]

    def rows(self, shipments: Sequence[Shipment]) -> list[list[str | int]]:
        """These shipments in its columns."""
        how = Showing(zone=self.zone, links=self.links)
        return [values(shipment, self.columns, how) for shipment in shipments]


async def pages(store: Store, clock: Clock, wanted: Export) -> AsyncGenerator[Sequence[Shipment]]:
    """Every shipment of the list, a page in each read. Between two pages the list may change."""
    after, now = None, clock()
    while True:
        async with store.read() as session:
            page = await read_page(session, wanted.listing, wanted.stuck_after, now=now, after=after, limit=PAGE)
        if page.shipments:
            yield page.shipments
        if page.end is None:
            return
        after = page.end


async def csv_lines(store: Store, clock: Clock, wanted: Export) -> AsyncGenerator[bytes]:
    """The list as CSV: quoted, with a byte-order mark for spreadsheets. No cell starts a formula."""
    yield b"\xef\xbb\xbf" + _csv([wanted.titles])
    async with aclosing(pages(store, clock, wanted)) as found:
        async for page in found:
            yield _csv(wanted.rows(page))


def _csv(rows: Sequence[Sequence[str | int]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerows([cell(value) for value in row] for row in rows)
    return out.getvalue().encode(errors="replace")


async def xlsx_file(store: Store, clock: Clock, wanted: Export) -> Path:
    """The list as a spreadsheet in a temporary file, which the caller deletes.

    Raises NotPossible where XlsxWriter is missing, or with more rows than a worksheet has.
    """
    check_xlsx()
    handle, name = await asyncio.to_thread(tempfile.mkstemp, suffix=".xlsx", prefix="awbridge-")
    os.close(handle)
    path = Path(name)
    try:
        await write_xlsx(store, clock, wanted, path)
    except BaseException:
        await asyncio.to_thread(path.unlink, missing_ok=True)
        raise
    return path


async def write_xlsx(store: Store, clock: Clock, wanted: Export, path: Path) -> int:
    """Write the list as a spreadsheet, row by row; how many shipments. Raises as `xlsx_file`.

    Text stays text: AWBs and pincodes keep their zeros, and no cell is a formula.
    """
    await asyncio.to_thread(touch_private, path)
    sheet = await asyncio.to_thread(_Workbook, path, wanted.titles)
    try:
        async with aclosing(pages(store, clock, wanted)) as found:
            async for page in found:
                await asyncio.to_thread(sheet.add, wanted.rows(page))
    finally:
        await asyncio.to_thread(sheet.close)
    return sheet.written


def check_xlsx() -> None:
    """Raises NotPossible where XlsxWriter is missing."""
    if find_spec("xlsxwriter") is None:
        raise NotPossible("spreadsheets need XlsxWriter: pip install 'awbridge[xlsx]', or export as CSV")


class _Workbook:
    """A spreadsheet with one worksheet, of which only the current row is in memory."""

    def __init__(self, path: Path, titles: Sequence[str]) -> None:
        check_xlsx()
        import xlsxwriter

        self._book: Any = xlsxwriter.Workbook(str(path), {"constant_memory": True, "tmpdir": str(path.parent)})
        self._sheet: Any = self._book.add_worksheet("Shipments")
        bold = self._book.add_format({"bold": True})
        self._sheet.freeze_panes(1, 0)
        self._sheet.set_column(0, len(titles) - 1, 22)
        for column, title in enumerate(titles):
            self._sheet.write_string(0, column, title, bold)
        self.written = 0

    def add(self, rows: Sequence[Sequence[str | int]]) -> None:
        if self.written + len(rows) > MOST_ROWS:
            raise NotPossible(f"a worksheet has at most {MOST_ROWS:,} rows: filter the list, or export it as CSV")
        for row in rows:
            self.written += 1
            for column, value in enumerate(row):
                if isinstance(value, int):
                    self._sheet.write_number(self.written, column, value)
                elif value:
                    self._sheet.write_string(self.written, column, value[:LONGEST_CELL])

    def close(self) -> None:
        self._book.close()
