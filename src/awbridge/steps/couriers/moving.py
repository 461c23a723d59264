"""Moves shipments to another transporter, where ClickPost certainly does not hold them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from awbridge.clickpost.orders.create import has_own_waybill
from awbridge.domain.errors import NotFound, NotPossible, PayloadRefused
from awbridge.domain.orders.bulk import BulkResult, Consequence
from awbridge.domain.orders.shipment import Shipment, State, shard_of
from awbridge.domain.people.audited import AuditAction
from awbridge.steps.records.other_account import under_account
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.progress import OnDone, unwatched
from awbridge.store import Store
from awbridge.store.couriers import couriers
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.store.engine.database import Session
from awbridge.store.orders import shipments
from awbridge.store.people import audit_log
from awbridge.store.registration import allocations

log = structlog.get_logger()

PAGE = 200
_START = (-1, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Staying:
    """A shipment that was not moved, and why."""

    reference_number: str
    state: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The reference numbers that were moved to the other transporter, and the shipments that were not."""

    moved: list[str]
    stayed: list[Staying]


async def move_shipments(
    *, store: Store, clock: Clock, from_transporter: str, to_transporter: str, on_done: OnDone = unwatched
) -> Moved:
    """Move the shipments that a transporter still has to place, where ClickPost certainly does not hold them.

    Raises NotFound for an unknown destination, NotPossible for one that is switched off or the same.
    """
    if from_transporter == to_transporter:
        raise NotPossible(f"{to_transporter} to {to_transporter}: there is nothing to move")
    result = Moved(moved=[], stayed=[])
    after = _START
    while True:
        async with store.write() as session:
            account = await destination(session, to_transporter)
            page = await allocations.movable(session, from_transporter, after, limit=PAGE)
            for shipment in page:
                reference = shipment.reference_number
                reason = await _move(session, shipment, account, f"moved from {from_transporter}", clock)
                if reason is None:
                    result.moved.append(reference)
                else:
                    state = shipment.state.value
                    result.stayed.append(Staying(reference_number=reference, state=state, reason=reason))
        on_done(len(page))
        if len(page) < PAGE:
            break
        after = (shard_of(page[-1].reference_number), page[-1].reference_number)
    async with store.write() as session:
        done = {"to": to_transporter, "moved": len(result.moved), "stayed": len(result.stayed)}
        await audit_log.record(session, AuditAction.COURIER_MOVED, from_transporter, after=done, now=clock())
    log.info("courier.moved", transporter=from_transporter, to=to_transporter, shipments=len(result.moved))
    return result


async def move_each(*, store: Store, clock: Clock, references: Sequence[str], to_transporter: str) -> list[BulkResult]:
    """Move these shipments to a transporter, each in a transaction of its own; the results in their order.

    Raises NotFound for an unknown destination, NotPossible for one that is switched off, and StoreBusy.
    """
    results: list[BulkResult] = []
    for reference in references:
        async with store.write() as session:
            account = await destination(session, to_transporter)
            shipment = (await shipments.lock_many(session, [reference])).get(reference)
            if shipment is None:
                reason: str | None = "there is no such shipment"
            elif (what := consequence_of_move(shipment, account)).possible:
                by = f"moved from {shipment.transporter or shipment.account or 'no courier'}"
                reason = await _move(session, shipment, account, by, clock)
            else:
                reason = what.text.removesuffix(".")
            if reason is None:
                after = {"to": to_transporter}
                await audit_log.record(session, AuditAction.COURIER_MOVED, reference, after=after, now=clock())
        text = f"{reason[:1].upper()}{reason[1:]}." if reason else f"Moved to {to_transporter}; it is pushed there."
        results.append(BulkResult(reference_number=reference, done=reason is None, text=text))
    moved = sum(result.done for result in results)
    log.info("courier.moved", transporter=None, to=to_transporter, shipments=moved)
    return results


def consequence_of_move(shipment: Shipment, account: CourierAccount) -> Consequence:
    """What moving a shipment to this account would do."""
    if shipment.success or shipment.state is State.CANCELLED:
        return Consequence(possible=False, text=f"It cannot move: it is {shipment.state}.")
    if (shipment.courier_partner_id, shipment.account_code) == (account.courier_partner_id, account.account_code):
        return Consequence(possible=False, text="It is with this courier account already.")
    if reason := cannot_move(shipment, account):
        return Consequence(possible=False, text=f"{reason[:1].upper()}{reason[1:]}.")
    return Consequence(possible=True, text=f"Pushed with {account.transporter} at once, with all its retries.")


async def destination(session: Session, name: str) -> CourierAccount:
    """The account of a transporter that shipments can be moved to. Raises NotFound, NotPossible."""
    account = await couriers.get(session, name)
    if account is None:
        raise NotFound(f"there is no transporter {name}")
    if not account.active:
        raise NotPossible(f"{name} is switched off: nothing is moved there")
    return account


async def _move(session: Session, shipment: Shipment, account: CourierAccount, by: str, clock: Clock) -> str | None:
    """Move a locked shipment; why it stays, or None."""
    reason = cannot_move(shipment, account)
    if reason is None and not await allocations.move(session, shipment.reference_number, account, by=by, now=clock()):
        return "it is being sent right now; move again in a minute"
    return reason


def cannot_move(shipment: Shipment, account: CourierAccount) -> str | None:
    """Why a shipment cannot be pushed with another account; None if it can."""
    if shipment.cancel_requested_at:
        return "it is being cancelled"
    if shipment.sent_at and (shipment.state is not State.REJECTED or shipment.maybe_placed):
        return "it was sent: ClickPost may hold it"
    if has_own_waybill(shipment):
        return "its payload has a waybill of the first courier"
    try:
        under_account(shipment, account)
    except PayloadRefused as error:
        return f"the other courier does not accept it: {error}"
    return None
