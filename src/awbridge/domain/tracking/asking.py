"""The polling schedule: when each shipment is polled, and how many share a call. Pure.

ClickPost polls couriers every two hours, so polling one parcel more often is waste. One track-order call takes five
waybills of one courier, so a call with fewer is waste too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from awbridge.domain.tracking.polling_mode import PollingMode

WAYBILLS_A_CALL = 5
EARLY_SHARE = 1 / 100  # of the polling period; a shipment may be polled this much early to fill a call
HEADROOM = 23 / 24  # of the period; polling falls due this early, so that a wait for a slot stays within the period
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PollingRules:
    """The rules of polling: a shipment is polled every `ask_after`, and never twice within `ask_again`."""

    mode: PollingMode = PollingMode.GUIDE
    ask_after: timedelta = DAY
    ask_again: timedelta = timedelta(hours=2)

    def first_poll(self, placed_at: datetime, reference_number: str, *, held_before: bool = False) -> datetime:
        """When a shipment that was just placed is polled first; at once where ClickPost `held_before` what we learn.

        It may have been placed long ago, by a process whose records were lost with a restore.
        In guide mode, at a moment in the second half of the first day, derived from the reference number. This spreads
        the shipments of a busy hour over half a day, permanently.
        """
        if held_before:
            return placed_at
        if self.mode is PollingMode.ECONOMICAL:
            return placed_at + self.ask_after
        digest = hashlib.blake2b(reference_number.encode(), digest_size=4).digest()
        phase = int.from_bytes(digest) / 2**32
        return placed_at + self._period * (1 + phase) / 2

    def after_poll(self, polled_at: datetime) -> datetime:
        """When an open shipment is polled next if no update arrives."""
        return polled_at + (self.ask_after if self.mode is PollingMode.ECONOMICAL else self._period)

    def after_update(
        self,
        *,
        last_tracked_at: datetime,
        polled_at: datetime | None,
        due_at: datetime | None,
        final: bool,
        was_final: bool,
        gap: bool,
    ) -> datetime | None:
        """When a shipment is polled after an update; None if it is no longer polled.

        A `gap` (updated-order reported a scan that no webhook delivered) requests the whole timeline as soon as the
        last poll is `ask_again` old, even after a final status. `due_at` is when it would be polled without the update.
        In guide mode a shipment is polled once more after its final status, when ClickPost has polled its courier
        again.
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
        return max(last_tracked_at, self.after_poll(polled_at or last_tracked_at))

    @property
    def early(self) -> timedelta:
        """How early a shipment may be polled to fill a call."""
        return self.ask_after * EARLY_SHARE

    @property
    def _period(self) -> timedelta:
        return self.ask_after * HEADROOM


def soonest_poll(now: datetime, *, polled_at: datetime | None, ask_again: timedelta) -> datetime:
    """The earliest time at which a shipment may be polled."""
    return max(now, polled_at + ask_again) if polled_at else now


def calls_a_day(shipments_by_courier: Iterable[int], *, ask_after: timedelta = DAY) -> int:
    """How many track-order calls a day it takes to poll each courier's shipments once every `ask_after`."""
    calls = sum(-(-shipments // WAYBILLS_A_CALL) for shipments in shipments_by_courier)
    return -(-calls * DAY // (ask_after * HEADROOM))


def how_many(waiting: int, *, first_at: datetime, now: datetime) -> int:
    """How many of one courier's `waiting` shipments to poll now. `first_at` is when the first of them is due.

    Only full calls are made. The rest waits for more shipments until the first one is due, then goes as it is.
    """
    full = waiting // WAYBILLS_A_CALL * WAYBILLS_A_CALL
    return full or (waiting if first_at <= now else 0)


def next_window(
    watermark: datetime, *, end: datetime, longest: timedelta, shortest: timedelta
) -> tuple[datetime, datetime] | None:
    """The next window of updated-order after the watermark; None while less than `shortest` is uncovered."""
    until = min(watermark + longest, end)
    return (watermark, until) if until - watermark >= shortest else None
