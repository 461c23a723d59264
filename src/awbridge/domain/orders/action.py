"""An action: something a person or a system wants done at ClickPost, beside registering and cancelling."""

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
KEY_COUNTS_FOR = timedelta(days=30)  # at least: an action asked under a key is known again until it is deleted


class ActionKind(StrEnum):
    """What is to be done."""

    EDIT = "edit"
    LABEL = "label"
    SECURITY_KEY = "security_key"
    PICKUP = "pickup"
    NDR = "ndr"
    WHATSAPP = "whatsapp"
    REGISTER = "register"
    PROOF = "proof"


class ActionState(StrEnum):
    """Where an action stands.

    waiting ──> due        its shipment has no waybill yet
    due ──> done           ClickPost did it
     │  ├──> due           a failure that passes, or account trouble: again later
     │  ├──> refused       ClickPost or the shipment's state does not allow it: needs a person
     │  ├──> gave_up       tries exhausted: needs a person
     │  ├──> unclear       a pickup whose answer was lost: needs a person, who may repeat it
     └─────> overtaken     tracking, or a person, shows that it is no longer wanted

    Tracking also ends what needs a person: an unclear pickup is done once the courier comes.
    """

    DUE = "due"
    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"
    GAVE_UP = "gave_up"
    UNCLEAR = "unclear"
    OVERTAKEN = "overtaken"


NEEDS_A_PERSON = (ActionState.REFUSED, ActionState.GAVE_UP, ActionState.UNCLEAR)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAction:
    """An action that was asked for. `idempotency_key` is the caller's: asked twice under it, it is one action."""

    kind: ActionKind
    reference_number: str | None
    body: JsonObject = field(repr=False)  # addresses, phones: not for logs
    idempotency_key: str | None = None
    state: ActionState = ActionState.DUE


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """An action as it stands in the database. `result` is what ClickPost gave, once it is done."""

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
        """Since when it is wanted: when it was asked for, or last retried on purpose."""
        return self.retried_at or self.requested_at


@dataclass(frozen=True, slots=True)
class ActionEnding:
    """How an action ended without an answer of its own: DONE and what shows it, or OVERTAKEN and why."""

    state: ActionState
    problem: str | None = None
    result: JsonObject | None = None


def action_id(new: NewAction) -> str:
    """The id of a new action: its shard as two hex digits, then 22 that the key decides, or chance without a key.

    A key counts for one shipment, or for all that belongs to none: what is asked again under it gets the same id. The
    shard is the shipment's, so that a shipment and its actions lie together.
    """
    key = new.idempotency_key or secrets.token_hex(16)
    scope = new.reference_number or ""
    digest = hashlib.blake2b(f"{scope}\x1f{key}".encode(), digest_size=11).hexdigest()
    return f"{shard_of(scope or key):02x}{digest}"


def is_action_id(text: str) -> bool:
    """Whether this could be an action's id."""
    return re.fullmatch("[0-9a-f]{24}", text) is not None


def shard_of_action(id_: str) -> int:
    """The shard that an action's id names."""
    return int(id_[:2], 16)


_CHANGES = (ActionKind.EDIT, ActionKind.NDR, ActionKind.WHATSAPP, ActionKind.PICKUP)


def ended_by_tracking(action: Action, status: StatusInfo, milestone: Milestone | None) -> ActionEnding | None:
    """What the shipment's current status says of an action about it; None while it says nothing.

    A courier that comes answers what nobody knew of a pickup, and makes every other one needless.
    """
    if action.kind is ActionKind.PICKUP:
        comes = status.bucket is not Bucket.ORDER_PLACED or milestone is Milestone.OUT_FOR_PICKUP
        return _pickup_ended(action, status, comes=comes)
    if action.kind is ActionKind.NDR and (status.final or not (_is_of_box(action) or _has_failed(status))):
        return ActionEnding(ActionState.OVERTAKEN, f"the courier went on without it: tracking shows {status.name}")
    if action.kind is ActionKind.EDIT and status.final:
        return ActionEnding(ActionState.OVERTAKEN, f"its journey has ended: tracking shows {status.name}")
    return None


def _is_of_box(action: Action) -> bool:
    """Whether it names a box, which may stand elsewhere than its shipment."""
    return bool(action.body.get("waybill"))


def _has_failed(status: StatusInfo) -> bool:
    return status.bucket is Bucket.FAILED_DELIVERY


def _pickup_ended(action: Action, status: StatusInfo, *, comes: bool) -> ActionEnding | None:
    if comes:
        if action.state is ActionState.UNCLEAR:
            return ActionEnding(ActionState.DONE, result={"tracking": status.name})
        return ActionEnding(ActionState.OVERTAKEN, f"the courier came without it: tracking shows {status.name}")
    if status.final:
        return ActionEnding(ActionState.OVERTAKEN, f"there is nothing left to fetch: tracking shows {status.name}")
    return None


def ended_by_cancelling(action: Action, reference_number: str) -> ActionEnding | None:
    """What the cancellation of its shipment says of an action; None where it is still of use."""
    return ActionEnding(ActionState.OVERTAKEN, f"{reference_number} is cancelled") if action.kind in _CHANGES else None


def why_not(kind: ActionKind, shipment: Shipment, *, box: str = "", pieces: Sequence[PieceStatus] = ()) -> str | None:
    """Why this cannot be done to a shipment as it stands now; None where it can, or could once it has a waybill.

    `box` is the waybill that an instruction names, "" for the whole; `pieces` says where the shipment's boxes stand.
    """
    name = shipment.reference_number
    if shipment.state is State.CANCELLED and shipment.waybill is None:
        return f"{name} was cancelled before it had a waybill"
    if shipment.state is State.CANCELLED and kind in _CHANGES:
        return f"{name} is cancelled"
    if kind is ActionKind.EDIT and shipment.final:
        return f"{name} has reached its end ({_standing(shipment)}): its order cannot be edited any more"
    if kind is ActionKind.NDR:
        return _no_box_to_instruct(shipment, box, pieces) if box else _nothing_to_instruct(shipment, pieces)
    return None


def _nothing_to_instruct(shipment: Shipment, pieces: Sequence[PieceStatus]) -> str | None:
    if shipment.status_bucket == Bucket.FAILED_DELIVERY:
        return None
    found = f"{shipment.reference_number} is no failed delivery ({_standing(shipment)})"
    if failed := [piece.waybill for piece in pieces if piece.ndr_at]:
        return f"{found}, but boxes of it are: name one as `waybill` ({', '.join(failed)})"
    return f"{found}: the courier waits for no instruction"


def _no_box_to_instruct(shipment: Shipment, box: str, pieces: Sequence[PieceStatus]) -> str | None:
    name = shipment.reference_number
    piece = next((piece for piece in pieces if piece.waybill == box), None)
    if piece is None:
        if box == shipment.waybill:
            return _nothing_to_instruct(shipment, pieces)
        own = ", ".join(w for w in (shipment.waybill, *shipment.children) if w)
        return f"waybill {box} is none of {name}; its own are: {own or 'none yet'}"
    if piece.ndr_at is None:
        stands = f"it stands at: {piece.name}" if piece.name else "nothing was heard of it yet"
        return f"box {box} of {name} is no failed delivery ({stands}): the courier waits for no instruction"
    return None


def _standing(shipment: Shipment) -> str:
    if shipment.status_bucket is None:
        return "nothing was heard of it yet"
    return f"it stands at: {Bucket(shipment.status_bucket).name.lower().replace('_', ' ')}"
