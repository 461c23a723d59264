"""Catch up: asks ClickPost for what its webhooks did not bring. ClickPost tries a webhook 3 times and forgets.

Two ways, both into the same inbox: updated-order, window by window, tells which shipments changed (every minute is
covered once, over outages too); track-order, 5 waybills of one courier a call, tells the whole timeline of each open
shipment once a day (or only of those not heard of for a day: domain/tracking/asking.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Protocol

import structlog

from awbridge.clickpost.tracking.deliveries import delivery_identity
from awbridge.clickpost.tracking.track import UpdatedPage
from awbridge.clickpost.wire.answers import TrackAnswer
from awbridge.clickpost.wire.endpoints import LONGEST_WINDOW
from awbridge.domain.attempt import AttemptOutcome
from awbridge.domain.errors import VendorError
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.shipment import shard_of
from awbridge.domain.tracking.asking import WAYBILLS_A_CALL, PollingRules, how_many, soonest_poll
from awbridge.domain.tracking.scan import Source
from awbridge.steps.records.unrecorded import Unrecorded, keep_call
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.lease import Lease, LeaseLost, checked
from awbridge.steps.runtime.pace import Pace
from awbridge.store import Store
from awbridge.store.audit.attempts import NewAttempt
from awbridge.store.engine.database import Session
from awbridge.store.orders import shipments, waybills
from awbridge.store.orders.shipments import ToAsk, payload_text
from awbridge.store.polling import windows
from awbridge.store.polling.windows import CatchUpWindow
from awbridge.store.tracking import inbox
from awbridge.store.tracking.inbox import NewDelivery

log = structlog.get_logger()

AGAIN = timedelta(seconds=60)  # after a window failed
SHORTEST = timedelta(seconds=1)
USUAL = timedelta(minutes=5)  # ClickPost does best with windows of 5 to 10 minutes
PAGE_GOOD_FOR = timedelta(minutes=10)
LONGEST_REST = 5.0  # seconds of standing still within a round
POLLING = "polling"  # the name of the pace that updated-order and track-order share
CALLS_IN_FLIGHT = 4  # of track-order, in one process
PAGE = 500  # shipments read at once by a complete catch-up
PAUSES = (0.5, 2.0, 5.0)  # seconds before a call that failed is made again, where a person waits for it
BeforeWaiting = Callable[[timedelta], Awaitable[None]]  # told how long a turn will be waited for
LONGEST_PAUSE = 30.0  # seconds that a person is kept waiting because ClickPost said when to come again


class TellsTracking(Protocol):
    """What catching up needs of the vendor."""

    def updated_order(
        self, start: datetime, end: datetime, *, window: timedelta, page: str = ""
    ) -> AsyncIterator[UpdatedPage]:
        """Every shipment whose status changed in a window of at most 30 minutes, page by page, from `page` on."""
        ...

    async def track_order(self, waybills: Sequence[str], cp_id: int) -> TrackAnswer:
        """The timelines of up to 5 waybills of one courier."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchUpPolicy:
    """How far back, how long, how often. `pace` holds calls apart, over all processes; None: as fast as it answers.

    Failed calls that the database does not take are kept as `unrecorded`. `lease`: for one call and what it brings;
    waiting for the turn to make it comes on top. `longest_call`: what one can last. Raises ValueError where the lease
    is shorter.
    """

    window: timedelta = timedelta(minutes=10)
    lag: timedelta = timedelta(minutes=1)
    polling: PollingRules = field(default_factory=PollingRules)
    silent_for: timedelta = timedelta(days=45)
    batch: int = 50  # shipments asked for in one round, so that a round stays short while ClickPost is slow
    pace: Pace | None = None
    unrecorded: Unrecorded | None = None
    lease: timedelta = timedelta(minutes=5)
    longest_call: timedelta = timedelta(seconds=60)

    def __post_init__(self) -> None:
        checked(self.lease, self.longest_call)

    @property
    def shortest(self) -> timedelta:
        """The shortest window that is worth a call."""
        return max(min(self.window / 2, USUAL), SHORTEST)


async def cover_next_window(*, store: Store, clickpost: TellsTracking, clock: Clock, policy: CatchUpPolicy) -> int:
    """Fetch the next uncovered window of updated-order; 1 when there was one, 0 when all is covered.

    The first window of an empty table starts one window ago; from then on every minute is covered, also over an outage.
    A window that broke off goes on behind the last page that was stored.
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
    held = _Held(store, clock, policy, window)
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


class _Held:
    """A window that is this worker's while its lease lasts."""

    def __init__(self, store: Store, clock: Clock, policy: CatchUpPolicy, window: CatchUpWindow) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy
        self.window = window
        self.items = 0

    async def cover(self, clickpost: TellsTracking) -> None:
        """Store it page by page; each page and how far it brought us in one transaction. Raises LeaseLost."""
        page = _where_to_go_on(self.window, self._clock())
        self.items = self.window.items if page else 0
        await _walk(
            self._store,
            clickpost,
            self.window,
            self._clock,
            self._policy,
            page=page,
            also=self._stored,
            before_waiting=self._hold,
        )

    async def _hold(self, wait: timedelta) -> None:
        """The lease lasts until the turn comes, and for the call."""
        async with self._store.write() as session:
            until = self._clock() + wait + self._policy.lease
            self.window = _still(await windows.hold(session, self.window, until=until))

    async def _stored(self, session: Session, told: UpdatedPage) -> None:
        self.items += len(told.items)
        following = told.next_page or None
        now, lease = self._clock(), self._policy.lease
        turned = await windows.turned(session, self.window, next_page=following, items=self.items, now=now, lease=lease)
        self.window = _still(turned)

    async def failed(self, error: VendorError) -> None:
        """A call failed: again later."""
        log.warning("catch_up.window_failed", start=self.window.from_at.isoformat(), problem=str(error))
        await _keep_failed_call(self._store, error, self._clock(), self._policy)
        async with self._store.write() as session:
            again_at = self._clock() + max(AGAIN, timedelta(seconds=error.retry_after or 0.0))
            held = await windows.failed(session, self.window, problem=str(error), again_at=again_at)
            if held and not error.again:  # the page itself may be what ClickPost refuses
                await windows.start_anew(session, self.window)


def _still(window: CatchUpWindow | None) -> CatchUpWindow:
    if window is None:
        raise LeaseLost
    return window


def _where_to_go_on(window: CatchUpWindow, now: datetime) -> str:
    """The page at which a broken-off window goes on; "" to begin anew.

    A shipment that changed once more has left its window, and the pages behind it have moved up: a page number that is
    old would pass over some. Copies cost nothing, gaps do.
    """
    if not window.next_page or window.page_at is None or now - window.page_at > PAGE_GOOD_FOR:
        return ""
    return window.next_page


async def cover_span(
    *,
    store: Store,
    clickpost: TellsTracking,
    clock: Clock,
    start: datetime,
    end: datetime,
    policy: CatchUpPolicy,
    pauses: Sequence[float] = PAUSES,
    on_window: Callable[[datetime], None] | None = None,
) -> int:
    """Fetch updated-order over a span chosen by hand; how many items came.

    A window that failed and may work later is fetched again after each of `pauses` (seconds), or when ClickPost says.
    Raises VendorError when it fails all the same. The watermark of the scheduled windows does not move: asking twice
    costs calls, never rows. `on_window` is told up to when all is stored.
    """
    items = 0
    while start < end:
        window = CatchUpWindow(from_at=start, to_at=min(start + policy.window, end))
        items += await _cover_patiently(store, clickpost, window, clock, policy, pauses)
        start = window.to_at
        if on_window:
            on_window(start)
    return items


async def _cover_patiently(
    store: Store,
    clickpost: TellsTracking,
    window: CatchUpWindow,
    clock: Clock,
    policy: CatchUpPolicy,
    pauses: Sequence[float],
) -> int:
    """Store a window, in several tries where need be. How many items. Raises the VendorError of the last try."""
    items = 0

    async def stored(_session: Session, told: UpdatedPage) -> None:
        nonlocal items
        items += len(told.items)

    for pause in (*pauses, None):
        items = 0
        try:
            await _walk(store, clickpost, window, clock, policy, page="", also=stored)
            break
        except VendorError as error:
            await _keep_failed_call(store, error, clock(), policy)
            if pause is None or not error.again:
                raise
            await asyncio.sleep(max(pause, min(error.retry_after or 0.0, LONGEST_PAUSE)))
    return items


async def _walk(
    store: Store,
    clickpost: TellsTracking,
    window: CatchUpWindow,
    clock: Clock,
    policy: CatchUpPolicy,
    *,
    page: str,
    also: Callable[[Session, UpdatedPage], Awaitable[None]],
    before_waiting: BeforeWaiting | None = None,
) -> None:
    pages = clickpost.updated_order(window.from_at, window.to_at, window=LONGEST_WINDOW, page=page)
    await _turn(store, clock, policy, before_waiting)
    async for told in pages:
        async with store.write() as session:
            await inbox.add(session, _deliveries(Source.UPDATED_ORDER, told.items, clock()))
            await also(session, told)
        if told.unread:
            log.warning("catch_up.entries_not_read", start=window.from_at.isoformat(), entries=told.unread)
        if told.next_page:
            await _turn(store, clock, policy, before_waiting)


async def _turn(store: Store, clock: Clock, policy: CatchUpPolicy, before_waiting: BeforeWaiting | None = None) -> None:
    if policy.pace:
        await policy.pace.turn(store, clock, before_waiting=before_waiting)
    elif before_waiting:
        await before_waiting(timedelta(0))


async def ask_for_silent(*, store: Store, clickpost: TellsTracking, clock: Clock, policy: CatchUpPolicy) -> int:
    """Ask track-order for the shipments whose question is due; how many were asked for.

    Calls are filled: a shipment may be asked for a little early in company, and at its time alone. One that has been
    silent for `silent_for` is not asked for any more: it goes onto a list for a person.
    """
    now = clock()
    lease = Lease(now + max(policy.polling.ask_again, policy.lease), policy.longest_call)
    asked_before = now - policy.polling.ask_again
    due = now + policy.polling.early
    async with store.write() as session:
        aged = await shipments.age_out(session, now=now, silent_since=now - policy.silent_for, limit=PAGE)
        taken: list[ToAsk] = []
        soon = await shipments.to_ask_soon(session, due=due, asked_before=asked_before, limit=10 * policy.batch)
        for courier in soon:
            room = policy.batch - len(taken)
            many = how_many(courier.shipments, first_at=courier.first_at, now=now)
            if not many or room < min(many, WAYBILLS_A_CALL):
                continue
            taken += await shipments.claim_to_ask(
                session,
                courier.courier_partner_id,
                now=now,
                due=due,
                asked_before=asked_before,
                next_poll_at=lease.until,
                limit=min(many, room // WAYBILLS_A_CALL * WAYBILLS_A_CALL or room),
            )
    if aged:
        log.info("catch_up.aged_out", shipments=aged)
    await _ask(store, clickpost, taken, clock, policy, lease)
    return len(taken)


async def resume_polling(*, store: Store, clock: Clock, references: Sequence[str], ask_again: timedelta) -> list[str]:
    """Have these shipments asked for at once, also those silent too long; the ones for which that is possible.

    Not those without a waybill, nor those at their end. One that was asked for within `ask_again` waits until that is
    over.
    """
    now = clock()
    possible: list[str] = []
    async with store.write() as session:
        for reference in sorted(set(references), key=lambda r: (shard_of(r), r)):
            found = await shipments.get(session, reference)
            at = soonest_poll(now, polled_at=found.last_polled_at if found else None, ask_again=ask_again)
            before = now - ask_again
            if await shipments.resume_polling(session, reference, now=now, asked_before=before, else_at=at):
                possible.append(reference)
    return possible


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
    pauses: Sequence[float] = PAUSES,
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
        told, again = await _ask(store, clickpost, page, clock, policy)
        known, failed = known + told, failed + again
    for pause in pauses:
        if failed:
            await asyncio.sleep(pause)
            told, failed = await _ask(store, clickpost, failed, clock, policy)
            known += told
    return Everything(asked=asked, known=known, failed=len(failed))


async def _placed_after(store: Store, after: tuple[int, str]) -> list[ToAsk]:
    async with store.read() as session:
        return await shipments.placed_after(session, after, limit=PAGE)


async def _ask(
    store: Store,
    clickpost: TellsTracking,
    due: Sequence[ToAsk],
    clock: Clock,
    policy: CatchUpPolicy,
    lease: Lease | None = None,
) -> tuple[int, list[ToAsk]]:
    """(how many of these shipments ClickPost knows, those for which a call failed).

    A few calls are in flight at once: one after another, the pace would be ClickPost's answer time.
    """
    known: set[str] = set()
    failed: set[str] = set()
    seats = asyncio.Semaphore(CALLS_IN_FLIGHT)

    async def call(courier: int, asked: Sequence[ToAsk]) -> None:
        async with seats:
            items = await _track(store, clickpost, courier, asked, clock, policy, lease)
        if items is None:
            failed.update(s.reference_number for s in asked)
            return
        told = {str(item.get("waybill")) for item in items}
        known.update(s.reference_number for s in asked if s.waybill in told)

    calls = [call(courier, asked) for courier, asked in _calls(await _with_all_waybills(store, due))]
    for ended in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(ended, BaseException):
            raise ended
    answered = {s.reference_number for s in due} - failed
    now = clock()
    async with store.write() as session:
        for reference in sorted(answered, key=lambda r: (shard_of(r), r)):
            await shipments.asked(session, reference, polled_at=now, next_poll_at=policy.polling.after_poll(now))
    return len(known - failed), [s for s in due if s.reference_number in failed]


async def _track(
    store: Store,
    clickpost: TellsTracking,
    courier: int,
    asked: Sequence[ToAsk],
    clock: Clock,
    policy: CatchUpPolicy,
    lease: Lease | None,
) -> Sequence[JsonObject] | None:
    """One call of track-order, its items stored in the inbox; None when it failed, or its turn came too late."""
    try:
        await _turn(store, clock, policy)
        if lease and not lease.allows(clock()):
            return None  # others may ask for these now
        answer = await clickpost.track_order([s.waybill for s in asked], courier)
    except VendorError as error:
        log.warning("catch_up.track_failed", courier=courier, problem=str(error))
        if policy.pace and error.retry_after:
            await policy.pace.rest(store, clock, min(error.retry_after, LONGEST_REST))
        await _keep_failed_call(store, error, clock(), policy)
        return None
    async with store.write() as session:
        await inbox.add(session, _deliveries(Source.TRACK_ORDER, answer.items, clock()))
    return answer.items


async def _with_all_waybills(store: Store, due: Sequence[ToAsk]) -> list[ToAsk]:
    """Each shipment's own waybill, and those of its pieces and its way back."""
    async with store.read() as session:
        more = await waybills.of_shipments(session, [s.reference_number for s in due])
    others = (
        ToAsk(reference_number=w.reference_number, waybill=w.waybill, courier_partner_id=w.courier_partner_id)
        for w in more
    )
    return list(dict.fromkeys([*due, *others]))


def _calls(asked: Sequence[ToAsk]) -> list[tuple[int, list[ToAsk]]]:
    """Waybills by courier, as many to a call as it takes."""
    calls: list[tuple[int, list[ToAsk]]] = []
    by_courier = sorted(asked, key=lambda s: s.courier_partner_id)
    for courier, group in groupby(by_courier, key=lambda s: s.courier_partner_id):
        of_courier = list(group)
        calls += [
            (courier, of_courier[start : start + WAYBILLS_A_CALL])
            for start in range(0, len(of_courier), WAYBILLS_A_CALL)
        ]
    return calls


def _deliveries(source: Source, items: Sequence[JsonObject], now: datetime) -> list[NewDelivery]:
    return [NewDelivery(delivery_identity(source, item), source, payload_text(item).encode(), now) for item in items]


async def _keep_failed_call(store: Store, error: VendorError, now: datetime, policy: CatchUpPolicy) -> None:
    failed = NewAttempt(call=error.call, reference_number=None, outcome=AttemptOutcome.FAILED, made_at=now)
    await keep_call(store, policy.unrecorded, failed)
