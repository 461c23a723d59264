"""Tables that the vendor mails: CSV or XLSX, columns named as somebody pleased. No I/O.

Columns are matched by name, loosely, to what they mean; the result says which were understood and which were not. What
a spreadsheet has spoilt (waybills in scientific notation, or longer than its 15 digits) is refused with its line.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from awbridge.clickpost.times import read_scan_time
from awbridge.clickpost.wire import as_id, as_text
from awbridge.domain.errors import AwbridgeError

LARGEST_FILE = 64 * 1024 * 1024  # bytes
HEADER_WITHIN = 20  # rows; reports may open with a title
LARGEST_EXACT = 10**15  # a spreadsheet keeps 15 digits of a number

WAYBILL = ("waybill", "waybill number", "waybill no", "awb", "awb number", "awb no", "tracking number", "tracking id")
REFERENCE = ("reference number", "reference no", "reference", "ref number", "order reference")
ORDER = ("order id", "order number", "order no")
COURIER = ("cp id", "courier partner id", "courier partner", "courier id", "courier")
STATUS = ("clickpost status code", "status code", "status")
PAYLOAD = ("payload", "request payload", "request body", "webhook payload", "request", "body", "data")
RESPONSE = ("response", "response body", "error", "error message", "reason")

_SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?E\+\d{1,3}", re.ASCII | re.IGNORECASE)
_DAY_FIRST = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?", re.ASCII)
_WORDS = re.compile(r"[a-z0-9]+")
_EXCEL_DAY_0 = datetime(1899, 12, 30)  # noqa: DTZ001  (a wall clock's time: the zone is added by who knows it)


class TableUnreadable(AwbridgeError, ValueError):
    """A file is no table that can be read. The text says why, and what to do."""


class CellSpoilt(AwbridgeError, ValueError):
    """A spreadsheet has destroyed what stood in a cell. The text says how to get it whole."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row. `line` is where it stands in the file (1 is the first); `cells` holds what is not empty, by meaning."""

    line: int
    cells: Mapping[str, Any] = field(repr=False)

    def id(self, meaning: str) -> str:
        """An id such as a waybill; "" where there is none. Raises CellSpoilt where a spreadsheet has destroyed it."""
        value = self.cells.get(meaning)
        text = as_id(value)
        is_long = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) >= LARGEST_EXACT
        if is_long or _SCIENTIFIC.fullmatch(text):
            raise CellSpoilt(
                f"line {self.line}: the {meaning.replace('_', ' ')} {text} was turned into a rounded number by a "
                "spreadsheet, its digits are lost; take the file as it was sent, or export the column as text"
            )
        return text

    def text(self, meaning: str) -> str:
        """A cell as text; "" where there is none."""
        value = self.cells.get(meaning)
        return value.isoformat() if isinstance(value, date) else as_text(value)

    def time(self, meaning: str, *, zone: ZoneInfo) -> datetime | None:
        """A time, aware, UTC; None where none can be read. Without an offset it is in `zone`; days stand first.

        Takes dates of a spreadsheet, its serial numbers (days since 1900), and texts.
        """
        return _time(self.cells.get(meaning), zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table as it was understood: meaning -> the column's own name, the columns that mean nothing, and the rows."""

    understood: dict[str, str]
    passed_over: list[str]
    rows: list[TableRow]


def read_table(name: str, data: bytes, meanings: Mapping[str, Sequence[str]]) -> Table:
    """Read a file whose name ends in .csv, .tsv, .txt or .xlsx. `meanings`: what a column may mean -> names for it.

    Raises TableUnreadable for what is no table, and where not one column is understood.
    """
    if len(data) > LARGEST_FILE:
        raise TableUnreadable(f"{name}: larger than {LARGEST_FILE // 2**20} MiB; split it")
    lines = _sheet(name, data) if data[:4] == b"PK\x03\x04" else _text(name, data)
    head = lines[:HEADER_WITHIN]
    found = [
        (match_columns([as_text(cell) for cell in cells], meanings), place) for place, (_, cells) in enumerate(head)
    ]
    best, place = max(found, key=lambda f: (len(f[0]), -f[1]), default=(dict[str, int](), 0))
    if not best:
        seen = ", ".join(as_text(cell) for cell in head[0][1]) if head else "nothing"
        wanted = ", ".join(names[0] for names in meanings.values())
        raise TableUnreadable(f"{name}: no column is understood. It has: {seen[:300]}. Name them like: {wanted}")
    header = [as_text(cell) for cell in lines[place][1]]
    return Table(
        understood={meaning: header[column] for meaning, column in best.items()},
        passed_over=[title for column, title in enumerate(header) if title and column not in best.values()],
        rows=list(_rows(lines[place + 1 :], best)),
    )


def match_columns(header: Sequence[str], meanings: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Meaning -> the column that has it. Case, spaces and signs count for nothing; the exact name wins over one that
    only begins with it; no column means two things."""
    titles = [" ".join(_WORDS.findall(title.casefold())) for title in header]
    found: dict[str, int] = {}
    for is_match in (_is_exactly, _begins_with):
        for meaning, names in meanings.items():
            if meaning in found:
                continue
            for name in names:
                free = (c for c, title in enumerate(titles) if c not in found.values() and is_match(title, name))
                if (column := next(free, None)) is not None:
                    found[meaning] = column
                    break
    return found


def _is_exactly(title: str, name: str) -> bool:
    return title.replace(" ", "") == name.replace(" ", "")


def _begins_with(title: str, name: str) -> bool:
    return f"{title} ".startswith(f"{name} ")


def _rows(lines: Iterable[tuple[int, list[Any]]], columns: Mapping[str, int]) -> Iterator[TableRow]:
    for line, cells in lines:
        known = {m: _clean(cells[c]) for m, c in columns.items() if c < len(cells)}
        kept = {meaning: value for meaning, value in known.items() if value not in (None, "")}
        if kept:
            yield TableRow(line, kept)


def _clean(value: Any) -> Any:
    """A cell without what people write around a number to keep a spreadsheet off it: ="00123", '00123."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text.startswith('="') and text.endswith('"'):
        return text[2:-1]
    return text[1:] if re.fullmatch(r"'\w+", text, re.ASCII) else text


def _sheet(name: str, data: bytes) -> list[tuple[int, list[Any]]]:
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(data)) as book:
            sheet = book.get_sheet_by_index(0)
            rows = sheet.to_python(skip_empty_area=False)
    except PasswordError:
        raise TableUnreadable(f"{name}: it is locked with a password; save it without one") from None
    except (CalamineError, IndexError, ValueError, OSError) as error:
        raise TableUnreadable(f"{name}: not a spreadsheet that can be read ({type(error).__name__})") from None
    return [(line, list(cells)) for line, cells in enumerate(rows, 1) if any(cell not in ("", None) for cell in cells)]


def _text(name: str, data: bytes) -> list[tuple[int, list[Any]]]:
    if data[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        raise TableUnreadable(f"{name}: an old or locked spreadsheet; save it as .xlsx or .csv")
    text = _decoded(name, data)
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(",;\t|", key=lambda sign: len(next(csv.reader([first], delimiter=sign), list[str]())))
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    found: list[tuple[int, list[Any]]] = []
    try:
        start = 1
        for cells in rows:
            if any(cell.strip() for cell in cells):
                found.append((start, list(cells)))
            start = rows.line_num + 1
    except csv.Error as error:
        raise TableUnreadable(f"{name}, line {rows.line_num}: not CSV: {error}") from None
    return found


def _decoded(name: str, data: bytes) -> str:
    if b"\x00" in data and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise TableUnreadable(f"{name}: neither CSV nor XLSX")
    encodings = ("utf-16",) if data.startswith((b"\xff\xfe", b"\xfe\xff")) else ("utf-8-sig", "cp1252")
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise TableUnreadable(f"{name}: its letters cannot be read; save it as UTF-8")


def _time(value: Any, zone: ZoneInfo) -> datetime | None:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=zone).astimezone(UTC)
    serial = _serial(value)
    if serial is not None:
        return (_EXCEL_DAY_0 + timedelta(seconds=round(serial * 86400))).replace(tzinfo=zone).astimezone(UTC)
    if not isinstance(value, str):
        return None
    if match := _DAY_FIRST.fullmatch(value.strip()):
        day, month, year, *clock = (int(part or 0) for part in match.groups())
        try:
            return datetime(year, month, day, *clock, tzinfo=zone).astimezone(UTC)
        except ValueError:
            return None
    return read_scan_time(value, zone=zone)


def _serial(value: Any) -> float | None:
    """A spreadsheet's number for a day between 2000 and 2099, also written as text."""
    try:
        number = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else 0.0
    except ValueError:
        return None
    return number if 36526 <= number < 73051 else None
