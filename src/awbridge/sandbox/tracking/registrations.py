"""The endpoints that register and unregister waybills booked elsewhere for tracking."""

from awbridge.sandbox.orders.validation import OrderRejected, account_for
from awbridge.sandbox.requests import find_tracked_order, keyed_body, parse_object, require, type_problem
from awbridge.sandbox.shipments.models import OrderDraft, SimulatedOrder
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.wire.envelope import error_response, ok_response
from awbridge.sandbox.wire.http import ApiCall, ApiResponse
from awbridge.sandbox.wire.json import JsonObject, as_list, as_object, as_text

_MESSAGES = {351: "Clickpost Account: Does not exist", 353: "Clickpost Account: Inactive"}


async def register_v2(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """POST awb-register v2: `cp_id` and the key in the body. A known waybill returns 303 with its ids."""
    return _register(sandbox, keyed_body(sandbox, call), version=2)


async def register_v3(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """POST awb-register v3: `courier_partner`, addresses and items in the body, the key in the URL."""
    return _register(sandbox, parse_object(call), version=3)


def _register(sandbox: Sandbox, body: JsonObject, *, version: int) -> ApiResponse:
    courier = "cp_id" if version == 2 else "courier_partner"
    require(body, ("waybill", courier))
    payload = _as_order(body, courier)
    details = as_object(payload["shipment_details"]) or {}
    if not as_text(details["courier_partner"]).isdecimal():
        return error_response(400, f"{courier} is not a number")
    if problem := type_problem(details, optional=True):
        return error_response(400, problem)
    try:
        account = account_for(details, sandbox.config.accounts)
    except OrderRejected as error:
        code = 351 if error.code == 302 else error.code
        return error_response(code, _MESSAGES.get(code, error.message))
    order = sandbox.registry.find(as_text(details["awb_number"]))
    if order and not order.untracked:
        message = "Waybill already registered"
        return error_response(303, message) if version == 3 else error_response(303, message, result=_ids(order, 2))
    if order:
        sandbox.registry.resume_tracking(order)
    else:
        draft, real = OrderDraft(payload, account, "india"), sandbox.clock.real()
        order = sandbox.registry.register(draft, real=real, courier=sandbox.clock.courier())
    return ok_response(_ids(order, version), "Success" if version == 2 else "SUCCESS")


def _as_order(body: JsonObject, courier: str) -> JsonObject:
    """The registration in the sections of an order."""
    info = as_object(body.get("shipment_info")) or {}
    additional = as_object(body.get("additional")) or {}
    inner = as_object(info.get("additional")) or {}
    drop = as_object(body.get("drop_info")) or {}
    details: JsonObject = {
        **info,
        "awb_number": body["waybill"],
        "courier_partner": body[courier],
        "account_code": body.get("account_code"),
        "cod_value": info.get("cod_amount"),
        "items": as_list(info.get("items")) or as_list(inner.get("items")) or [],
        "order_id": info.get("order_id", additional.get("order_id")),
    }
    pincode = drop.get("pincode", info.get("drop_pincode"))
    return {"shipment_details": details, "drop_info": {"drop_pincode": pincode}, "additional": {"label": False}}


def _ids(order: SimulatedOrder, version: int) -> JsonObject:
    ids: JsonObject = {"tracking_id": order.serial, "security_key": order.security_key}
    if version == 2:
        return ids
    return {"consumer_details": {"id": order.serial + 7}, "shipment_info": {"id": order.serial + 3}, **ids}


async def unregister(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """POST awb-unregister: stop tracking a shipment, wherever it was booked. The key is in the body."""
    body = keyed_body(sandbox, call)
    require(body, ("waybill", "cp_id"))
    order = find_tracked_order(sandbox, body["waybill"], body["cp_id"])
    if order is None:
        return error_response(400, "Waybill is not registered")
    sandbox.registry.untrack(order)
    return ok_response({"awb": order.waybill})
