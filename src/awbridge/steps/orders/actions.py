"""Accepts requests for actions: checks and stores them for act; retries and settles them on request."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import msgspec
import structlog

from awbridge.clickpost.orders.actions import (
    checked_body,
    completed_pickup,
    pickup_body,
    pickup_reference,
    registered_shipment,
    registration_body,
)
from awbridge.domain.errors import FieldProblem, NotFound, NotPossible, PayloadRefused
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.action import (
    LONGEST_KEY,
    NEEDS_A_PERSON,
    Action,
    ActionEnding,
    ActionKind,
    ActionState,
    NewAction,
)
from awbridge.domain.orders.shipment import Region
from awbridge.domain.people.audited import AuditAction
from awbridge.steps.orders.reading import account_of
from awbridge.steps.orders.registrations import other_holders, taken_by
from awbridge.steps.records.known_shipment import known_shipment
from awbridge.steps.records.pieces import pieces_of
from awbridge.steps.records.requested_actions import Asked, action_for, earlier_request, store_request
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.couriers import couriers
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.store.engine.database import Session
from awbridge.store.orders import actions, shipments
from awbridge.store.people import audit_log

log = structlog.get_logger()


async def ask(
    *,
    store: Store,
    clock: Clock,
    kind: ActionKind,
    reference_number: str,
    body: Any = None,
    idempotency_key: str | None = None,
) -> Asked:
    """Request an action on a shipment: edit, label, security key, NDR, WhatsApp, proof of delivery.

    Raises PayloadRefused with every wrong field, NotFound, NotPossible by the shipment's state, KeyTaken.
    """
    new = NewAction(
        kind=kind,
        reference_number=reference_number,
        body=checked_body(kind, {} if body is None else body, now=clock()),
        idempotency_key=checked_key(idempotency_key),
    )
    async with store.write() as session:
        if first := await earlier_request(session, new):
            return first
        shipment = await known_shipment(session, reference_number)
        pieces = (await pieces_of(session, [shipment] if kind is ActionKind.NDR else [])).get(reference_number, ())
        return await store_request(session, action_for(new, shipment, pieces), now=clock())


async def ask_pickup(*, store: Store, clock: Clock, body: Any, idempotency_key: str | None = None) -> Asked:
    """Schedule a pickup. The body is ClickPost's, with an optional `transporter` and `region` (india, world).

    A world pickup may name a stored shipment by `shipment_details.reference_number` and leave out its waybill.
    Raises PayloadRefused with every wrong field, NotPossible by that shipment's state, KeyTaken.
    """
    asked = _object(body)
    region = _region(asked.pop("region", Region.INDIA.value))
    async with store.write() as session:
        account = await _account(session, asked.pop("transporter", None))
        courier, code = (account.courier_partner_id, account.account_code) if account else (None, None)
        reference = pickup_reference(asked) if region is Region.WORLD else None
        shipment = await shipments.get(session, reference) if reference and "\x00" not in reference else None
        if shipment:
            whole = completed_pickup(asked, msgspec.structs.replace(shipment, waybill=shipment.waybill or "1"))
            pickup_body(whole, region, courier_partner_id=courier, account_code=code)
        else:
            asked = pickup_body(asked, region, courier_partner_id=courier, account_code=code)
        new = NewAction(
            kind=ActionKind.PICKUP,
            reference_number=shipment.reference_number if shipment else None,
            body={"region": region.value, "payload": asked},
            idempotency_key=checked_key(idempotency_key),
        )
        if first := await earlier_request(session, new):
            return first
        return await store_request(session, action_for(new, shipment) if shipment else new, now=clock())


async def ask_registration(*, store: Store, clock: Clock, body: Any, idempotency_key: str | None = None) -> Asked:
    """Have ClickPost and awbridge track a waybill that was booked elsewhere.

    The body is that of awb-register v3, with an optional `transporter`. Once ClickPost has it, the shipment exists
    here, placed, under `shipment_info.reference_number`. A waybill of a shipment whose journey has ended is accepted
    with a warning.
    Raises PayloadRefused, NotPossible where the waybill is that of a shipment under way or the reference number is
    taken, KeyTaken.
    """
    asked = _object(body)
    async with store.write() as session:
        account = await _account(session, asked.pop("transporter", None))
        courier, code = (account.courier_partner_id, account.account_code) if account else (None, None)
        registration = registration_body(asked, courier_partner_id=courier, account_code=code)
        reference = registered_shipment(registration).reference_number
        new = NewAction(
            kind=ActionKind.REGISTER,
            reference_number=reference,
            body=registration,
            idempotency_key=checked_key(idempotency_key),
        )
        if first := await earlier_request(session, new):
            return first
        others = await other_holders(session, registration)
        if problem := await taken_by(session, registration, others):
            raise NotPossible(problem)
        requested = await store_request(session, new, now=clock())
        return replace(requested, warnings=(others.warning,)) if others.warning else requested


async def retry(*, store: Store, clock: Clock, action_id: str) -> Action:
    """Perform an action again at once, with all its tries; also an unclear pickup.

    Raises NotFound, or NotPossible where it is done or in progress.
    """
    async with store.write() as session:
        existing = await _action(session, action_id)
        if not await actions.try_again(session, action_id, now=clock()):
            why = "done" if existing.state is ActionState.DONE else "being made at this moment"
            raise NotPossible(f"action {action_id} is {why}: there is nothing to retry")
        before = {"kind": existing.kind, "state": existing.state, "action": action_id}
        subject = existing.reference_number or action_id
        await audit_log.record(session, AuditAction.ACTION_RETRIED, subject, before=before, now=clock())
        return await _action(session, action_id)


async def settle(*, store: Store, clock: Clock, action_id: str, held: bool, by: str) -> Action:
    """Record whether ClickPost or the courier holds an action that needs a person.

    If so it is done; else it is over, and may still be retried. Idempotent.
    Raises NotFound; NotPossible where awbridge performs it by itself, or it is done.
    """
    ending = ActionEnding(ActionState.DONE, result={"settled_by": by})
    if not held:
        ending = ActionEnding(ActionState.OVERTAKEN, f"not done, according to {by}: retry it if it is still wanted")
    async with store.write() as session:
        existing = await _action(session, action_id)
        if existing.state is ending.state:
            return existing
        if existing.state not in NEEDS_A_PERSON:
            raise NotPossible(f"action {action_id} is {existing.state}: there is nothing to settle")
        await actions.ended(session, action_id, ending, now=clock())
        before = {"kind": existing.kind, "state": existing.state, "action": action_id}
        subject = existing.reference_number or action_id
        sides = {"before": before, "after": {"state": ending.state, "held": held}}
        await audit_log.record(session, AuditAction.ACTION_SETTLED, subject, **sides, now=clock())
        log.info("action.settled", action=action_id, kind=existing.kind.value, held=held, by=by)
        return await _action(session, action_id)


async def show(*, store: Store, action_id: str) -> Action:
    """One action. Raises NotFound."""
    async with store.read() as session:
        return await _action(session, action_id)


async def _action(session: Session, action_id: str) -> Action:
    found = await actions.get(session, action_id)
    if found is None:
        raise NotFound(f"there is no action {action_id}")
    return found


async def _account(session: Session, transporter: Any) -> CourierAccount | None:
    return account_of(transporter, {a.transporter: a for a in await couriers.every(session)})


def _object(body: Any) -> JsonObject:
    if not isinstance(body, dict):
        raise PayloadRefused([FieldProblem("", "the body is a JSON object")])
    return dict(cast("JsonObject", body))


def _region(value: Any) -> Region:
    if value not in (Region.INDIA, Region.WORLD):
        raise PayloadRefused([FieldProblem("region", "must be india or world")])
    return Region(value)


def checked_key(key: str | None) -> str | None:
    """An idempotency key that can be kept; None for none. Raises PayloadRefused."""
    if not key:
        return None
    if len(key) > LONGEST_KEY or not key.isprintable():
        raise PayloadRefused([FieldProblem("Idempotency-Key", f"must be text of at most {LONGEST_KEY} characters")])
    return key
