"""The bodies of return requests, as ClickPost's managed returns send them. Pure.

Times are true UTC. The body describes the forward shipment: a return shipment may not exist yet.
"""

import random
from collections.abc import Mapping
from typing import Final

from awbridge.sandbox.config import SandboxConfig
from awbridge.sandbox.shipments.models import SimulatedOrder
from awbridge.sandbox.wire.json import JsonObject
from awbridge.sandbox.wire.timestamps import utc_spaced, utc_z

RETURN_PLACED: Final = 101
RETURN_APPROVED: Final = 102
_STATUS_TEXTS: Final[Mapping[int, tuple[str, int]]] = {
    RETURN_PLACED: ("Return Request Placed", 11),
    RETURN_APPROVED: ("Return Request Approved", 22),
}
"""Status code -> text and notification event. ClickPost does not publish the meaning of 103 to 106."""
_BUCKET: Final = 8
REASONS: Final = ("Size too small", "Product is not as expected", "Received a wrong item")


def return_reference(order: SimulatedOrder) -> str:
    return f"RE{order.serial:011d}"


def customer_returns(order: SimulatedOrder, rng: random.Random, config: SandboxConfig) -> bool:
    """Whether the customer of a delivered order requests a return."""
    return not order.is_rvp and rng.random() < config.return_requests


def return_body(order: SimulatedOrder, code: int, at: float, *, for_webhook: bool = False) -> JsonObject:
    """The body of a return at a given time, as return_order_poll or (`for_webhook`) a webhook formats it."""
    text, event = _STATUS_TEXTS[code]
    status: JsonObject = {
        "location": "",
        "remark": text,
        "status": text,
        "clickpost_status_code": code,
        "clickpost_status_description": text,
        "clickpost_status_bucket": _BUCKET,
        "clickpost_status_bucket_description": text,
        "timestamp": utc_spaced(at) if for_webhook else utc_z(at),
    }
    return {
        "waybill": "",
        "cp_id": -1,
        **status,
        "notification_event": event,
        "account_code": "",
        "return_reference_number": return_reference(order),
        "additional": {
            "latest_status": dict(status),
            "source": "API",
            "is_rvp": True,
            "forward_awb": order.waybill,
            "forward_reference_number": order.reference_number,
            "forward_order_id": order.order_id,
            "notification_event_id": event,
            "self_shipped": False,
            "item_info": [_item(item, number) for number, item in enumerate(order.items)],
            "return_reference_number": return_reference(order),
        },
    }


def _item(item: JsonObject, number: int) -> JsonObject:
    fields = {name: item[name] for name in ("sku", "description", "quantity") if name in item}
    return {**fields, "return_reason": REASONS[number % len(REASONS)], "refund_mode": "Back to source"}


def wrap_body(payload: JsonObject, order: SimulatedOrder) -> JsonObject:
    internal = {"tracking_id": order.serial, "key": "None", "url": "None", "is_custom": True}
    return {"payload": payload, "internal": {**internal, "notification_event": payload["notification_event"]}}
