"""ClickPost's order endpoints: create, fetch, cancel."""

import asyncio
import random
from dataclasses import dataclass

from awbridge.sandbox import answers
from awbridge.sandbox.checks import Checked, Problem, Region, check_order
from awbridge.sandbox.config import Account
from awbridge.sandbox.faults import OrderFate
from awbridge.sandbox.vendor import Order, Queued
from awbridge.sandbox.wire import Answer, Call, Cut, JsonObject, as_items, as_object, as_text, reply
from awbridge.sandbox.world import Sandbox

HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Request:
    """One create-order call, read as far as the dice need it."""

    payload: JsonObject
    reference: str
    cp_id: int
    region: Region
    dice: random.Random


def auth_problem(sandbox: Sandbox, call: Call, *, key_alone: bool = False) -> Answer | None:
    """Code 301 (HTTP 200, as ClickPost does) unless `key`, and `username` where it counts, are right."""
    right_name = key_alone or call.query.get("username") == sandbox.config.username
    if right_name and call.query.get("key") == sandbox.config.key:
        return None
    return reply({"meta": answers.meta(301), "result": None})


async def create_order(sandbox: Sandbox, call: Call, region: Region) -> Answer:
    """POST create-order. Repeating a reference number gives 323 and the first order, whatever the payload."""
    if problem := auth_problem(sandbox, call):
        return problem
    request = _read(sandbox, call, region)
    if isinstance(request, Answer):
        return request
    fate = _fate(sandbox, request)
    if fate.slow:
        await asyncio.sleep(sandbox.faults.slow_seconds)
    if fate.kind and fate.kind != "cut_after_placing":
        return _broken(sandbox, fate.kind, request.dice)
    answer = _ask_courier(sandbox, request, fate)
    if fate.kind == "cut_after_placing" and request.reference in sandbox.vendor.orders:
        raise Cut
    return reply(answer)


def _read(sandbox: Sandbox, call: Call, region: Region) -> Request | Answer:
    try:
        payload = as_object(call.json())
    except ValueError:
        payload = None
    if payload is None:
        return reply({"meta": answers.meta(328, "Invalid POST data: the body is not a JSON object"), "result": None})
    details = as_object(payload.get("shipment_details")) or {}
    reference, cp_id = as_text(details.get("reference_number")), as_text(details.get("courier_partner"))
    sandbox.vendor.requests[reference] += 1
    dice = sandbox.fault_desk.dice("answer", reference, sandbox.vendor.requests[reference])
    return Request(payload, reference, int(cp_id) if cp_id.isdecimal() else 0, region, dice)


def _fate(sandbox: Sandbox, request: Request) -> OrderFate:
    vendor = sandbox.vendor
    return sandbox.fault_desk.order(
        reference=request.reference,
        nth=vendor.requests[request.reference],
        cp_id=request.cp_id,
        known=request.reference in vendor.orders or request.reference in vendor.queued,
        second=sandbox.clock.since_start(),
    )


def _broken(sandbox: Sandbox, kind: str, dice: random.Random) -> Answer:
    status = dice.choice((500, 502, 504, 200))
    match kind:
        case "cut_before_placing":
            raise Cut
        case "http_500":
            return reply({"meta": answers.meta(500), "result": None}, 500)
        case "http_503":
            return Answer(503, b"Service Unavailable", "text/plain")
        case "html_body":
            return Answer(status, HTML, "text/html")
        case "empty_body":
            return Answer(status, b"", "text/plain")
        case _:
            return rate_limited(sandbox)


def rate_limited(sandbox: Sandbox) -> Answer:
    """HTTP 429 with Retry-After in seconds."""
    seconds = f"{sandbox.faults.retry_after_seconds:g}"
    limited = reply({"detail": f"Request was throttled. Expected available in {seconds} seconds."}, 429)
    return Answer(429, limited.body, headers=((b"retry-after", seconds.encode()),))


def _ask_courier(sandbox: Sandbox, request: Request, fate: OrderFate) -> JsonObject:
    odd = sandbox.config.odd_answers
    if order := sandbox.vendor.orders.get(request.reference):
        return answers.placed(order, 323, request.dice, odd)
    if queued := sandbox.vendor.queued.get(request.reference):
        return _still_queued(sandbox, request, queued)
    verdict = check_order(request.payload, region=request.region, accounts=sandbox.config.accounts)
    if isinstance(verdict, Problem):
        return answers.refusal(verdict.code, verdict.message, request.dice, odd)
    if not verdict.account.serves(_drop_pincode(request.payload)):
        return answers.refusal(319, "Drop pincode is not serviceable", request.dice, odd)
    if fate.code:
        return answers.refusal(fate.code, "", request.dice, odd)
    return _accept(sandbox, request, verdict, queued=fate.queued)


def _drop_pincode(payload: JsonObject) -> str:
    drop = as_object(payload.get("drop_info")) or {}
    return as_text(drop.get("drop_pincode")) or as_text(drop.get("postal_code"))


def _accept(sandbox: Sandbox, request: Request, verdict: Checked, *, queued: bool) -> JsonObject:
    details = as_object(request.payload.get("shipment_details")) or {}
    additional = as_object(request.payload.get("additional")) or {}
    if sandbox.vendor.is_taken(as_text(details.get("awb_number"))):
        return answers.refusal(303, "", request.dice, sandbox.config.odd_answers)
    if queued or additional.get("async") is True or request.cp_id in sandbox.config.async_couriers:
        waiting = Queued(request.payload, verdict.account, request.region, sandbox.config.async_polls)
        sandbox.vendor.queued[request.reference] = waiting
        return answers.working(request.reference, 202, request.dice)
    return _place(sandbox, request, Queued(request.payload, verdict.account, request.region, 0))


def _still_queued(sandbox: Sandbox, request: Request, queued: Queued) -> JsonObject:
    if queued.polls_left > 0:
        queued.polls_left -= 1
        return answers.working(request.reference, 102, request.dice)
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
    return answers.placed(order, 200, request.dice, sandbox.config.odd_answers)


async def fetch_order(sandbox: Sandbox, call: Call) -> Answer:
    """GET on the create-order path with `awb` and `cp_id`, or with `reference_number`."""
    if problem := auth_problem(sandbox, call):
        return problem
    if reference := call.query.get("reference_number"):
        order = sandbox.vendor.orders.get(reference)
    else:
        order = _named_order(sandbox, call.query.get("awb", ""), call.query.get("cp_id", ""))
    if order is None:
        return reply({"meta": answers.meta(330), "result": None})
    dice = sandbox.fault_desk.dice("fetch", order.reference_number, sandbox.calls["fetch_order"])
    return reply(answers.placed(order, 200, dice, sandbox.config.odd_answers))


def _named_order(sandbox: Sandbox, waybill: str, cp_id: str) -> Order | None:
    order = sandbox.vendor.find(waybill.strip())
    return order if order and str(order.cp_id) == cp_id.strip() else None


async def cancel_order(sandbox: Sandbox, call: Call) -> Answer:
    """GET cancel-order: 200 or 600 for cancelled, HTTP 202 for later, 350 for unknown or finished."""
    if problem := auth_problem(sandbox, call):
        return problem
    order = _named_order(sandbox, call.query.get("waybill", ""), call.query.get("cp_id", ""))
    if order is None:
        return reply({"meta": answers.meta(350)}, 400)
    if call.query.get("account_code", order.account.account_code) != order.account.account_code:
        return reply({"meta": answers.meta(351)})
    if order.cancelled:
        return reply({"meta": answers.meta(600, "ORDER ALREADY CANCELLED")})
    dice = sandbox.fault_desk.dice("cancel", order.reference_number)
    if sandbox.fault_desk.strikes("cancel_later", order.reference_number, dice.random()):
        sandbox.cancel_later(order)
        return reply({"meta": answers.meta(202, "The cancellation is accepted", success=True)}, 202)
    if not sandbox.cancel(order):
        return reply({"meta": answers.meta(350)}, 400)
    return reply({"meta": answers.meta(dice.choice((200, 600)), "SUCCESS")})


async def recommend(sandbox: Sandbox, call: Call) -> Answer:
    """POST recommendation v1: a list of parcels within India."""
    if problem := auth_problem(sandbox, call, key_alone=True):
        return problem
    parcels = [parcel for given in as_items(_json(call)) or () if (parcel := as_object(given)) is not None]
    if not parcels:
        return reply({"meta": answers.meta(400), "result": None})
    found = [(as_text(p.get("reference_number")), _taking(sandbox, as_text(p.get("drop_pincode")), p)) for p in parcels]
    shown = [answers.recommended(reference, accounts, world=False) for reference, accounts in found if accounts]
    return _recommended(shown or None)


async def recommend_world(sandbox: Sandbox, call: Call) -> Answer:
    """POST recommendation v2: one parcel, by address."""
    if problem := auth_problem(sandbox, call, key_alone=True):
        return problem
    parcel = as_object(_json(call)) or {}
    details = as_object(parcel.get("shipment_details"))
    if details is None:
        return reply({"meta": answers.meta(400), "result": None})
    accounts = _taking(sandbox, _drop_pincode(parcel), details)
    return _recommended(answers.recommended("", accounts, world=True) if accounts else None)


def _json(call: Call) -> object:
    try:
        return call.json()
    except ValueError:
        return None


def _taking(sandbox: Sandbox, drop_pincode: str, details: JsonObject) -> list[Account]:
    returns = details.get("delivery_type") == "RVP"
    return [
        a for a in sandbox.config.accounts if a.account_active and a.serves(drop_pincode) and (a.rvp or not returns)
    ]


def _recommended(result: object) -> Answer:
    if result is None:
        return reply({"meta": {"success": True, "message": "Pin code not serviceable", "status": 200}})
    return reply({"meta": answers.meta(200, "SUCCESS"), "result": result})
