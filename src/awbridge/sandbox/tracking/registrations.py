"""ClickPost's tracking of waybills that were booked elsewhere: register them, let them go."""

from awbridge.sandbox.orders.validation import DELIVERY_TYPES, ORDER_TYPES, Problem, account_for
from awbridge.sandbox.requests import auth_problem, body_key_problem, first_missing, object_in, shipment_of
from awbridge.sandbox.shipments.models import Order
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.wire.envelope import done, refused
from awbridge.sandbox.wire.http import Answer, Call, reply
from awbridge.sandbox.wire.json import JsonObject, as_items, as_object, as_text

_SAID = {351: "Clickpost Account: Does not exist", 353: "Clickpost Account: Inactive"}
ALREADY = "Waybill already registered"


async def register_v2(sandbox: Sandbox, call: Call) -> Answer:
    """POST awb-register v2: `cp_id` and the key in the body. A waybill known before comes back with its ids."""
    given = object_in(call)
    if isinstance(given, Answer):
        return given
    if problem := body_key_problem(sandbox, given):
        return problem
    return _registered(sandbox, given, version=2)


async def register_v3(sandbox: Sandbox, call: Call) -> Answer:
    """POST awb-register v3: `courier_partner`, places and items; the key in the URL."""
    if problem := auth_problem(sandbox, call, key_alone=True):
        return problem
    given = object_in(call)
    return given if isinstance(given, Answer) else _registered(sandbox, given, version=3)


def _registered(sandbox: Sandbox, given: JsonObject, *, version: int) -> Answer:
    courier = "cp_id" if version == 2 else "courier_partner"
    if missing := first_missing(given, ("waybill", courier)):
        return refused(400, f"{missing} is required")
    payload = _as_order(given, courier)
    details = as_object(payload["shipment_details"]) or {}
    if problem := _wrong_types(details):
        return refused(400, problem)
    verdict = account_for(details, sandbox.config.accounts)
    if isinstance(verdict, Problem):
        code = 351 if verdict.code == 302 else verdict.code
        return refused(code, _SAID.get(code, verdict.message))
    known = sandbox.vendor.find(as_text(details["awb_number"]))
    if known and not known.untracked:
        return _already(known, version)
    if known:
        sandbox.vendor.track_again(known)
    else:
        real, courier_time = sandbox.clock.real(), sandbox.clock.courier()
        known = sandbox.vendor.register(payload, verdict.account, real=real, courier=courier_time)
    return done(_ids(known, version), "Success" if version == 2 else "SUCCESS")


def _wrong_types(details: JsonObject) -> str:
    if not as_text(details["courier_partner"]).isdecimal():
        return "the courier partner is not a number"
    if details.get("order_type") not in (None, "", *ORDER_TYPES):
        return f"order_type: {details['order_type']!r} is not one of {', '.join(ORDER_TYPES)}"
    if details.get("delivery_type") not in (None, "", *DELIVERY_TYPES):
        return f"delivery_type: {details['delivery_type']!r} is not one of {', '.join(DELIVERY_TYPES)}"
    return ""


def _as_order(given: JsonObject, courier: str) -> JsonObject:
    """What is known of the shipment, in the sections of an order."""
    info = as_object(given.get("shipment_info")) or {}
    additional = as_object(given.get("additional")) or {}
    inner = as_object(info.get("additional")) or {}
    drop = as_object(given.get("drop_info")) or {}
    details: JsonObject = {
        **info,
        "awb_number": given["waybill"],
        "courier_partner": given[courier],
        "account_code": given.get("account_code"),
        "cod_value": info.get("cod_amount"),
        "items": as_items(info.get("items")) or as_items(inner.get("items")) or [],
        "order_id": info.get("order_id", additional.get("order_id")),
    }
    pincode = drop.get("pincode", info.get("drop_pincode"))
    return {"shipment_details": details, "drop_info": {"drop_pincode": pincode}, "additional": {"label": False}}


def _already(order: Order, version: int) -> Answer:
    if version == 3:
        return refused(303, ALREADY)
    return reply({"meta": {"status": 303, "message": ALREADY, "success": False}, "result": _ids(order, version)})


def _ids(order: Order, version: int) -> JsonObject:
    ids: JsonObject = {"tracking_id": order.serial, "security_key": order.security_key}
    if version == 2:
        return ids
    return {"consumer_details": {"id": order.serial + 7}, "shipment_info": {"id": order.serial + 3}, **ids}


async def unregister(sandbox: Sandbox, call: Call) -> Answer:
    """POST awb-unregister: the shipment is no longer tracked, wherever it was booked. The key in the body."""
    given = object_in(call)
    if isinstance(given, Answer):
        return given
    if problem := body_key_problem(sandbox, given):
        return problem
    if missing := first_missing(given, ("waybill", "cp_id")):
        return refused(400, f"{missing} is required")
    order = shipment_of(sandbox, given["waybill"], given["cp_id"])
    if order is None:
        return refused(400, "Waybill is not registered")
    sandbox.vendor.untrack(order)
    return done({"awb": order.waybill})
