"""Settle: a person states whether ClickPost or the courier holds a shipment that may be placed.

No answer of ClickPost's can prove that: a look-up by reference number is not documented, and a
refusal may come before the reference number is read.
"""

from __future__ import annotations

import structlog

from awbridge.clickpost.wire.identifiers import waybill_given
from awbridge.domain.errors import FieldProblem, NotPossible, PayloadRefused
from awbridge.domain.orders.outcome import Placed
from awbridge.domain.orders.shipment import NO_COURIER, Shipment, State
from awbridge.domain.people.audited import AuditAction
from awbridge.steps.orders import intake
from awbridge.steps.records.holders import holders
from awbridge.steps.records.placed import record_found
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.orders import shipments
from awbridge.store.people import audit_log

log = structlog.get_logger()


async def not_held(*, store: Store, clock: Clock, reference_number: str, by: str) -> Shipment:
    """Neither ClickPost nor the courier holds it: it may be retried, changed, replaced, cancelled or fall back again.

    It is cancelled where that was requested. Raises NotFound; NotPossible where it cannot be placed, or is being sent.
    Idempotent.
    """
    async with store.write() as session:
        shipment = await intake.locked(session, reference_number)
        if not shipment.maybe_placed and shipment.settled_at and not shipment.success:
            return shipment
        problem = f"nothing is held at ClickPost, according to {by}: retry, change, replace or cancel it"
        shown = problem if shipment.state in (State.GAVE_UP, State.REJECTED) else shipment.problem
        if not await shipments.settle_not_held(session, reference_number, by=by, problem=shown, now=clock()):
            raise NotPossible(_why_not(shipment))
        after = {"held": False}
        await audit_log.record(session, AuditAction.SHIPMENT_SETTLED, reference_number, after=after, now=clock())
        log.info("shipment.settled", reference=reference_number, held=False, by=by)
        return await intake.locked(session, reference_number)


async def held_as(
    *, store: Store, clock: Clock, reference_number: str, waybill: str, by: str, courier_partner_id: int | None = None
) -> Shipment:
    """ClickPost or the courier holds it under this waybill: it is placed, and cancelled there where that was requested.

    Raises NotFound; PayloadRefused for what is no waybill, or that of a shipment under way; NotPossible as `not_held`,
    and where no courier is known. Idempotent.
    """
    number = waybill_given(waybill)
    async with store.write() as session:
        shipment = await intake.locked(session, reference_number)
        if shipment.success and shipment.waybill == number:
            return shipment
        if shipment.success or not shipment.maybe_placed or shipment.state is State.CANCELLED:
            raise NotPossible(_why_not(shipment))
        courier = courier_partner_id or shipment.courier_partner_id
        if courier == NO_COURIER:
            raise NotPossible(f"{reference_number} has no courier: name the courier_partner_id that holds the waybill")
        if taken := (await holders(session, number, courier, reference_number)).refusal:
            raise PayloadRefused([FieldProblem("waybill", taken)])
        now = clock()
        placed = Placed(waybill=number, already=True, courier_partner_id=courier)
        await record_found(session, shipment, placed, ask_at=now, now=now)
        await shipments.settle_held(session, reference_number, by=by, now=now)
        after = {"held": True, "waybill": number, "courier_partner_id": courier}
        await audit_log.record(session, AuditAction.SHIPMENT_SETTLED, reference_number, after=after, now=now)
        log.info("shipment.settled", reference=reference_number, held=True, waybill=number, by=by)
        return await intake.locked(session, reference_number)


def _why_not(shipment: Shipment) -> str:
    reference = shipment.reference_number
    if shipment.maybe_placed and not shipment.success and shipment.state is not State.CANCELLED:
        return f"{reference} is being sent right now: wait for the answer, and say it then if it is still needed"
    return (
        f"{reference} is {shipment.state}, and nothing is open about what ClickPost holds: there is nothing to settle"
    )
