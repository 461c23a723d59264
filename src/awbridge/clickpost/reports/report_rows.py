"""Rows of ClickPost's reports, read one by one, so that memory use does not grow with the file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from awbridge.clickpost.reports import report_columns
from awbridge.clickpost.reports.report_columns import read_report_time
from awbridge.clickpost.reports.vocabulary import Vocabulary, unknown_columns
from awbridge.clickpost.wire.lenient_json import as_id, as_waybill
from awbridge.domain.errors import CellDamaged
from awbridge.domain.reconciliation.differences import Gap, NotUnderstood, Theirs
from awbridge.tables.cells import is_blank, read_id
from awbridge.tables.header import layout_by_names
from awbridge.tables.table import Table, open_table

FIELD_TITLES: Mapping[str, tuple[str, ...]] = {
    "waybill": report_columns.WAYBILL,
    "reference_number": report_columns.REFERENCE,
    "order_id": report_columns.ORDER,
    "courier_id": ("courier partner id", "cp id", "courier id"),
    "courier": ("courier partner", "courier name", "courier", "carrier"),
    "status_code": ("clickpost status code", "status code"),
    "status": (
        *("clickpost unified status", "unified status", "clickpost status description", "clickpost status"),
        *("current status", "latest status", "status"),
    ),
    "status_at": ("status timestamp", "status time", "latest timestamp", "timestamp", "scan time", "status date"),
    "account_code": ("account code", "courier account code"),
}
COMPARED_FIELDS: Mapping[str, tuple[str, ...]] = {
    "waybill": ("waybill",),
    "courier": ("courier_id", "courier"),
    "status": ("status_code", "status"),
}
KEYS = ("waybill", "reference_number", "order_id")
LAYOUT = layout_by_names(FIELD_TITLES, KEYS)
LONGEST_BLANK = 9  # characters of the longest placeholder for an empty cell: undefined

_PLAIN = re.compile(r"(?=.*[0-9])[0-9A-Za-z-]{10,99}").fullmatch  # no placeholder for an empty cell


class ReportRow(NamedTuple):
    """A row for the comparison. `seen_at` stays text, because few times are ever needed."""

    line: int
    waybill: str
    reference_number: str
    courier_partner_id: int | None
    status_code: int | None
    seen_at: str
    gaps: int = 0

    def theirs(self, zone: ZoneInfo) -> Theirs:
        """The row with its time parsed; without an offset it is in `zone`."""
        return Theirs(
            line=self.line,
            waybill=self.waybill,
            reference_number=self.reference_number,
            courier_partner_id=self.courier_partner_id,
            status_code=self.status_code,
            status_at=read_report_time(self.seen_at, zone=zone),
            status_within=_within(self.seen_at),
        )


@dataclass(slots=True)
class ReportRows:
    """The rows of a report, the columns that are recognized, and (while it is iterated) what is not.

    `spoilt` counts rows whose waybill a spreadsheet rounded; they are matched by reference number. `unreadable` counts
    rows without waybill and reference number.
    """

    table: Table
    zone: ZoneInfo
    spoilt: int = 0
    unreadable: int = 0
    first_problem: str = ""
    vocabulary: Vocabulary = field(default_factory=Vocabulary, repr=False)

    def __post_init__(self) -> None:
        self.vocabulary.has_status = "status" not in self._lacking()

    def _lacking(self) -> list[str]:
        return [name for name, fields in COMPARED_FIELDS.items() if not self.understood.keys() & set(fields)]

    def not_understood(self) -> NotUnderstood:
        """What was not recognized so far, except times. Complete once every row was read."""
        couriers, statuses = self.vocabulary.couriers.most_common(), self.vocabulary.statuses.most_common()
        return NotUnderstood(
            lacking=self._lacking(),
            columns=unknown_columns(self.passed_over),
            couriers=dict(couriers),
            statuses=dict(statuses),
        )

    @property
    def understood(self) -> dict[str, str]:
        """Recognized field -> title of its column."""
        return self.table.understood

    @property
    def passed_over(self) -> list[str]:
        """The titles of the other columns."""
        return self.table.unknown_columns

    @property
    def notes(self) -> list[str]:
        """Notes for people on how the file was read and what was skipped."""
        return self.table.notes

    def __iter__(self) -> Iterator[ReportRow]:
        read_cells = self.vocabulary.reader()
        no_waybill = Gap.WAYBILL if "waybill" in self.understood else Gap.ALWAYS
        for line, (waybill, reference, order, courier_id, courier, code, status, seen_at, account) in self.table.pick(
            tuple(FIELD_TITLES)
        ):
            # Most cells are the id itself; cleaning one takes twelve times as long.
            is_plain = isinstance(waybill, str) and _PLAIN(waybill)
            number = waybill if is_plain else self._key(line, "waybill", waybill)
            is_plain = isinstance(reference, str) and _PLAIN(reference)
            name = reference if is_plain else self._key(line, "reference_number", reference)
            name = name or self._key(line, "order_id", order)
            if number or name:
                read = read_cells(courier_id, courier, account, code, status)
                if read.gaps:
                    self.vocabulary.count(read)
                gaps = int(read.gaps if number else read.gaps | no_waybill)
                seen = _moment(seen_at, self.zone)
                yield ReportRow(line, number, name, read.courier_partner_id, read.status_code, seen, gaps)
            else:
                self._unreadable(line)

    def _unreadable(self, line: int) -> None:
        self.unreadable += 1
        place = self.table.place(line)
        self.first_problem = self.first_problem or f"{place}: names no waybill and no reference number"

    def _key(self, line: int, field_name: str, value: Any) -> str:
        if value in (None, ""):
            return ""
        try:
            text = read_id(value)
            return as_waybill(text) if field_name == "waybill" else as_id(text)
        except CellDamaged as problem:
            self.spoilt += field_name == "waybill"
            place = f"{self.table.place(line)}, column {self.understood[field_name]}"
            self.first_problem = self.first_problem or f"{place}: {problem}"
            return ""


def _moment(value: Any, zone: ZoneInfo) -> str:
    if isinstance(value, str):
        return "" if len(value) <= LONGEST_BLANK and is_blank(value) else value
    at = read_report_time(value, zone=zone)
    return at.isoformat() if at else ""


def _within(seen_at: str) -> timedelta:
    """How much later the real time may be, because the written one has no seconds or no time of day."""
    if not seen_at or seen_at.count(":") > 1 or seen_at.replace(".", "", 1).isdigit():
        return timedelta(0)
    return timedelta(seconds=59) if ":" in seen_at else timedelta(days=1, seconds=-1)


def read_report(path: Path, name: str, *, zone: ZoneInfo) -> ReportRows:
    """A report in a local file with the original name `name`. Times without an offset are in `zone`.

    Raises TableUnreadable for a file that is not a table or has a column neither for the waybill nor for the reference
    number; also while it is iterated.
    """
    return ReportRows(open_table(path, name, LAYOUT), zone)
