"""Catch up: asks ClickPost for what its webhooks did not bring. ClickPost tries a webhook 3 times and forgets.

Two ways, both into the same inbox: updated-order, window by window, tells which shipments changed (every minute is
covered once, over outages too); track-order, 5 waybills of one courier a call, tells the whole timeline of those that
have not been heard of for a day.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Protocol

import structlog

from awbridge.clickpost.answers import TrackAnswer
from awbridge.clickpost.deliveries import delivery_identity
from awbridge.clickpost.endpoints import LONGEST_WINDOW
from awbridge.clickpost.tracking import UpdatedPage
from awbridge.domain.errors import VendorError
from awbridge.domain.json import JsonObject
from awbridge.domain.scan import Source
from awbridge.domain.shipment import shard_of
from awbridge.steps.clock import Clock
from awbridge.store import Store, attempts, inbox, shipments, windows
from awbridge.store.inbox import NewDelivery
from awbridge.store.shipments import ToAsk, payload_text
from awbridge.store.windows import Window

log = structlog.get_logger()

WAYBILLS_A_CALL = 5
LEASE = timedelta(minutes=5)  # for one window, all its pages
AGAIN = timedelta(seconds=60)  # after a window failed
SHORTEST = timedelta(seconds=1)
PAGE = 500  # shipments read at once by a complete catch-up


class TellsTracking(Protocol):
    """What catching up needs of the vendor."""

    def updated_order(self, start: datetime, end: datetime, *, window: timedelta) -> AsyncIterator[UpdatedPage]:
        """Every shipment whose status changed in a window of at most 30 minutes, page by page."""
        ...

    async def track_order(self, waybills: Sequence[str], cp_id: int) -> TrackAnswer:
        """The timelines of up to 5 waybills of one courier."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchUpPolicy:
    """How far back, how long, how often."""

    window: timedelta = timedelta(minutes=10)
    lag: timedelta = timedelta(minutes=1)
    ask_after: timedelta = timedelta(days=1)
    ask_again: timedelta = timedelta(hours=2)
    batch: int = 25  # shipments asked for in one round, so that a round stays short while ClickPost is slow


async def cover_next_window(*, store: Store, clickpost: TellsTracking, clock: Clock, policy: CatchUpPolicy) -> int:
    """Fetch the next uncovered window of updated-order; 1 when there was one, 0 when all is covered.

    The first window of an empty table starts one window ago; from then on every minute is covered, also over an outage.
    """
    now = clock()
    async with store.write() as session:
        window = await windows.claim(
            session,
            now=now,
            lease=LEASE,
            start=now - policy.window,
            end=now - policy.lag,
            longest=policy.window,
            shortest=max(min(policy.window / 2, timedelta(minutes=1)), SHORTEST),
        )
    if window is None:
        return 0
    try:
        items = await _store_window(store, clickpost, window, clock)
    except VendorError as error:
        log.warning("catch_up.window_failed", start=window.from_at.isoformat(), problem=str(error))
        await _keep_failed_call(store, error, clock())
        async with store.write() as session:
            again_at = clock() + max(AGAIN, timedelta(seconds=error.retry_after or 0.0))
            await windows.failed(session, window, problem=str(error), again_at=again_at)
        return 0
    async with store.write() as session:
        await windows.done(session, window, items=items, now=clock())
    return 1


async def cover_span(
    *, store: Store, clickpost: TellsTracking, clock: Clock, start: datetime, end: datetime, policy: CatchUpPolicy
) -> int:
    """Fetch updated-order over a span chosen by hand; how many items came. Raises VendorError when ClickPost fails.

    The watermark of the scheduled windows does not move: asking twice costs calls, never rows.
    """
    items = 0
    while start < end:
        stop = min(start + policy.window, end)
        try:
            items += await _store_window(store, clickpost, Window(from_at=start, to_at=stop), clock)
        except VendorError as error:
            await _keep_failed_call(store, error, clock())
            raise
        start = stop
    return items


async def _store_window(store: Store, clickpost: TellsTracking, window: Window, clock: Clock) -> int:
    items = 0
    async for page in clickpost.updated_order(window.from_at, window.to_at, window=LONGEST_WINDOW):
        await _put_into_inbox(store, Source.UPDATED_ORDER, page.items, clock())
        items += len(page.items)
    return items


async def ask_for_silent(*, store: Store, clickpost: TellsTracking, clock: Clock, policy: CatchUpPolicy) -> int:
    """Ask track-order for open shipments that were not heard of for long; how many were asked for."""
    now = clock()
    async with store.write() as session:
        due = await shipments.claim_to_ask(session, now=now, next_ask_at=now + policy.ask_again, limit=policy.batch)
    await _ask(store, clickpost, due, clock, next_ask=policy.ask_after)
    return len(due)


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything:
    """What came of asking for all shipments: how many were asked for, known to ClickPost, and not asked in the end."""

    asked: int
    known: int
    failed: int


async def ask_for_everything(
    *,
    store: Store,
    clickpost: TellsTracking,
    clock: Clock,
    policy: CatchUpPolicy,
    pauses: Sequence[float] = (0.5, 2.0, 5.0),
) -> Everything:
    """Ask track-order for every shipment that has a waybill, final ones too.

    Calls that failed are made again after each of `pauses` (seconds).
    """
    asked = known = 0
    failed: list[ToAsk] = []
    after = (-1, "")
    while page := await _placed_after(store, after):
        last = page[-1].reference_number
        after = (shard_of(last), last)
        asked += len(page)
        told, again = await _ask(store, clickpost, page, clock, next_ask=policy.ask_after)
        known, failed = known + told, failed + again
    for pause in pauses:
        if failed:
            await asyncio.sleep(pause)
            told, failed = await _ask(store, clickpost, failed, clock, next_ask=policy.ask_after)
            known += told
    return Everything(asked=asked, known=known, failed=len(failed))


async def _placed_after(store: Store, after: tuple[int, str]) -> list[ToAsk]:
    async with store.read() as session:
        return await shipments.placed_after(session, after, limit=PAGE)


async def _ask(
    store: Store, clickpost: TellsTracking, due: Sequence[ToAsk], clock: Clock, *, next_ask: timedelta
) -> tuple[int, list[ToAsk]]:
    """(how many of these ClickPost knows, those whose call failed)."""
    known = 0
    failed: list[ToAsk] = []
    by_courier = sorted(due, key=lambda s: s.courier_partner_id)
    for courier, group in groupby(by_courier, key=lambda s: s.courier_partner_id):
        of_courier = list(group)
        for start in range(0, len(of_courier), WAYBILLS_A_CALL):
            asked = of_courier[start : start + WAYBILLS_A_CALL]
            try:
                answer = await clickpost.track_order([s.waybill for s in asked], courier)
            except VendorError as error:
                log.warning("catch_up.track_failed", courier=courier, problem=str(error))
                await _keep_failed_call(store, error, clock())
                failed += asked
                continue
            known += len(answer.items)
            await _put_into_inbox(store, Source.TRACK_ORDER, answer.items, clock())
            async with store.write() as session:
                for shipment in sorted(asked, key=lambda s: (shard_of(s.reference_number), s.reference_number)):
                    await shipments.asked(session, shipment.reference_number, next_ask_at=clock() + next_ask)
    return known, failed


async def _put_into_inbox(store: Store, source: Source, items: Sequence[JsonObject], now: datetime) -> None:
    deliveries = [
        NewDelivery(delivery_identity(source, item), source, payload_text(item).encode(), now) for item in items
    ]
    async with store.write() as session:
        await inbox.add(session, deliveries)


async def _keep_failed_call(store: Store, error: VendorError, now: datetime) -> None:
    async with store.write() as session:
        await attempts.add(session, error.call, reference_number=None, outcome="failed", made_at=now)
