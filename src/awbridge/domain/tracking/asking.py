"""When ClickPost is asked, and for how much at once: the rules by which polling stays cheap. Pure.

ClickPost itself asks couriers every two hours, so asking for one parcel more often is waste; a call of track-order
takes five waybills of one courier, so asking for fewer is waste too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

WAYBILLS_A_CALL = 5
EARLY_SHARE = 1 / 100  # of the pause between two questions: so much earlier one may be asked, to fill a call
HEADROOM = 23 / 24  # of a day: when a question falls due, so that one that waits for its turn is still within the day
DAY = timedelta(days=1)


class PollingMode(StrEnum):
    """Which open shipments track-order is asked for. `guide`: as ClickPost's integration guide demands."""

    GUIDE = "guide"  # each of them every day, whatever webhooks brought: one that was lost between two is found
    ECONOMICAL = "economical"  # those not heard of for a day


@dataclass(frozen=True, slots=True, kw_only=True)
class PollingRules:
    """When track-order is asked for a shipment: the pause `ask_after`, and never twice within `ask_again`."""

    mode: PollingMode = PollingMode.GUIDE
    ask_after: timedelta = DAY
    ask_again: timedelta = timedelta(hours=2)

    def first_ask(self, placed_at: datetime, reference_number: str) -> datetime:
        """When a shipment that was just placed is asked for first.

        By the guide, at a moment of the second half of the first day that its reference number decides: the shipments
        of a sale's hour are spread over half a day, and stay so.
        """
        if self.mode is PollingMode.ECONOMICAL:
            return placed_at + self.ask_after
        digest = hashlib.blake2b(reference_number.encode(), digest_size=4).digest()
        phase = int.from_bytes(digest) / 2**32
        return placed_at + self._period * (1 + phase) / 2

    def after_asking(self, polled_at: datetime) -> datetime:
        """When a shipment that is still open is asked for next, if nothing is heard of it."""
        return polled_at + (self.ask_after if self.mode is PollingMode.ECONOMICAL else self._period)

    def after_hearing(
        self,
        *,
        last_tracked_at: datetime,
        polled_at: datetime | None,
        due_at: datetime | None,
        final: bool,
        was_final: bool,
        gap: bool,
    ) -> datetime | None:
        """When a shipment just heard of is asked for; None for one that is not asked for any more.

        A `gap` (updated-order told a scan that no webhook brought) asks for the whole timeline as soon as the last
        question is `ask_again` old, also at the journey's end. `due_at` is when it would have been asked for, had
        nothing been heard. By the guide a shipment that reaches its end is asked for once more, when ClickPost has
        asked its courier again.
        """
        if gap:
            return soonest_poll(last_tracked_at, polled_at=polled_at, ask_again=self.ask_again)
        if self.mode is PollingMode.ECONOMICAL:
            return None if final else last_tracked_at + self.ask_after
        if final:
            once_more = soonest_poll(last_tracked_at + self.ask_again, polled_at=polled_at, ask_again=self.ask_again)
            return due_at if was_final else once_more
        if due_at is not None and not was_final:
            return due_at
        return max(last_tracked_at, self.after_asking(polled_at or last_tracked_at))

    @property
    def early(self) -> timedelta:
        """How much before its time a shipment may be asked for when that fills a call."""
        return self.ask_after * EARLY_SHARE

    @property
    def _period(self) -> timedelta:
        return self.ask_after * HEADROOM


def soonest_poll(now: datetime, *, polled_at: datetime | None, ask_again: timedelta) -> datetime:
    """The first moment at which a shipment may be asked for."""
    return max(now, polled_at + ask_again) if polled_at else now


def calls_a_day(shipments_by_courier: Iterable[int], *, ask_after: timedelta = DAY) -> int:
    """How many calls of track-order it takes to ask for each courier's shipments once every `ask_after`, for a day."""
    calls = sum(-(-shipments // WAYBILLS_A_CALL) for shipments in shipments_by_courier)
    return -(-calls * DAY // (ask_after * HEADROOM))


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
