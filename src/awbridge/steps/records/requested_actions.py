"""Stores a requested action in the caller's transaction: whether the shipment's state allows it, and once for a key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from awbridge.clickpost.orders.actions import ndr_waybill
from awbridge.domain.errors import KeyTaken, NotPossible
from awbridge.domain.orders.action import Action, ActionState, NewAction, action_id, why_not
from awbridge.domain.orders.shipment import Shipment
from awbridge.domain.people.audited import AuditAction
from awbridge.domain.tracking.pieces import PieceStatus
from awbridge.store.engine.database import Session
from awbridge.store.orders import actions
from awbridge.store.people import audit_log


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An action after its request. `created` is False where its idempotency key was known.

    `warnings`: doubts about it that are no reason to refuse it.
    """

    action: Action
    created: bool
    warnings: tuple[str, ...] = ()


def action_for(new: NewAction, shipment: Shipment, pieces: Sequence[PieceStatus] = ()) -> NewAction:
    """The action, due or waiting for the shipment's waybill. Raises NotPossible where its state does not allow it."""
    if problem := why_not(new.kind, shipment, box=ndr_waybill(new.body), pieces=pieces):
        raise NotPossible(problem)
    return new if shipment.waybill else replace(new, state=ActionState.WAITING)


async def earlier_request(session: Session, new: NewAction) -> Asked | None:
    """The request under the same key. Raises KeyTaken where that was a different one."""
    first = await actions.get(session, action_id(new)) if new.idempotency_key else None
    return _known(first, new) if first else None


async def store_request(session: Session, new: NewAction, *, now: datetime) -> Asked:
    """Store the action and record who requested it. Raises KeyTaken."""
    action, created = await actions.add(session, new, now=now)
    if created:
        after = {"kind": new.kind, "action": action.id}
        subject = new.reference_number or action.id
        await audit_log.record(session, AuditAction.ACTION_REQUESTED, subject, after=after, now=now)
    return Asked(action=action, created=True) if created else _known(action, new)  # two requests at once


def _known(first: Action, new: NewAction) -> Asked:
    if (first.kind, first.body) != (new.kind, new.body):
        raise KeyTaken(f"Idempotency-Key {new.idempotency_key} was used for another request; use a new one")
    return Asked(action=first, created=False)
