"""What ClickPost answers, as JSON, in all the shapes seen. Dice decide between shapes; the facts are the order's."""

import random

from awbridge.sandbox.shipments.models import Order
from awbridge.sandbox.wire.envelope import meta
from awbridge.sandbox.wire.json import JsonObject

LABELS_AT = "https://labels.sandbox.invalid"


def refusal(code: int, message: str, dice: random.Random, odd: float) -> JsonObject:
    """A failure: with result null, empty or missing, and now and then with status_code in place of status."""
    head = meta(code, message, success=False)
    if dice.random() < odd:
        head["status_code"] = head.pop("status")
    answer: JsonObject = {"meta": head}
    match dice.randrange(3):
        case 0:
            answer["result"] = None
        case 1:
            answer["result"] = {}
        case _:
            pass
    return answer


def held_by_courier(reference: str, dice: random.Random) -> JsonObject:
    """319: the courier has booked it already; the answer gives no waybill, and at times the reference number."""
    words = dice.choice(
        ("AWB Already Exists", "Waybill already generated", "Order id already exists", "Duplicate order")
    )
    answer: JsonObject = {
        "meta": meta(319, f"Error In Order Placing To Courier Partner: {words}", success=False),
        "result": dice.choice((None, {})),
    }
    return answer | {"reference_number": reference} if dice.random() < 0.5 else answer


def working(reference: str, code: int, dice: random.Random) -> JsonObject:
    """202 (queued) or 102 (still working)."""
    result = dice.choice((None, {"reference_number": reference, "job_id": f"job-{reference}"}))
    return {"meta": meta(code, success=dice.random() < 0.5), "result": result}


def placed(order: Order, code: int, dice: random.Random, odd: float) -> JsonObject:
    """200 for a new order, 323 for one that was placed before."""
    result: JsonObject = {
        "waybill": order.waybill,
        "reference_number": order.reference_number,
        "label": f"{LABELS_AT}/{order.waybill}.pdf" if order.has_label else None,
        "sort_code": dice.choice((None, "", "MH/WHH/BMF", "DEL/NCR")),
        "security_key": order.security_key,
        "courier_name": order.account.courier_name,
        "courier_partner_id": order.cp_id,
        "account_code": order.account.account_code,
    }
    if order.region == "world":
        result["commercial_invoice_url"] = f"{LABELS_AT}/{order.waybill}-invoice.pdf"
    if order.children:
        result["children"] = [_child(order, piece, dice) for piece in range(len(order.children))]
    answer: JsonObject = {"meta": meta(code), "result": result}
    _put_ids(answer, result, order, dice)
    if dice.random() < odd:
        _make_odd(answer, result, order, code, dice)
    return answer


def _child(order: Order, piece: int, dice: random.Random) -> JsonObject:
    waybill = order.children[piece]
    item: JsonObject = {**order.items[piece]}
    match dice.randrange(3):
        case 0:
            return {"waybill": waybill, "sku": item.get("sku"), "description": item.get("description")}
        case 1:
            return {"item": {**item, "waybill": waybill}}
        case _:
            return {"item": {**item, "waybill": waybill}, "waybill": waybill}


def _put_ids(answer: JsonObject, result: JsonObject, order: Order, dice: random.Random) -> None:
    """order_id and tracking_id stand inside result, or beside it (then the merchant's own id may stand inside)."""
    home = dice.choice((answer, result))
    if home is answer and order.order_id is not None:
        result["order_id"] = order.order_id
    home["order_id"] = order.serial
    home["tracking_id"] = order.serial


def _make_odd(answer: JsonObject, result: JsonObject, order: Order, code: int, dice: random.Random) -> None:
    home = answer if "tracking_id" in answer else result
    home["order_id"] = str(order.serial)
    result["courier_partner"] = str(order.cp_id)
    if dice.random() < 0.5:
        result["courier_partner_id"] = str(order.cp_id)
    answer["meta"] = {**meta(code), "request_took_ms": dice.randint(40, 900)}
    result["carrier_zone"] = dice.choice(("A", "B", None))
