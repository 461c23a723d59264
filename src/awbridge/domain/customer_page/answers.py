"""What a customer may answer on the page of a parcel, and what becomes of it. Pure.

An answer is about one failed delivery, or about a delivery that the customer says did not happen.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from awbridge.domain.json import JsonObject
from awbridge.domain.orders.action import ActionState
from awbridge.domain.orders.shipment import shard_of

DAYS_AHEAD = 7  # days that may be chosen for the next attempt, beginning with tomorrow
NOT_RECEIVED_WITHIN = timedelta(days=7)  # after the delivery
WRONG_DIGITS = 5  # tries of one parcel within `WRONG_DIGITS_WITHIN`
WRONG_DIGITS_WITHIN = timedelta(hours=1)
MOST_ANSWERS = 20  # of one parcel; whoever needs more calls the shop
REFUSED_FOR = timedelta(days=14)  # for so long a refused answer follows an action that is tried again


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
