"""Intake: stores orders, all of a batch or none, and changes, retries and cancels what is stored."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from awbridge.clickpost.orders.create import own_waybill
from awbridge.clickpost.orders.payload import payload_differences
from awbridge.domain.couriers.allocation_mode import Allocation
from awbridge.domain.errors import (
    FieldProblem,
    IntakeError,
    NotPossible,
    PayloadRefused,
    ReferenceCancelled,
    ReferenceTaken,
)
from awbridge.domain.orders import cancellation
from awbridge.domain.orders.shipment import NO_COURIER, NewShipment, Shipment, State
from awbridge.domain.people.audited import AuditAction
from awbridge.steps.orders.payload_stays import stays_where_maybe_placed, why_payload_stays
from awbridge.steps.orders.reading import configured, order_differences, read_change, read_orders
from awbridge.steps.records.holders import Holders, Wanted, holders_of
from awbridge.steps.records.known_shipment import known_shipment
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.meters import ORDERS_RECEIVED
from awbridge.store import Store
from awbridge.store.engine.database import Session
from awbridge.store.orders import payload_versions, shipments
from awbridge.store.orders.payload_versions import PayloadVersion
from awbridge.store.people import audit_log
from awbridge.store.registration import allocations

OWN_WAYBILL = "shipment_details.awb_number"


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeResult:
    """A shipment after intake. `created` is False where the same order was stored already.

    `warnings`: doubts about the order that are no reason to refuse it.
    """

    shipment: Shipment
    created: bool
    warnings: tuple[FieldProblem, ...] = ()


class BatchRefused(IntakeError):
    """Orders of a batch were refused and nothing of it was stored. `errors` maps each one's place to the reason."""

    def __init__(self, errors: Mapping[int, IntakeError]) -> None:
        self.errors = dict(errors)
        super().__init__(f"{len(errors)} of the orders were refused; nothing was stored")


async def take_in(
    *, store: Store, clock: Clock, orders: Sequence[Any], allocation: Allocation = Allocation.RULES
) -> list[IntakeResult]:
    """Store orders (ClickPost payloads, with optional `transporter` and `region`), all or none.

    `allocation` says who chooses the courier of an order that names none. Raises BatchRefused, with every refused
    order's place in the batch.
    """
    try:
        async with store.read() as session:
            news = await _read_all(session, orders, allocation)
        async with store.write() as session:
            results = await keep(session, news, clock)  # a refusal rolls back
    except BatchRefused as refused:
        ORDERS_RECEIVED.add("refused", number=len(refused.errors))
        raise
    count_received([result.created for result in results])
    return results


def count_received(created: Collection[bool]) -> None:
    """Count stored orders: whether each is new."""
    ORDERS_RECEIVED.add("new", number=sum(created))
    ORDERS_RECEIVED.add("known", number=len(created) - sum(created))


async def take_in_with(
    session: Session, *, clock: Clock, orders: Sequence[Any], allocation: Allocation = Allocation.RULES
) -> list[IntakeResult]:
    """`take_in` within the caller's transaction. The caller must roll back after a refusal."""
    return await keep(session, await _read_all(session, orders, allocation), clock)


async def _read_all(session: Session, orders: Sequence[Any], allocation: Allocation) -> dict[int, NewShipment]:
    news, errors = read_orders(dict(enumerate(orders)), *await configured(session, allocation))
    if errors:
        raise BatchRefused(errors)
    return news


async def change_payload(
    *,
    store: Store,
    clock: Clock,
    reference_number: str,
    order: Any,
    changed_by: str = "",
    reason: str = "",
    allocation: Allocation = Allocation.RULES,
) -> Shipment:
    """Replace the payload of a shipment that ClickPost does not hold yet, and push it again. The old one is kept.

    Raises NotFound, PayloadRefused, or NotPossible when it is placed, cancelled or just being sent.
    """
    async with store.write() as session:
        existing = await locked(session, reference_number)
        new = read_change(order, existing, *await configured(session, allocation))
        return await change_locked(session, existing, new, now=clock(), changed_by=changed_by, reason=reason)


async def change_locked(
    session: Session, existing: Shipment, new: NewShipment, *, now: datetime, changed_by: str, reason: str = ""
) -> Shipment:
    """`change_payload` of a shipment that the caller holds locked, by an order that was read."""
    if existing.maybe_placed and (problem := stays_where_maybe_placed(existing, new)):
        raise NotPossible(problem)  # without a courier, allocate settles it before it gets one
    if (others := await holders_of_own(session, new)) and others.refusal:
        raise PayloadRefused([FieldProblem(OWN_WAYBILL, others.refusal)])
    is_new = shipments.payload_text(existing.payload) != shipments.payload_text(new.payload)
    version = existing.payload_version + 1 if is_new else None
    if not await shipments.change_payload(session, new, now=now, version=version):
        raise NotPossible(why_payload_stays(existing))
    stays = new.transporter is not None and new.transporter == existing.transporter
    await _keep_allocation(session, replace(new, allocated_by=existing.allocated_by) if stays else new, now)
    if version:
        kept = PayloadVersion(
            version=version, payload=new.payload, changed_at=now, changed_by=changed_by, reason=reason
        )
        await payload_versions.add(session, existing, kept)
    fields = sorted(payload_differences(existing.payload, new.payload))
    await audit_log.record(
        session,
        AuditAction.SHIPMENT_PAYLOAD_CHANGED,
        existing.reference_number,
        before={"version": existing.payload_version, "state": existing.state},
        after={"version": version or existing.payload_version, "fields": fields},
        now=now,
    )
    return await known_shipment(session, existing.reference_number)


async def retry(*, store: Store, clock: Clock, reference_number: str) -> Shipment:
    """Push a shipment again at once, with all its tries. Raises NotFound, or NotPossible by its state."""
    async with store.write() as session:
        existing = await known_shipment(session, reference_number)
        if not await shipments.try_again(session, reference_number, now=clock()):
            raise NotPossible(f"{reference_number} is {existing.state}: there is nothing to retry")
        before = {"state": existing.state}
        await audit_log.record(session, AuditAction.SHIPMENT_RETRIED, reference_number, before=before, now=clock())
        return await known_shipment(session, reference_number)


async def cancel(*, store: Store, clock: Clock, reference_number: str) -> Shipment:
    """Cancel a shipment: at once when ClickPost cannot hold it, else as soon as ClickPost has cancelled it too.

    Raises NotFound. Cancelling twice changes nothing.
    """
    async with store.write() as session:
        existing = await known_shipment(session, reference_number)
        await shipments.cancel(session, reference_number, now=clock())
        cancelled = await known_shipment(session, reference_number)
        sides = {
            "before": {"state": existing.state, "requested": existing.cancel_requested_at},
            "after": {"state": cancelled.state, "requested": cancelled.cancel_requested_at},
        }
        await audit_log.record(session, AuditAction.SHIPMENT_CANCELLED, reference_number, **sides, now=clock())
        return cancelled


async def locked(session: Session, reference_number: str) -> Shipment:
    """A shipment, locked until the transaction ends. Raises NotFound."""
    found = await shipments.lock_many(session, [reference_number])
    return found.get(reference_number) or await known_shipment(session, reference_number)


async def _keep_allocation(session: Session, new: NewShipment, now: datetime) -> None:
    """Record what chose the courier of a shipment, or that none is chosen yet."""
    await allocations.set_allocated_by(session, new.reference_number, new.allocated_by)
    if new.courier_partner_id == NO_COURIER:
        await allocations.set_allocating(session, new.reference_number, now=now)


def _is_cancelled(shipment: Shipment) -> bool:
    """Whether an order that is sent again is cancelled, or is being cancelled, and was not replaced."""
    asked = cancellation.of_shipment(shipment)
    open_or_done = asked is not None and asked.state not in cancellation.FAILED
    return (shipment.state is State.CANCELLED or open_or_done) and shipment.replaced_by is None


async def _own_waybills(session: Session, news: Collection[NewShipment]) -> dict[str, Holders]:
    """The other holders of the waybills in these orders, at the same couriers, by reference number."""
    own = [(own_waybill(new.payload), new) for new in news]
    wanted = [Wanted(waybill, new.courier_partner_id, new.reference_number) for waybill, new in own if waybill]
    found = await holders_of(session, wanted)
    return {one.reference_number: others for one, others in found.items()}


async def holders_of_own(session: Session, new: NewShipment) -> Holders | None:
    """The other holders of the waybill in an order, at the same courier; None where the order has none."""
    return (await _own_waybills(session, [new])).get(new.reference_number)


def warned(others: Holders | None) -> tuple[FieldProblem, ...]:
    """The warning about a waybill that was used before, if it was."""
    return (FieldProblem(OWN_WAYBILL, others.warning),) if others and others.warning else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What was stored of a batch: which of its orders, by place, and the warnings about each."""

    created: Mapping[int, bool]
    warnings: Mapping[int, tuple[FieldProblem, ...]]


async def keep(session: Session, news: Mapping[int, NewShipment], clock: Clock) -> list[IntakeResult]:
    """Store orders that were read, by their place in the batch. Raises BatchRefused, half-stored: roll back then."""
    accepted = await store_orders(session, news, now=clock())
    references = [new.reference_number for new in news.values()]
    stored = {s.reference_number: s for s in await shipments.get_many(session, references)}
    return [
        IntakeResult(
            shipment=stored[new.reference_number],
            created=accepted.created[place],
            warnings=accepted.warnings[place],
        )
        for place, new in news.items()
    ]


async def store_orders(session: Session, news: Mapping[int, NewShipment], *, now: datetime) -> Accepted:
    """`keep` without reading the shipments back."""
    first: dict[str, int] = {}
    for place, new in news.items():
        first.setdefault(new.reference_number, place)
    added = await shipments.add_many(session, [news[place] for place in first.values()], now=now)
    created = {p: first[new.reference_number] == p and new.reference_number in added for p, new in news.items()}
    fresh = [news[place] for place, is_new in created.items() if is_new]
    of_others = await _own_waybills(session, fresh)
    await shipments.wake_deliveries(session, fresh, now=now)
    taken = [reference for reference in first if reference not in added]
    known = {s.reference_number: s for s in await shipments.get_many(session, taken)} if taken else {}
    conflicts = _conflicts(news, known)
    for place, new in news.items():
        others = of_others.get(new.reference_number)
        if others and others.refusal:
            conflicts[place] = PayloadRefused([FieldProblem(OWN_WAYBILL, others.refusal)])
    if conflicts:
        raise BatchRefused(conflicts)
    warnings = {p: (*new.warnings, *warned(of_others.get(new.reference_number))) for p, new in news.items()}
    return Accepted(created=created, warnings=warnings)


def _conflicts(news: Mapping[int, NewShipment], known: Mapping[str, Shipment]) -> dict[int, IntakeError]:
    """The orders whose reference number belongs to another order, or to a cancelled one."""
    conflicts: dict[int, IntakeError] = {}
    for place, new in news.items():
        if (shipment := known.get(new.reference_number)) is None:
            continue
        differences = order_differences(shipment, new)
        if _is_cancelled(shipment):
            conflicts[place] = ReferenceCancelled(new.reference_number, differences)
        elif differences:
            conflicts[place] = ReferenceTaken(new.reference_number, differences)
    return conflicts
