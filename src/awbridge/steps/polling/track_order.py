"""Track-order: polls open shipments for their whole timelines, five waybills of one courier a call.

In guide mode every open shipment is polled once a day; in economical mode, those without an update for a day
(domain/tracking/asking.py). The answers go into the inbox.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby

import structlog

from awbridge.domain.errors import VendorError
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.shipment import shard_of
from awbridge.domain.people.audited import AuditAction
from awbridge.domain.tracking.asking import WAYBILLS_A_CALL, how_many, soonest_poll
from awbridge.domain.tracking.scan import Source
from awbridge.steps.polling.policy import (
    PAUSES,
    CatchUpPolicy,
    TrackingVendor,
    deliveries_of,
    keep_failed_call,
    wait_for_turn,
)
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.lease import Lease
from awbridge.steps.runtime.progress import OnDone, unwatched
from awbridge.steps.runtime.work import for_each
from awbridge.store import Store
from awbridge.store.orders import shipments, waybills
from awbridge.store.people import audit_log
from awbridge.store.polling import polls, windows
from awbridge.store.polling.polls import DuePoll
from awbridge.store.tracking import inbox

log = structlog.get_logger()

LONGEST_REST = 5.0  # seconds without calls within a round
CALLS_IN_FLIGHT = 4  # in one process
MOVING = timedelta(minutes=2)  # without a new page for longer, updated-order is not catching up, but failing
PAGE = 500  # shipments read at once by a complete catch-up


async def poll_due(*, store: Store, clickpost: TrackingVendor, clock: Clock, policy: CatchUpPolicy) -> int:
    """Poll the shipments that are due; how many were polled.

    Only full calls are made early: a shipment may be polled a little early to fill a call, and is polled alone when it
    is due. A shipment without an update for `silent_for` is no longer polled; it is listed for a person.

    While updated-order catches up after an outage, a round makes one call and returns 0, so that the loop rests: one
    updated-order call reports many shipments, a track-order call five, and both share one pace.
    """
    now = clock()
    async with store.read() as session:
        behind = await windows.catching_up(session, behind=now - policy.lag - 2 * policy.window, since=now - MOVING)
    batch = WAYBILLS_A_CALL if behind else policy.batch
    lease = Lease(now + max(policy.polling.ask_again, policy.lease), policy.longest_call)
    asked_before = now - policy.polling.ask_again
    due = now + policy.polling.early
    async with store.write() as session:
        aged = await polls.age_out(session, now=now, silent_since=now - policy.silent_for, limit=PAGE)
        claimed: list[DuePoll] = []
        soon = await polls.due_soon(session, due=due, asked_before=asked_before, limit=10 * batch)
        for courier in soon:
            room = batch - len(claimed)
            many = how_many(courier.shipments, first_at=courier.first_at, now=now)
            if not many or room < min(many, WAYBILLS_A_CALL):
                continue
            claimed += await polls.claim_due_polls(
                session,
                courier.courier_partner_id,
                now=now,
                due=due,
                asked_before=asked_before,
                next_poll_at=lease.until,
                limit=min(many, room // WAYBILLS_A_CALL * WAYBILLS_A_CALL or room),
            )
    if aged:
        log.info("polling.stopped", shipments=aged)
    await _poll(store, clickpost, claimed, clock, policy, lease)
    return 0 if behind else len(claimed)


async def resume_polling(*, store: Store, clock: Clock, references: Sequence[str], ask_again: timedelta) -> list[str]:
    """Make these shipments due for polling now, also those no longer polled; the references that can be polled.

    Shipments without a waybill or with a final status cannot. One that was polled within `ask_again` waits until that
    is over.
    """
    now = clock()
    possible: list[str] = []
    async with store.write() as session:
        for reference in sorted(set(references), key=lambda r: (shard_of(r), r)):
            found = await shipments.get(session, reference)
            at = soonest_poll(now, polled_at=found.last_polled_at if found else None, ask_again=ask_again)
            before = now - ask_again
            if await polls.resume_polling(session, reference, now=now, asked_before=before, else_at=at):
                possible.append(reference)
                await audit_log.record(session, AuditAction.SHIPMENT_POLLED, reference, now=now)
    return possible


@dataclass(frozen=True, slots=True, kw_only=True)
class PolledAll:
    """The result of polling all shipments: how many were polled, are known to ClickPost, and failed."""

    asked: int
    known: int
    failed: int


async def count_placed(store: Store) -> int:
    """How many shipments `poll_all` polls."""
    async with store.read() as session:
        return await polls.count_placed(session)


async def poll_all(
    *,
    store: Store,
    clickpost: TrackingVendor,
    clock: Clock,
    policy: CatchUpPolicy,
    pauses: Sequence[float] = PAUSES,
    on_done: OnDone = unwatched,
) -> PolledAll:
    """Poll every shipment that has a waybill, also those with a final status.

    Failed calls are repeated after each of `pauses` (seconds). `on_done` receives how many more were polled.
    """
    asked = known = 0
    failed: list[DuePoll] = []
    after = (-1, "")
    while page := await _placed_after(store, after):
        last = page[-1].reference_number
        after = (shard_of(last), last)
        asked += len(page)
        found, retry = await _poll(store, clickpost, page, clock, policy)
        known, failed = known + found, failed + retry
        on_done(len(page))
    for pause in pauses:
        if failed:
            await asyncio.sleep(pause)
            found, failed = await _poll(store, clickpost, failed, clock, policy)
            known += found
    return PolledAll(asked=asked, known=known, failed=len(failed))


async def _placed_after(store: Store, after: tuple[int, str]) -> list[DuePoll]:
    async with store.read() as session:
        return await polls.placed_after(session, after, limit=PAGE)


async def _poll(
    store: Store,
    clickpost: TrackingVendor,
    due: Sequence[DuePoll],
    clock: Clock,
    policy: CatchUpPolicy,
    lease: Lease | None = None,
) -> tuple[int, list[DuePoll]]:
    """(how many of these shipments ClickPost knows, those for which a call failed).

    A few calls are in flight at once; otherwise ClickPost's response time would limit the pace.
    """
    known: set[str] = set()
    failed: set[str] = set()

    async def call(one: tuple[int, Sequence[DuePoll]]) -> None:
        courier, asked = one
        items = await _track(store, clickpost, courier, asked, clock, policy, lease)
        if items is None:
            failed.update(s.reference_number for s in asked)
            return
        returned = {str(item.get("waybill")) for item in items}
        known.update(s.reference_number for s in asked if s.waybill in returned)

    await for_each(_calls(await _with_all_waybills(store, due)), call, at_once=CALLS_IN_FLIGHT)
    answered = {s.reference_number for s in due} - failed
    now = clock()
    async with store.write() as session:
        for reference in sorted(answered, key=lambda r: (shard_of(r), r)):
            await polls.record_poll(session, reference, polled_at=now, next_poll_at=policy.polling.after_poll(now))
    return len(known - failed), [s for s in due if s.reference_number in failed]


async def _track(
    store: Store,
    clickpost: TrackingVendor,
    courier: int,
    asked: Sequence[DuePoll],
    clock: Clock,
    policy: CatchUpPolicy,
    lease: Lease | None,
) -> Sequence[JsonObject] | None:
    """Make one call and store its items in the inbox; None if it failed, or the lease ended before its turn."""
    try:
        await wait_for_turn(store, clock, policy)
        if lease and not lease.allows(clock()):
            return None  # another process may poll these now
        answer = await clickpost.track_order([s.waybill for s in asked], courier)
    except VendorError as error:
        log.warning("catch_up.track_failed", courier=courier, problem=str(error))
        if policy.pace and error.retry_after:
            await policy.pace.rest(store, clock, min(error.retry_after, LONGEST_REST))
        await keep_failed_call(store, error, clock(), policy)
        return None
    async with store.write() as session:
        await inbox.add(session, deliveries_of(Source.TRACK_ORDER, answer.items, clock()))
    return answer.items


async def _with_all_waybills(store: Store, due: Sequence[DuePoll]) -> list[DuePoll]:
    """Each shipment's own waybill, and those of its pieces and its RTO."""
    async with store.read() as session:
        more = await waybills.of_shipments(session, [s.reference_number for s in due])
    others = (DuePoll(w.reference_number, w.waybill, w.courier_partner_id) for w in more)
    return list(dict.fromkeys([*due, *others]))


def _calls(asked: Sequence[DuePoll]) -> list[tuple[int, list[DuePoll]]]:
    """Waybills by courier, at most five to a call."""
    calls: list[tuple[int, list[DuePoll]]] = []
    by_courier = sorted(asked, key=lambda s: s.courier_partner_id)
    for courier, group in groupby(by_courier, key=lambda s: s.courier_partner_id):
        of_courier = list(group)
        calls += [
            (courier, of_courier[start : start + WAYBILLS_A_CALL])
            for start in range(0, len(of_courier), WAYBILLS_A_CALL)
        ]
    return calls
