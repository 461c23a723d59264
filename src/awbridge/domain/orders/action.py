"""Actions: what people and systems request from ClickPost besides registering and cancelling a shipment."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from awbridge.domain.json import JsonObject
from awbridge.domain.orders.shipment import Shipment, State, shard_of
from awbridge.domain.tracking.lifecycle import Bucket, StatusInfo
from awbridge.domain.tracking.milestones import Milestone
from awbridge.domain.tracking.pieces import PieceStatus

LONGEST_KEY = 200  # characters of an idempotency key
KEY_COUNTS_FOR = timedelta(days=30)  # at least; a key is recognised until its action is deleted


class ActionKind(StrEnum):
    """What an action requests."""

    EDIT = "edit"
    """The order's data are changed at ClickPost."""
    LABEL = "label"
    """The address of the label is fetched."""
    SECURITY_KEY = "security_key"
    """The key of ClickPost's tracking page is fetched."""
    PICKUP = "pickup"
    """A pickup is scheduled."""
    NDR = "ndr"
    """The courier gets an instruction after a failed delivery."""
    WHATSAPP = "whatsapp"
    """ClickPost's WhatsApp messages about the shipment are switched on or off."""
    REGISTER = "register"
    """A waybill that was booked elsewhere is registered for tracking."""
    PROOF = "proof"
    """The address of the proof of delivery is fetched."""


class ActionState(StrEnum):
    """The state of an action.

    waiting ──> due        its shipment has no waybill yet
    due ──> done           ClickPost did it
     │  ├──> due           transient failure or account incident; repeated later
     │  ├──> refused       ClickPost or the shipment's state does not allow it; needs a person
     │  ├──> gave_up       retries exhausted; needs a person
     │  ├──> unclear       a pickup whose answer was lost; a person may repeat it
     └─────> overtaken     tracking or a person shows that it is obsolete

    Tracking also ends actions that need a person: an unclear pickup is done once the courier arrives.
    """

    DUE = "due"
    """It is made at its next turn, also after a transient failure."""
    WAITING = "waiting"
    """Its shipment has no waybill yet."""
    DONE = "done"
    """ClickPost did it."""
    REFUSED = "refused"
    """ClickPost or the shipment's state does not allow it; a person is needed."""
    GAVE_UP = "gave_up"
    """The retries are used up; a person is needed."""
    UNCLEAR = "unclear"
    """The response to a pickup was lost; a person may repeat it."""
    OVERTAKEN = "overtaken"
    """Tracking or a person shows that it is obsolete."""


NEEDS_A_PERSON = (ActionState.REFUSED, ActionState.GAVE_UP, ActionState.UNCLEAR)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAction:
    """A requested action. `idempotency_key` is the caller's: two requests with one key are one action."""

    kind: ActionKind
    reference_number: str | None
    body: JsonObject = field(repr=False)  # addresses, phones: not for logs
    idempotency_key: str | None = None
    state: ActionState = ActionState.DUE


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """An action as stored. `result` is ClickPost's result once it is done."""

    id: str
    kind: ActionKind
    reference_number: str | None
    body: JsonObject = field(repr=False)
    idempotency_key: str | None
    state: ActionState
    tries: int
    next_try_at: datetime | None
    problem: str | None
    result: JsonObject | None = field(repr=False)
    requested_at: datetime
    done_at: datetime | None
    updated_at: datetime
    retried_at: datetime | None = None

    @property
    def since_at(self) -> datetime:
        """When it was requested, or last retried by a person."""
        return self.retried_at or self.requested_at


@dataclass(frozen=True, slots=True)
class ActionEnding:
    """How an action ended without its own answer: DONE with the evidence, or OVERTAKEN with the reason."""

    state: ActionState
    problem: str | None = None
    result: JsonObject | None = None


def action_id(new: NewAction) -> str:
    """The id of a new action: its shard as two hex digits, then 22 digits from the key, or random ones without it.

    A key is scoped to one shipment, or to all actions without a shipment: a repeated request gets the same id. The
    shard is the shipment's, so that a shipment and its actions are stored together.
    """
    key = new.idempotency_key or secrets.token_hex(16)
    scope = new.reference_number or ""
    digest = hashlib.blake2b(f"{scope}\x1f{key}".encode(), digest_size=11).hexdigest()
    return f"{shard_of(scope or key):02x}{digest}"


def is_action_id(text: str) -> bool:
    """Whether a text has the form of an action id."""
    return re.fullmatch("[0-9a-f]{24}", text) is not None


def shard_of_action(id_: str) -> int:
    return int(id_[:2], 16)


_CHANGES = (ActionKind.EDIT, ActionKind.NDR, ActionKind.WHATSAPP, ActionKind.PICKUP)


def ended_by_tracking(action: Action, status: StatusInfo, milestone: Milestone | None) -> ActionEnding | None:
    """How the shipment's current status ends one of its actions; None while it does not.

    A courier that arrives resolves an unclear pickup and makes every other pickup obsolete.
    """
    if action.kind is ActionKind.PICKUP:
        arrived = status.bucket is not Bucket.ORDER_PLACED or milestone is Milestone.OUT_FOR_PICKUP
        return _pickup_ended(action, status, arrived=arrived)
    # The status of a box, which the body names by its waybill, may differ from the shipment's.
    may_wait = status.bucket is Bucket.FAILED_DELIVERY or action.body.get("waybill")
    if action.kind is ActionKind.NDR and (status.final or not may_wait):
        return ActionEnding(ActionState.OVERTAKEN, f"the courier continued without it: tracking shows {status.name}")
    if action.kind is ActionKind.EDIT and status.final:
        return ActionEnding(ActionState.OVERTAKEN, f"the shipment has ended: tracking shows {status.name}")
    return None


def _pickup_ended(action: Action, status: StatusInfo, *, arrived: bool) -> ActionEnding | None:
    if arrived:
        if action.state is ActionState.UNCLEAR:
            return ActionEnding(ActionState.DONE, result={"tracking": status.name})
        return ActionEnding(ActionState.OVERTAKEN, f"the courier came without it: tracking shows {status.name}")
    if status.final:
        return ActionEnding(ActionState.OVERTAKEN, f"there is nothing left to pick up: tracking shows {status.name}")
    return None


def ended_by_cancelling(action: Action, reference_number: str) -> ActionEnding | None:
    """How the cancellation of its shipment ends an action; None if the action is still useful."""
    return ActionEnding(ActionState.OVERTAKEN, f"{reference_number} is cancelled") if action.kind in _CHANGES else None


def why_not(kind: ActionKind, shipment: Shipment, *, box: str = "", pieces: Sequence[PieceStatus] = ()) -> str | None:
    """Why an action is not possible in the shipment's current state; None if it is, or will be once it has a waybill.

    `box` is the waybill that an instruction names, "" for the whole shipment; `pieces` has the status of each box.
    """
    name = shipment.reference_number
    if shipment.state is State.CANCELLED and shipment.waybill is None:
        return f"{name} was cancelled before it had a waybill"
    if shipment.state is State.CANCELLED and kind in _CHANGES:
        return f"{name} is cancelled"
    if kind is ActionKind.EDIT and shipment.final:
        return f"{name} has ended ({_status_of(shipment)}): its order can no longer be edited"
    if kind is ActionKind.NDR:
        return _no_box_to_instruct(shipment, box, pieces) if box else _nothing_to_instruct(shipment, pieces)
    return None


def _nothing_to_instruct(shipment: Shipment, pieces: Sequence[PieceStatus]) -> str | None:
    if shipment.status_bucket == Bucket.FAILED_DELIVERY:
        return None
    found = f"{shipment.reference_number} has no failed delivery ({_status_of(shipment)})"
    if failed := [piece.waybill for piece in pieces if piece.ndr_at]:
        return f"{found}, but some of its boxes have: name one as `waybill` ({', '.join(failed)})"
    return f"{found}: the courier is not waiting for an instruction"


def _no_box_to_instruct(shipment: Shipment, box: str, pieces: Sequence[PieceStatus]) -> str | None:
    name = shipment.reference_number
    piece = next((piece for piece in pieces if piece.waybill == box), None)
    if piece is None:
        if box == shipment.waybill:
            return _nothing_to_instruct(shipment, pieces)
        own = ", ".join(w for w in (shipment.waybill, *shipment.children) if w)
        return f"waybill {box} does not belong to {name}, whose waybills are: {own or 'none yet'}"
    if piece.ndr_at is None:
        status = f"status: {piece.name}" if piece.name else "no scan yet"
        return f"box {box} of {name} has no failed delivery ({status}): the courier is not waiting for an instruction"
    return None


def _status_of(shipment: Shipment) -> str:
    if shipment.status_bucket is None:
        return "no scan yet"
    return f"status: {Bucket(shipment.status_bucket).name.lower().replace('_', ' ')}"
