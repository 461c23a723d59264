"""What an XLSX tells beside its cells' values: formulas that were never calculated, errors, how far the cells reach.

calamine hands over values alone: such a formula reads as empty or, where the writing library put a 0 for it
(XlsxWriter), as 0.0; an error reads as empty. Here the sheet's XML is streamed through once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import IO, Any, NamedTuple
from zipfile import ZipFile

from awbridge.tables.cells import NoValue

PIECE = 1 << 20  # bytes
WIDEST = 1 << 14  # columns a sheet can have

_TAG = re.compile(rb"<(?:\w+:)?(sheet|Relationship|calcPr)\s([^>]*)>")
_ATTRIBUTE = re.compile(rb'([\w:]+)\s*=\s*["\']([^"\']*)["\']')
_PREFIX = re.compile(rb"<(\w+:)?worksheet\b")
_PLACE = re.compile(rb'\sr=["\']([A-Z]{1,3})(\d{1,7})["\']')


class _Signs(NamedTuple):
    """How a sheet's XML writes what is looked for; some writers put a prefix before every name."""

    row_ends: bytes
    cell: bytes
    cell_ends: bytes
    formula: tuple[bytes, ...]
    whole: re.Pattern[bytes]
    value: re.Pattern[bytes]


@dataclass(slots=True)
class SheetScan:
    """A sheet: how many rows and columns its cells reach over, and the cells without a value, under keys of `at`."""

    rows: int = 0
    columns: int = 0
    without_value: dict[int, NoValue] = field(default_factory=dict[int, NoValue])

    @staticmethod
    def at(row: int, column: int) -> int:
        """The key of a cell; both count from 0."""
        return row * WIDEST + column


def scan_book(book: ZipFile) -> list[SheetScan]:
    """Every sheet of an XLSX, in the workbook's order."""
    workbook = _tags(book.read("xl/workbook.xml"))
    targets = {tag.get(b"Id"): tag.get(b"Target", b"") for _, tag in _tags(book.read("xl/_rels/workbook.xml.rels"))}
    stale = any(name == b"calcPr" and tag.get(b"fullCalcOnLoad") in (b"1", b"true") for name, tag in workbook)
    sheets: list[SheetScan] = []
    for name, tag in workbook:
        if name == b"sheet":
            sheets.append(_scan_part(book, targets.get(tag.get(b"r:id"), b"").decode(), stale=stale))
    return sheets


def _tags(xml: bytes) -> list[tuple[bytes, dict[bytes, bytes]]]:
    return [(name, dict(_ATTRIBUTE.findall(attributes))) for name, attributes in _TAG.findall(xml)]


def _scan_part(book: ZipFile, target: str, *, stale: bool) -> SheetScan:
    path = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    if path not in book.namelist():
        return SheetScan()
    with book.open(path) as xml:
        return scan_sheet(xml, stale=stale)


def scan_sheet(xml: IO[bytes], *, stale: bool) -> SheetScan:
    """One sheet. `stale`: the workbook says that its formulas are to be calculated when it is opened, so that a 0 is
    what the writing library put there."""
    found = SheetScan()
    held = xml.read(PIECE)
    signs = _signs(held)
    while held:
        *rows, held = held.split(signs.row_ends)
        for row in rows:
            _scan_row(row, found, signs, stale)
        if not (piece := xml.read(PIECE)):
            break
        held += piece
    return found


def _signs(head: bytes) -> _Signs:
    prefix = match[1] or b"" if (match := _PREFIX.search(head)) else b""
    c, f, v = (b"<" + prefix + name for name in (b"c", b"f", b"v"))
    v_ends = b"</" + prefix + b"v>"
    return _Signs(
        row_ends=b"</" + prefix + b"row>",
        cell=c + b" ",
        cell_ends=b"</" + prefix + b"c>",
        formula=(f + b">", f + b" ", f + b"/", b't="e"', b"t='e'"),
        whole=re.compile(c + rb"\b([^>]*?)(?:/>|>(.*?)</" + prefix + b"c>)", re.DOTALL),
        value=re.compile(v + rb"(?:\s[^>]*)?>([^<]*)" + v_ends),
    )


def _scan_row(row: bytes, found: SheetScan, signs: _Signs, stale: bool) -> None:
    end = row.rfind(signs.cell_ends)
    start = row.rfind(signs.cell, 0, end)
    if start < 0:
        return
    place = _PLACE.search(row, start, end)
    if place is None:  # cells may leave out where they stand
        found.rows, found.columns = found.rows + 1, max(found.columns, row.count(signs.cell))
        return
    found.rows = max(found.rows, int(place[2]))
    found.columns = max(found.columns, _number(place[1]))
    if any(sign in row for sign in signs.formula):
        for attributes, content in signs.whole.findall(row):
            _scan_cell(attributes, content, found, signs, stale)


def _scan_cell(attributes: bytes, content: bytes, found: SheetScan, signs: _Signs, stale: bool) -> None:
    kind: Any = dict(_ATTRIBUTE.findall(attributes)).get(b"t", b"n")
    place = _PLACE.search(b" " + attributes)
    is_formula = any(sign in content for sign in signs.formula[:3])
    if place is None or not (is_formula or kind == b"e"):
        return
    value = signs.value.search(content)
    is_text = kind == b"str" and value is not None  # a formula may well make an empty text
    if kind == b"e":
        what = NoValue(is_error=True)
    elif not is_text and (value is None or not value[1] or (stale and value[1] == b"0")):
        what = NoValue()
    else:
        return
    found.without_value[found.at(int(place[2]) - 1, _number(place[1]) - 1)] = what


def _number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
