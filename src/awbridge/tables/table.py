"""A file as a table: its columns by meaning, its rows, and notes on what was skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awbridge.domain.errors import CellDamaged, TableUnreadable
from awbridge.tables.cells import read_id, read_text, title_of
from awbridge.tables.delimited import find_dialect, read_lines
from awbridge.tables.header import HEADER_WITHIN, Header, HeaderLayout, find_header, is_total

if TYPE_CHECKING:
    from awbridge.tables.workbooks import Sheet

SHEET_LINES = 10_000_000  # offset between the line numbers of two sheets; a sheet has at most 1,048,576
LONGEST_LIST = 300  # characters of the list of columns in an error

_MAY_BE_TOTAL = frozenset(" \t\u00a0TtGgSs*#'`\"\ufeff\u200b\u200e")

Lines = Iterator[tuple[int, list[Any]]]


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `line` is its number in the sheet (from 1); `sheet` is "" if only one sheet is read.

    `cells` are raw values by meaning.
    """

    line: int
    sheet: str
    cells: Mapping[str, Any] = field(repr=False)
    titles: Mapping[str, str] = field(repr=False)
    width_problem: str = ""  # set if the number of cells differs from the header's

    @property
    def place(self) -> str:
        """Sheet and line, for people."""
        return _place(self.sheet, self.line)

    def id(self, meaning: str) -> str:
        """An identifier, a phone number or a pincode; "" if there is none. Raises CellDamaged with the cell's place."""
        return self.read(meaning, read_id)

    def text(self, meaning: str) -> str:
        """A cell as text; "" if there is none. Raises CellDamaged with the cell's place."""
        return self.read(meaning, read_text)

    def read(self, meaning: str, read: Callable[[Any], str]) -> str:
        """A cell, read by `read`. Raises CellDamaged with the cell's place."""
        try:
            return read(self.cells.get(meaning))
        except CellDamaged as problem:
            raise CellDamaged(f"{self.place}, column {self.titles[meaning]}: {problem}") from None


def _place(sheet: str, line: int) -> str:
    return f"sheet {sheet}, line {line}" if sheet else f"line {line}"


@dataclass(frozen=True, slots=True)
class _Part:
    """A sheet, or the whole of a delimited text."""

    sheet: str
    header: Header
    lines: Callable[[], Lines] = field(repr=False)  # those below the header, from the start with each call

    @property
    def titles(self) -> dict[str, str]:
        return {meaning: self.header.titles[index] for meaning, index in self.header.columns.items()}


@dataclass(slots=True)
class Table:
    """A table. `notes` say, for people, how it was read and what was skipped; iterating the rows adds some."""

    name: str
    parts: Sequence[_Part] = field(repr=False)
    layout: HeaderLayout = field(repr=False)
    notes: list[str]

    @property
    def understood(self) -> dict[str, str]:
        """Meaning -> title of its column."""
        titles: dict[str, str] = {}
        for part in self.parts:
            titles = part.titles | titles
        return titles

    @property
    def all_notes(self) -> list[str]:
        """The notes, and the columns that are not recognised."""
        unknown = ", ".join(self.unknown_columns)
        return [*self.notes, *([f"columns not understood: {unknown}"] if unknown else [])]

    @property
    def unknown_columns(self) -> list[str]:
        return list(dict.fromkeys(title for part in self.parts for title in part.header.unknown_titles))

    def place(self, number: int) -> str:
        """Sheet and line of a row, for people."""
        part, line = divmod(number, SHEET_LINES) if len(self.parts) > 1 else (0, number)  # text may have more lines
        return _place(self._sheet(part), line)

    def _sheet(self, part: int) -> str:
        return self.parts[part].sheet if len(self.parts) > 1 else ""

    def rows(self) -> Iterator[Row]:
        """The rows, from the start with each call. Blank rows, totals and repeated headers are skipped."""
        for index, part in enumerate(self.parts):
            width, titles, columns = len(part.header.titles), part.titles, part.header.columns
            for line, cells in self._lines(index, part):
                found = {meaning: cells[c] for meaning, c in columns.items() if c < len(cells)}
                uneven = len(cells) != width  # even by an empty cell: those before it may have moved
                problem = f"{len(cells)} cells, but the header names {width} columns" if uneven else ""
                yield Row(line, self._sheet(index), found, titles, problem)

    def pick(self, meanings: Sequence[str]) -> Iterator[tuple[int, Sequence[Any]]]:
        """The number of each row and its raw cells in the order of `meanings`; "" for a missing column."""
        for index, part in enumerate(self.parts):
            places = [part.header.columns.get(meaning) for meaning in meanings]
            width = 1 + max((c for c in places if c is not None), default=0)
            choose = itemgetter(*(-1 if c is None else c for c in places))
            offset = index * SHEET_LINES
            for line, cells in self._lines(index, part):
                cells.extend([""] * max(width - len(cells) + 1, 1))  # the last one serves missing columns
                yield offset + line, choose(cells)

    def _lines(self, index: int, part: _Part) -> Lines:
        names = part.header.rows[-1]
        first = names[0]
        for line, cells in part.lines():
            start = cells[0]
            if start == first and cells == names:
                self._note_skipped("a repeated header", index, line)
            elif (not start or (isinstance(start, str) and start[0] in _MAY_BE_TOTAL)) and _is_skipped(cells):
                if is_total(cells):
                    self._note_skipped("a row of totals", index, line)
            else:
                yield line, cells

    def _note_skipped(self, what: str, index: int, line: int) -> None:
        note = f"skipped {what}: {self.place(index * SHEET_LINES + line)}"
        if note not in self.notes and len(self.notes) < 50:
            self.notes.append(note)


def _is_skipped(cells: list[Any]) -> bool:
    """Whether a row is blank or sums up others."""
    return is_total(cells) or all(isinstance(cell, str) and not cell.strip() for cell in cells)


@dataclass(frozen=True, slots=True)
class _UnknownSheet:
    """A sheet without any of the needed columns. `knows_some`: whether other columns are recognised."""

    sheet: str
    titles: Sequence[str]
    knows_some: bool


def open_table(path: Path, name: str, layout: HeaderLayout) -> Table:
    """Open a local file as a table. Its content decides the format; `name` is the file name in messages.

    Raises TableUnreadable if it is not a table, or if no column is recognised: the text lists the columns found. Text
    is read as the rows are iterated, which may raise TableUnreadable too.
    """
    from awbridge.tables.workbooks import is_book, read_sheets  # the service reads tables rarely

    if is_book(path, name):
        return _table_of_sheets(name, read_sheets(path, name), layout)
    if not path.stat().st_size:
        raise TableUnreadable(f"{name}: the file is empty")
    dialect = find_dialect(path, name, layout)
    notes = [] if dialect.is_plain else [str(dialect)]
    part = _part("", lambda: read_lines(path, name, dialect), layout)
    if isinstance(part, _Part):
        return Table(name, [part], layout, notes)
    raise TableUnreadable(_not_understood(name, [part], layout, notes))


def _table_of_sheets(name: str, sheets: Sequence[Sheet], layout: HeaderLayout) -> Table:
    """The visible sheets whose columns are recognised; if there are none, the hidden ones."""
    if not sheets:
        raise TableUnreadable(f"{name}: the file is empty")
    found = [(sheet, _part(sheet.name, sheet.rows, layout)) for sheet in sheets]
    known = [(sheet, part) for sheet, part in found if isinstance(part, _Part)]
    unknown = [part for _, part in found if isinstance(part, _UnknownSheet)]
    if not known:
        raise TableUnreadable(_not_understood(name, unknown, layout, []))
    is_hidden = known[0][0].is_hidden
    candidates = [(sheet, part) for sheet, part in known if sheet.is_hidden is is_hidden]
    most = max(len(part.header.columns) for _, part in candidates)
    chosen = [part for _, part in candidates if 2 * len(part.header.columns) >= most]
    notes = [f"read from {'hidden ' if is_hidden else ''}sheet {part.sheet}" for part in chosen]
    notes += [f"skipped sheet {s.name}: it is hidden" for s, _ in known if s.is_hidden is not is_hidden]
    notes += [f"skipped sheet {p.sheet}: few of its columns are recognised" for _, p in candidates if p not in chosen]
    notes += [f"skipped sheet {one.sheet}: its columns are not recognised" for one in unknown]
    return Table(name, chosen, layout, notes if is_hidden or len(sheets) > 1 else [])


def _part(sheet: str, read: Callable[[], Lines], layout: HeaderLayout) -> _Part | _UnknownSheet:
    head = list(islice(read(), HEADER_WITHIN))
    header = find_header([cells for _, cells in head], layout)
    if header is None or not any(need in header.columns for need in layout.needs):
        titles = header.titles if header else [title_of(cell) for cell in (head[0][1] if head else [])]
        return _UnknownSheet(sheet, [title for title in titles if title], header is not None)
    last = header.last
    while last + 1 < len(head) and header.is_repeated_by(head[last + 1][1], layout):
        last += 1
    return _Part(sheet, header, lambda: islice(read(), last + 1, None))


def _not_understood(name: str, found: Sequence[_UnknownSheet], layout: HeaderLayout, notes: Sequence[str]) -> str:
    titles = "; ".join(
        (f"sheet {one.sheet}: " if len(found) > 1 else "") + (", ".join(one.titles) or "none") for one in found
    )
    needed = f"holds {' or '.join(layout.needs).replace('_', ' ')}"
    problem = needed if any(one.knows_some for one in found) else "is recognised"
    read_as = f" ({'; '.join(notes)})" if notes else ""
    return f"{name}: no column {problem}. Columns found: {titles[:LONGEST_LIST]}{read_as}. {layout.hint}"
