"""Declared courier downtimes: once, or on weekdays in the account's time zone. Pure, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from awbridge.domain.orders.shipment import account_key

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True, kw_only=True)
class Downtime:
    """A window in which no order goes to a courier (`account` None) or to one of its accounts.

    Either once, from `from_at` to `to_at` (aware, UTC), or on `weekdays` (0 is Monday, the day of its start) from
    `starts` to `ends` in local time of `zone`. A window whose end is not after its start ends on the next day.
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
        """When the window that contains `now` ends (UTC); None outside a window."""
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

    def windows(self, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
        """The windows (UTC) that touch the time from `start` to `end`, in order. Meant for spans of days or weeks."""
        if self.from_at and self.to_at:
            return [(self.from_at, self.to_at)] if self.from_at < end and self.to_at > start else []
        if self.starts is None or self.ends is None:
            return []
        zone = ZoneInfo(self.zone)
        day, last = start.astimezone(zone).date() - timedelta(days=1), end.astimezone(zone).date()
        found: list[tuple[datetime, datetime]] = []
        while day <= last:
            if day.weekday() in self.weekdays:
                begins, ends = self._window(day, self.starts, self.ends)
                if begins < end and ends > start:
                    found.append((begins, ends))
            day += timedelta(days=1)
        return found

    def _window(self, day: date, starts: time, ends: time) -> tuple[datetime, datetime]:
        """The window that starts on this local day. An hour repeated by a clock change counts both times."""
        zone = ZoneInfo(self.zone)
        last = day if ends > starts else day + timedelta(days=1)
        start = datetime.combine(day, starts, zone).astimezone(UTC)
        return start, datetime.combine(last, ends, zone).replace(fold=1).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Down:
    """The end and the reason of an account's current downtime."""

    until: datetime
    reason: str


def down_now(downtimes: Iterable[Downtime], accounts: Mapping[str, int], now: datetime) -> dict[str, Down]:
    """The accounts (key -> courier partner id) that are in a downtime now. The longest downtime counts."""
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


def declare(
    *,
    courier_partner_id: int,
    account_code: str | None = None,
    from_at: datetime | None = None,
    to_at: datetime | None = None,
    days: Iterable[str] = (),
    starts: time | None = None,
    ends: time | None = None,
    zone: str,
    reason: str = "",
) -> Downtime:
    """A validated downtime, without an id yet. Times without an offset are in the zone. Raises ValueError."""
    try:
        local = ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{zone!r} is not a time zone; write one like Asia/Kolkata") from None
    chosen = [day.strip().lower()[:3] for day in days]
    if unknown := sorted(set(chosen) - set(DAYS)):
        raise ValueError(f"not a day of the week: {', '.join(unknown)}; write them as {', '.join(DAYS)}")
    once, recurring = bool(from_at or to_at), bool(chosen or starts or ends)
    if once == recurring:
        raise ValueError("a downtime is either once (from, to) or on weekdays (start, end)")
    account = account_key(courier_partner_id, account_code) if account_code is not None else None
    new = Downtime(id=0, courier_partner_id=courier_partner_id, account=account, zone=zone, reason=reason)
    if recurring:
        if starts is None or ends is None:
            raise ValueError("a downtime on weekdays needs both start and end, as HH:MM")
        weekdays = frozenset(map(DAYS.index, chosen or DAYS))
        return replace(new, weekdays=weekdays, starts=starts, ends=ends)
    if not from_at or not to_at:
        raise ValueError("a one-time downtime needs both from and to")
    begins, is_over = (at if at.tzinfo else at.replace(tzinfo=local) for at in (from_at, to_at))
    if begins >= is_over:
        raise ValueError("a downtime must end after it begins")
    return replace(new, from_at=begins.astimezone(UTC), to_at=is_over.astimezone(UTC))
