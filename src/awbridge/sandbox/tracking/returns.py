"""The return requests endpoint: what customers asked to return."""

from awbridge.sandbox.shipments.models import Order, Scan
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.webhooks.return_bodies import PLACED, return_reference, wants_return, webhook_payload
from awbridge.sandbox.wire.envelope import done, refused
from awbridge.sandbox.wire.http import Answer, Call
from awbridge.sandbox.wire.json import JsonObject
from awbridge.sandbox.wire.timestamps import utc_of, utc_z

LONGEST_WINDOW = 3600


DELIVERED = 8


REFUNDS = ("Credits", "Bank Transfer", "Original Payment Mode")


async def returns_delta(sandbox: Sandbox, call: Call) -> Answer:
    """GET return_order_poll: the returns asked for in at most 60 minutes. Refusals carry HTTP 301 and 400.

    A share of the customers asks when the parcel arrives. Booked as an order (RVP) under the return's reference
    number, the return shows its waybill.
    """
    if call.query.get("user_name") != sandbox.config.username or call.query.get("key") != sandbox.config.key:
        return refused(301, http=301)
    start, end = (utc_of(call.query.get(name, ""), "%Y-%m-%dT%H:%M:%S") for name in ("start_time", "end_time"))
    if start is None or end is None:
        wrong = {name: ["A time as YYYY-MM-DDTHH:MM:SS is required"] for name in ("start_time", "end_time")}
        return refused(400, wrong, http=400)
    if end < start:
        return refused(400, {"Time Difference": ["End Time is behind Start time"]}, http=400)
    if end - start > LONGEST_WINDOW:
        message = "Start Time is ahead of End time by more than 60 Minutes"
        return refused(400, {"Time Difference": [message]}, http=400)
    rows = [
        _return_row(sandbox, order, scan)
        for order in sandbox.vendor.orders.values()
        if (scan := order.latest) and scan.code == DELIVERED and start <= scan.created_at < end + 1
        if wants_return(order, sandbox.fault_desk.dice("return", order.reference_number), sandbox.config)
    ]
    return done(rows)


def _return_row(sandbox: Sandbox, order: Order, delivered: Scan) -> JsonObject:
    reference = return_reference(order)
    booked = sandbox.vendor.orders.get(reference)
    dice = sandbox.fault_desk.dice("refund", order.reference_number)
    return {
        "return_reference_number": reference,
        "status": "APPROVED" if booked else "NEW_CASE",
        "Return Request Timestamp": utc_z(delivered.created_at),
        "cp_id": booked.cp_id if booked else None,
        "cp_name": booked.account.courier_name if booked else None,
        "account_code": booked.account.account_code if booked else None,
        "return_tracking_id": booked.serial if booked else None,
        "awb": booked.waybill if booked else None,
        "timestamp": utc_z(booked.placed_at) if booked else None,
        "refund_mode": dice.choice(REFUNDS),
        "source": dice.choice(("API", "TRACKING_PAGE")),
        "webhook_payload": webhook_payload(order, PLACED, delivered.created_at),
    }
