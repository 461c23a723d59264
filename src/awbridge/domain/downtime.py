"""Declared downtimes of couriers: once, or on days of the week in the account's own zone. Pure, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True, kw_only=True)
class Downtime:
    """A window in which nothing goes to a courier (`account` None) or to one account of it.

    Either once, from `from_at` to `to_at` (aware, UTC), or on `weekdays` (0 is Monday: the day on which it starts) from
    `starts` to `ends` by the clocks of `zone`. One that ends at or before its start ends on the next day.
    """

    id: int
    courier_partner_id: int
    account: str | None = None
    from_at: datetime | None = None
    to_at: datetime | None = None
    weekdays: frozenset[int] = frozenset()
    starts: time | None = None
    ends: time | None = None
    zone: str = "UTC"
    reason: str = ""

    def until(self, now: datetime) -> datetime | None:
        """When the window that holds `now` ends (UTC); None outside of it."""
        if self.from_at and self.to_at:
            return self.to_at if self.from_at <= now < self.to_at else None
        if self.starts is None or self.ends is None:
            return None
        today = now.astimezone(ZoneInfo(self.zone)).date()
        for day in (today - timedelta(days=1), today):
            if day.weekday() in self.weekdays:
                start, end = self._window(day, self.starts, self.ends)
                if start <= now < end:
                    return end
        return None

    def _window(self, day: date, starts: time, ends: time) -> tuple[datetime, datetime]:
        """The window that starts on this local day. An hour that the clocks repeat is held both times."""
        zone = ZoneInfo(self.zone)
        last = day if ends > starts else day + timedelta(days=1)
        start = datetime.combine(day, starts, zone).astimezone(UTC)
        return start, datetime.combine(last, ends, zone).replace(fold=1).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Down:
    """An account is in a downtime: until when, and why."""

    until: datetime
    reason: str


def down_now(downtimes: Iterable[Downtime], accounts: Mapping[str, int], now: datetime) -> dict[str, Down]:
    """Which of these accounts (key -> courier partner id) are in a downtime now; the longest counts."""
    found: dict[str, Down] = {}
    for downtime in downtimes:
        until = downtime.until(now)
        if until is None:
            continue
        for account, courier in accounts.items():
            meant = downtime.courier_partner_id == courier and downtime.account in (None, account)
            if meant and (account not in found or found[account].until < until):
                found[account] = Down(until, downtime.reason)
    return found
