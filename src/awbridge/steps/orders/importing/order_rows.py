"""Reads orders from the rows of a table: one row for each item; rows of one reference_number make one shipment.

The table is read twice. The rows of an order may be apart, and only such orders are kept in memory.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from awbridge.clickpost.orders.columns import add_item, first_clash, order_from_row, place_in_table, read_cell
from awbridge.domain.errors import CellDamaged
from awbridge.tables.cells import MOST_DIGITS
from awbridge.tables.table import Row, Table

ROUNDED_TOGETHER = (
    f"ends in zeros after its {MOST_DIGITS}th digit, as all do that are so long: a spreadsheet has rounded them; "
    "export the column as text"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOrder:
    """One order of a file, and the line it starts at (1 is the first; for JSON lists, the place in the list)."""

    line: int
    order: Any
    sheet: str = ""  # where several are read
    titles: Mapping[str, str] = field(default_factory=dict[str, str])  # column -> what the table calls it
    item_lines: list[int] = field(default_factory=list[int])  # the line of each item after the first

    def bad(self, reference: str, path: str, problem: str) -> BadRow:
        """What is wrong with a field of the payload, at the line and column that it came from."""
        item, title = place_in_table(path, self.titles)
        line = self.item_lines[item - 1] if 0 < item <= len(self.item_lines) else self.line
        return BadRow(
            line=line, reference_number=reference, field=path, column=title, problem=problem, sheet=self.sheet
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRow:
    """A refused row. `column` is the title in the table, where it differs from `field`."""

    line: int
    reference_number: str
    field: str
    problem: str
    column: str = ""
    sheet: str = ""  # where several are read


@dataclass(slots=True)
class Overview:
    """What a first pass saw: how many rows and orders; those (by hash) whose rows stand apart; and whether every long
    reference number ends in zeros, as numbers do that a spreadsheet has rounded to 15 digits."""

    rows: int = 0
    orders: int = 0
    apart: set[int] = field(default_factory=set[int])
    are_rounded: bool = False


def look_over(table: Table) -> Overview:
    """The first pass. Raises TableUnreadable for a damaged text, before any order is stored."""
    found = Overview()
    seen = array("q")  # a set of a million takes ten times the memory
    long: set[str] = set()
    are_whole = False
    last = ""
    for row in table.rows():
        found.rows += 1
        reference = _reference(row)
        if not reference:
            continue
        if reference != last:
            seen.append(hash(reference))
        last = reference
        if _is_long(reference):
            are_whole = are_whole or not _ends_in_zeros(reference)
            if len(long) < 2:
                long.add(reference)
    in_order = sorted(seen)
    found.apart = {key for key, following in pairwise(in_order) if key == following}
    found.orders = len(in_order) - sum(key == following for key, following in pairwise(in_order))
    found.are_rounded = len(long) > 1 and not are_whole
    return found


def _is_long(reference: str) -> bool:
    return len(reference) > MOST_DIGITS and reference.isdecimal()


def _ends_in_zeros(reference: str) -> bool:
    return not reference[MOST_DIGITS:].strip("0")


def _reference(row: Row) -> str:
    try:
        return row.id("reference_number")
    except CellDamaged:
        return ""


def orders_of(table: Table, seen: Overview) -> Iterator[ReadOrder | BadRow]:
    """The second pass: each order once all its rows are read, and the refused rows.

    An order with a refused row is left out completely: a partial order would ship too few items.
    """
    grouping = _Grouping(table, seen)
    for row in table.rows():
        yield from grouping.take(row)
    yield from grouping.finish()


@dataclass(slots=True)
class _Grouping:
    table: Table
    seen: Overview
    current: str = ""  # the reference number of the rows before
    held: dict[str, ReadOrder] = field(default_factory=dict[str, ReadOrder])
    left_out: set[str] = field(default_factory=set[str])

    def take(self, row: Row) -> Iterator[ReadOrder | BadRow]:
        reference = _reference(row)
        if reference and reference != self.current:
            yield from self._done(self.current)
        cells, bad = self._cells(row, reference)
        if not reference and not bad:
            bad = [self._without_reference(row, cells)]
        if bad:
            yield from bad
            self.left_out.add(reference or (self.current if _is_item(cells) else ""))
        else:
            yield from self._add(row, reference, cells)
        self.current = reference or self.current

    def _cells(self, row: Row, reference: str) -> tuple[dict[str, str], list[BadRow]]:
        """What the row says, by column; and what of it cannot be taken."""
        cells: dict[str, str] = {}
        bad: list[BadRow] = []
        for column, value in row.cells.items():
            try:
                if text := read_cell(column, value):
                    cells[column] = text
            except CellDamaged as problem:
                bad.append(_bad(row, reference, row.titles[column], str(problem)))
        if row.width_problem:
            bad = [_bad(row, reference, "", row.width_problem)]
        elif self.seen.are_rounded and _is_long(reference):
            bad.append(_bad(row, reference, row.titles["reference_number"], ROUNDED_TOGETHER))
        return cells, bad

    def _without_reference(self, row: Row, cells: dict[str, str]) -> BadRow:
        text = "is empty"
        if self.current and _is_item(cells):
            text += f"; an item of {self.current}? Name the order on each of its rows; the shipment is left out"
        return _bad(row, "", row.titles["reference_number"], text)

    def _add(self, row: Row, reference: str, cells: dict[str, str]) -> Iterator[BadRow]:
        first = self.held.get(reference)
        if first is None:
            order = order_from_row(cells)
            self.held[reference] = ReadOrder(line=row.line, order=order, sheet=row.sheet, titles=row.titles)
        elif first.sheet != row.sheet:
            text = f"is in sheet {first.sheet} as well; the shipment is skipped"
            yield self._contradicts(row, reference, "reference_number", text)
        elif clash := first_clash(first.order, cells):
            text = f"differs from line {first.line} of the same reference_number; the shipment is left out"
            yield self._contradicts(row, reference, clash, text)
        else:
            add_item(first.order, cells)
            first.item_lines.append(row.line)

    def _contradicts(self, row: Row, reference: str, column: str, text: str) -> BadRow:
        self.left_out.add(reference)
        return _bad(row, reference, row.titles[column], text)

    def _done(self, reference: str) -> Iterator[ReadOrder]:
        """Hand out an order whose rows were all read."""
        if hash(reference) in self.seen.apart:
            return
        order = self.held.pop(reference, None)
        if order and reference not in self.left_out:
            yield order
        self.left_out.discard(reference)

    def finish(self) -> Iterator[ReadOrder]:
        yield from (order for reference, order in self.held.items() if reference not in self.left_out)


def _is_item(cells: dict[str, str]) -> bool:
    """Whether a row says something of an item alone."""
    return bool(cells) and all(column.startswith(("item_", "item.")) for column in cells)


def _bad(row: Row, reference: str, column: str, problem: str) -> BadRow:
    return BadRow(
        line=row.line, reference_number=reference, field=column, problem=problem, column=column, sheet=row.sheet
    )
