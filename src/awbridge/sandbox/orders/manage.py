"""The endpoints of a placed order: fetch, edit, cancel, label, security key, proof of delivery, WhatsApp."""

from awbridge.sandbox.labels.download import label_link
from awbridge.sandbox.orders import responses
from awbridge.sandbox.orders.responses import LABELS_AT
from awbridge.sandbox.requests import authenticate, find_tracked_order, first_missing, parse_object, require
from awbridge.sandbox.shipments.journeys import replan
from awbridge.sandbox.shipments.models import SimulatedOrder
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.wire.codes import FINAL_CODES
from awbridge.sandbox.wire.envelope import error_response, meta, ok_response
from awbridge.sandbox.wire.http import ApiCall, ApiResponse, CallRejected, json_response
from awbridge.sandbox.wire.json import JsonObject, as_text, number
from awbridge.sandbox.wire.timestamps import parse_day

NO_SHIPMENT = "Bad Request: No Shipment Found"
EWAYBILL_SERVICE = 2
_PICKED_UP = frozenset({4, 5, 6, 7, 9, 18, 19, 20, 1004})
"""Status codes of a parcel that the courier has picked up."""


async def fetch_order(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """GET on the create-order path: an order by `awb` and `cp_id`, or by `reference_number`. `username` is optional.

    Only the first is documented. The setting `fetch_by_reference` enables the second.
    """
    authenticate(sandbox, call, key_only="username" not in call.query)
    reference, waybill, cp_id = (call.query.get(name, "").strip() for name in ("reference_number", "awb", "cp_id"))
    by_waybill = waybill and cp_id
    if not by_waybill and not sandbox.config.fetch_by_reference:
        return json_response({}, 400)
    if not reference and not by_waybill:
        return error_response(400, "awb and cp_id, or reference_number, are required")
    order = _find_order(sandbox, waybill, cp_id) if waybill else None
    if order is None or order.registered:
        order = sandbox.registry.orders.get(reference)
    if order is None:
        return error_response(330, result=None)
    rng = sandbox.fault_injector.rng("fetch", order.reference_number, sandbox.calls["fetch_order"])
    label = label_link(sandbox, order.waybill)
    return json_response(responses.placed(order, 200, rng, sandbox.config.odd_answers, label))


def _find_order(sandbox: Sandbox, waybill: str, cp_id: str) -> SimulatedOrder | None:
    order = sandbox.registry.find(waybill)
    return order if order and str(order.cp_id) == cp_id else None


async def cancel_order(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """GET cancel-order: 200 or 600 if cancelled, HTTP 202 if cancelled later, 350 if unknown or completed.

    With the fault `cancel_silent` the journey stops without status 10, unless `manually_update_status` is True: then
    ClickPost sets the status. An order cancelled before returns 600, or with the fault `cancel_deleted` HTTP 400
    "already in a deleted state". After pickup, 200 means that the parcel returns to origin (RTO).
    """
    waybill, cp_id = (call.query.get(name, "").strip() for name in ("waybill", "cp_id"))
    order = _find_order(sandbox, waybill, cp_id)
    if order is None:
        return error_response(350, http=400)
    if call.query.get("account_code", order.account.account_code) != order.account.account_code:
        return error_response(351)
    faults, reference = sandbox.fault_injector, order.reference_number
    rng = faults.rng("cancel", reference)
    if order.cancelled:
        if faults.occurs("cancel_deleted", reference, rng.random()):
            return error_response(400, "Order is already in a deleted state", http=400)
        return json_response({"meta": meta(600)})
    sandbox.account_records.log_action("Order: Cancel", {"awb": order.waybill}, at=sandbox.clock.real())
    never = faults.occurs("cancel_never", reference, rng.random())
    if never or faults.occurs("cancel_later", reference, rng.random()):
        if not never:
            sandbox.cancel_later(order)
        return json_response({"meta": meta(202, "The cancellation is accepted", success=True)}, 202)
    reported = call.query.get("manually_update_status") == "True" or not faults.occurs(
        "cancel_silent", reference, faults.rng("silent", reference).random()
    )
    cancel = sandbox.cancel if reported else sandbox.registry.cancel_without_scan
    if not (_return_to_origin(sandbox, order) or cancel(order)):
        return error_response(350, http=400)
    return json_response({"meta": meta(rng.choice((200, 600)), "SUCCESS")})


def _return_to_origin(sandbox: Sandbox, order: SimulatedOrder) -> bool:
    """Return a picked-up parcel to origin. False if it was not picked up, or its journey has ended."""
    if not order.is_open or not any(scan.code in _PICKED_UP for scan in order.scans):
        return False
    if order.steps[-1].code != 14:
        steps = replan(order.steps, len(order.scans), back=True, config=sandbox.config, seed=order.waybill)
        sandbox.registry.reroute(order, steps)
    return True


def _requested_order(sandbox: Sandbox, call: ApiCall) -> SimulatedOrder:
    order = find_tracked_order(sandbox, call.query.get("waybill", ""), call.query.get("cp_id", ""))
    if order is None:
        raise CallRejected(error_response(400, NO_SHIPMENT))
    return order


async def fetch_label(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """GET fetch/shippinglabel: the label; `regenerate=true` creates a new one."""
    regenerate = call.query.get("regenerate", "false").lower()
    if regenerate not in ("true", "false"):
        return error_response(400, "regenerate must be true or false")
    order = _requested_order(sandbox, call)
    if regenerate == "true" and not order.registered:
        order.has_label = True
    if not order.has_label or order.registered:
        return error_response(500)
    suffix = f"-{sandbox.calls['fetch_label']}" if regenerate == "true" else ""
    return ok_response({"shipping_label": label_link(sandbox, order.waybill, suffix)})


async def security_key(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """GET shipment-security-key: the key of the protected tracking page."""
    order = _requested_order(sandbox, call)
    result = {
        "waybill": order.waybill,
        "cp_id": order.cp_id,
        "security_key": order.security_key,
        "reference_number": order.reference_number,
    }
    return ok_response(result, "Success")


async def proof_of_delivery(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """GET pod_from_shipment_details: for delivered shipments of accounts that have the service."""
    order = _requested_order(sandbox, call)
    if not order.account.pod:
        message = "You are not registered to use this service, Please Register"
        return error_response(306, f"{message} : Account of this shipment is not registered for POD")
    if order.latest is None or order.latest.code != 8:
        return error_response(400, "Bad Request: Shipment is not delivered yet")
    return ok_response({"pod_url": f"{LABELS_AT}/pod/{order.waybill}.pdf"}, "Success")


async def edit_order(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """POST edit-order: change payment, quality check or e-waybill of a shipment that has not ended."""
    body = parse_object(call)
    require(body, ("awb_number", "courier_partner"))
    order = find_tracked_order(sandbox, body["awb_number"], body["courier_partner"])
    if order is None or order.registered:
        return error_response(330)
    if problem := _edit_problem(order, body):
        return error_response(400, problem)
    order.order_type = as_text(body.get("order_type")) or order.order_type
    if order.order_type == "PREPAID":
        order.cod_value = 0
    elif "cod_value" in body:
        order.cod_value = number(body["cod_value"]) or 0
    logged: JsonObject = {"awb": order.waybill, "fields": sorted(body)}
    sandbox.account_records.log_action("Order: Edit", logged, at=sandbox.clock.real())
    return ok_response(message="ACCEPTED")


def _edit_problem(order: SimulatedOrder, body: JsonObject) -> str:
    changes = body.keys() - {"awb_number", "courier_partner", "edit_order_service"}
    if not changes:
        return "Nothing to edit"
    if order.latest is not None and order.latest.code in FINAL_CODES:
        return "The shipment can no longer be edited"
    order_type = body.get("order_type", order.order_type)
    if "order_type" in body and order_type not in ("PREPAID", "COD"):
        return "Invalid order_type"
    if "cod_value" in changes or "order_type" in changes:
        value = number(body.get("cod_value", order.cod_value if order.order_type == order_type else 0))
        if value is None or (value > 0) != (order_type == "COD"):
            return "cod_value must be above 0 for COD, and 0 for PREPAID"
    if "qc_type" in changes and body["qc_type"] != "doorstep":
        return "Invalid qc_type"
    return _ewaybill_problem(body)


def _ewaybill_problem(body: JsonObject) -> str:
    if "ewaybill_serial_number" not in body and as_text(body.get("edit_order_service")) != str(EWAYBILL_SERVICE):
        return ""
    if missing := first_missing(body, ("ewaybill_serial_number", "invoice_number", "invoice_date")):
        return f"{missing} is required"
    return "" if parse_day(as_text(body["invoice_date"])) else "invoice_date must be YYYY-MM-DD"


async def switch_whatsapp(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """POST enable_shipment_notification: enable or disable WhatsApp messages for one shipment."""
    body = parse_object(call, http=400)
    disable, order = body.get("whatsapp_disable"), sandbox.registry.find(as_text(body.get("awb")))
    if not isinstance(disable, bool):
        return error_response(400, "whatsapp_disable must be true or false", http=400)
    if order is None or order.untracked:
        return error_response(400, NO_SHIPMENT, http=400)
    disabled = sandbox.account_records.whatsapp_disabled
    (disabled.add if disable else disabled.discard)(order.waybill)
    return ok_response()
