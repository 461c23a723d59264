"""Reconciliation: compares our shipments with ClickPost's records and defines what counts as a difference. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntFlag, StrEnum
from typing import Any

from awbridge.domain.orders.shipment import State, WaybillKind

LONGEST_REPORT = timedelta(hours=24)  # one dashboard report


class DifferenceKind(StrEnum):
    """How the two sides differ."""

    MISSING_THERE = "missing_there"
    """ClickPost lacks a shipment that is placed here."""
    MISSING_HERE = "missing_here"
    """ClickPost has a shipment that is unknown here."""
    STATUS = "status_differs"
    """The tracking status differs."""
    COURIER = "courier_differs"
    """The courier or its account differs."""
    WAYBILL = "waybill_differs"
    """The waybill differs."""


class DifferenceTable(StrEnum):
    """What a ClickPost report lists."""

    REGISTERED = "registered"
    FAILURES = "failures"
    WEBHOOKS = "webhooks"


class Gap(IntFlag):
    """What of a row cannot be compared: always, or only if we hold a status or a waybill."""

    NONE = 0
    ALWAYS = 1
    STATUS = 2
    WAYBILL = 4


class Compared(StrEnum):
    """How much of a report was compared."""

    FULLY = "fully"
    PARTLY = "partly"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotUnderstood:
    """What of ClickPost's side could not be read and was therefore not compared.

    `lacking`: facts that no column holds. `columns`: unknown columns, which alone leave nothing uncompared. `couriers`,
    `statuses`: unknown names and their number of rows. `times`: rows whose time was needed and is unreadable. `counts`:
    the day's counts in ClickPost's answer.
    """

    lacking: Sequence[str] = ()
    columns: Sequence[str] = ()
    couriers: Mapping[str, int] = field(default_factory=dict[str, int])
    statuses: Mapping[str, int] = field(default_factory=dict[str, int])
    times: int = 0
    counts: bool = False

    def __bool__(self) -> bool:
        return any((self.lacking, self.couriers, self.statuses, self.times, self.counts))

    @classmethod
    def of_all(cls, parts: Sequence[NotUnderstood]) -> NotUnderstood:
        """The sum of several reports."""
        couriers = sum((Counter(part.couriers) for part in parts), Counter[str]())
        statuses = sum((Counter(part.statuses) for part in parts), Counter[str]())
        return cls(
            lacking=sorted({what for part in parts for what in part.lacking}),
            columns=sorted({title for part in parts for title in part.columns}),
            couriers=dict(couriers.most_common()),
            statuses=dict(statuses.most_common()),
            times=sum(part.times for part in parts),
            counts=any(part.counts for part in parts),
        )

    def sentences(self) -> list[str]:
        found: list[str] = []
        if self.counts:
            found.append("ClickPost's answer has no readable count of the day")
        if self.lacking:
            found.append(f"no column holds: {', '.join(self.lacking)}")
        if self.columns:
            found.append(f"columns not understood: {', '.join(self.columns)}")
        for what, words in (("courier names", self.couriers), ("statuses", self.statuses)):
            if words:
                named = ", ".join(f"{word!r} in {_rows(count)}" for word, count in words.items())
                found.append(f"{what} not understood: {named}")
        if self.times:
            found.append(f"unreadable times: {_rows(self.times)}")
        return found

    def as_json(self) -> dict[str, Any]:
        """The JSON that is stored and shown."""
        return {name: value for name, value in asdict(self).items() if value}


def _rows(count: int) -> str:
    return f"{count} row{'s' if count != 1 else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """A shipment as we hold it. `kind` is the role of the waybill that ClickPost reported: main, child or RTO."""

    reference_number: str
    waybill: str
    courier_partner_id: int
    state: State
    status_code: int | None = None
    status_description: str = ""  # ClickPost's own, for a code that it does not publish
    status_at: datetime | None = None
    last_tracked_at: datetime | None = None
    kind: WaybillKind = WaybillKind.MAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Theirs:
    """A row of a ClickPost report. A missing value is None or "". `line` is its line in the file.

    `status_within`: how much later than `status_at` the status may be: a time may be exact to the minute or to the day.
    """

    line: int
    waybill: str = ""
    reference_number: str = ""
    courier_partner_id: int | None = None
    status_code: int | None = None
    status_description: str = ""  # ClickPost's own, for a code that it does not publish
    status_at: datetime | None = None
    status_within: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCounts:
    """How many shipments were placed on a day by our records and by ClickPost's, and how many ClickPost tracks.

    None: the answer does not say. That is not the same as 0.
    """

    ours: int
    placed: int | None
    tracked: int | None

    @property
    def agree(self) -> bool:
        """Whether the counts agree. ClickPost may track more than was placed: waybills booked elsewhere."""
        if self.placed is None or self.tracked is None:
            return False
        return self.ours == self.placed and self.tracked >= self.placed


def is_partly_compared(ours: Ours, gaps: Gap) -> bool:
    """Whether a row leaves part of its shipment uncompared. For pieces it only matters that they are known."""
    if ours.kind is not WaybillKind.MAIN:
        return False
    matters = Gap.ALWAYS
    matters |= Gap.STATUS if ours.status_code is not None else Gap.NONE
    matters |= Gap.WAYBILL if ours.waybill else Gap.NONE
    return bool(gaps & matters)


def differences(
    ours: Ours, theirs: Theirs, table: DifferenceTable, *, made_at: datetime | None
) -> tuple[DifferenceKind, ...]:
    """How a shipment and its row differ. `made_at`: when the report was made, if known.

    A missing value is not a difference. Pieces and RTO waybills have their own status; for them it only matters that
    they are known.
    """
    if table is DifferenceTable.FAILURES:
        # A failure that was retried since, or that a person sees, is known here as well.
        return (DifferenceKind.STATUS,) if ours.state in (State.READY, State.WAITING) else ()
    if ours.kind is not WaybillKind.MAIN:
        return ()
    found: list[DifferenceKind] = []
    if theirs.waybill and ours.waybill != theirs.waybill:
        found.append(DifferenceKind.WAYBILL)
    if theirs.courier_partner_id is not None and theirs.courier_partner_id != ours.courier_partner_id:
        found.append(DifferenceKind.COURIER)
    if status_differs(ours, theirs, made_at=made_at):
        found.append(DifferenceKind.STATUS)
    return tuple(found)


def status_differs(ours: Ours, theirs: Theirs, *, made_at: datetime | None) -> bool:
    """Whether ClickPost has another status that is not older than ours."""
    if theirs.status_code is None or theirs.status_code == ours.status_code:
        return False
    if ours.status_code is None:
        return True
    if theirs.status_at is not None and ours.status_at is not None:
        if ours.status_at <= theirs.status_at:
            return True
        if ours.status_at > theirs.status_at + theirs.status_within:
            return False
    return not (made_at and ours.last_tracked_at and ours.last_tracked_at > made_at)


def newest(rows: Sequence[Theirs]) -> Theirs:
    """The row that counts among several of one shipment: the latest status, else the last line."""
    earliest = datetime.min.replace(tzinfo=UTC)
    return max(rows, key=lambda row: (row.status_at or earliest, row.line))


def report_windows(start: datetime, end: datetime, *, most: int) -> list[tuple[datetime, datetime]]:
    """The windows for report requests from `start` to `end`: at most 24 hours each, in whole seconds.

    Reports list what changed in a window, by the latest change. A shipment placed on a day may be in any later window.
    """
    windows: list[tuple[datetime, datetime]] = []
    start = start.replace(microsecond=0)
    while start < end and len(windows) < most:
        stop = min(start + LONGEST_REPORT, end.replace(microsecond=0) + timedelta(seconds=1))
        windows.append((start, stop))
        start = stop
    return windows
