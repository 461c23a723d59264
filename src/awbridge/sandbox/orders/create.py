"""ClickPost's order endpoints: create, fetch, cancel."""

import asyncio
import random
from dataclasses import dataclass
from typing import Literal

from awbridge.sandbox.faults.http_failures import broken
from awbridge.sandbox.faults.injector import OrderFate
from awbridge.sandbox.orders import responses
from awbridge.sandbox.orders.b2b_form import b2b_problem, sections_of_b2b
from awbridge.sandbox.orders.flat_form import (
    badly_formed,
    badly_formed_place,
    contradiction,
    is_flat,
    lifted,
    sections_of,
)
from awbridge.sandbox.orders.validation import Checked, Problem, check_order
from awbridge.sandbox.requests import auth_problem
from awbridge.sandbox.shipments.models import Queued, Region
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.wire.codes import message_of
from awbridge.sandbox.wire.envelope import meta, refused
from awbridge.sandbox.wire.http import Answer, Call, Cut, reply
from awbridge.sandbox.wire.json import JsonObject, as_object, as_text

Form = Literal["sections", "flat", "b2b"]


@dataclass(frozen=True, slots=True)
class Request:
    """One create-order call, read as far as the dice need it."""

    payload: JsonObject
    reference: str
    cp_id: int
    region: Region
    dice: random.Random


async def create_order(sandbox: Sandbox, call: Call, region: Region, *, form: Form = "sections") -> Answer:
    """POST create-order. Repeating a reference number gives 323 and the first order, whatever the payload.

    `flat` is v1: all fields stand at the top, and the consignee's GST number is needed. `b2b` is create-b2b-order: its
    own sections, asynchronous unless told otherwise, and 420 where the courier does not take it.
    """
    if problem := auth_problem(sandbox, call):
        return problem
    request = _read(sandbox, call, region, form)
    if isinstance(request, Answer):
        return request
    fate = _fate(sandbox, request)
    if fate.slow:
        await asyncio.sleep(sandbox.faults.slow_seconds)
    if fate.kind and fate.kind != "cut_after_placing":
        return broken(sandbox, fate.kind, request.dice)
    answer = _with_people(sandbox, request, _ask_courier(sandbox, request, fate))
    if form == "b2b":
        answer = _as_b2b(answer)
    if fate.kind == "cut_after_placing" and request.reference in sandbox.vendor.orders:
        raise Cut
    return reply(answer)


def _as_b2b(answer: JsonObject) -> JsonObject:
    """An answer in the codes of create-b2b-order: 102 from the first call on, 420 for what the courier refuses."""
    head = as_object(answer.get("meta")) or {}
    code = {202: 102, 319: 420, 329: 420, 354: 420}.get(int(as_text(head.get("status")) or 0))
    return answer if code is None else answer | {"meta": head | {"status": code}}


def _read(sandbox: Sandbox, call: Call, region: Region, form: Form) -> Request | Answer:
    try:
        payload = as_object(call.json())
    except ValueError:
        payload = None
    if payload is None:
        return reply({"meta": meta(328, "Invalid POST data: the body is not a JSON object"), "result": None})
    if form == "flat" and (problem := _v1_problem(payload)):
        return problem
    if form == "b2b":
        if problem := b2b_problem(payload):
            return refused(400, problem)
        payload = sections_of_b2b(payload)
    if region == "india" and is_flat(payload):
        payload = sections_of(payload)
    if field := contradiction(payload):
        return refused(314, f"{message_of(314)}: {field} in shipment_details and in additional contradict each other")
    if region == "india" and (field := badly_formed_place(payload)):
        return refused(314, f"{message_of(314)}: {field}")
    payload = lifted(payload)
    details = as_object(payload.get("shipment_details")) or {}
    reference, cp_id = as_text(details.get("reference_number")), as_text(details.get("courier_partner"))
    sandbox.vendor.requests[reference] += 1
    dice = sandbox.fault_desk.dice("answer", reference, sandbox.vendor.requests[reference])
    return Request(payload, reference, int(cp_id) if cp_id.isdecimal() else 0, region, dice)


def _v1_problem(payload: JsonObject) -> Answer | None:
    if not is_flat(payload):
        return refused(314, f"{message_of(314)}: v1 takes all fields at the top, in no sections")
    if field := badly_formed(payload):
        return refused(314, f"{message_of(314)}: {field}")
    gst_info = as_object(payload.get("gst_info")) or {}
    return None if as_text(gst_info.get("consignee_gstin")) else refused(400, "gst_info: consignee_gstin is required")


def _fate(sandbox: Sandbox, request: Request) -> OrderFate:
    vendor = sandbox.vendor
    return sandbox.fault_desk.order(
        reference=request.reference,
        nth=vendor.requests[request.reference],
        cp_id=request.cp_id,
        known=request.reference in vendor.orders or request.reference in vendor.queued,
        second=sandbox.clock.since_start(),
    )


def _ask_courier(sandbox: Sandbox, request: Request, fate: OrderFate) -> JsonObject:
    odd = sandbox.config.odd_answers
    verdict = check_order(
        request.payload,
        region=request.region,
        accounts=sandbox.config.accounts,
        waybill_couriers=sandbox.config.waybill_couriers,
    )
    if isinstance(verdict, Problem) and sandbox.config.payload_before_reference:
        return responses.refusal(verdict.code, verdict.message, request.dice, odd)
    if order := sandbox.vendor.orders.get(request.reference):
        return responses.placed(order, 323, request.dice, odd)
    if queued := sandbox.vendor.queued.get(request.reference):
        return _still_queued(sandbox, request, queued)
    if isinstance(verdict, Problem):
        return responses.refusal(verdict.code, verdict.message, request.dice, odd)
    if (request.reference, request.cp_id) in sandbox.vendor.at_courier:
        return responses.held_by_courier(request.reference, request.dice)
    if _drop_pincode(request.payload).startswith(verdict.account.not_served):
        return responses.refusal(319, "Drop pincode is not serviceable", request.dice, odd)
    if fate.code:
        return responses.refusal(fate.code, "", request.dice, odd)
    if fate.held:
        sandbox.vendor.keep_at_courier(request.reference, request.cp_id)
        return responses.refusal(329, "", request.dice, odd)
    return _accept(sandbox, request, verdict, queued=fate.queued)


def _with_people(sandbox: Sandbox, request: Request, answer: JsonObject) -> JsonObject:
    """A refusal in the words of a courier that quotes whom it was about."""
    dice = sandbox.fault_desk.dice("quote", request.reference)
    head, roll = as_object(answer.get("meta")) or {}, dice.random()
    if head.get("success") is not False or not sandbox.fault_desk.strikes("quoted_people", request.reference, roll):
        return answer
    drop = as_object(request.payload.get("drop_info")) or {}
    people = [as_text(drop.get(f"drop_{what}") or drop.get(what)) for what in ("name", "phone", "email", "address")]
    people[1] = dice.choice(("", "91", "+91-", "0")) + people[1]  # as each courier writes phones
    return answer | {"meta": head | {"message": f"{head.get('message')} for {', '.join(people)}"}}


def _drop_pincode(payload: JsonObject) -> str:
    drop = as_object(payload.get("drop_info")) or {}
    return as_text(drop.get("drop_pincode")) or as_text(drop.get("postal_code"))


def _accept(sandbox: Sandbox, request: Request, verdict: Checked, *, queued: bool) -> JsonObject:
    details = as_object(request.payload.get("shipment_details")) or {}
    additional = as_object(request.payload.get("additional")) or {}
    if sandbox.vendor.is_taken(as_text(details.get("awb_number"))):
        return responses.refusal(303, "", request.dice, sandbox.config.odd_answers)
    if queued or additional.get("async") is True or request.cp_id in sandbox.config.async_couriers:
        waiting = Queued(request.payload, verdict.account, request.region, sandbox.config.async_polls)
        sandbox.vendor.queued[request.reference] = waiting
        return responses.working(request.reference, 202, request.dice)
    return _place(sandbox, request, Queued(request.payload, verdict.account, request.region, 0))


def _still_queued(sandbox: Sandbox, request: Request, queued: Queued) -> JsonObject:
    if queued.polls_left > 0:
        queued.polls_left -= 1
        return responses.working(request.reference, 102, request.dice)
    del sandbox.vendor.queued[request.reference]
    return _place(sandbox, request, queued)


def _place(sandbox: Sandbox, request: Request, first: Queued) -> JsonObject:
    order = sandbox.vendor.place(
        request.reference,
        first.payload,
        first.account,
        first.region,
        real=sandbox.clock.real(),
        courier=sandbox.clock.courier(),
    )
    return responses.placed(order, 200, request.dice, sandbox.config.odd_answers)
