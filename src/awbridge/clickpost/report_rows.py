"""Rows of ClickPost's reports, read line by line, so that a file of any length takes the same memory.

Columns are matched loosely and cells read as tables.py does it; spreadsheets go through it whole. Text is read here:
a million rows of it would not fit.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from awbridge.clickpost import tables
from awbridge.clickpost.codes import COURIER_NAMES, STATUSES
from awbridge.clickpost.tables import CellSpoilt, TableRow, TableUnreadable, match_columns
from awbridge.clickpost.wire import as_int
from awbridge.domain.reconcile import Theirs

MEANINGS: Mapping[str, tuple[str, ...]] = {
    "waybill": tables.WAYBILL,
    "reference_number": tables.REFERENCE,
    "order_id": tables.ORDER,
    "courier_id": ("courier partner id", "cp id", "courier id"),
    "courier": ("courier partner", "courier name", "courier", "carrier"),
    "status_code": ("clickpost status code", "status code"),
    "status": ("clickpost status description", "clickpost status", "current status", "latest status", "status"),
    "status_at": ("status timestamp", "status time", "latest timestamp", "timestamp", "scan time", "status date"),
}
KEYS = ("waybill", "reference_number", "order_id")
PIECE = 1 << 20  # bytes looked at in one go
LARGEST_SHEET = tables.LARGEST_FILE

_PLAIN = re.compile(r"[0-9A-Za-z-]{10,99}").fullmatch  # longer than the longest word that means "nothing": undefined

csv.field_size_limit(PIECE)


class ReportRow(NamedTuple):
    """A row as it goes into the comparison. `seen_at` is still text: few rows' times are ever needed."""

    line: int
    waybill: str
    reference_number: str
    courier_partner_id: int | None
    status_code: int | None
    seen_at: str

    def theirs(self, zone: ZoneInfo) -> Theirs:
        """The row with its time read; without an offset it is in `zone`."""
        return Theirs(
            line=self.line,
            waybill=self.waybill,
            reference_number=self.reference_number,
            courier_partner_id=self.courier_partner_id,
            status_code=self.status_code,
            status_at=TableRow(self.line, {"seen_at": self.seen_at}).time("seen_at", zone=zone),
        )


@dataclass(slots=True)
class ReportRows:
    """A report as it is read: which columns were understood, and (while it is iterated) what could not be.

    `spoilt` counts rows whose waybill a spreadsheet has rounded off; they go by their reference number. `unreadable`
    counts those that name nothing to go by.
    """

    understood: dict[str, str]
    passed_over: list[str]
    zone: ZoneInfo
    cells: Iterator[tuple[int, Sequence[Any]]] = field(repr=False)  # in the order of MEANINGS
    spoilt: int = 0
    unreadable: int = 0
    first_problem: str = ""

    def __iter__(self) -> Iterator[ReportRow]:
        read_codes = cache(_codes)  # few couriers and statuses, many rows
        for line, (waybill, reference, order, courier_id, courier, code, status, seen_at) in self.cells:
            # Most cells are the id itself; what else may be done about one takes a dozen times as long.
            is_plain = isinstance(waybill, str) and _PLAIN(waybill)
            number = waybill if is_plain else self._key(line, "waybill", waybill)
            is_plain = isinstance(reference, str) and _PLAIN(reference)
            name = reference if is_plain else self._key(line, "reference_number", reference)
            name = name or self._key(line, "order_id", order)
            if number or name:
                seen = seen_at if isinstance(seen_at, str) else _moment(seen_at, self.zone)
                yield ReportRow(line, number, name, *read_codes(courier_id, courier, code, status), seen)
            else:
                self._unreadable(line)

    def _unreadable(self, line: int) -> None:
        self.unreadable += 1
        self.first_problem = self.first_problem or f"line {line}: names no waybill and no reference number"

    def _key(self, line: int, meaning: str, value: Any) -> str:
        if value in (None, ""):
            return ""
        try:
            return TableRow(line, {meaning: _clean(value) if isinstance(value, str) else value}).id(meaning)
        except CellSpoilt as problem:
            self.spoilt += meaning == "waybill"
            self.first_problem = self.first_problem or str(problem)
            return ""


def _moment(value: Any, zone: ZoneInfo) -> str:
    at = TableRow(0, {"seen_at": value}).time("seen_at", zone=zone) if value else None
    return at.isoformat() if at else ""


def _codes(courier_id: Any, courier: Any, code: Any, status: Any) -> tuple[int | None, int | None]:
    return _first_known(_COURIER_IDS, courier_id, courier), _first_known(_STATUS_CODES, code, status)


def _first_known(numbers: Mapping[str, int], *cells: Any) -> int | None:
    """The first of these cells that is a number, or the name of one; a courier's own words are neither."""
    for cell in cells:
        if (number := as_int(cell)) is not None:
            return number
        if isinstance(cell, str) and (number := numbers.get(_squeezed(cell))) is not None:
            return number
    return None


def _squeezed(name: str) -> str:
    return name.translate(_NO_SIGNS).casefold()


_NO_SIGNS = str.maketrans("", "", " -_")
_COURIER_IDS = {_squeezed(name): number for number, name in COURIER_NAMES.items()}
_STATUS_CODES = {_squeezed(info.name): code for code, info in STATUSES.items()}


def read_report(path: Path, name: str, *, zone: ZoneInfo) -> ReportRows:
    """A report that lies on this disk. `name` is what it was called. Times without an offset are in `zone`.

    Raises TableUnreadable for what is no table, and where neither waybill nor reference number has a column; also
    while it is iterated.
    """
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith(b"PK\x03\x04"):
        if path.stat().st_size > LARGEST_SHEET:
            raise TableUnreadable(f"{name}: a spreadsheet of more than {LARGEST_SHEET // 2**20} MiB; save it as CSV")
        table = tables.read_table(name, path.read_bytes(), MEANINGS)
        cells = ((row.line, [row.cells.get(meaning) for meaning in MEANINGS]) for row in table.rows)
        return _checked(name, ReportRows(table.understood, table.passed_over, zone, cells))
    if head == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        raise TableUnreadable(f"{name}: an old or locked spreadsheet; save it as .xlsx or .csv")
    return _checked(name, _read_text(path, name, zone))


def _checked(name: str, rows: ReportRows) -> ReportRows:
    if not any(key in rows.understood for key in KEYS):
        seen = ", ".join([*rows.understood.values(), *rows.passed_over])
        raise TableUnreadable(f"{name}: no column holds a waybill or a reference number. It has: {seen[:300]}")
    return rows


def _read_text(path: Path, name: str, zone: ZoneInfo) -> ReportRows:
    lines = _lines(path, name)
    head = list(islice(lines, tables.HEADER_WITHIN))
    if not head:
        raise TableUnreadable(f"{name}: is empty")
    found = [(match_columns(cells, MEANINGS), place) for place, (_, cells) in enumerate(head)]
    columns, place = max(found, key=lambda f: (len(f[0]), -f[1]))
    header = head[place][1]
    if not columns:
        raise TableUnreadable(f"{name}: no column is understood. It has: {', '.join(head[0][1])[:300]}")
    return ReportRows(
        understood={meaning: header[column] for meaning, column in columns.items()},
        passed_over=[title for column, title in enumerate(header) if title and column not in columns.values()],
        zone=zone,
        cells=_chosen(chain(head[place + 1 :], lines), [columns.get(meaning) for meaning in MEANINGS]),
    )


def _chosen(
    lines: Iterable[tuple[int, list[str]]], places: Sequence[int | None]
) -> Iterator[tuple[int, Sequence[str]]]:
    """Of each line the cells that mean something, in the order of MEANINGS; a column that is not there is empty."""
    width = 1 + max(place for place in places if place is not None)
    choose = itemgetter(*(-1 if place is None else place for place in places))
    for line, cells in lines:
        cells.extend([""] * max(width - len(cells) + 1, 1))  # the last is for columns that are not there
        yield line, choose(cells)


def _clean(cell: str) -> str:
    """A cell without what people write around a number to keep a spreadsheet off it: ="00123", '00123."""
    text = cell.strip()
    if text[:1] in ("=", "'"):
        return text[2:-1] if text.startswith('="') and text.endswith('"') else text.removeprefix("'")
    return text


def _lines(path: Path, name: str) -> Iterator[tuple[int, list[str]]]:
    """The lines that are not empty, with the number of each (1 is the first)."""
    encoding = _encoding(path, name)
    with path.open(encoding=encoding, newline="") as file:
        rows = csv.reader(file, delimiter=_delimiter(path, encoding))
        start = 1
        try:
            for cells in rows:
                if any(cells):
                    yield start, cells
                start = rows.line_num + 1
        except csv.Error as error:
            raise TableUnreadable(f"{name}, line {rows.line_num}: not CSV: {error}") from None


def _delimiter(path: Path, encoding: str) -> str:
    """The sign that makes most cells of the first lines: a title above them makes none."""
    with path.open(encoding=encoding, newline="") as file:
        head = list(islice((line for line in file if line.strip()), tables.HEADER_WITHIN))
    return max(",;\t|", key=lambda sign: sum(len(cells) for cells in csv.reader(head, delimiter=sign)))


def _encoding(path: Path, name: str) -> str:
    """UTF-16 where it says so, UTF-8 where all of it is, else what Windows writes."""
    with path.open("rb") as file:
        if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
        file.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        is_utf8 = True
        while piece := file.read(PIECE):
            if b"\x00" in piece:
                raise TableUnreadable(f"{name}: neither CSV nor XLSX")
            is_utf8 = is_utf8 and _decodes(decoder, piece)
        return "utf-8-sig" if is_utf8 and _decodes(decoder, b"", final=True) else "cp1252"


def _decodes(decoder: Any, piece: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(piece, final)
    except UnicodeDecodeError:
        return False
    return True
