"""Reconciling: what we hold of a shipment against what ClickPost holds, and what counts as a difference. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from awbridge.domain.shipment import State, WaybillKind

LONGEST_REPORT = timedelta(hours=24)  # one dashboard report


class Kind(StrEnum):
    """In which way the two sides differ."""

    MISSING_THERE = "missing_there"
    MISSING_HERE = "missing_here"
    STATUS = "status_differs"
    COURIER = "courier_differs"
    WAYBILL = "waybill_differs"


class Table(StrEnum):
    """What a table of ClickPost's lists."""

    REGISTERED = "registered"
    FAILURES = "failures"
    WEBHOOKS = "webhooks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """A shipment as we hold it. `kind` is the waybill's, under which ClickPost named it: a piece, a way back."""

    reference_number: str
    waybill: str
    courier_partner_id: int
    state: State
    status_code: int | None = None
    status_at: datetime | None = None
    heard_at: datetime | None = None
    kind: WaybillKind = WaybillKind.MAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Theirs:
    """A row of ClickPost's. What it does not say is None, or "". `line` is where it stands in the file."""

    line: int
    waybill: str = ""
    reference_number: str = ""
    courier_partner_id: int | None = None
    status_code: int | None = None
    status_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCounts:
    """How many shipments were placed on a day: by our tables, by ClickPost's, and how many it tracks."""

    ours: int
    placed: int
    tracked: int

    @property
    def agree(self) -> bool:
        """Whether the day needs no closer look. ClickPost may track more than was placed: waybills booked elsewhere."""
        return self.ours == self.placed and self.tracked >= self.placed


def differences(ours: Ours, theirs: Theirs, table: Table, *, made_at: datetime | None) -> tuple[Kind, ...]:
    """In which ways a shipment and its row differ. `made_at`: when the table was made, where that is known.

    What a row does not say is no difference. A piece of a multi-piece shipment, and the way back, have statuses of
    their own: there only being known counts.
    """
    if table is Table.FAILURES:
        return (Kind.STATUS,) if _thinks_it_is_under_way(ours) else ()
    if ours.kind is not WaybillKind.MAIN:
        return ()
    found: list[Kind] = []
    if theirs.waybill and ours.waybill != theirs.waybill:
        found.append(Kind.WAYBILL)
    if theirs.courier_partner_id is not None and theirs.courier_partner_id != ours.courier_partner_id:
        found.append(Kind.COURIER)
    if status_differs(ours, theirs, made_at=made_at):
        found.append(Kind.STATUS)
    return tuple(found)


def status_differs(ours: Ours, theirs: Theirs, *, made_at: datetime | None) -> bool:
    """Whether ClickPost knows another status that is not merely older news than ours."""
    if theirs.status_code is None or theirs.status_code == ours.status_code:
        return False
    if ours.status_code is None:
        return True
    if theirs.status_at is not None and ours.status_at is not None:
        return ours.status_at <= theirs.status_at
    return not (made_at and ours.heard_at and ours.heard_at > made_at)


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
