"""Updated-order: covers every minute once, window by window, and stores the shipments that changed in the inbox.

ClickPost tries a webhook 3 times and gives up. Updated-order lists the shipments whose status changed meanwhile, also
over an outage.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from awbridge.clickpost.tracking.track import UpdatedPage
from awbridge.clickpost.wire.endpoints import LONGEST_WINDOW
from awbridge.domain.errors import VendorError
from awbridge.domain.tracking.scan import Source
from awbridge.steps.polling.policy import (
    PAUSES,
    BeforeWaiting,
    CatchUpPolicy,
    TrackingVendor,
    deliveries_of,
    keep_failed_call,
    wait_for_turn,
)
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.lease import LeaseLost
from awbridge.store import Store
from awbridge.store.engine.database import Session
from awbridge.store.polling import windows
from awbridge.store.polling.windows import CatchUpWindow
from awbridge.store.tracking import inbox

log = structlog.get_logger()

AGAIN = timedelta(seconds=60)  # after a window failed
PAGE_GOOD_FOR = timedelta(minutes=10)
LONGEST_PAUSE = 30.0  # seconds; limits ClickPost's Retry-After while a person waits for the result


async def cover_next_window(*, store: Store, clickpost: TrackingVendor, clock: Clock, policy: CatchUpPolicy) -> int:
    """Fetch the next uncovered window of updated-order; 1 when there was one, 0 when all is covered.

    The first window of an empty table starts one window ago. From then on every minute is covered, also over an outage.
    An interrupted window resumes after the last stored page.
    """
    now = clock()
    async with store.write() as session:
        window = await windows.claim(
            session,
            now=now,
            lease=policy.lease,
            start=now - policy.window,
            end=now - policy.lag,
            longest=policy.window,
            shortest=policy.shortest,
        )
    if window is None:
        return 0
    held = _HeldWindow(store, clock, policy, window)
    try:
        await held.cover(clickpost)
    except LeaseLost:
        log.warning("lease.lost", work=f"the window of updated-order from {window.from_at.isoformat()}")
    except VendorError as error:
        await held.failed(error)
    else:
        async with store.write() as session:
            return int(await windows.done(session, held.window, items=held.items, now=clock()))
    return 0


@dataclass(slots=True)
class _HeldWindow:
    """A window that this worker has leased."""

    store: Store
    clock: Clock
    policy: CatchUpPolicy
    window: CatchUpWindow
    items: int = 0

    async def cover(self, clickpost: TrackingVendor) -> None:
        """Store the window page by page, each page and the progress in one transaction. Raises LeaseLost."""
        page = _resume_page(self.window, self.clock())
        self.items = self.window.items if page else 0
        world = (self.store, clickpost, self.window, self.clock, self.policy)
        await _walk(*world, page=page, also=self._stored, before_waiting=self._hold)

    async def _hold(self, wait: timedelta) -> None:
        """Extend the lease over the wait for a turn, and the call."""
        async with self.store.write() as session:
            until = self.clock() + wait + self.policy.lease
            self.window = _leased(await windows.hold(session, self.window, until=until))

    async def _stored(self, session: Session, page: UpdatedPage) -> None:
        self.items += len(page.items)
        following = page.next_page or None
        now, lease = self.clock(), self.policy.lease
        turned = await windows.turned(session, self.window, next_page=following, items=self.items, now=now, lease=lease)
        self.window = _leased(turned)

    async def failed(self, error: VendorError) -> None:
        """Record the failed call, and release the window until later."""
        log.warning("catch_up.window_failed", start=self.window.from_at.isoformat(), problem=str(error))
        await keep_failed_call(self.store, error, self.clock(), self.policy)
        async with self.store.write() as session:
            again_at = self.clock() + max(AGAIN, timedelta(seconds=error.retry_after or 0.0))
            held = await windows.failed(session, self.window, problem=str(error), again_at=again_at)
            if held and not error.again:  # the page itself may be what ClickPost refuses
                await windows.restart(session, self.window)


def _leased(window: CatchUpWindow | None) -> CatchUpWindow:
    if window is None:
        raise LeaseLost
    return window


def _resume_page(window: CatchUpWindow, now: datetime) -> str:
    """The page at which an interrupted window resumes; "" to start from the first page.

    A shipment that changes once more leaves the window, and later pages move up. An old page number would skip some
    shipments. Duplicates do no harm, gaps do.
    """
    if not window.next_page or window.page_at is None or now - window.page_at > PAGE_GOOD_FOR:
        return ""
    return window.next_page


async def cover_span(
    *,
    store: Store,
    clickpost: TrackingVendor,
    clock: Clock,
    start: datetime,
    end: datetime,
    policy: CatchUpPolicy,
    pauses: Sequence[float] = PAUSES,
    on_window: Callable[[datetime], None] | None = None,
) -> int:
    """Fetch updated-order over a given span; how many items were received.

    A transient failure is retried after each of `pauses` (seconds), or after ClickPost's Retry-After. Raises
    VendorError when the last try fails. The watermark of the scheduled windows does not move; a repeated span costs
    calls, but adds no rows. `on_window` receives the time up to which everything is stored.
    """
    items = 0
    while start < end:
        window = CatchUpWindow(from_at=start, to_at=min(start + policy.window, end))
        items += await _cover_with_retries(store, clickpost, window, clock, policy, pauses)
        start = window.to_at
        if on_window:
            on_window(start)
    return items


async def _cover_with_retries(
    store: Store,
    clickpost: TrackingVendor,
    window: CatchUpWindow,
    clock: Clock,
    policy: CatchUpPolicy,
    pauses: Sequence[float],
) -> int:
    """Store a window, with retries; how many items. Raises the VendorError of the last try."""
    items = 0

    async def stored(_session: Session, page: UpdatedPage) -> None:
        nonlocal items
        items += len(page.items)

    for pause in (*pauses, None):
        items = 0
        try:
            await _walk(store, clickpost, window, clock, policy, page="", also=stored)
            break
        except VendorError as error:
            await keep_failed_call(store, error, clock(), policy)
            if pause is None or not error.again:
                raise
            await asyncio.sleep(max(pause, min(error.retry_after or 0.0, LONGEST_PAUSE)))
    return items


async def _walk(
    store: Store,
    clickpost: TrackingVendor,
    window: CatchUpWindow,
    clock: Clock,
    policy: CatchUpPolicy,
    *,
    page: str,
    also: Callable[[Session, UpdatedPage], Awaitable[None]],
    before_waiting: BeforeWaiting | None = None,
) -> None:
    pages = clickpost.updated_order(window.from_at, window.to_at, window=LONGEST_WINDOW, page=page)
    await wait_for_turn(store, clock, policy, before_waiting)
    async for found in pages:
        async with store.write() as session:
            await inbox.add(session, deliveries_of(Source.UPDATED_ORDER, found.items, clock()))
            await also(session, found)
        if found.unread:
            log.warning("catch_up.entries_not_read", start=window.from_at.isoformat(), entries=found.unread)
        if found.next_page:
            await wait_for_turn(store, clock, policy, before_waiting)
