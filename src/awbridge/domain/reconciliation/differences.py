"""Reconciling: what we hold of a shipment against what ClickPost holds, and what counts as a difference. Pure."""

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
    """In which way the two sides differ."""

    MISSING_THERE = "missing_there"
    MISSING_HERE = "missing_here"
    STATUS = "status_differs"
    COURIER = "courier_differs"
    WAYBILL = "waybill_differs"


class DifferenceTable(StrEnum):
    """What a table of ClickPost's lists."""

    REGISTERED = "registered"
    FAILURES = "failures"
    WEBHOOKS = "webhooks"


class Gap(IntFlag):
    """What of a row cannot be compared: always, or only where we hold a status, a waybill."""

    NONE = 0
    ALWAYS = 1
    STATUS = 2
    WAYBILL = 4


class Compared(StrEnum):
    """How much of a table was compared."""

    FULLY = "fully"
    PARTLY = "partly"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotUnderstood:
    """What of ClickPost's side could not be read, so that nothing was compared with it.

    `lacking`: what no column holds. `columns`: those that mean nothing here, which alone leave nothing uncompared.
    `couriers`, `statuses`: words and how many rows have them. `times`: rows that needed their time. `counts`: the day's
    counts in ClickPost's answer.
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
        """What several tables together left."""
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

    def told(self) -> list[str]:
        """In sentences, for people."""
        told: list[str] = []
        if self.counts:
            told.append("ClickPost's answer has no count of the day that can be read")
        if self.lacking:
            told.append(f"no column holds: {', '.join(self.lacking)}")
        if self.columns:
            told.append(f"columns not understood: {', '.join(self.columns)}")
        for what, words in (("courier names", self.couriers), ("status words", self.statuses)):
            if words:
                named = ", ".join(f"{word!r} in {_rows(count)}" for word, count in words.items())
                told.append(f"{what} not understood: {named}")
        if self.times:
            told.append(f"times that cannot be read: {_rows(self.times)}")
        return told

    def as_json(self) -> dict[str, Any]:
        """As it is stored and shown."""
        return {name: value for name, value in asdict(self).items() if value}


def _rows(count: int) -> str:
    return f"{count} row{'s' if count != 1 else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """A shipment as we hold it. `kind` is the waybill's, under which ClickPost named it: a piece, a way back."""

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
    """A row of ClickPost's. What it does not say is None, or "". `line` is where it stands in the file.

    `status_within`: how much later than `status_at` it may have been: a time may be told to the minute, or to the day.
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
    """How many shipments were placed on a day: by our tables, by ClickPost's, and how many it tracks.

    None: its answer does not say, which is not the same as none.
    """

    ours: int
    placed: int | None
    tracked: int | None

    @property
    def told(self) -> bool:
        """Whether ClickPost's side is known."""
        return self.placed is not None and self.tracked is not None

    @property
    def agree(self) -> bool:
        """Whether the day needs no closer look. ClickPost may track more than was placed: waybills booked elsewhere."""
        if self.placed is None or self.tracked is None:
            return False
        return self.ours == self.placed and self.tracked >= self.placed


def is_partly_compared(ours: Ours, gaps: Gap) -> bool:
    """Whether a row that is about a shipment leaves something of it uncompared. Of pieces only being known counts."""
    if ours.kind is not WaybillKind.MAIN:
        return False
    matters = Gap.ALWAYS
    matters |= Gap.STATUS if ours.status_code is not None else Gap.NONE
    matters |= Gap.WAYBILL if ours.waybill else Gap.NONE
    return bool(gaps & matters)


def differences(
    ours: Ours, theirs: Theirs, table: DifferenceTable, *, made_at: datetime | None
) -> tuple[DifferenceKind, ...]:
    """In which ways a shipment and its row differ. `made_at`: when the table was made, where that is known.

    What a row does not say is no difference. A piece of a multi-piece shipment, and the way back, have statuses of
    their own: there only being known counts.
    """
    if table is DifferenceTable.FAILURES:
        return (DifferenceKind.STATUS,) if _thinks_it_is_under_way(ours) else ()
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
    """Whether ClickPost knows another status that is not merely older news than ours."""
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


def _thinks_it_is_under_way(ours: Ours) -> bool:
    # A failure that was tried again since, or is shown to a person, is known here as well.
    return ours.state in (State.READY, State.WAITING)


def newest(rows: Sequence[Theirs]) -> Theirs:
    """Of several rows about one shipment, the one that counts: the latest status, else the last line."""
    earliest = datetime.min.replace(tzinfo=UTC)
    return max(rows, key=lambda row: (row.status_at or earliest, row.line))


def report_windows(start: datetime, end: datetime, *, most: int) -> list[tuple[datetime, datetime]]:
    """The windows of at most 24 hours, whole seconds, that reports are asked for, from `start` to `end`.

    Reports list what CHANGED in a window, by the latest change: what was placed on a day may stand in any later one.
    """
    windows: list[tuple[datetime, datetime]] = []
    start = start.replace(microsecond=0)
    while start < end and len(windows) < most:
        stop = min(start + LONGEST_REPORT, end.replace(microsecond=0) + timedelta(seconds=1))
        windows.append((start, stop))
        start = stop
    return windows
