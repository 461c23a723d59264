"""Apply: decides what deliveries mean. Inbox -> scans -> where each shipment stands.

The only place that understands deliveries, from whichever side they came. It makes no calls, so its transaction is its
lease. One bad delivery never stops the rest: a batch that fails is halved until the bad one stands alone and is set
aside with its problem.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from awbridge.clickpost.tracking.deliveries import FUTURE_TOLERANCE, MOST_PROBLEMS, Unreadable
from awbridge.clickpost.wire.codes import milestone_of, ndr_name, status_info
from awbridge.domain.errors import StoreBusy
from awbridge.domain.notify import events as happened
from awbridge.domain.notify.events import ShipmentEvent
from awbridge.domain.orders.outcome import Placed
from awbridge.domain.orders.shipment import Shipment, Tracked
from awbridge.domain.retry import backoff
from awbridge.domain.tracking.asking import PollingRules
from awbridge.domain.tracking.attribution import About, Nobody, Use, attribute, since
from awbridge.domain.tracking.lifecycle import StatusInfo
from awbridge.domain.tracking.pieces import PieceStatus, agree
from awbridge.domain.tracking.promise import edd_day
from awbridge.domain.tracking.scan import TrackingUpdate
from awbridge.steps.records.actions_ended import end_actions_by_tracking
from awbridge.steps.records.cancellation import end_by_tracking
from awbridge.steps.records.placed import record_found
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.tracking.rebuild import (
    Reading,
    TimelineBuilder,
    keep,
    open_timelines,
    rebuild_shipment,
    stored_tracking_status,
)
from awbridge.store import Store
from awbridge.store.engine.database import Session
from awbridge.store.notify import events
from awbridge.store.orders import shipments, waybills
from awbridge.store.orders.shipments import TrackingChange, TrackingStatus
from awbridge.store.polling import arrivals
from awbridge.store.polling.arrivals import Arrival
from awbridge.store.tracking import inbox, update_sources
from awbridge.store.tracking.inbox import Delivery
from awbridge.store.tracking.update_sources import UpdateSource

log = structlog.get_logger()

FIRST_LOOK_AGAIN = timedelta(seconds=5)  # for a delivery whose shipment is not known; doubles each time
LONGEST_LOOK_AGAIN = timedelta(hours=6)
LONGEST_WAIT = timedelta(days=30)  # then it is set aside: its shipment is not one of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyPolicy(Reading):
    """How deliveries are read, and when a shipment that falls silent is asked for."""

    polling: PollingRules = field(default_factory=PollingRules)
    batch: int = 200


async def apply_due(*, store: Store, clock: Clock, policy: ApplyPolicy) -> int:
    """Apply the deliveries that are due, one batch; how many were taken up."""
    try:
        async with store.write() as session:
            claimed = await inbox.claim(session, now=clock(), limit=policy.batch)
            await _apply(session, claimed, clock(), policy)
            return len(claimed)
    except StoreBusy:
        raise
    except Exception as error:
        log.warning("apply.batch_failed", error=type(error).__name__)
    return await _apply_in_parts(store, clock, policy)


async def _apply_in_parts(store: Store, clock: Clock, policy: ApplyPolicy) -> int:
    """The batch holds something that cannot be stored: one by one, and what fails alone is set aside."""
    for taken in range(policy.batch):
        claimed: list[Delivery] = []
        try:
            async with store.write() as session:
                claimed = await inbox.claim(session, now=clock(), limit=1)
                await _apply(session, claimed, clock(), policy)
        except StoreBusy:
            raise
        except Exception as error:
            if not claimed:
                raise
            log.error("apply.dead_lettered", delivery=claimed[0].id, error=type(error).__name__)
            async with store.write() as session:
                await inbox.dead_lettered(session, claimed[0], problem=f"could not be applied: {type(error).__name__}")
        if not claimed:
            return taken
    return policy.batch


@dataclass(slots=True)
class _Read:
    """A delivery, what it tells, and which shipment each piece of it is about."""

    delivery: Delivery
    updates: list[TrackingUpdate]
    about: list[About] = field(default_factory=list[About])


async def _apply(session: Session, claimed: Sequence[Delivery], now: datetime, policy: ApplyPolicy) -> None:
    readable: list[_Read] = []
    for delivery in claimed:
        try:
            updates = policy.of(delivery)
        except Unreadable as error:
            await inbox.dead_lettered(session, delivery, problem=str(error))
        else:
            readable.append(_Read(delivery, updates))
    again = [read.delivery for read in readable if read.delivery.again]
    told_before = await update_sources.of_deliveries(session, again)
    candidates = await _candidates(session, [t for read in readable for t in read.updates], told_before)
    before = {r: row for r, row in candidates.shipments.items() if r in told_before}
    if told_before:
        candidates.shipments.update(await _withdraw(session, again, before, told_before, policy))
    ready: list[_Read] = []
    for read in readable:
        found = [candidates.attribute(t) for t in read.updates]
        read.about = [about for about in found if isinstance(about, About)]
        if nobody := next((about for about in found if isinstance(about, Nobody)), None):
            await _park(session, read.delivery, nobody, now)
        else:
            ready.append(read)
    turned_up = await _turned_up(session, ready, candidates.shipments)
    first_told = await _tell_shipments(session, ready, candidates.shipments, before, turned_up, now, policy)
    await arrivals.count(session, [*_first_seen(readable), *first_told])


async def _withdraw(
    session: Session,
    again: Sequence[Delivery],
    shipments_before: Mapping[str, Tracked],
    told_before: Mapping[str, Collection[int]],
    policy: ApplyPolicy,
) -> dict[str, Tracked]:
    """Rebuild these shipments without what deliveries told of them that are applied once more: it may be another's.

    Where a shipment stands without them decides whom they are about.
    """
    await update_sources.withdraw(session, again)
    heard: list[TrackingChange] = []
    for reference, shipment in shipments_before.items():
        without = [delivery for delivery in again if delivery.id in told_before[reference]]
        retold = await rebuild_shipment(session, shipment, policy, without=without)
        heard.append(_heard(retold.builder, policy, gap=False))
    await shipments.set_tracking_statuses(session, heard)
    return await shipments.lock_tracked(session, list(shipments_before))


async def _park(session: Session, delivery: Delivery, nobody: Nobody, now: datetime) -> None:
    """Its shipment is not known, or cannot be told from another: it looks again, ever more rarely."""
    if now - delivery.received_at > LONGEST_WAIT:
        await inbox.dead_lettered(session, delivery, problem=nobody.why or f"no shipment of ours: {nobody.key}")
        return
    if nobody.why and delivery.tries == 0:
        log.warning("delivery.ambiguous", delivery=delivery.id, source=delivery.source.value, problem=nobody.why)
    pause = backoff(delivery.tries + 1, first=FIRST_LOOK_AGAIN, longest=LONGEST_LOOK_AGAIN)
    await inbox.wait(session, delivery, key=nobody.key, until=now + pause, problem=nobody.why)


def _first_seen(readable: Sequence[_Read]) -> list[Arrival]:
    """Deliveries that are read for the first time, whether their shipment is known or not."""
    return [
        Arrival(read.delivery.received_at, t.courier_partner_id or 0, read.delivery.source, deliveries=1)
        for read in readable
        if read.delivery.tries == 0
        for t in read.updates[:1]
    ]


@dataclass(frozen=True, slots=True)
class _Candidates:
    """The shipments that deliveries may be about, locked, and what is known of the names in them."""

    uses: dict[str, list[Use]]
    orders: dict[str, list[str]]
    shipments: dict[str, Tracked]

    def attribute(self, told: TrackingUpdate) -> About | Nobody:
        found = self._attribute(told)
        if isinstance(found, Nobody) and found.why is None and told.return_reference_number:
            # Its forward shipment is not ours, but the return may be.
            booked = self._attribute(told.of_booked_return())
            return booked if isinstance(booked, About) else found
        return found

    def _attribute(self, told: TrackingUpdate) -> About | Nobody:
        uses, orders = self.uses.get(told.waybill, ()), self.orders.get(told.order_id, ())
        return attribute(told, uses, self.shipments, orders)


async def _turned_up(
    session: Session, ready: Sequence[_Read], known: Mapping[str, Tracked]
) -> dict[str, tuple[Shipment, TrackingUpdate]]:
    """The shipments that went out and were not placed, where a delivery names them by reference, with a waybill."""
    named = {
        t.reference_number: t
        for read in ready
        for t in read.updates
        if t.waybill and (shipment := known.get(t.reference_number)) and shipment.waybill is None
    }
    stored = await shipments.get_many(session, sorted(named)) if named else []
    return {s.reference_number: (s, named[s.reference_number]) for s in stored if s.sent_at and not s.success}


async def _candidates(session: Session, told: Sequence[TrackingUpdate], earlier: Collection[str]) -> _Candidates:
    known = await waybills.find(session, [t.waybill for t in told if t.waybill])
    by_order = [t.order_id for t in told if t.order_id and not (t.waybill or t.reference_number)]
    orders = await shipments.of_orders(session, by_order)
    uses = {
        waybill: [
            Use(courier_partner_id=k.courier_partner_id, reference_number=k.reference_number, since_at=k.since_at)
            for k in of_waybill
        ]
        for waybill, of_waybill in known.items()
    }
    references = {name for t in told for name in (t.reference_number, t.return_reference_number) if name}.union(
        earlier,
        (use.reference_number for of_waybill in uses.values() for use in of_waybill),
        (reference for references in orders.values() for reference in references),
    )
    return _Candidates(uses, orders, await shipments.lock_tracked(session, sorted(references)))


async def _tell_shipments(
    session: Session,
    ready: Sequence[_Read],
    locked: Mapping[str, Tracked],
    before: Mapping[str, Tracked],
    turned_up: Mapping[str, tuple[Shipment, TrackingUpdate]],
    now: datetime,
    policy: ApplyPolicy,
) -> list[Arrival]:
    """Which side told new scans.

    `before`: how shipments stood of which a delivery told that is applied once more. What `turned_up` is placed:
    ClickPost tells of it.
    """
    builders = await open_timelines(session, dict.fromkeys(before, ()) | _by_shipment(ready), locked)
    for shipment, update in turned_up.values():
        placed = Placed(waybill=update.waybill, already=True, courier_partner_id=update.courier_partner_id)
        ask_at = policy.polling.first_ask(now, shipment.reference_number)
        await record_found(session, shipment, placed, ask_at=ask_at, now=now)
        log.warning("shipment.turned_up", reference=shipment.reference_number, waybill=update.waybill)
    told: list[UpdateSource] = []
    applied: list[tuple[Delivery, str | None, int]] = []
    for read in sorted(ready, key=lambda r: (r.delivery.received_at, r.delivery.id)):
        entries: dict[str, set[int]] = {}
        for update, about in zip(read.updates, read.about, strict=True):
            builders[about.reference_number].tell(since(update, about.since_at), read.delivery)
            entries.setdefault(about.reference_number, set()).add(update.entry)
        told += [UpdateSource(reference, read.delivery, frozenset(places)) for reference, places in entries.items()]
        problems = [p for t in read.updates for p in t.problems][:MOST_PROBLEMS]
        applied.append((read.delivery, "; ".join(problems) or None, len(entries)))
    await inbox.applied(session, applied, now=now)
    await update_sources.add(session, told)
    in_order = [builder for builder in builders.values() if not builder.late]
    await keep(session, in_order)
    heard: list[TrackingChange] = []
    happenings: list[ShipmentEvent] = []
    for builder in builders.values():
        _log_future_scans(builder)
        _log_unreadable_promises(builder)
        final_builder = (await rebuild_shipment(session, builder.shipment, policy)).builder if builder.late else builder
        heard.append(_heard(final_builder, policy, gap=builder.gap))
        was = before.get(builder.shipment.reference_number, builder.shipment)
        happenings += _happenings(builder, was, heard[-1].standing)
        happenings += _piece_happenings(builder, final_builder.pieces())
    await shipments.set_tracking_statuses(session, heard)
    for one in heard:
        shipment, seen = builders[one.reference_number].shipment, one.standing.sighting
        happenings += await end_by_tracking(session, shipment, seen.code if seen else None, now=now)
    await end_actions_by_tracking(session, _moved(heard, builders, before), now=now)
    await events.write(session, happenings, now=now)
    return [
        Arrival(e.received_at, e.courier_partner_id or builder.shipment.courier_partner_id, e.source, scans=1)
        for builder in builders.values()
        for e in builder.timeline.new
    ]


def _moved(
    heard: Sequence[TrackingChange], builders: Mapping[str, TimelineBuilder], before: Mapping[str, Tracked]
) -> dict[str, StatusInfo]:
    """The shipments that stand elsewhere than before, and where they stand now."""
    return {
        one.reference_number: status_info(seen.code, one.standing.status_description or "")
        for one in heard
        if (seen := one.standing.sighting)
        and seen.code != before.get(one.reference_number, builders[one.reference_number].shipment).status_code
    }


def _by_shipment(ready: Sequence[_Read]) -> dict[str, list[TrackingUpdate]]:
    told: dict[str, list[TrackingUpdate]] = {}
    for read in ready:
        for update, about in zip(read.updates, read.about, strict=True):
            told.setdefault(about.reference_number, []).append(update)
    return told


def _log_future_scans(builder: TimelineBuilder) -> None:
    for entry in builder.timeline.new:
        if entry.scanned_at > entry.received_at + FUTURE_TOLERANCE:
            ahead = (entry.scanned_at - entry.received_at).total_seconds()
            reference = builder.shipment.reference_number
            log.warning("scan.in_future", reference=reference, source=entry.source.value, ahead_seconds=int(ahead))


def _log_unreadable_promises(builder: TimelineBuilder) -> None:
    for promise in builder.new_promises:
        if edd_day(promise.edd) is None:
            log.warning("edd.unreadable", reference=builder.shipment.reference_number, source=promise.source)


def _happenings(builder: TimelineBuilder, was: Tracked, standing: TrackingStatus) -> list[ShipmentEvent]:
    """What this batch did to where the shipment stands, for customers and own systems."""
    returns = [
        happened.returned(builder.shipment, e.return_event, at=e.seen_at, name=status_info(e.code, e.description).name)
        for e in builder.timeline.new
        if e.return_event
    ]
    told, milestone = builder.told_latest, milestone_of
    if builder.told_of_pieces_alone:
        milestones = [milestone_of(p.sighting.code) if p.sighting else None for p in builder.pieces()]
        told, milestone = (standing.sighting, milestone_of) if agree(milestones) else (None, _no_milestone)
    return returns + happened.moved(
        builder.shipment,
        before=stored_tracking_status(was).sighting,
        after=standing.sighting,
        told=told,
        info=status_info(standing.sighting.code, standing.status_description or "") if standing.sighting else None,
        milestone_of=milestone,
        ndr_code=standing.ndr_code,
        ndr_name=ndr_name(standing.ndr_code, standing.ndr_description or ""),
        edd=standing.edd,
        fresh_at=builder.fresh_at,
    )


def _no_milestone(_code: int) -> None:
    """Of a shipment whose pieces stand at several milestones."""
    return


def _piece_happenings(builder: TimelineBuilder, pieces: Sequence[PieceStatus]) -> list[ShipmentEvent]:
    """What this batch did to where the pieces of a shipment stand, for own systems."""
    return [
        happening
        for piece in pieces
        if (seen := piece.sighting)
        for happening in happened.piece_moved(
            builder.shipment,
            piece,
            before=builder.pieces_before.get(piece.waybill),
            info=status_info(seen.code, piece.name),
            milestone_of=milestone_of,
        )
    ]


def _heard(builder: TimelineBuilder, policy: ApplyPolicy, *, gap: bool) -> TrackingChange:
    """Where the shipment stands now, and when it is asked for next."""
    standing = builder.standing(policy.zone)
    last_tracked_at = builder.last_tracked_at or builder.shipment.created_at
    final = standing.sighting is not None and standing.sighting.final
    ask_at = policy.polling.after_hearing(
        last_tracked_at=last_tracked_at,
        polled_at=builder.shipment.last_polled_at,
        due_at=builder.shipment.next_poll_at,
        final=final,
        was_final=builder.shipment.final,
        gap=gap,
    )
    reference = builder.shipment.reference_number
    return TrackingChange(
        reference_number=reference, standing=standing, last_tracked_at=last_tracked_at, next_poll_at=ask_at
    )
