"""Finds the cells of an ODS without a value: formulas that were never calculated, and errors.

calamine reads both as empty or 0. Only documents with formulas or errors are parsed, as a stream.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO
from xml.parsers import expat

from awbridge.tables.cells import NoValue, is_error
from awbridge.tables.xlsx import CHUNK, WIDEST, SheetScan

_SIGNS = (b":formula=", b"Err:", b'="error"', b"='error'", b">#")
_VALUES = frozenset({"value", "date-value", "time-value", "boolean-value", "string-value"})
_TABLE = "urn:oasis:names:tc:opendocument:xmlns:table:1.0"
_OFFICE = "urn:oasis:names:tc:opendocument:xmlns:office:1.0"
LONGEST_ERROR = 40  # characters; a longer text is not an error
MOST_REPEATED = 1000  # rows in which a repeated formula is recorded


def scan_ods(content: IO[bytes], same_content: IO[bytes]) -> list[SheetScan]:
    """The scans of all sheets; none if no cell lacks a value. `same_content`: the same content, opened again."""
    if not _has_signs(content):
        return []
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.ParseFile(same_content)
    return reader.sheets


def _has_signs(content: IO[bytes]) -> bool:
    tail = b""
    while chunk := content.read(CHUNK):
        if any(sign in tail + chunk for sign in _SIGNS):
            return True
        tail = chunk[-16:]
    return False


@dataclass(slots=True)
class _Cell:
    is_formula: bool
    has_value: bool
    is_error: bool
    repeated: int
    text: str = ""


@dataclass(slots=True)
class _Reader:
    """Tracks the tables, rows and cells of a document. Repeated ones count as often as they are repeated."""

    sheets: list[SheetScan] = field(default_factory=list[SheetScan])
    depth: int = 0  # nested tables are part of a cell
    row: int = 0
    rows: int = 1  # repetitions of this row
    column: int = 0
    cell: _Cell | None = None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        kind = _local(name, _TABLE)
        if kind == "table":
            self.depth += 1
            if self.depth == 1:
                self.sheets.append(SheetScan())
                self.row = 0
        elif self.depth == 1 and kind == "table-row":
            self.rows, self.column = _repeated(attributes, "rows"), 0
        elif self.depth == 1 and kind in ("table-cell", "covered-table-cell"):
            self.cell = _cell_of(attributes)

    def text(self, text: str) -> None:
        if self.cell and len(self.cell.text) < LONGEST_ERROR:
            self.cell.text += text

    def end(self, name: str) -> None:
        kind = _local(name, _TABLE)
        if kind == "table":
            self.depth -= 1
        elif self.depth == 1 and kind == "table-row":
            self.row += self.rows
        elif self.depth == 1 and kind in ("table-cell", "covered-table-cell") and self.cell:
            self._record(self.cell)
            self.column += self.cell.repeated
            self.cell = None

    def _record(self, cell: _Cell) -> None:
        text = cell.text.strip()
        if cell.is_error or is_error(text):
            no_value = NoValue(is_error=True)
        elif cell.is_formula and not cell.has_value and not text:
            no_value = NoValue()
        else:
            return
        scan = self.sheets[-1]
        for row in range(self.row, self.row + min(self.rows, MOST_REPEATED)):
            for column in range(self.column, min(self.column + cell.repeated, WIDEST)):
                scan.without_value[scan.at(row, column)] = no_value
        scan.columns = max(scan.columns, self.column + cell.repeated)


def _cell_of(attributes: dict[str, str]) -> _Cell:
    values = {_local(name, _OFFICE): value for name, value in attributes.items()}
    return _Cell(
        is_formula=f"{_TABLE} formula" in attributes,
        has_value=any(name in _VALUES for name in values),
        is_error=any(name.endswith(" value-type") and value == "error" for name, value in attributes.items()),
        repeated=_repeated(attributes, "columns"),
    )


def _repeated(attributes: dict[str, str], what: str) -> int:
    given = attributes.get(f"{_TABLE} number-{what}-repeated", "1")
    return int(given) if given.isdecimal() else 1


def _local(name: str, namespace: str) -> str:
    """The name without its namespace; "" if it belongs to another."""
    space, _, local = name.rpartition(" ")
    return local if space == namespace else ""
