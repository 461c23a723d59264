"""Apply: turns the deliveries in the inbox into scans and the tracking status of shipments.

The only place that interprets deliveries, whatever their source. It makes no calls, so its transaction is its lease. A
bad delivery never stops the others: the deliveries of a failed batch are applied one by one, and one that fails alone
is dead-lettered with its problem.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

import structlog

from awbridge.clickpost.tracking.webhook_bodies import MOST_PROBLEMS
from awbridge.clickpost.wire.tracking_codes import status_info
from awbridge.domain.errors import StoreBusy
from awbridge.domain.notify.events import ShipmentEvent
from awbridge.domain.orders.outcome import Placed
from awbridge.domain.orders.shipment import Shipment, Tracked
from awbridge.domain.retry import backoff
from awbridge.domain.tracking.asking import PollingRules
from awbridge.domain.tracking.attribution import Attributed, Unattributed, since
from awbridge.domain.tracking.dead_letter import DeadLetterReason
from awbridge.domain.tracking.lifecycle import StatusInfo
from awbridge.domain.tracking.scan import TrackingUpdate
from awbridge.steps.records.actions_ended import end_actions_by_tracking
from awbridge.steps.records.cancellation import end_by_tracking
from awbridge.steps.records.placed import record_found
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.traces import Heard
from awbridge.steps.tracking.applied import arrivals_of_timelines, heard_of, report
from awbridge.steps.tracking.claimed import (
    Claimed,
    Claims,
    ReadDelivery,
    by_shipment,
    lock_of,
    lock_shipments,
    look_up,
    read_claimed,
)
from awbridge.steps.tracking.next_scan import NextScan, arrivals_of, moved_events, next_scan, reached, without_known
from awbridge.steps.tracking.reading import Reading
from awbridge.steps.tracking.rebuild_timelines import rebuild_shipments
from awbridge.steps.tracking.status_events import log_oddities, piece_events, status_events
from awbridge.steps.tracking.timeline_builder import TimelineBuilder, keep, open_timelines
from awbridge.store import Store
from awbridge.store.engine.database import Session
from awbridge.store.notify import events
from awbridge.store.orders import shipments
from awbridge.store.orders.shipments import TrackedRows
from awbridge.store.polling import arrivals
from awbridge.store.polling.arrivals import Arrival
from awbridge.store.tracking import inbox, tracking_status, update_sources
from awbridge.store.tracking.inbox import Delivery
from awbridge.store.tracking.tracking_status import TrackingChange, is_step
from awbridge.store.tracking.update_sources import UpdateSource

log = structlog.get_logger()

CROWDED_PIECES = 2  # transactions of a lane in one round while many wait for pages
IN_ONE_GO = 32  # deliveries; then the statements of another lane may go out
FIRST_RETRY = timedelta(seconds=5)  # for a delivery whose shipment is not known; doubles each time
LONGEST_RETRY = timedelta(hours=6)
LONGEST_WAIT = timedelta(days=30)  # then it is dead-lettered: its shipment is not one of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyPolicy(Reading):
    """How deliveries are read, and when a shipment without updates is polled."""

    polling: PollingRules = field(default_factory=PollingRules)
    batch: int = 512  # deliveries that one call applies
    piece: int = 256  # of them in one transaction; their shipments are locked meanwhile
    lanes: int = 2  # transactions at a time
    quiet_batch: int = 24_576  # the same where no delivery arrives: lanes wait less often for each other
    quiet_piece: int = 256
    quiet_lanes: int = 3

    @property
    def in_one_go(self) -> int:
        """Deliveries that are read before other tasks have a turn.

        A single lane never gives it: on SQLite nobody else writes during its transaction, so it has to end soon.
        """
        return IN_ONE_GO if self.lanes > 1 else max(self.batch, self.piece) + 1

    @property
    def crowded(self) -> ApplyPolicy:
        """The same policy while many wait for pages: rests are frequent."""
        return replace(self, batch=min(self.batch, CROWDED_PIECES * self.lanes * self.piece))

    @property
    def quiet(self) -> ApplyPolicy:
        """The same policy while no delivery arrives."""
        return replace(self, batch=self.quiet_batch, piece=self.quiet_piece, lanes=self.quiet_lanes)


async def apply_due(
    *, store: Store, clock: Clock, policy: ApplyPolicy, go_on: Callable[[], bool] = lambda: True
) -> int:
    """Apply up to one batch of due deliveries; how many were claimed.

    In several transactions, some at a time: while the database writes one, this process reads the next. At least one
    is begun, and the next ones while `go_on` says so.
    """
    claims = Claims(left=policy.batch, piece=policy.piece, go_on=go_on)
    work = [_apply_pieces(store, clock, policy, claims) for _ in range(policy.lanes)]
    done = await asyncio.gather(*work, return_exceptions=True)
    for ended in done:
        if isinstance(ended, BaseException):
            raise ended
    return claims.applied


async def _apply_pieces(store: Store, clock: Clock, policy: ApplyPolicy, claims: Claims) -> None:
    """Apply what is left, piece by piece, each in a transaction of its own."""
    while claims.left:
        left, began_at = claims.left, clock()
        try:
            if policy.lanes == 1:
                claimed, heard = await store.transact(partial(_apply_piece, clock, policy, claims), lasts=False)
            else:
                async with AsyncExitStack() as transaction:
                    async with claims.turn:
                        if not claims.left:
                            return
                        left = claims.left
                        session = await transaction.enter_async_context(store.write())
                        if not (claimed := await claims.next_piece(session, clock())):
                            return
                        readable = await read_claimed(session, claimed, policy, in_one_go=policy.in_one_go)
                        place = claims.place()
                    try:
                        found = await look_up(session, readable)
                        await place.reached()
                        batch = await lock_of(session, found)
                    finally:
                        place.leave()
                    await _apply(session, batch, clock(), policy)
                    heard = batch.heard
            claims.applied += len(claimed)
            report(claimed, heard, began_at=began_at, now=clock())
        except StoreBusy:
            raise
        except Exception as error:
            log.warning("apply.batch_failed", error=type(error).__name__)
            in_parts = await _apply_in_parts(store, clock, policy, min(left, claims.piece))
            claims.applied += in_parts  # not awaited in this line: other lanes add meanwhile
            claims.left = 0


async def _apply_piece(
    clock: Clock, policy: ApplyPolicy, claims: Claims, session: Session
) -> tuple[list[Delivery], list[Heard]]:
    """Apply the next piece within this transaction, and await nothing else: on SQLite it runs in the writing thread."""
    claimed = await claims.next_piece(session, clock())
    batch = await lock_shipments(session, claimed, policy, in_one_go=policy.in_one_go)
    await _apply(session, batch, clock(), policy)
    return claimed, batch.heard


async def _apply_in_parts(store: Store, clock: Clock, policy: ApplyPolicy, limit: int) -> int:
    """Apply the deliveries of a failed batch one by one; dead-letter each that fails alone."""
    for applied in range(limit):
        claimed: list[Delivery] = []
        began_at = clock()
        try:
            async with store.write() as session:
                claimed = await inbox.claim(session, now=began_at, limit=1)
                batch = await lock_shipments(session, claimed, policy, in_one_go=policy.in_one_go)
                await _apply(session, batch, clock(), policy)
            report(claimed, batch.heard, began_at=began_at, now=clock())
        except StoreBusy:
            raise
        except Exception as error:
            if not claimed:
                raise
            log.error("delivery.dead_lettered", delivery=claimed[0].id, error=type(error).__name__)
            async with store.write() as session:
                await inbox.dead_lettered(session, claimed[0], problem=DeadLetterReason.FAILED.of(type(error).__name__))
        if not claimed:
            return applied
    return limit


async def _apply(session: Session, batch: Claimed, now: datetime, policy: ApplyPolicy) -> None:
    readable, again, updated_before = batch.readable, batch.again, batch.updated_before
    candidates = batch.candidates
    before = {r: candidates.shipments[r] for r in updated_before if r in candidates.shipments}
    if updated_before:
        await inbox.plan_by_values(session)
        candidates.shipments.renew(await _withdraw(session, again, before, updated_before, policy))
    ready: list[ReadDelivery] = []
    for read in readable:
        found = [candidates.attribute(t) for t in read.updates]
        read.about = [about for about in found if isinstance(about, Attributed)]
        if unattributed := next((about for about in found if isinstance(about, Unattributed)), None):
            await _park(session, read.delivery, unattributed, now)
        else:
            ready.append(read)
    placed_by_update = await _placed_by_update(session, ready, candidates.shipments)
    new_scans = await _update_shipments(
        session, ready, candidates.shipments, before, placed_by_update, now, policy, batch.heard
    )
    await arrivals.count(session, [*_first_seen(readable), *new_scans])


async def _withdraw(
    session: Session,
    again: Sequence[Delivery],
    shipments_before: Mapping[str, Tracked],
    updated_before: Mapping[str, Collection[int]],
    policy: ApplyPolicy,
) -> TrackedRows:
    """Rebuild these shipments without the deliveries that are applied once more; they may be about other shipments.

    The status without them decides which shipments they are about.
    """
    await update_sources.withdraw(session, again)
    without = {r: [delivery for delivery in again if delivery.id in updated_before[r]] for r in shipments_before}
    rebuilt = await rebuild_shipments(session, list(shipments_before.values()), policy, without=without)
    changes = [_change(timeline.builder, policy, gap=False) for timeline in rebuilt.values()]
    await tracking_status.set_tracking_statuses(session, changes)
    return await shipments.lock_tracked(session, list(shipments_before))


async def _park(session: Session, delivery: Delivery, unattributed: Unattributed, now: datetime) -> None:
    """Its shipment is unknown or ambiguous: retry later, with a growing delay."""
    ambiguous = DeadLetterReason.AMBIGUOUS.of(unattributed.why) if unattributed.why else None
    if now - delivery.received_at > LONGEST_WAIT:
        problem = ambiguous or DeadLetterReason.UNKNOWN_SHIPMENT.of(unattributed.key)
        await inbox.dead_lettered(session, delivery, problem=problem)
        return
    if unattributed.why and delivery.tries == 0:
        log.warning("delivery.ambiguous", delivery=delivery.id, source=delivery.source.value, problem=unattributed.why)
    pause = backoff(delivery.tries + 1, first=FIRST_RETRY, longest=LONGEST_RETRY)
    await inbox.wait(session, delivery, key=unattributed.key, until=now + pause, problem=ambiguous)


def _first_seen(readable: Sequence[ReadDelivery]) -> list[Arrival]:
    """Deliveries that are read for the first time, whether or not their shipment is known."""
    return [
        Arrival(read.delivery.received_at, t.courier_partner_id or 0, read.delivery.source, deliveries=1)
        for read in readable
        if read.delivery.tries == 0
        for t in read.updates[:1]
    ]


async def _placed_by_update(
    session: Session, ready: Sequence[ReadDelivery], known: Mapping[str, Tracked]
) -> dict[str, tuple[Shipment, TrackingUpdate]]:
    """Sent shipments that are not known to be placed, for which an update gives a waybill, by reference number."""
    named = {
        t.reference_number: t
        for read in ready
        for t in read.updates
        if t.waybill and (shipment := known.get(t.reference_number)) and shipment.waybill is None
    }
    stored = await shipments.get_many(session, sorted(named)) if named else []
    return {s.reference_number: (s, named[s.reference_number]) for s in stored if s.sent_at and not s.success}


async def _update_shipments(
    session: Session,
    ready: Sequence[ReadDelivery],
    locked: TrackedRows,
    before: Mapping[str, Tracked],
    placed_by_update: Mapping[str, tuple[Shipment, TrackingUpdate]],
    now: datetime,
    policy: ApplyPolicy,
    heard: list[Heard],
) -> list[Arrival]:
    """Update the shipments with these deliveries; the new scans, by source.

    `before`: the earlier rows of shipments whose deliveries are applied once more. `placed_by_update` become placed.
    The new scans are added to `heard`.
    """
    about = by_shipment(ready)
    steps = await _next_scans(session, about, {*before, *placed_by_update}, locked, policy)
    updates = {r: [update for _, update in of] for r, of in about.items() if r not in steps}
    if updates or before:
        await inbox.plan_by_values(session)
    builders = await open_timelines(session, dict.fromkeys(before, ()) | updates, locked)
    for shipment, update in placed_by_update.values():
        placed = Placed(waybill=update.waybill, already=True, courier_partner_id=update.courier_partner_id)
        ask_at = policy.polling.first_poll(now, shipment.reference_number, held_before=True)
        await record_found(session, shipment, placed, ask_at=ask_at, now=now)
        log.warning("shipment.found", reference=shipment.reference_number, waybill=update.waybill)
    others = [read for read in ready if not (read.about and read.about[0].reference_number in steps)]
    applied, sources = _add_to_timelines(others, builders)
    await inbox.applied(session, applied, now=now)
    await update_sources.add(session, [s for s in sources if not builders[s.reference_number].joins(s)])
    in_order = [builder for builder in builders.values() if not builder.late]
    await keep(session, in_order, [one.joined for one in steps.values()])
    rebuilt = await rebuild_shipments(session, [b.shipment for b in builders.values() if b.late], policy)
    changes: list[TrackingChange] = []
    shipment_events: list[ShipmentEvent] = []
    for reference, builder in builders.items():
        log_oddities(builder)
        final_builder = rebuilt[reference].builder if builder.late else builder
        changes.append(_change(final_builder, policy, gap=builder.gap))
        earlier = before.get(reference, builder.shipment)
        shipment_events += status_events(builder, earlier, changes[-1].standing)
        shipment_events += piece_events(builder, final_builder.pieces())
    moves = [one.move for one in steps.values() if one.only_moves]
    others_steps = [one.step for one in steps.values() if not one.only_moves]
    await tracking_status.set_tracking_statuses(session, changes, others_steps, moves)
    for change in changes:
        shipment, seen = builders[change.reference_number].shipment, change.standing.sighting
        if shipment.cancel_requested_at is not None:
            shipment_events += await end_by_tracking(session, shipment, seen.code if seen else None, now=now)
    moved = _moved(changes, builders, before) | {r: s.info for r, s in steps.items() if s.info.code != s.code_before}
    await end_actions_by_tracking(session, moved, now=now)
    if steps and await events.has_listeners(session):
        shipment_events += [event for r, one in steps.items() for event in moved_events(one, locked[r])]
    else:
        await events.reach(session, reached(list(steps.values()), now))
    await events.write(session, shipment_events, now=now)
    heard += heard_of(steps.values(), builders.values())
    return [*arrivals_of(steps.values(), locked), *arrivals_of_timelines(builders.values())]


async def _next_scans(
    session: Session,
    about: Mapping[str, Sequence[tuple[ReadDelivery, TrackingUpdate]]],
    special: Collection[str],
    locked: TrackedRows,
    policy: ApplyPolicy,
) -> dict[str, NextScan]:
    """The shipments, except the `special`, whose one delivery brings nothing but their next scan."""
    alone = {
        r: read for r, of in about.items() if len(of) == 1 and r not in special and len((read := of[0][0]).updates) == 1
    }
    found: list[NextScan] = []
    for number, (reference, read) in enumerate(alone.items(), start=1):
        row, update = locked.rows[reference], about[reference][0][1]
        if one := next_scan(row, update, read.delivery, policy, policy.polling):
            found.append(one)
        if number % policy.in_one_go == 0:
            await asyncio.sleep(0)
    return {one.reference_number: one for one in await without_known(session, found)}


def _add_to_timelines(
    ready: Sequence[ReadDelivery], builders: Mapping[str, TimelineBuilder]
) -> tuple[list[tuple[Delivery, str | None, int]], list[UpdateSource]]:
    """Add deliveries to timelines in the order of receipt: with its problems and number of shipments each; sources."""
    sources: list[UpdateSource] = []
    applied: list[tuple[Delivery, str | None, int]] = []
    for read in sorted(ready, key=lambda r: (r.delivery.received_at, r.delivery.id)):
        entries: dict[str, set[int]] = {}
        for update, about_one in zip(read.updates, read.about, strict=True):
            builders[about_one.reference_number].add(since(update, about_one.since_at), read.delivery)
            entries.setdefault(about_one.reference_number, set()).add(update.entry)
        sources += [UpdateSource(reference, read.delivery, frozenset(found)) for reference, found in entries.items()]
        problems = [p for t in read.updates for p in t.problems][:MOST_PROBLEMS]
        applied.append((read.delivery, "; ".join(problems) or None, len(entries)))
    return applied, sources


def _moved(
    changes: Sequence[TrackingChange], builders: Mapping[str, TimelineBuilder], before: Mapping[str, Tracked]
) -> dict[str, StatusInfo]:
    """The shipments whose status changed, and their new status."""
    return {
        change.reference_number: status_info(seen.code, change.standing.status_description or "")
        for change in changes
        if (seen := change.standing.sighting)
        and seen.code != before.get(change.reference_number, builders[change.reference_number].shipment).status_code
    }


def _change(builder: TimelineBuilder, policy: ApplyPolicy, *, gap: bool) -> TrackingChange:
    """The shipment's status now, and when it is polled next."""
    status = builder.tracking_status(policy.zone)
    last_tracked_at = builder.last_tracked_at or builder.shipment.created_at
    next_poll_at = policy.polling.after_update(
        last_tracked_at=last_tracked_at,
        polled_at=builder.shipment.last_polled_at,
        due_at=builder.shipment.next_poll_at,
        final=status.sighting is not None and status.sighting.final,
        was_final=builder.shipment.final,
        gap=gap,
    )
    return TrackingChange(
        reference_number=builder.shipment.reference_number,
        standing=status,
        last_tracked_at=last_tracked_at,
        next_poll_at=next_poll_at,
        edd_stated_at=builder.edd_stated_at,
        is_step=is_step(builder.shipment, status),
    )
