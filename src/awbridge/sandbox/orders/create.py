"""The create-order endpoints, in every version and form."""

import asyncio
import random
from dataclasses import dataclass
from functools import partial
from typing import Literal

from awbridge.sandbox.config import SimulatedAccount
from awbridge.sandbox.faults.http_failures import failure_response
from awbridge.sandbox.faults.injector import CallFaults
from awbridge.sandbox.labels.download import label_link
from awbridge.sandbox.orders import responses
from awbridge.sandbox.orders.b2b_form import b2b_problem, sections_of_b2b
from awbridge.sandbox.orders.flat_form import (
    conflicting_field,
    invalid_address_field,
    invalid_flat_field,
    is_flat,
    lift_additional,
    sections_of,
)
from awbridge.sandbox.orders.validation import OrderRejected, check_order
from awbridge.sandbox.requests import read_object
from awbridge.sandbox.shipments.models import OrderDraft, Region, SimulatedOrder
from awbridge.sandbox.shipments.registry import drop_pincode
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.wire.codes import message_of
from awbridge.sandbox.wire.envelope import error_response
from awbridge.sandbox.wire.http import ApiCall, ApiResponse, CallRejected, ConnectionCut, json_response
from awbridge.sandbox.wire.json import JsonObject, as_object, as_text

OrderForm = Literal["sections", "flat", "b2b"]


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A create-order call, parsed as far as the fault injector needs it."""

    payload: JsonObject
    reference: str
    cp_id: int
    region: Region
    rng: random.Random


async def create_order(sandbox: Sandbox, call: ApiCall, region: Region, *, form: OrderForm = "sections") -> ApiResponse:
    """POST create-order. A repeated reference number returns 323 and the first order, whatever the payload.

    `flat` is v1: all fields are at the top level, and the consignee's GST number is required. `b2b` is
    create-b2b-order: it has its own sections, is asynchronous by default, and returns 420 if the courier refuses.
    """
    request = _parse(sandbox, call, region, form)
    registry = sandbox.registry
    faults = sandbox.fault_injector.for_order(
        reference=request.reference,
        nth=registry.create_calls[request.reference],
        cp_id=request.cp_id,
        known=request.reference in registry.orders or request.reference in registry.pending_orders,
        second=sandbox.clock.since_start(),
    )
    if faults.slow:
        await asyncio.sleep(sandbox.faults.slow_seconds)
    if faults.kind and faults.kind != "cut_after_placing":
        return failure_response(sandbox, faults.kind, request.rng)
    try:
        response = _process(sandbox, request, faults)
    except OrderRejected as error:
        response = responses.rejected(error.code, error.message, request.rng, sandbox.config.odd_answers)
    response = _quote_customer(sandbox, request, response)
    if form == "b2b":
        response = _with_b2b_code(response)
    if faults.kind == "cut_after_placing" and request.reference in registry.orders:
        raise ConnectionCut
    return json_response(response)


def _with_b2b_code(response: JsonObject) -> JsonObject:
    """Replace the code with that of create-b2b-order: 102 from the first call on, 420 if the courier refuses."""
    meta = as_object(response.get("meta")) or {}
    code = {202: 102, 319: 420, 329: 420, 354: 420}.get(int(as_text(meta.get("status")) or 0))
    return response if code is None else response | {"meta": meta | {"status": code}}


def _parse(sandbox: Sandbox, call: ApiCall, region: Region, form: OrderForm) -> OrderRequest:
    payload = read_object(call)
    if payload is None:
        raise CallRejected(error_response(328, "Invalid POST data: the body is not a JSON object", result=None))
    payload = _in_sections(payload, region, form)
    if field := conflicting_field(payload):
        raise _invalid_data(f"{field} differs between shipment_details and additional")
    if region == "india" and (field := invalid_address_field(payload)):
        raise _invalid_data(field)
    payload = lift_additional(payload)
    details = as_object(payload.get("shipment_details")) or {}
    reference, cp_id = as_text(details.get("reference_number")), as_text(details.get("courier_partner"))
    sandbox.registry.create_calls[reference] += 1
    rng = sandbox.fault_injector.rng("answer", reference, sandbox.registry.create_calls[reference])
    return OrderRequest(payload, reference, int(cp_id) if cp_id.isdecimal() else 0, region, rng)


def _in_sections(payload: JsonObject, region: Region, form: OrderForm) -> JsonObject:
    if form == "flat":
        _check_v1(payload)
    if form == "b2b":
        if problem := b2b_problem(payload):
            raise CallRejected(error_response(400, problem))
        return sections_of_b2b(payload)
    return sections_of(payload) if region == "india" and is_flat(payload) else payload


def _check_v1(payload: JsonObject) -> None:
    if not is_flat(payload):
        raise _invalid_data("v1 takes all fields at the top level, without sections")
    if field := invalid_flat_field(payload):
        raise _invalid_data(field)
    gst_info = as_object(payload.get("gst_info")) or {}
    if not as_text(gst_info.get("consignee_gstin")):
        raise CallRejected(error_response(400, "gst_info: consignee_gstin is required"))


def _invalid_data(detail: str) -> CallRejected:
    return CallRejected(error_response(314, f"{message_of(314)}: {detail}"))


def _process(sandbox: Sandbox, request: OrderRequest, faults: CallFaults) -> JsonObject:
    check = partial(
        check_order,
        request.payload,
        region=request.region,
        accounts=sandbox.config.accounts,
        waybill_couriers=sandbox.config.waybill_couriers,
    )
    if sandbox.config.payload_before_reference:
        check()
    if order := sandbox.registry.orders.get(request.reference):
        return _placed(sandbox, request, order, 323)
    if pending := sandbox.registry.pending_orders.get(request.reference):
        return _poll_pending(sandbox, request, pending)
    account = check()
    if (request.reference, request.cp_id) in sandbox.registry.at_courier:
        return responses.held_by_courier(request.reference, request.rng)
    if drop_pincode(request.payload).startswith(account.not_served):
        raise OrderRejected(319, message="Drop pincode is not serviceable")
    if faults.code:
        raise OrderRejected(faults.code)
    if faults.held:
        sandbox.registry.book_at_courier_only(request.reference, request.cp_id)
        raise OrderRejected(329)
    return _accept(sandbox, request, account, queued=faults.queued)


def _quote_customer(sandbox: Sandbox, request: OrderRequest, response: JsonObject) -> JsonObject:
    """Add the customer's data to an error message, as some couriers do."""
    rng = sandbox.fault_injector.rng("quote", request.reference)
    meta, draw = as_object(response.get("meta")) or {}, rng.random()
    if meta.get("success") is not False or not sandbox.fault_injector.occurs("quoted_people", request.reference, draw):
        return response
    drop = as_object(request.payload.get("drop_info")) or {}
    quoted = [as_text(drop.get(f"drop_{name}") or drop.get(name)) for name in ("name", "phone", "email", "address")]
    quoted[1] = rng.choice(("", "91", "+91-", "0")) + quoted[1]  # couriers format phone numbers differently
    return response | {"meta": meta | {"message": f"{meta.get('message')} for {', '.join(quoted)}"}}


def _accept(sandbox: Sandbox, request: OrderRequest, account: SimulatedAccount, *, queued: bool) -> JsonObject:
    details = as_object(request.payload.get("shipment_details")) or {}
    additional = as_object(request.payload.get("additional")) or {}
    if sandbox.registry.is_assigned(as_text(details.get("awb_number"))):
        raise OrderRejected(303)
    draft = OrderDraft(request.payload, account, request.region, sandbox.config.async_polls)
    if queued or additional.get("async") is True or request.cp_id in sandbox.config.async_couriers:
        sandbox.registry.pending_orders[request.reference] = draft
        return responses.pending(request.reference, 202, request.rng)
    return _place(sandbox, request, draft)


def _poll_pending(sandbox: Sandbox, request: OrderRequest, pending: OrderDraft) -> JsonObject:
    if pending.polls_left > 0:
        pending.polls_left -= 1
        return responses.pending(request.reference, 102, request.rng)
    del sandbox.registry.pending_orders[request.reference]
    return _place(sandbox, request, pending)


def _place(sandbox: Sandbox, request: OrderRequest, draft: OrderDraft) -> JsonObject:
    real, courier = sandbox.clock.real(), sandbox.clock.courier()
    order = sandbox.registry.place(request.reference, draft, real=real, courier=courier)
    return _placed(sandbox, request, order, 200)


def _placed(sandbox: Sandbox, request: OrderRequest, order: SimulatedOrder, code: int) -> JsonObject:
    label = label_link(sandbox, order.waybill)
    return responses.placed(order, code, request.rng, sandbox.config.odd_answers, label)
