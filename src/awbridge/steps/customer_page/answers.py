"""Customers' answers: received on the page, confirmed or dismissed by an operator, or sent by a rule of the shop.

An answer becomes an NDR action in the transaction that settles it, so there is one action however many confirm it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

import structlog

from awbridge.clickpost.models.ndr import NdrAction
from awbridge.clickpost.orders.actions import checked_body
from awbridge.clickpost.orders.order_facts import phone_tail
from awbridge.domain.customer_page.answer_form import GivenForm, same_digits
from awbridge.domain.customer_page.answer_rules import AnswerHandling, AnswerRules
from awbridge.domain.customer_page.answerable import Answerable, answerable, is_open
from awbridge.domain.customer_page.answers import (
    BY_RULE,
    MOST_ANSWERS,
    REATTEMPTS,
    AnswerState,
    CustomerAnswer,
    CustomerAnswerKind,
    instruction_day,
)
from awbridge.domain.errors import NotFound, NotPossible, PayloadRefused
from awbridge.domain.json import JsonObject
from awbridge.domain.notify.event_data import AnswerData
from awbridge.domain.notify.events import customer_answered
from awbridge.domain.orders.action import ActionKind, ActionState, NewAction
from awbridge.domain.orders.shipment import Shipment
from awbridge.domain.people.actor import named_actor
from awbridge.domain.people.audited import AuditAction
from awbridge.domain.tracking.pieces import PieceStatus
from awbridge.steps.records.known_shipment import known_shipment
from awbridge.steps.records.pieces import pieces_of
from awbridge.steps.records.requested_actions import action_for, store_request
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.customer_page import answers
from awbridge.store.engine.database import Session
from awbridge.store.notify import events
from awbridge.store.orders import actions, shipments
from awbridge.store.people import audit_log

log = structlog.get_logger()

LONGEST_NOTE = 300  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerPolicy:
    """How answers are treated.

    `zone`: of the days that customers choose. `country`: of phone numbers without a country code (ISO 3166).
    """

    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Kolkata"))
    rules: AnswerRules = field(default_factory=AnswerRules)
    country: str = "IN"

    def today(self, now: datetime) -> date:
        """The shop's day."""
        return now.astimezone(self.zone).date()


class ReceiveOutcome(StrEnum):
    """What the customer is told after an answer."""

    RECEIVED = "received"
    SENT = "sent"
    WRONG_DIGITS = "digits"
    TOO_MANY = "limit"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """The outcome of an answer. `proof_url`: the courier's proof of delivery, where there is one and it was asked."""

    outcome: ReceiveOutcome
    answer: CustomerAnswer | None = None
    proof_url: str = field(default="", repr=False)


async def receive(
    *, store: Store, clock: Clock, policy: AnswerPolicy, reference_number: str, waybill: str, form: GivenForm
) -> Received:
    """Store a customer's answer, and send it if a rule says so. `waybill`: of the box, "" for the whole shipment.

    `form.wish` must be there. Nothing is revealed before the digits were right. Raises NotFound, StoreBusy.
    """
    now = clock()
    async with store.write() as session:
        shipment = await known_shipment(session, reference_number)
        if not await answers.count_try(session, reference_number, now=now):
            return Received(outcome=ReceiveOutcome.TOO_MANY)
        if form.wish is None or not same_digits(form.digits, phone_tail(shipment.payload)):
            return Received(outcome=ReceiveOutcome.WRONG_DIGITS)
        await answers.take_try_back(session, reference_number)
        pieces, given = await _around(session, shipment)
        if len(given) >= MOST_ANSWERS:
            return Received(outcome=ReceiveOutcome.TOO_MANY)
        about = _matching(answerable(shipment, pieces, given, policy.rules, now), waybill, form.wish.kind)
        if about is None:
            return await _closed(session, shipment, form.wish.kind)
        answer = await answers.add(session, reference_number, shipment.courier_partner_id, form.wish, about, now=now)
        courier, kind = shipment.courier_partner_id, form.wish.kind
        if policy.rules.handling(courier, about.ndr_code, kind) is AnswerHandling.SEND:
            with suppress(NotPossible, PayloadRefused):  # then it waits for an operator, who sees why
                answer = await _send(session, answer, shipment, pieces, by=BY_RULE, today=policy.today(now), now=now)
        await events.write(session, [customer_answered(shipment, _facts(answer), at=now)], now=now)
        proof = await _proof(session, reference_number) if kind is CustomerAnswerKind.NOT_RECEIVED else ""
    log.info("answer.received", answer=answer.id, kind=kind.value, state=answer.state.value, reference=reference_number)
    outcome = ReceiveOutcome.SENT if answer.state is AnswerState.SENT else ReceiveOutcome.RECEIVED
    return Received(outcome=outcome, answer=answer, proof_url=proof)


async def _closed(session: Session, shipment: Shipment, kind: CustomerAnswerKind) -> Received:
    """Nothing may be answered now; the proof of a delivery is offered again."""
    proof = await _proof(session, shipment.reference_number) if kind is CustomerAnswerKind.NOT_RECEIVED else ""
    return Received(outcome=ReceiveOutcome.CLOSED, proof_url=proof)


def _matching(found: Sequence[Answerable], waybill: str, kind: CustomerAnswerKind) -> Answerable | None:
    return next((one for one in found if one.waybill == waybill and kind in one.kinds), None)


async def _around(session: Session, shipment: Shipment) -> tuple[Sequence[PieceStatus], Sequence[CustomerAnswer]]:
    """The boxes of a shipment, and the answers to it."""
    reference = shipment.reference_number
    pieces = (await pieces_of(session, [shipment])).get(reference, ())
    return pieces, (await answers.of_shipments(session, [reference])).get(reference, [])


async def _proof(session: Session, reference_number: str) -> str:
    """The address of the newest proof of delivery that was fetched; "" if there is none."""
    for action in reversed(await actions.of_shipment(session, reference_number)):
        if action.kind is ActionKind.PROOF and action.state is ActionState.DONE and action.result:
            url = str(action.result.get("proof_url") or "")
            return url if url.lower().startswith(("https://", "http://")) else ""
    return ""


def _facts(answer: CustomerAnswer) -> AnswerData:
    return {
        "id": answer.id,
        "kind": answer.kind.value,
        "state": answer.state.value,
        "day": answer.day.isoformat() if answer.day else None,
        "waybill": answer.waybill or None,
    }


def instruction(answer: CustomerAnswer, today: date) -> JsonObject:
    """The body of the NDR action by which an answer is sent; empty for one that an operator deals with.

    Raises NotPossible where the day that was chosen is over.
    """
    if answer.is_task:
        return {}
    about = {"waybill": answer.waybill} if answer.waybill else {}
    if answer.kind not in REATTEMPTS:
        return {"action": NdrAction.INITIATE_RTO.value, **about}
    day = instruction_day(answer, today)
    if day is None:
        raise NotPossible(
            "the day that the customer chose is over: dismiss the answer, or instruct the courier yourself"
        )
    return {"action": NdrAction.REATTEMPT.value, "preferred_date": day.isoformat(), **answer.body, **about}


async def _send(
    session: Session,
    answer: CustomerAnswer,
    shipment: Shipment,
    pieces: Sequence[PieceStatus],
    *,
    by: str,
    today: date,
    now: datetime,
) -> CustomerAnswer:
    """Make an NDR action of an answer that waits. Raises NotPossible where it was settled, or is too late."""
    body = checked_body(ActionKind.NDR, instruction(answer, today), now=now)
    key = f"answer {answer.id}"
    new = NewAction(kind=ActionKind.NDR, reference_number=answer.reference_number, body=body, idempotency_key=key)
    requested = await store_request(session, action_for(new, shipment, pieces), now=now)
    await _settle(session, answer, AnswerState.SENT, action=requested.action.id, by=by, now=now)
    return await _known(session, answer.id)


async def _settle(
    session: Session,
    answer: CustomerAnswer,
    state: AnswerState,
    *,
    action: str | None = None,
    by: str,
    why: str | None = None,
    now: datetime,
) -> None:
    if not await answers.settle(session, answer.id, state, action=action, by=by, why=why, now=now):
        raise _not_waiting(await _known(session, answer.id))


def _not_waiting(answer: CustomerAnswer) -> NotPossible:
    by = f" by {answer.settled_by}" if answer.settled_by else ""
    return NotPossible(f"answer {answer.id} does not wait any more: it is {answer.state}{by}")


async def _known(session: Session, answer_id: str) -> CustomerAnswer:
    found = await answers.get(session, answer_id)
    if found is None:
        raise NotFound(f"there is no answer {answer_id}")
    return found


async def show(*, store: Store, answer_id: str) -> CustomerAnswer:
    """One answer. Raises NotFound."""
    async with store.read() as session:
        return await _known(session, answer_id)


async def confirm(
    *, store: Store, clock: Clock, policy: AnswerPolicy, answer_id: str, by: str, note: str = ""
) -> CustomerAnswer:
    """Send an answer to the courier as an NDR action; one that no action can carry out is recorded as dealt with.

    `note`: what the operator arranged, for the latter. Raises NotFound; NotPossible where it does not wait any more,
    or its parcel is no longer in the failed delivery.
    """
    now = clock()
    async with store.write() as session:
        answer = await _known(session, answer_id)
        if answer.state is not AnswerState.RECEIVED:
            raise _not_waiting(answer)
        author = named_actor(by)
        if answer.is_task:
            await _settle(session, answer, AnswerState.DONE, by=author, why=_note(note), now=now)
            settled = await _known(session, answer_id)
        else:
            shipment = await known_shipment(session, answer.reference_number)
            pieces = (await pieces_of(session, [shipment])).get(answer.reference_number, ())
            settled = await _send(session, answer, shipment, pieces, by=author, today=policy.today(now), now=now)
        await _record(session, AuditAction.ANSWER_CONFIRMED, settled, now=now)
    log.info("answer.confirmed", answer=answer_id, kind=settled.kind.value, state=settled.state.value)
    return settled


async def dismiss(*, store: Store, clock: Clock, answer_id: str, by: str, note: str = "") -> CustomerAnswer:
    """Decide against an answer; nothing is sent. Raises NotFound, NotPossible where it does not wait any more."""
    now = clock()
    async with store.write() as session:
        answer = await _known(session, answer_id)
        if answer.state is not AnswerState.RECEIVED:
            raise _not_waiting(answer)
        await _settle(session, answer, AnswerState.DISMISSED, by=named_actor(by), why=_note(note), now=now)
        settled = await _known(session, answer_id)
        await _record(session, AuditAction.ANSWER_DISMISSED, settled, now=now)
    log.info("answer.dismissed", answer=answer_id, kind=settled.kind.value)
    return settled


def _note(text: str) -> str | None:
    return " ".join(text.replace("\x00", " ").split())[:LONGEST_NOTE] or None


async def _record(session: Session, what: AuditAction, answer: CustomerAnswer, *, now: datetime) -> None:
    after = {"answer": answer.id, "kind": answer.kind, "state": answer.state, "action": answer.action}
    await audit_log.record(session, what, answer.reference_number, after=after, now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerPreview:
    """What confirming an answer would do: `body` is the instruction, empty where an operator deals with it.

    `problem`: why it cannot be confirmed now; "" if it can.
    """

    answer: CustomerAnswer
    shipment: Shipment | None
    body: JsonObject = field(repr=False)
    problem: str = ""


async def preview(
    *, store: Store, clock: Clock, policy: AnswerPolicy, answer_ids: Sequence[str]
) -> list[AnswerPreview]:
    """What confirming each of these answers would do now. Those that do not exist are left out."""
    now = clock()
    async with store.read() as session:
        found = [answer for number in dict.fromkeys(answer_ids) if (answer := await answers.get(session, number))]
        by_reference: Mapping[str, Shipment] = {
            s.reference_number: s
            for s in await shipments.get_many(session, sorted({answer.reference_number for answer in found}))
        }
        pieces = await pieces_of(session, list(by_reference.values()))
    return [
        _previewed(one, by_reference.get(one.reference_number), pieces.get(one.reference_number, ()), policy, now)
        for one in found
    ]


def _previewed(
    answer: CustomerAnswer,
    shipment: Shipment | None,
    pieces: Sequence[PieceStatus],
    policy: AnswerPolicy,
    now: datetime,
) -> AnswerPreview:
    def cannot(problem: str) -> AnswerPreview:
        return AnswerPreview(answer=answer, shipment=shipment, body={}, problem=problem)

    if answer.state is not AnswerState.RECEIVED:
        return cannot(str(_not_waiting(answer)))
    if answer.is_task:
        return AnswerPreview(answer=answer, shipment=shipment, body={})
    if shipment is None or not is_open(answer.waybill, shipment, pieces):
        return cannot("the courier is not waiting for an instruction any more")
    try:
        body = checked_body(ActionKind.NDR, instruction(answer, policy.today(now)), now=now)
    except NotPossible as problem:
        return cannot(str(problem))
    except PayloadRefused as refused:
        return cannot("; ".join(f"{p.path} {p.problem}".strip() for p in refused.problems))
    return AnswerPreview(answer=answer, shipment=shipment, body=body)
