"""Delimited text: detects its encoding and delimiter and reads it line by line."""

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

CHUNK = 1 << 20  # bytes read at once, and characters of the longest cell
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
LONGEST_LINE = 1 << 16  # characters of a line that are read to find the delimiter

_NAMES = {
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "cp1252": "Windows-1252",
}
_SEP_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)

csv.field_size_limit(CHUNK)


@dataclass(frozen=True, slots=True)
class Dialect:
    """The encoding and delimiter of a text. `has_sep_line`: the first line is `sep=` and the delimiter."""

    encoding: str
    delimiter: str
    has_sep_line: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it is UTF-8 with commas, which is not reported."""
        return (self.encoding, self.delimiter) == ("utf-8-sig", ",")

    def __str__(self) -> str:
        delimiter = DELIMITERS.get(self.delimiter, self.delimiter)
        return f"read as text separated by {delimiter}, in {_NAMES[self.encoding]}"


def find_dialect(path: Path, name: str, layout: HeaderLayout) -> Dialect:
    """Detect the dialect of a text. Raises TableUnreadable if the file is not text."""
    encoding = _encoding(path, name)
    try:
        with path.open(encoding=encoding, newline="") as file:
            if sep_line := _SEP_LINE.fullmatch(file.readline(LONGEST_LINE)):
                return Dialect(encoding, sep_line[1], has_sep_line=True)
            file.seek(0)
            lines = (line for line in iter(lambda: file.readline(LONGEST_LINE), "") if line.strip())
            head = list(islice(lines, HEADER_WITHIN))
    except UnicodeDecodeError:
        raise _decoding_error(name, encoding) from None
    return Dialect(encoding, max(DELIMITERS, key=lambda delimiter: _score(head, delimiter, layout)))


def _score(head: Sequence[str], delimiter: str, layout: HeaderLayout) -> tuple[int, int]:
    """The number of columns recognised with a delimiter, then the number of cells: a payload contains commas too."""
    rows = list(csv.reader(head, delimiter=delimiter))
    found = find_header(rows, layout)
    return len(found.columns) if found else 0, sum(map(len, rows))


def read_lines(path: Path, name: str, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, each with its line number (from 1).

    Raises TableUnreadable for a malformed row: an unclosed quote would swallow the rows after it.
    """
    with path.open(encoding=dialect.encoding, newline="") as file:
        skipped = len(file.readline(LONGEST_LINE)) and 1 if dialect.has_sep_line else 0
        rows = csv.reader(file, delimiter=dialect.delimiter, strict=True)
        start = 1 + skipped
        try:
            for cells in rows:
                if any(cells):
                    yield start, cells
                start = rows.line_num + 1 + skipped
        except csv.Error as error:
            raise TableUnreadable(f"{name}, line {rows.line_num + skipped}: not CSV: {error}") from None
        except UnicodeDecodeError:
            raise _decoding_error(name, dialect.encoding) from None


def _decoding_error(name: str, encoding: str) -> TableUnreadable:
    return TableUnreadable(f"{name}: the text is not valid {_NAMES[encoding]}; save it as UTF-8")


def _encoding(path: Path, name: str) -> str:
    """UTF-16 if marked or likely, UTF-8 if the whole file is valid UTF-8, else Windows-1252."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8 = True
    with path.open("rb") as file:
        chunk = file.read(CHUNK)
        if utf16 := _utf16(chunk):
            return utf16
        while chunk:
            if b"\x00" in chunk:
                raise TableUnreadable(f"{name}: neither text nor a spreadsheet; use CSV, XLSX, XLS or ODS")
            is_utf8 = is_utf8 and _decodes(decoder, chunk)
            chunk = file.read(CHUNK)
    return "utf-8-sig" if is_utf8 and _decodes(decoder, b"", final=True) else "cp1252"


def _utf16(chunk: bytes) -> str | None:
    if chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    first = chunk[:512]
    even, odd = first[::2].count(0), first[1::2].count(0)
    if max(even, odd) * 4 < len(first) or min(even, odd) > max(even, odd) // 4:
        return None
    return "utf-16-be" if even > odd else "utf-16-le"


def _decodes(decoder: Any, chunk: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True
