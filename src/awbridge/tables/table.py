"""A file as a table: its columns by what they mean, its rows one by one, and what was left out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

from awbridge.domain.errors import CellDamaged, TableUnreadable
from awbridge.tables.cells import read_id, read_text, title_of
from awbridge.tables.delimited import find_dialect, read_lines
from awbridge.tables.header import HEADER_WITHIN, Header, HeaderLayout, find_header, is_total
from awbridge.tables.workbooks import Sheet, is_book, read_sheets

SHEET_LINES = 10_000_000  # lines of several sheets are told apart by this; a sheet has 1,048,576 at most
LONGEST_LIST = 300  # characters of a list of columns in a message

_MAY_BE_TOTAL = frozenset(" \t\u00a0TtGgSs*#'`\"\ufeff\u200b\u200e")

Lines = Iterator[tuple[int, list[Any]]]


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `line` is where it stands in its sheet (1 is the first); `sheet` is "" where only one is read.

    `cells` are raw, by meaning.
    """

    line: int
    sheet: str
    cells: Mapping[str, Any] = field(repr=False)
    titles: Mapping[str, str] = field(repr=False)
    width_problem: str = ""  # how its number of cells contradicts the header's

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return _place(self.sheet, self.line)

    def id(self, meaning: str) -> str:
        """An identifier, a phone number or a pincode; "" where there is none. Raises CellDamaged, which says where."""
        return self.read(meaning, read_id)

    def text(self, meaning: str) -> str:
        """A cell as text; "" where there is none. Raises CellDamaged, which says where."""
        return self.read(meaning, read_text)

    def read(self, meaning: str, read: Callable[[Any], str]) -> str:
        """A cell by a reader of cells. Raises CellDamaged, which says where."""
        try:
            return read(self.cells.get(meaning))
        except CellDamaged as problem:
            raise CellDamaged(f"{self.place}, column {self.titles[meaning]}: {problem}") from None


def _place(sheet: str, line: int) -> str:
    return f"sheet {sheet}, line {line}" if sheet else f"line {line}"


@dataclass(frozen=True, slots=True)
class _Part:
    """A sheet, or the whole of a text."""

    sheet: str
    header: Header
    lines: Callable[[], Lines] = field(repr=False)  # those below the header, anew with each call

    @property
    def titles(self) -> dict[str, str]:
        return {meaning: self.header.titles[place] for meaning, place in self.header.columns.items()}


@dataclass(slots=True)
class Table:
    """A table as it was understood. `notes` are for whoever brought it; `totals` names rows that sum up others, once
    they were passed."""

    name: str
    parts: Sequence[_Part] = field(repr=False)
    layout: HeaderLayout = field(repr=False)
    notes: list[str]

    @property
    def understood(self) -> dict[str, str]:
        """What is understood -> the column's own name."""
        titles: dict[str, str] = {}
        for part in self.parts:
            titles = part.titles | titles
        return titles

    @property
    def all_notes(self) -> list[str]:
        """The notes, and the columns that mean nothing here."""
        unknown_columns = ", ".join(self.unknown_columns)
        return [*self.notes, *([f"columns not understood: {unknown_columns}"] if unknown_columns else [])]

    @property
    def unknown_columns(self) -> list[str]:
        """The columns that mean nothing here."""
        return list(dict.fromkeys(title for part in self.parts for title in part.header.unknown_titles))

    def place(self, number: int) -> str:
        """Where a row stands, for people."""
        part, line = divmod(number, SHEET_LINES) if len(self.parts) > 1 else (0, number)  # a text may be longer
        return _place(self._sheet(part), line)

    def _sheet(self, part: int) -> str:
        return self.parts[part].sheet if len(self.parts) > 1 else ""

    def rows(self) -> Iterator[Row]:
        """The rows, again with each call. Blank rows, totals and repeated headers are left out."""
        for place, part in enumerate(self.parts):
            width, titles, columns = len(part.header.titles), part.titles, part.header.columns
            for line, cells in self._lines(place, part):
                found = {meaning: cells[c] for meaning, c in columns.items() if c < len(cells)}
                uneven = len(cells) != width  # also by an empty cell: the ones before it may have moved
                told = f"{len(cells)} cells, but the header names {width} columns" if uneven else ""
                yield Row(line, self._sheet(place), found, titles, told)

    def pick(self, meanings: Sequence[str]) -> Iterator[tuple[int, Sequence[Any]]]:
        """The number of each row and its raw cells in the order of `meanings`, "" for a column that is not there."""
        for place, part in enumerate(self.parts):
            places = [part.header.columns.get(meaning) for meaning in meanings]
            width = 1 + max((c for c in places if c is not None), default=0)
            choose = itemgetter(*(-1 if c is None else c for c in places))
            offset = place * SHEET_LINES
            for line, cells in self._lines(place, part):
                cells.extend([""] * max(width - len(cells) + 1, 1))  # the last is for columns that are not there
                yield offset + line, choose(cells)

    def _lines(self, place: int, part: _Part) -> Lines:
        names = part.header.rows[-1]
        first = names[0]
        for line, cells in part.lines():
            start = cells[0]
            if start == first and cells == names:
                self._left_out("a repeated header", place, line)
            elif (not start or (isinstance(start, str) and start[0] in _MAY_BE_TOTAL)) and _is_aside(cells):
                if is_total(cells):
                    self._left_out("a row of totals", place, line)
            else:
                yield line, cells

    def _left_out(self, what: str, place: int, line: int) -> None:
        note = f"left out {what}: {self.place(place * SHEET_LINES + line)}"
        if note not in self.notes and len(self.notes) < 50:
            self.notes.append(note)


def _is_aside(cells: list[Any]) -> bool:
    """Whether a row is no row: blank, or a sum of others."""
    return is_total(cells) or all(isinstance(cell, str) and not cell.strip() for cell in cells)


@dataclass(frozen=True, slots=True)
class _Strange:
    """A sheet whose columns are not what was looked for. `knows_some`: not even one of them is (False)."""

    sheet: str
    titles: Sequence[str]
    knows_some: bool


def open_table(path: Path, name: str, layout: HeaderLayout) -> Table:
    """A table out of a file on this disk; its kind is told by its bytes. `name` is what the file is called.

    Text is read line by line as the rows are iterated, and may raise then too. Raises TableUnreadable for what is no
    table, and where no column is understood; the text names the columns that were found.
    """
    if is_book(path, name):
        return _from_book(name, read_sheets(path, name), layout)
    if not path.stat().st_size:
        raise TableUnreadable(f"{name}: is empty")
    dialect = find_dialect(path, name, layout)
    told = [] if dialect.is_plain else [str(dialect)]
    part = _part("", lambda: read_lines(path, name, dialect), layout)
    if isinstance(part, _Part):
        return Table(name, [part], layout, told)
    raise TableUnreadable(_not_understood(name, [part], layout, told))


def _from_book(name: str, sheets: Sequence[Sheet], layout: HeaderLayout) -> Table:
    """The visible sheets whose columns are understood; where there are none, the hidden ones."""
    if not sheets:
        raise TableUnreadable(f"{name}: is empty")
    found = [(sheet, _part(sheet.name, sheet.rows, layout)) for sheet in sheets]
    known = [(sheet, part) for sheet, part in found if isinstance(part, _Part)]
    strange = [part for _, part in found if isinstance(part, _Strange)]
    if not known:
        raise TableUnreadable(_not_understood(name, strange, layout, []))
    is_hidden = known[0][0].is_hidden
    alike = [(sheet, part) for sheet, part in known if sheet.is_hidden is is_hidden]
    most = max(len(part.header.columns) for _, part in alike)
    taken = [part for _, part in alike if 2 * len(part.header.columns) >= most]
    told = [f"read from {'hidden ' if is_hidden else ''}sheet {part.sheet}" for part in taken]
    told += [f"left out sheet {s.name}: it is hidden" for s, _ in known if s.is_hidden is not is_hidden]
    told += [f"left out sheet {p.sheet}: few of its columns are understood" for _, p in alike if p not in taken]
    told += [f"left out sheet {one.sheet}: its columns are not understood" for one in strange]
    return Table(name, taken, layout, told if is_hidden or len(sheets) > 1 else [])


def _part(sheet: str, read: Callable[[], Lines], layout: HeaderLayout) -> _Part | _Strange:
    head = list(islice(read(), HEADER_WITHIN))
    header = find_header([cells for _, cells in head], layout)
    if header is None or not any(need in header.columns for need in layout.needs):
        titles = header.titles if header else [title_of(cell) for cell in (head[0][1] if head else [])]
        return _Strange(sheet, [title for title in titles if title], header is not None)
    last = header.last
    while last + 1 < len(head) and header.is_again(head[last + 1][1], layout):
        last += 1
    return _Part(sheet, header, lambda: islice(read(), last + 1, None))


def _not_understood(name: str, found: Sequence[_Strange], layout: HeaderLayout, told: Sequence[str]) -> str:
    has = "; ".join(
        (f"sheet {one.sheet}: " if len(found) > 1 else "") + (", ".join(one.titles) or "nothing") for one in found
    )
    lacks = f"holds {' or '.join(layout.needs).replace('_', ' ')}"
    what = lacks if any(one.knows_some for one in found) else "is understood"
    how = f" ({'; '.join(told)})" if told else ""
    return f"{name}: no column {what}. It has: {has[:LONGEST_LIST]}{how}. {layout.hint}"
