"""Finds the cells of an XLSX without a value: formulas that were never calculated, and errors; and the sheets' extent.

calamine returns values only. It reads such a formula as empty, or as 0.0 if the writing library stored a 0
(XlsxWriter), and an error as empty. The XML of each sheet is streamed once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import IO, Any, NamedTuple
from zipfile import ZipFile

from awbridge.tables.cells import NoValue

CHUNK = 1 << 20  # bytes
WIDEST = 1 << 14  # columns of the widest sheet

_TAG = re.compile(rb"<(?:\w+:)?(sheet|Relationship|calcPr)\s([^>]*)>")
_ATTRIBUTE = re.compile(rb'([\w:]+)\s*=\s*["\']([^"\']*)["\']')
_PREFIX = re.compile(rb"<(\w+:)?worksheet\b")
_PLACE = re.compile(rb'\sr=["\']([A-Z]{1,3})(\d{1,7})["\']')


class _Signs(NamedTuple):
    """The tags of a sheet's XML; some writers prefix every name."""

    row_ends: bytes
    cell: bytes
    cell_ends: bytes
    formula: tuple[bytes, ...]
    whole: re.Pattern[bytes]
    value: re.Pattern[bytes]


@dataclass(slots=True)
class SheetScan:
    """The extent of a sheet in rows and columns, and its cells without a value, keyed by `at`."""

    rows: int = 0
    columns: int = 0
    without_value: dict[int, NoValue] = field(default_factory=dict[int, NoValue])

    @staticmethod
    def at(row: int, column: int) -> int:
        """The key of a cell; row and column count from 0."""
        return row * WIDEST + column


def scan_book(book: ZipFile) -> list[SheetScan]:
    """The scans of all sheets of an XLSX, in the workbook's order."""
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
    """Scan one sheet. `stale`: the workbook requests a recalculation when opened, so a 0 comes from the writing
    library."""
    scan = SheetScan()
    buffer = xml.read(CHUNK)
    signs = _signs(buffer)
    while buffer:
        *rows, buffer = buffer.split(signs.row_ends)
        for row in rows:
            _scan_row(row, scan, signs, stale)
        if not (chunk := xml.read(CHUNK)):
            break
        buffer += chunk
    return scan


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


def _scan_row(row: bytes, scan: SheetScan, signs: _Signs, stale: bool) -> None:
    end = row.rfind(signs.cell_ends)
    start = row.rfind(signs.cell, 0, end)
    if start < 0:
        return
    place = _PLACE.search(row, start, end)
    if place is None:  # the references of cells are optional
        scan.rows, scan.columns = scan.rows + 1, max(scan.columns, row.count(signs.cell))
        return
    scan.rows = max(scan.rows, int(place[2]))
    scan.columns = max(scan.columns, _number(place[1]))
    if any(sign in row for sign in signs.formula):
        for attributes, content in signs.whole.findall(row):
            _scan_cell(attributes, content, scan, signs, stale)


def _scan_cell(attributes: bytes, content: bytes, scan: SheetScan, signs: _Signs, stale: bool) -> None:
    kind: Any = dict(_ATTRIBUTE.findall(attributes)).get(b"t", b"n")
    place = _PLACE.search(b" " + attributes)
    is_formula = any(sign in content for sign in signs.formula[:3])
    if place is None or not (is_formula or kind == b"e"):
        return
    value = signs.value.search(content)
    is_text = kind == b"str" and value is not None  # the result of a formula may be empty text
    if kind == b"e":
        no_value = NoValue(is_error=True)
    elif not is_text and (value is None or not value[1] or (stale and value[1] == b"0")):
        no_value = NoValue()
    else:
        return
    scan.without_value[scan.at(int(place[2]) - 1, _number(place[1]) - 1)] = no_value


def _number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
