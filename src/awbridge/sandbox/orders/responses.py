"""What ClickPost answers, as JSON, in all the shapes seen. Dice decide between shapes; the facts are the order's."""

import random

from awbridge.sandbox.config import Account
from awbridge.sandbox.shipments.models import Order, Scan
from awbridge.sandbox.wire.codes import BUCKET_NAMES, NDR, NPR, description_of, message_of
from awbridge.sandbox.wire.http import JsonObject
from awbridge.sandbox.wire.timestamps import polled, utc_naive, utc_z

LABELS_AT = "https://labels.sandbox.invalid"


def meta(code: int, message: str = "", *, success: bool | None = None) -> JsonObject:
    """The envelope's head."""
    good = code in (200, 323, 600) if success is None else success
    return {"status": code, "success": good, "message": message or message_of(code)}


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


def status_fields(scan: Scan) -> JsonObject:
    """The fields that every view of a scan shares, apart from its time."""
    return {
        "status": scan.status,
        "remark": scan.remark,
        "location": scan.location,
        "clickpost_status_code": scan.code,
        "clickpost_status_description": description_of(scan.code),
        "clickpost_status_bucket": scan.bucket,
        "clickpost_status_bucket_description": BUCKET_NAMES[scan.bucket],
    }


def tracked_scan(scan: Scan, stamp: str) -> JsonObject:
    """A scan as track-order lists it."""
    return {
        "timestamp": stamp,
        **status_fields(scan),
        "checkpoint_id": scan.checkpoint_id,
        "tracking_id": scan.tracking_id,
        "created_at": utc_naive(scan.created_at),
    }


def tracked(order: Order, dice: random.Random, *, bare_list: bool, waybill: str = "") -> object:
    """One waybill of track-order: an object, or for older accounts the bare list of scans, newest first."""
    asked = waybill or order.waybill
    own = [scan for scan in reversed(order.scans) if scan.waybill == asked]
    scans = [tracked_scan(scan, polled(scan.scanned_at, dice)) for scan in own]
    if bare_list:
        return scans
    latest = own[0] if own else None
    shown: object = None
    if latest:
        shown = {
            "timestamp": polled(latest.scanned_at, dice),
            **status_fields(latest),
            "reference_number": order.reference_number,
            "created_at": utc_naive(latest.created_at),
        }
    return {"latest_status": shown, "scans": scans, "valid": True, "additional": track_additional(order)}


def track_additional(order: Order) -> JsonObject:
    """`additional` of track-order, and of webhooks in its shape."""
    latest = order.latest
    ndr, npr = (latest.ndr_code, latest.npr_code) if latest else (None, None)
    return {
        "order_id": order.order_id,
        "courier_partner_id": order.cp_id,
        "courier_partner_edd": None,
        "account_code": order.account.account_code,
        "is_rvp": order.is_rvp,
        "ndr_status_code": ndr,
        "ndr_status_description": NDR.get(ndr) if ndr is not None else None,
        "npr_status_code": npr,
        "npr_status_description": NPR[npr] if npr is not None else None,
    }


def updated_row(order: Order, latest: Scan, dice: random.Random) -> JsonObject:
    """One shipment of updated-order: its latest status only."""
    row: JsonObject = {
        "waybill": latest.waybill,
        "courier_partner" if order.serial % 2 else "carrier_partner": order.cp_id,  # newer pages say carrier_partner
        "clickpost_status_code": latest.code,
        "clickpost_status_description": description_of(latest.code),
        "timestamp": polled(latest.scanned_at, dice),
        "status": latest.status,
        "remark": latest.remark,
        "location": latest.location,
        "clickpost_city": latest.city,
        "account_code": order.account.account_code,
        "reference_number": order.reference_number,
        "created_at": utc_z(order.placed_at),
        "updated_at": utc_z(order.updated_at),
    }
    if order.order_id is not None and dice.random() < 0.5:
        row["order_id"] = order.order_id
    return row


def account_row(account: Account) -> JsonObject:
    """One account of fetch-accounts."""
    return account.model_dump(include={"courier_partner_id", "courier_name", "account_code", "account_active"})
