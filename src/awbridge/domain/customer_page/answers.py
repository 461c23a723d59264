"""What a customer may answer on the page of a parcel, the shop's rules for it, and what becomes of it. Pure.

An answer is about one failed delivery, or about a delivery that the customer says did not happen.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from awbridge.domain.json import JsonObject
from awbridge.domain.orders.action import ActionState
from awbridge.domain.orders.shipment import State, shard_of
from awbridge.domain.tracking.lifecycle import Bucket
from awbridge.domain.tracking.pieces import PieceStatus

DAYS_AHEAD = 7  # days that may be chosen for the next attempt, beginning with tomorrow
NOT_RECEIVED_WITHIN = timedelta(days=7)  # after the delivery
WRONG_DIGITS = 5  # tries of one parcel within `WRONG_DIGITS_WITHIN`
WRONG_DIGITS_WITHIN = timedelta(hours=1)
MOST_ANSWERS = 20  # of one parcel; whoever needs more calls the shop
REFUSED_FOR = timedelta(days=14)  # for so long a refused answer follows an action that is tried again
RETURN = "RVP"


class CustomerAnswerKind(StrEnum):
    """What a customer answers."""

    DELIVER_AGAIN = "deliver_again"
    """Deliver again, on a day."""
    NEW_PHONE = "new_phone"
    """Deliver again, and call another phone number."""
    NEW_ADDRESS = "new_address"
    """Deliver again, to a corrected address."""
    PICK_UP = "pick_up"
    """The customer collects the parcel."""
    REFUSE = "refuse"
    """The customer does not want the parcel."""
    NOT_RECEIVED = "not_received"
    """The customer did not get a parcel that is reported as delivered."""


REATTEMPTS = (CustomerAnswerKind.DELIVER_AGAIN, CustomerAnswerKind.NEW_PHONE, CustomerAnswerKind.NEW_ADDRESS)
"""Answers that ask the courier to deliver again; each has a day."""
TASKS = (CustomerAnswerKind.PICK_UP, CustomerAnswerKind.NOT_RECEIVED)
"""Answers for which ClickPost has no instruction: an operator deals with them."""
AFTER_FAILURE = (*REATTEMPTS, CustomerAnswerKind.PICK_UP, CustomerAnswerKind.REFUSE)


class AnswerState(StrEnum):
    """The state of an answer.

    received ──> sent ──> done          its instruction is at ClickPost
       │          ├─────> refused       ClickPost refused it, or the retries are used up
       │          └─────> overtaken     the courier continued without it
       ├───────> done                   an operator dealt with it (it needs no instruction)
       ├───────> dismissed              an operator decided against it
       ├───────> overtaken              the courier continued before it was confirmed
       └───────> replaced               the customer answered again

    A refused answer is sent, or done, again where an operator retries its action.
    """

    RECEIVED = "received"
    """It waits for an operator's decision."""
    SENT = "sent"
    """Its instruction is being sent to ClickPost."""
    DONE = "done"
    """Its instruction is at ClickPost, or an operator dealt with it."""
    REFUSED = "refused"
    """ClickPost refused it, or the retries are used up."""
    OVERTAKEN = "overtaken"
    """The courier continued without it."""
    DISMISSED = "dismissed"
    """An operator decided against it."""
    REPLACED = "replaced"
    """The customer answered again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a customer entered, checked. `day`: of the next attempt. Text that was not given is ""."""

    kind: CustomerAnswerKind
    day: date | None = None
    phone_number: str = field(default="", repr=False)
    address: str = field(default="", repr=False)
    landmark: str = field(default="", repr=False)

    @property
    def body(self) -> JsonObject:
        """Its personal data, in the fields of an NDR instruction."""
        given = {"phone_number": self.phone_number, "address": self.address, "landmark": self.landmark}
        return {name: value for name, value in given.items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerAnswer:
    """An answer as stored.

    `waybill`: of the box that it is about; "" for the whole shipment. `body`: the new phone number and address.
    `about_at`: the time of the failed delivery, or of the delivery. `ndr_code`: why that failed. `action`: the id of
    its instruction. `settled_by`: who confirmed or dismissed it, "rule" for a rule of the shop. `why`: why it ended, or
    the operator's note.
    """

    id: str
    reference_number: str
    waybill: str
    kind: CustomerAnswerKind
    day: date | None
    body: JsonObject = field(repr=False)
    state: AnswerState
    why: str | None = field(repr=False)
    about_at: datetime
    courier_partner_id: int
    ndr_code: int | None
    action: str | None
    settled_by: str | None
    received_at: datetime
    settled_at: datetime | None
    updated_at: datetime

    @property
    def is_task(self) -> bool:
        """Whether an operator deals with it, because ClickPost has no instruction for it."""
        return self.kind in TASKS


BY_RULE = "rule"


def answer_id(reference_number: str) -> str:
    """The id of a new answer: its shipment's shard as two hex digits, then 22 random ones."""
    return f"{shard_of(reference_number):02x}{secrets.token_hex(11)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answerable:
    """What may be answered now about a parcel, or about one box (`waybill`) of several; `last`: the last answer to it.

    `kinds` is empty while the last answer stands, or the rules hide every answer.
    """

    waybill: str
    about_at: datetime
    ndr_code: int | None
    kinds: tuple[CustomerAnswerKind, ...]
    last: CustomerAnswer | None = None


class AnswerHandling(StrEnum):
    """What happens to an answer: sent to the courier at once, an operator is asked, or it is not offered."""

    SEND = "send"
    ASK = "ask"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class AnswerRule:
    """How answers are handled: of a courier partner, a reason (NDR code) and a kind; None stands for all."""

    courier_partner_id: int | None
    ndr_code: int | None
    kind: CustomerAnswerKind | None
    handling: AnswerHandling

    def matches(self, courier_partner_id: int, ndr_code: int | None, kind: CustomerAnswerKind) -> bool:
        """Whether the rule is about such an answer."""
        return (
            self.courier_partner_id in (None, courier_partner_id)
            and self.ndr_code in (None, ndr_code)
            and self.kind in (None, kind)
        )

    def __str__(self) -> str:
        parts = ("*" if part is None else str(part) for part in (self.courier_partner_id, self.ndr_code, self.kind))
        return f"{'/'.join(parts)}={self.handling}"


@dataclass(frozen=True, slots=True)
class AnswerRules:
    """The rules of the shop, in their order: the last one that matches decides. Without a match, an operator is asked.

    Answers that no instruction can carry out are never sent by a rule.
    """

    rules: tuple[AnswerRule, ...] = ()

    def handling(self, courier_partner_id: int, ndr_code: int | None, kind: CustomerAnswerKind) -> AnswerHandling:
        """How such an answer is handled."""
        matching = [rule.handling for rule in self.rules if rule.matches(courier_partner_id, ndr_code, kind)]
        found = matching[-1] if matching else AnswerHandling.ASK
        return AnswerHandling.ASK if found is AnswerHandling.SEND and kind in TASKS else found


NO_RULES = AnswerRules()


def read_rules(text: str) -> AnswerRules:
    """Rules as `courier/reason/answer=send|ask|off`, comma-separated, with `*` for all. Raises ValueError."""
    return AnswerRules(tuple(_rule(part.strip()) for part in text.split(",") if part.strip()))


def _rule(text: str) -> AnswerRule:
    sides, equals, handling = text.partition("=")
    parts = [part.strip() for part in sides.split("/")]
    if not equals or len(parts) != 3:
        raise ValueError(
            f"{text!r} is not courier/reason/answer=send, such as 4/1/deliver_again=send or */*/refuse=off"
        )
    courier, reason, kind = parts
    if handling.strip() not in set(AnswerHandling):
        raise ValueError(f"{text!r}: after = write one of {', '.join(AnswerHandling)}")
    if kind != "*" and kind not in set(CustomerAnswerKind):
        raise ValueError(f"{text!r}: {kind!r} is no answer; write one of {', '.join(CustomerAnswerKind)}, or *")
    named = None if kind == "*" else CustomerAnswerKind(kind)
    if named in TASKS and handling.strip() == AnswerHandling.SEND:
        raise ValueError(f"{text!r}: ClickPost has no instruction for {named}, so it cannot be sent; write ask or off")
    return AnswerRule(
        _number(courier, text, "the courier is its courier_partner_id"),
        _number(reason, text, "the reason is an NDR code"),
        named,
        AnswerHandling(handling.strip()),
    )


def _number(part: str, text: str, what: str) -> int | None:
    if part == "*":
        return None
    if not (part.isascii() and part.isdecimal() and len(part) <= 9):
        raise ValueError(f"{text!r}: {what}, a number, or *; {part!r} is neither")
    return int(part)


class AnswerableShipment(Protocol):
    """What decides whether a shipment may be answered about."""

    @property
    def state(self) -> State: ...
    @property
    def waybill(self) -> str | None: ...
    @property
    def replaced_by(self) -> str | None: ...
    @property
    def cancel_requested_at(self) -> datetime | None: ...
    @property
    def delivery_type(self) -> str: ...
    @property
    def courier_partner_id(self) -> int: ...
    @property
    def status_bucket(self) -> int | None: ...
    @property
    def status_at(self) -> datetime | None: ...
    @property
    def final(self) -> bool: ...
    @property
    def ndr_at(self) -> datetime | None: ...
    @property
    def ndr_code(self) -> int | None: ...
    @property
    def created_at(self) -> datetime: ...


def answerable(
    shipment: AnswerableShipment,
    pieces: Sequence[PieceStatus],
    answers: Sequence[CustomerAnswer],
    rules: AnswerRules,
    now: datetime,
) -> list[Answerable]:
    """What may be answered about a shipment now: as a whole, or for each box whose delivery failed.

    `pieces`: the boxes of a multi-piece shipment, empty for one parcel. `answers`: those to the shipment so far, the
    oldest first.
    """
    if not _is_asked(shipment):
        return []
    found: list[Answerable] = []
    if shipment.status_bucket == Bucket.FAILED_DELIVERY and shipment.ndr_at:
        found.append(_after_failure("", shipment.ndr_at, shipment.ndr_code))
    elif not shipment.final:
        for piece in pieces:
            if piece.ndr_at and piece.failures:
                found.append(_after_failure(piece.waybill, piece.ndr_at, piece.failures[-1].ndr_code))
    elif shipment.status_bucket == Bucket.DELIVERED and shipment.status_at and now <= _reportable_until(shipment):
        kinds = (CustomerAnswerKind.NOT_RECEIVED,)
        found.append(Answerable(waybill="", about_at=shipment.status_at, ndr_code=None, kinds=kinds))
    return [_allowed(one, shipment.courier_partner_id, answers, rules) for one in found]


def _reportable_until(shipment: AnswerableShipment) -> datetime:
    return (shipment.status_at or shipment.created_at) + NOT_RECEIVED_WITHIN


def _is_asked(shipment: AnswerableShipment) -> bool:
    is_on_its_way = shipment.state is State.PLACED and shipment.waybill and not shipment.replaced_by
    return bool(is_on_its_way and not shipment.cancel_requested_at and shipment.delivery_type.upper() != RETURN)


def _after_failure(waybill: str, at: datetime, ndr_code: int | None) -> Answerable:
    return Answerable(waybill=waybill, about_at=at, ndr_code=ndr_code, kinds=AFTER_FAILURE)


def _allowed(one: Answerable, courier: int, answers: Sequence[CustomerAnswer], rules: AnswerRules) -> Answerable:
    """The same with the last answer to it, and without the kinds that may not be given now."""
    mine = [answer for answer in answers if answer.waybill == one.waybill and answer.state is not AnswerState.REPLACED]
    # One that is not sent yet stands for a later failed delivery too; the others are about their own.
    is_late = one.kinds == (CustomerAnswerKind.NOT_RECEIVED,)
    mine = [a for a in mine if (a.kind is CustomerAnswerKind.NOT_RECEIVED) == is_late]
    last = next((a for a in reversed(mine) if a.about_at == one.about_at or a.state is AnswerState.RECEIVED), None)
    stands = last is not None and last.state in (AnswerState.SENT, AnswerState.DONE)
    if stands or (is_late and last is not None):
        return replace(one, kinds=(), last=last)
    kinds = tuple(k for k in one.kinds if rules.handling(courier, one.ndr_code, k) is not AnswerHandling.OFF)
    return replace(one, kinds=kinds, last=last)


def shown_about(
    shipment: AnswerableShipment,
    pieces: Sequence[PieceStatus],
    answers: Sequence[CustomerAnswer],
    rules: AnswerRules,
    now: datetime,
) -> list[Answerable]:
    """What the page shows: what may be answered now; else, on its way, what became of the last answer."""
    found = answerable(shipment, pieces, answers, rules, now)
    if found or shipment.final or not _is_asked(shipment):
        return found
    last = next((answer for answer in reversed(answers) if answer.state is not AnswerState.REPLACED), None)
    if last is None:
        return []
    return [Answerable(waybill=last.waybill, about_at=last.about_at, ndr_code=last.ndr_code, kinds=(), last=last)]


def days_to_choose(today: date) -> list[date]:
    """The days that a customer may choose for the next attempt."""
    return [today + timedelta(days=n) for n in range(1, DAYS_AHEAD + 1)]


def instruction_day(answer: CustomerAnswer, today: date) -> date | None:
    """The day of the next attempt as it would be sent now; None if the answer needs none, or its day is over.

    A new phone number or address is still useful after its day: then the next day is asked for.
    """
    if answer.kind not in REATTEMPTS or answer.day is None:
        return None
    if answer.day >= today:
        return answer.day
    return None if answer.kind is CustomerAnswerKind.DELIVER_AGAIN else today + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class AnswerEnding:
    """What became of an answer: its new state, and why."""

    state: AnswerState
    why: str | None = None


_BY_ACTION = {
    ActionState.DONE: AnswerState.DONE,
    ActionState.REFUSED: AnswerState.REFUSED,
    ActionState.GAVE_UP: AnswerState.REFUSED,
    ActionState.OVERTAKEN: AnswerState.OVERTAKEN,
}


def followed(
    answer: CustomerAnswer, action: ActionState | None, problem: str | None, *, may_still: bool, today: date
) -> AnswerEnding | None:
    """What became of an answer; None while nothing did.

    `action`, `problem`: the state of its instruction, None if that is gone. `may_still`: its failed delivery is still
    open. One that tells of no delivery waits for its operator.
    """
    if answer.state is AnswerState.RECEIVED:
        if answer.kind is CustomerAnswerKind.NOT_RECEIVED:
            return None
        if not may_still:
            return AnswerEnding(AnswerState.OVERTAKEN, "the courier continued before the answer was confirmed")
        if answer.kind is CustomerAnswerKind.DELIVER_AGAIN and instruction_day(answer, today) is None:
            return AnswerEnding(AnswerState.OVERTAKEN, "its day passed before the answer was confirmed")
        return None
    if action is None:
        return AnswerEnding(AnswerState.OVERTAKEN, "its action is no longer stored")
    state = _BY_ACTION.get(action, AnswerState.SENT)
    return None if state is answer.state else AnswerEnding(state, problem)


def is_open(waybill: str, shipment: AnswerableShipment, pieces: Iterable[PieceStatus]) -> bool:
    """Whether the failed delivery of a shipment, or of one of its boxes, is still open."""
    if shipment.final or shipment.state is not State.PLACED:
        return False
    if waybill and waybill != shipment.waybill:
        return any(piece.waybill == waybill and piece.ndr_at for piece in pieces)
    return shipment.status_bucket == Bucket.FAILED_DELIVERY
