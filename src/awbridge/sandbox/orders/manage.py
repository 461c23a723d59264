"""ClickPost's endpoints about one shipment: label, security key, proof of delivery, edits, WhatsApp."""

from awbridge.sandbox.orders import responses
from awbridge.sandbox.orders.responses import LABELS_AT
from awbridge.sandbox.requests import auth_problem, first_missing, object_in, shipment_of
from awbridge.sandbox.shipments.journeys import detour
from awbridge.sandbox.shipments.models import Order
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.wire.codes import FINAL
from awbridge.sandbox.wire.envelope import done, meta, refused
from awbridge.sandbox.wire.http import Answer, Call, reply
from awbridge.sandbox.wire.json import JsonObject, as_text, number
from awbridge.sandbox.wire.timestamps import day_of

NO_SHIPMENT = "Bad Request: No Shipment Found"
EWAYBILL_SERVICE = 2


def _asked(sandbox: Sandbox, call: Call) -> Order | None:
    return shipment_of(sandbox, call.query.get("waybill", ""), call.query.get("cp_id", ""))


async def fetch_label(sandbox: Sandbox, call: Call) -> Answer:
    """GET fetch/shippinglabel: the label; `regenerate` has the courier make one anew."""
    if problem := auth_problem(sandbox, call):
        return problem
    again = call.query.get("regenerate", "false").lower()
    if again not in ("true", "false"):
        return refused(400, "regenerate is true or false")
    order = _asked(sandbox, call)
    if order is None:
        return refused(400, NO_SHIPMENT)
    if again == "true" and not order.registered:
        order.has_label = True
    if not order.has_label or order.registered:
        return refused(500)
    suffix = f"-{sandbox.calls['fetch_label']}" if again == "true" else ""
    return done({"shipping_label": f"{LABELS_AT}/{order.waybill}{suffix}.pdf"})


async def security_key(sandbox: Sandbox, call: Call) -> Answer:
    """GET shipment-security-key: the key to a protected tracking page."""
    if problem := auth_problem(sandbox, call, key_alone=True):
        return problem
    order = _asked(sandbox, call)
    if order is None:
        return refused(400, NO_SHIPMENT)
    result = {
        "waybill": order.waybill,
        "cp_id": order.cp_id,
        "security_key": order.security_key,
        "reference_number": order.reference_number,
    }
    return done(result, "Success")


async def proof_of_delivery(sandbox: Sandbox, call: Call) -> Answer:
    """GET pod_from_shipment_details: only of what is delivered, and only for accounts that have the service."""
    if problem := auth_problem(sandbox, call, key_alone=True):
        return problem
    order = _asked(sandbox, call)
    if order is None:
        return refused(400, NO_SHIPMENT)
    if not order.account.pod:
        said = "You are not registered to use this service, Please Register"
        return refused(306, f"{said} : Account of this shipment is not registered for POD")
    if order.latest is None or order.latest.code != 8:
        return refused(400, "Bad Request: Shipment is not delivered yet")
    return done({"pod_url": f"{LABELS_AT}/pod/{order.waybill}.pdf"}, "Success")


async def edit_order(sandbox: Sandbox, call: Call) -> Answer:
    """POST edit-order: changes payment, quality check or e-waybill of a shipment that is not over yet."""
    if problem := auth_problem(sandbox, call):
        return problem
    given = object_in(call)
    if isinstance(given, Answer):
        return given
    if missing := first_missing(given, ("awb_number", "courier_partner")):
        return refused(400, f"{missing} is required")
    order = shipment_of(sandbox, given["awb_number"], given["courier_partner"])
    if order is None or order.registered:
        return refused(330)
    if problem := _wrong_edit(order, given):
        return refused(400, problem)
    order.order_type = as_text(given.get("order_type")) or order.order_type
    if order.order_type == "PREPAID":
        order.cod_value = 0
    elif "cod_value" in given:
        order.cod_value = number(given["cod_value"]) or 0
    sandbox.office.note("Order: Edit", {"awb": order.waybill, "fields": sorted(given)}, at=sandbox.clock.real())
    return done(message="ACCEPTED")


def _wrong_edit(order: Order, given: JsonObject) -> str:
    changes = given.keys() - {"awb_number", "courier_partner", "edit_order_service"}
    if not changes:
        return "Nothing to edit"
    if order.latest is not None and order.latest.code in FINAL:
        return "The shipment can not be edited any more"
    order_type = given.get("order_type", order.order_type)
    if "order_type" in given and order_type not in ("PREPAID", "COD"):
        return "Invalid order_type"
    if "cod_value" in changes or "order_type" in changes:
        value = number(given.get("cod_value", order.cod_value if order.order_type == order_type else 0))
        if value is None or (value > 0) != (order_type == "COD"):
            return "cod_value must be above 0 for COD, and 0 for PREPAID"
    if "qc_type" in changes and given["qc_type"] != "doorstep":
        return "Invalid qc_type"
    return _wrong_ewaybill(given)


def _wrong_ewaybill(given: JsonObject) -> str:
    if "ewaybill_serial_number" not in given and as_text(given.get("edit_order_service")) != str(EWAYBILL_SERVICE):
        return ""
    missing = first_missing(given, ("ewaybill_serial_number", "invoice_number", "invoice_date"))
    if missing:
        return f"{missing} is required"
    return "" if day_of(as_text(given["invoice_date"])) else "invoice_date must be YYYY-MM-DD"


async def switch_whatsapp(sandbox: Sandbox, call: Call) -> Answer:
    """POST enable_shipment_notification: WhatsApp messages of one shipment on or off."""
    if problem := auth_problem(sandbox, call, key_alone=True):
        return problem
    given = object_in(call, http=400)
    if isinstance(given, Answer):
        return given
    disable, order = given.get("whatsapp_disable"), sandbox.vendor.find(as_text(given.get("awb")))
    if not isinstance(disable, bool):
        return refused(400, "whatsapp_disable is true or false", http=400)
    if order is None or order.untracked:
        return refused(400, NO_SHIPMENT, http=400)
    (sandbox.office.silent.add if disable else sandbox.office.silent.discard)(order.waybill)
    return done()


_PICKED_UP = frozenset({4, 5, 6, 7, 9, 18, 19, 20, 1004})  # statuses of a parcel that has left


async def fetch_order(sandbox: Sandbox, call: Call) -> Answer:
    """GET on the create-order path: by `awb` and `cp_id`, or by `reference_number`. The username may be left out.

    Only the first is documented; `fetch_by_reference` of the configuration says whether the other is known as well.
    """
    if problem := auth_problem(sandbox, call, key_alone="username" not in call.query):
        return problem
    reference, waybill = (call.query.get(name, "").strip() for name in ("reference_number", "awb"))
    by_waybill = waybill and call.query.get("cp_id", "").strip()
    if not by_waybill and not sandbox.config.fetch_by_reference:
        return reply({}, 400)
    if not reference and not by_waybill:
        return refused(400, "awb and cp_id, or reference_number, are required")
    order = _named_order(sandbox, waybill, call.query.get("cp_id", "")) if waybill else None
    if order is None or order.registered:
        order = sandbox.vendor.orders.get(reference)
    if order is None:
        return reply({"meta": meta(330), "result": None})
    dice = sandbox.fault_desk.dice("fetch", order.reference_number, sandbox.calls["fetch_order"])
    return reply(responses.placed(order, 200, dice, sandbox.config.odd_answers))


def _named_order(sandbox: Sandbox, waybill: str, cp_id: str) -> Order | None:
    order = sandbox.vendor.find(waybill.strip())
    return order if order and str(order.cp_id) == cp_id.strip() else None


async def cancel_order(sandbox: Sandbox, call: Call) -> Answer:
    """GET cancel-order: 200 or 600 for cancelled, HTTP 202 for later, 350 for unknown or finished.

    A courier that reports no cancellation (`cancel_silent`) stops without status 10, unless `manually_update_status` is
    True: then ClickPost sets it. One that was cancelled before is 600, or by the fault `cancel_deleted` HTTP 400
    "already in a deleted state". Once the courier has picked it up, 200 means that it is sent back: an RTO ends it.
    """
    if problem := auth_problem(sandbox, call):
        return problem
    order = _named_order(sandbox, call.query.get("waybill", ""), call.query.get("cp_id", ""))
    if order is None:
        return reply({"meta": meta(350)}, 400)
    if call.query.get("account_code", order.account.account_code) != order.account.account_code:
        return reply({"meta": meta(351)})
    dice = sandbox.fault_desk.dice("cancel", order.reference_number)
    if order.cancelled:
        if sandbox.fault_desk.strikes("cancel_deleted", order.reference_number, dice.random()):
            return reply({"meta": meta(400, "Order is already in a deleted state")}, 400)
        return reply({"meta": meta(600)})
    sandbox.office.note("Order: Cancel", {"awb": order.waybill}, at=sandbox.clock.real())
    if sandbox.fault_desk.strikes("cancel_never", order.reference_number, dice.random()):
        return reply({"meta": meta(202, "The cancellation is accepted", success=True)}, 202)
    if sandbox.fault_desk.strikes("cancel_later", order.reference_number, dice.random()):
        sandbox.cancel_later(order)
        return reply({"meta": meta(202, "The cancellation is accepted", success=True)}, 202)
    told = call.query.get("manually_update_status") == "True" or not sandbox.fault_desk.strikes(
        "cancel_silent", order.reference_number, sandbox.fault_desk.dice("silent", order.reference_number).random()
    )
    stop = sandbox.cancel if told else sandbox.vendor.stop_silently
    if not (_sent_back(sandbox, order) or stop(order)):
        return reply({"meta": meta(350)}, 400)
    return reply({"meta": meta(dice.choice((200, 600)), "SUCCESS")})


def _sent_back(sandbox: Sandbox, order: Order) -> bool:
    """What was picked up cannot be stopped any more: it turns round. False for what was not, or is at its end."""
    if not order.open or not any(scan.code in _PICKED_UP for scan in order.scans):
        return False
    if order.steps[-1].code != 14:
        steps = detour(order.steps, len(order.scans), back=True, config=sandbox.config, seed=order.waybill)
        sandbox.vendor.reroute(order, steps)
    return True
