"""A week of downtimes as rows and days. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from awbridge.domain.couriers.downtime import Downtime
from awbridge.steps.orders.shipment_columns import courier_name

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DowntimeSpan:
    """A part of a downtime within one day, in local time. `end` is 24:00 where it continues on the next day."""

    start: str
    end: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CourierWeek:
    """The downtimes of a courier, or of one account, on each day of a week."""

    name: str
    days: tuple[tuple[DowntimeSpan, ...], ...]


def code_of(downtime: Downtime) -> str | None:
    """The account code of a downtime; None for every account of the courier."""
    return downtime.account.partition(":")[2] if downtime.account is not None else None


def name_of(downtime: Downtime) -> str:
    """The courier of a downtime, with its account code."""
    return courier_name(downtime.courier_partner_id, code_of(downtime))


def monday_of(day: date) -> date:
    """The first day of its week."""
    return day - timedelta(days=day.weekday())


def week_of(downtimes: Sequence[Downtime], monday: date, zone: ZoneInfo) -> list[CourierWeek]:
    """A row for every courier and account with a downtime in this week, by name."""
    by_name: dict[str, list[Downtime]] = {}
    for downtime in downtimes:
        by_name.setdefault(name_of(downtime), []).append(downtime)
    rows = [
        CourierWeek(name=name, days=tuple(_spans(found, monday + n * DAY, zone) for n in range(7)))
        for name, found in sorted(by_name.items())
    ]
    return [row for row in rows if any(row.days)]


def _spans(downtimes: Sequence[Downtime], day: date, zone: ZoneInfo) -> tuple[DowntimeSpan, ...]:
    start, end = (datetime.combine(d, time(), zone).astimezone(UTC) for d in (day, day + DAY))
    found = [
        (max(begins, start), min(ends, end), downtime.reason)
        for downtime in downtimes
        for begins, ends in downtime.windows(start, end)
    ]
    return tuple(
        DowntimeSpan(
            start=f"{begins.astimezone(zone):%H:%M}",
            end="24:00" if ends >= end else f"{ends.astimezone(zone):%H:%M}",
            reason=reason,
        )
        for begins, ends, reason in sorted(found)
    )
