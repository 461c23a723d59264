"""The expected date of delivery (EDD): what the courier promised when, and which promise is current."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

import msgspec


class Promise(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One stated EDD. `edd` is a date such as 2026-11-05, or the courier's own text if it is not a date.

    `stated_at` is the time of the newest scan in the update that stated it; it orders promises by knowledge, not by
    arrival. `received_at` and `source` say when and from which source the promise first arrived.
    """

    edd: str
    stated_at: datetime
    received_at: datetime
    source: str


def _order(promise: Promise) -> tuple[datetime, datetime, str]:
    return promise.stated_at, promise.received_at, promise.edd


def current(promises: Iterable[Promise]) -> Promise | None:
    """The current promise: the one stated with the newest knowledge; None if there is none."""
    return max(promises, key=_order, default=None)


def changes(promises: Iterable[Promise]) -> list[Promise]:
    """The first promise and each one that differs from the one before it, oldest first."""
    found: list[Promise] = []
    for promise in sorted(promises, key=_order):
        if not found or found[-1].edd != promise.edd:
            found.append(promise)
    return found


def edd_day(edd: str | None) -> date | None:
    """The promised day; None if the EDD is not a date."""
    try:
        return date.fromisoformat(edd or "")
    except ValueError:
        return None


def is_unreadable(edd: str | None) -> bool:
    """Whether an EDD was stated but is not a date."""
    return bool(edd) and edd_day(edd) is None


@lru_cache(maxsize=1024)  # many parcels have the same
def due_at(edd: str | None, zone: tzinfo) -> datetime | None:
    """The end of the promised day in the account's zone, as UTC; None if the EDD is not a date."""
    try:
        day = date.fromisoformat(edd or "") + timedelta(days=1)
        return datetime.combine(day, time(), zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
