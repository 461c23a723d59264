"""Text with one row on a line: CSV in whatever encoding and with whatever delimiter it came. Read line by line."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from awbridge.domain.errors import TableUnreadable
from awbridge.tables.header import HEADER_WITHIN, HeaderLayout, find_header

PIECE = 1 << 20  # bytes looked at in one go, and the longest cell
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
LONGEST_LINE = 1 << 16  # characters of a line that are looked at to find the delimiter

_NAMES = {
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "cp1252": "Windows-1252",
}
_SEP = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)

csv.field_size_limit(PIECE)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a text is written. `says_so`: whether its first line is sep= and the delimiter."""

    encoding: str
    delimiter: str
    says_so: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it is UTF-8 with commas, which need not be told."""
        return (self.encoding, self.delimiter) == ("utf-8-sig", ",")

    def __str__(self) -> str:
        sign = DELIMITERS.get(self.delimiter, self.delimiter)
        return f"read as text with {sign}, in {_NAMES[self.encoding]}"


def find_dialect(path: Path, name: str, layout: HeaderLayout) -> Dialect:
    """How a text is written. Raises TableUnreadable for what is no text."""
    encoding = _encoding(path, name)
    try:
        return _dialect(path, encoding, layout)
    except UnicodeDecodeError:
        raise _undecoded(name, encoding) from None


def _dialect(path: Path, encoding: str, layout: HeaderLayout) -> Dialect:
    with path.open(encoding=encoding, newline="") as file:
        if said := _SEP.fullmatch(file.readline(LONGEST_LINE)):
            return Dialect(encoding, said[1], says_so=True)
        file.seek(0)
        lines = (line for line in iter(lambda: file.readline(LONGEST_LINE), "") if line.strip())
        head = list(islice(lines, HEADER_WITHIN))
    return Dialect(encoding, max(DELIMITERS, key=lambda sign: _fitness(head, sign, layout)))


def _fitness(head: Sequence[str], delimiter: str, layout: HeaderLayout) -> tuple[int, int]:
    """How many columns are understood with a delimiter, and how many cells it makes: a payload holds commas too."""
    rows = list(csv.reader(head, delimiter=delimiter))
    found = find_header(rows, layout)
    return len(found.columns) if found else 0, sum(map(len, rows))


def read_lines(path: Path, name: str, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """The lines that are not empty, with the number of each (1 is the first).

    Raises TableUnreadable for a line that is no CSV: a quote that is never closed would swallow what follows it.
    """
    with path.open(encoding=dialect.encoding, newline="") as file:
        before = len(file.readline(LONGEST_LINE)) and 1 if dialect.says_so else 0
        rows = csv.reader(file, delimiter=dialect.delimiter, strict=True)
        start = 1 + before
        try:
            for cells in rows:
                if any(cells):
                    yield start, cells
                start = rows.line_num + 1 + before
        except csv.Error as error:
            raise TableUnreadable(f"{name}, line {rows.line_num + before}: not CSV: {error}") from None
        except UnicodeDecodeError:
            raise _undecoded(name, dialect.encoding) from None


def _undecoded(name: str, encoding: str) -> TableUnreadable:
    return TableUnreadable(f"{name}: its letters are not {_NAMES[encoding]}; save it as UTF-8")


def _encoding(path: Path, name: str) -> str:
    """UTF-16 where it says so or looks like it, UTF-8 where all of it is, else what Windows writes."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8 = True
    with path.open("rb") as file:
        piece = file.read(PIECE)
        if wide := _utf16(piece):
            return wide
        while piece:
            if b"\x00" in piece:
                raise TableUnreadable(f"{name}: neither text nor a spreadsheet; take CSV, XLSX, XLS or ODS")
            is_utf8 = is_utf8 and _decodes(decoder, piece)
            piece = file.read(PIECE)
    return "utf-8-sig" if is_utf8 and _decodes(decoder, b"", final=True) else "cp1252"


def _utf16(piece: bytes) -> str | None:
    if piece.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    first = piece[:512]
    even, odd = first[::2].count(0), first[1::2].count(0)
    if max(even, odd) * 4 < len(first) or min(even, odd) > max(even, odd) // 4:
        return None
    return "utf-16-be" if even > odd else "utf-16-le"


def _decodes(decoder: Any, piece: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(piece, final)
    except UnicodeDecodeError:
        return False
    return True
