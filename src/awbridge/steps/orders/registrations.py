"""Waybills that were booked elsewhere: whether one can be registered here, and the shipment that it becomes."""

from __future__ import annotations

from datetime import datetime

from awbridge.clickpost.orders.actions import registered_shipment, waybill_of
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.outcome import Placed
from awbridge.steps.records.holders import Holders, holders
from awbridge.steps.records.placed import place
from awbridge.store.engine.database import Session
from awbridge.store.orders import shipments
from awbridge.store.registration.dispatch import Placing


async def other_holders(session: Session, registration: JsonObject) -> Holders:
    """The holders of the waybill to register, at the same courier."""
    new = registered_shipment(registration)
    return await holders(session, waybill_of(registration), new.courier_partner_id, new.reference_number)


async def taken_by(session: Session, registration: JsonObject, others: Holders) -> str | None:
    """Why a waybill cannot be registered: it belongs to a shipment in transit, or its reference number is taken."""
    reference = registered_shipment(registration).reference_number
    if await shipments.get(session, reference):
        return f"reference_number {reference} is another shipment's: give one of its own"
    return others.refusal


async def make_known(session: Session, registration: JsonObject, security_key: str, *, now: datetime) -> str | None:
    """Store a registered waybill as a placed shipment and poll it at once: its timeline began elsewhere.

    Returns why not where its reference number or waybill was taken meanwhile by another shipment.
    """
    new, waybill = registered_shipment(registration), waybill_of(registration)
    known = await shipments.get(session, new.reference_number)
    if known and (known.waybill, known.courier_partner_id) == (waybill, new.courier_partner_id):
        return None
    others = await other_holders(session, registration)
    if problem := await taken_by(session, registration, others):
        return f"ClickPost tracks the waybill, but meanwhile {problem}"
    await shipments.add(session, new, now=now)
    added = await shipments.get(session, new.reference_number)
    if added is None:
        raise AssertionError("the shipment was added in this transaction")
    placed = Placed(waybill=waybill, already=True, security_key=security_key or None)
    since = others.free_since(now)
    placing = Placing(shipment=added, placed=placed, difference=None, next_poll_at=now, since_at=since)
    await place(session, [placing], now=now)
    return None
