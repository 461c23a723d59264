"""What an XLS tells beside its cells' values: formulas that were never calculated.

calamine reads them as empty, or as the 0 that the writing library put there. A spreadsheet program leaves a summary in
what it saves, and has calculated it; a library leaves none.
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
_EMPTY_TEXT = b"\x03\x00\x00\x00\x00\x00\xff\xff"  # the third byte from the front is free, and 0 in practice
_ZERO = bytes(8)


def scan_xls(path: Path) -> list[SheetScan]:
    """The cells without a value, sheet by sheet in the workbook's order; nothing where a program has saved the file.

    Raises OSError, ValueError or struct.error for what is no such file.
    """
    opened: Any = olefile.OleFileIO(str(path))  # its types are unfinished
    with opened as file:
        if file.exists(_SUMMARY):
            return []
        stream = next((name for name in _STREAMS if file.exists(name)), None)
        data: bytes = file.openstream(stream).read() if stream else b""
    return [_scan_sheet(data, place) for place in _sheets(data)]


def _records(data: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """The records from a place on, to the end of the substream that begins there."""
    depth = 0
    while at + 4 <= len(data):
        kind, length = struct.unpack_from("<HH", data, at)
        depth += (kind == _BOF) - (kind == _EOF)
        yield kind, data[at + 4 : at + 4 + length]
        if depth <= 0:
            return
        at += 4 + length


def _sheets(data: bytes) -> list[int]:
    return [struct.unpack_from("<L", body)[0] for kind, body in _records(data, 0) if kind == _SHEET]


def _scan_sheet(data: bytes, at: int) -> SheetScan:
    found = SheetScan()
    for kind, body in _records(data, at):
        if kind == _FORMULA and len(body) >= 14 and body[6:14] in (_EMPTY_TEXT, _ZERO):
            row, column = struct.unpack_from("<HH", body)
            found.without_value[found.at(row, column)] = NoValue()
            found.columns = max(found.columns, column + 1)
    return found
