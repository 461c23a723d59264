"""The endpoint that lists the returns requested by customers."""

from awbridge.sandbox.shipments.models import SimulatedOrder, SimulatedScan
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.webhooks.return_bodies import RETURN_PLACED, customer_returns, return_body, return_reference
from awbridge.sandbox.wire.envelope import error_response, ok_response
from awbridge.sandbox.wire.http import ApiCall, ApiResponse
from awbridge.sandbox.wire.json import JsonObject
from awbridge.sandbox.wire.timestamps import parse_utc, utc_z

LONGEST_WINDOW = 3600
DELIVERED = 8
REFUNDS = ("Credits", "Bank Transfer", "Original Payment Mode")


async def returns_delta(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """GET return_order_poll: the returns requested in a window of at most 60 minutes. Errors use HTTP 301 and 400.

    Some customers request a return on delivery. Once an order (RVP) with the return's reference number is placed, the
    return has its waybill.
    """
    if call.query.get("user_name") != sandbox.config.username or call.query.get("key") != sandbox.config.key:
        return error_response(301, http=301)
    start, end = (parse_utc(call.query.get(name, ""), "%Y-%m-%dT%H:%M:%S") for name in ("start_time", "end_time"))
    if start is None or end is None:
        errors = {name: ["A time as YYYY-MM-DDTHH:MM:SS is required"] for name in ("start_time", "end_time")}
        return error_response(400, errors, http=400)
    if end < start:
        return error_response(400, {"Time Difference": ["End Time is behind Start time"]}, http=400)
    if end - start > LONGEST_WINDOW:
        message = "Start Time is ahead of End time by more than 60 Minutes"
        return error_response(400, {"Time Difference": [message]}, http=400)
    rows = [
        _return_row(sandbox, order, scan)
        for order in sandbox.registry.orders.values()
        if (scan := order.latest) and scan.code == DELIVERED and start <= scan.created_at < end + 1
        if customer_returns(order, sandbox.fault_injector.rng("return", order.reference_number), sandbox.config)
    ]
    return ok_response(rows)


def _return_row(sandbox: Sandbox, order: SimulatedOrder, delivered: SimulatedScan) -> JsonObject:
    reference = return_reference(order)
    booked = sandbox.registry.orders.get(reference)
    rng = sandbox.fault_injector.rng("refund", order.reference_number)
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
        "refund_mode": rng.choice(REFUNDS),
        "source": rng.choice(("API", "TRACKING_PAGE")),
        "webhook_payload": return_body(order, RETURN_PLACED, delivered.created_at),
    }
