"""Finds the formulas of an XLS that were never calculated.

calamine reads them as empty, or as the 0 that the writing library stored. A spreadsheet program calculates formulas and
adds a summary to the file; a library does neither.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import olefile

from awbridge.tables.cells import NoValue
from awbridge.tables.xlsx import SheetScan

_SUMMARY = "\x05SummaryInformation"
_STREAMS = ("Workbook", "Book")
_BOF, _EOF, _SHEET, _FORMULA = (0x0809, 0x000A, 0x0085, 0x0006)
_EMPTY_TEXT = b"\x03\x00\x00\x00\x00\x00\xff\xff"  # the third byte is undefined, and 0 in practice
_ZERO = bytes(8)


def scan_xls(path: Path) -> list[SheetScan]:
    """The scans of all sheets in the workbook's order; none if a spreadsheet program saved the file.

    Raises OSError, ValueError or struct.error if it is not an XLS.
    """
    opened: Any = olefile.OleFileIO(str(path))  # olefile's types are incomplete
    with opened as file:
        if file.exists(_SUMMARY):
            return []
        stream = next((name for name in _STREAMS if file.exists(name)), None)
        data: bytes = file.openstream(stream).read() if stream else b""
    return [_scan_sheet(data, offset) for offset in _sheet_offsets(data)]


def _records(data: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """The records of the substream that begins at an offset."""
    depth = 0
    while at + 4 <= len(data):
        kind, length = struct.unpack_from("<HH", data, at)
        depth += (kind == _BOF) - (kind == _EOF)
        yield kind, data[at + 4 : at + 4 + length]
        if depth <= 0:
            return
        at += 4 + length


def _sheet_offsets(data: bytes) -> list[int]:
    return [struct.unpack_from("<L", body)[0] for kind, body in _records(data, 0) if kind == _SHEET]


def _scan_sheet(data: bytes, at: int) -> SheetScan:
    scan = SheetScan()
    for kind, body in _records(data, at):
        if kind == _FORMULA and len(body) >= 14 and body[6:14] in (_EMPTY_TEXT, _ZERO):
            row, column = struct.unpack_from("<HH", body)
            scan.without_value[scan.at(row, column)] = NoValue()
            scan.columns = max(scan.columns, column + 1)
    return scan
