"""The responses of create-order and fetch-order in all observed shapes. The generator selects the shape."""

import random

from awbridge.sandbox.shipments.models import SimulatedOrder
from awbridge.sandbox.wire.envelope import meta
from awbridge.sandbox.wire.json import JsonObject

LABELS_AT = "https://labels.sandbox.invalid"


def rejected(code: int, message: str, rng: random.Random, odd: float) -> JsonObject:
    """An error. `result` is null, empty or missing; sometimes `status_code` replaces `status`."""
    head = meta(code, message, success=False)
    if rng.random() < odd:
        head["status_code"] = head.pop("status")
    results: tuple[JsonObject, ...] = ({"result": None}, {"result": {}}, {})
    return {"meta": head, **rng.choice(results)}


def held_by_courier(reference: str, rng: random.Random) -> JsonObject:
    """319: the courier has already booked it. The response has no waybill, and sometimes the reference number."""
    reason = rng.choice(
        ("AWB Already Exists", "Waybill already generated", "Order id already exists", "Duplicate order")
    )
    response: JsonObject = {
        "meta": meta(319, f"Error In Order Placing To Courier Partner: {reason}", success=False),
        "result": rng.choice((None, {})),
    }
    return response | {"reference_number": reference} if rng.random() < 0.5 else response


def pending(reference: str, code: int, rng: random.Random) -> JsonObject:
    """202 (queued) or 102 (processing)."""
    result = rng.choice((None, {"reference_number": reference, "job_id": f"job-{reference}"}))
    return {"meta": meta(code, success=rng.random() < 0.5), "result": result}


def placed(order: SimulatedOrder, code: int, rng: random.Random, odd: float, label: str) -> JsonObject:
    """200 for a new order, 323 for one that was already placed. `label`: the address of its label."""
    result: JsonObject = {
        "waybill": order.waybill,
        "reference_number": order.reference_number,
        "label": label if order.has_label else None,
        "sort_code": rng.choice((None, "", "MH/WHH/BMF", "DEL/NCR")),
        "security_key": order.security_key,
        "courier_name": order.account.courier_name,
        "courier_partner_id": order.cp_id,
        "account_code": order.account.account_code,
    }
    if order.region == "world":
        result["commercial_invoice_url"] = f"{LABELS_AT}/{order.waybill}-invoice.pdf"
    if order.children:
        result["children"] = [_child(order, piece, rng) for piece in range(len(order.children))]
    response: JsonObject = {"meta": meta(code), "result": result}
    _add_ids(response, result, order, rng)
    if rng.random() < odd:
        _make_odd(response, result, order, code, rng)
    return response


def _child(order: SimulatedOrder, piece: int, rng: random.Random) -> JsonObject:
    waybill = order.children[piece]
    item: JsonObject = {**order.items[piece], "waybill": waybill}
    flat: JsonObject = {"waybill": waybill, "sku": item.get("sku"), "description": item.get("description")}
    return rng.choice((flat, {"item": item}, {"item": item, "waybill": waybill}))


def _add_ids(response: JsonObject, result: JsonObject, order: SimulatedOrder, rng: random.Random) -> None:
    """Add order_id and tracking_id to the result or beside it; beside it, the result has the merchant's order id."""
    target = rng.choice((response, result))
    if target is response and order.order_id is not None:
        result["order_id"] = order.order_id
    target["order_id"] = order.serial
    target["tracking_id"] = order.serial


def _make_odd(response: JsonObject, result: JsonObject, order: SimulatedOrder, code: int, rng: random.Random) -> None:
    target = response if "tracking_id" in response else result
    target["order_id"] = str(order.serial)
    result["courier_partner"] = str(order.cp_id)
    if rng.random() < 0.5:
        result["courier_partner_id"] = str(order.cp_id)
    response["meta"] = {**meta(code), "request_took_ms": rng.randint(40, 900)}
    result["carrier_zone"] = rng.choice(("A", "B", None))
