"""When ClickPost is asked, and for how much at once: the rules by which polling stays cheap. Pure.

ClickPost itself asks couriers every two hours, so asking for one parcel more often is waste; a call of track-order
takes five waybills of one courier, so asking for fewer is waste too.
"""

from __future__ import annotations

from datetime import datetime, timedelta

WAYBILLS_A_CALL = 5
EARLY_SHARE = 1 / 100  # of the pause between two questions: so much earlier one may be asked, to fill a call


def next_ask(
    *,
    heard_at: datetime,
    asked_at: datetime | None,
    final: bool,
    gap: bool,
    ask_after: timedelta,
    ask_again: timedelta,
) -> datetime | None:
    """When a shipment just heard of is asked for; None for one that has reached its end.

    A `gap` (updated-order told a scan that no webhook brought) asks for the whole timeline as soon as the last question
    is `ask_again` old, also at the journey's end.
    """
    if gap:
        return soonest_ask(heard_at, asked_at=asked_at, ask_again=ask_again)
    return None if final else heard_at + ask_after


def soonest_ask(now: datetime, *, asked_at: datetime | None, ask_again: timedelta) -> datetime:
    """The first moment at which a shipment may be asked for."""
    return max(now, asked_at + ask_again) if asked_at else now


def early(ask_after: timedelta) -> timedelta:
    """How much before its time a shipment may be asked for when that fills a call."""
    return ask_after * EARLY_SHARE


def how_many(waiting: int, *, first_at: datetime, now: datetime) -> int:
    """How many of one courier's `waiting` shipments to ask for now. `first_at` is when the first of them is due.

    Full calls only; the rest waits for company until the first of it is due, then goes as it is.
    """
    full = waiting // WAYBILLS_A_CALL * WAYBILLS_A_CALL
    return full or (waiting if first_at <= now else 0)


def next_window(
    watermark: datetime, *, end: datetime, longest: timedelta, shortest: timedelta
) -> tuple[datetime, datetime] | None:
    """The next stretch of updated-order after what is covered; None while less than `shortest` is uncovered."""
    until = min(watermark + longest, end)
    return (watermark, until) if until - watermark >= shortest else None
