"""Returns that customers ask for, as ClickPost's managed returns tell of them. Pure: order in, JSON out.

Times are true UTC, and what is told is about the forward shipment: there may be no parcel that comes back yet.
"""

import random
from collections.abc import Mapping
from typing import Final

from awbridge.sandbox.config import SandboxConfig
from awbridge.sandbox.shipments.models import Order
from awbridge.sandbox.wire.json import JsonObject
from awbridge.sandbox.wire.timestamps import utc_spaced, utc_z

PLACED: Final = 101
APPROVED: Final = 102
_TOLD: Final[Mapping[int, tuple[str, int]]] = {
    PLACED: ("Return Request Placed", 11),
    APPROVED: ("Return Request Approved", 22),
}
"""Status code -> its words, and the notification event. What 103 to 106 are is not published."""
_BUCKET: Final = 8
REASONS: Final = ("Size too small", "Product is not as expected", "Received a wrong item")


def return_reference(order: Order) -> str:
    """The number of the return of a forward order."""
    return f"RE{order.serial:011d}"


def wants_return(order: Order, dice: random.Random, config: SandboxConfig) -> bool:
    """Whether the customer of a delivered order asks to return it."""
    return not order.is_rvp and dice.random() < config.return_requests


def webhook_payload(order: Order, code: int, at: float, *, spaced: bool = False) -> JsonObject:
    """The body about a return at a moment, as return_order_poll shows it; `spaced` writes its times as webhooks do."""
    words, event = _TOLD[code]
    stamp = utc_spaced(at) if spaced else utc_z(at)
    status: JsonObject = {
        "location": "",
        "remark": words,
        "status": words,
        "clickpost_status_code": code,
        "clickpost_status_description": words,
        "clickpost_status_bucket": _BUCKET,
        "clickpost_status_bucket_description": words,
        "timestamp": stamp,
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
    given = {name: item[name] for name in ("sku", "description", "quantity") if name in item}
    return {**given, "return_reason": REASONS[number % len(REASONS)], "refund_mode": "Back to source"}


def wrapped(payload: JsonObject, order: Order) -> JsonObject:
    """A body in the wrapping in which webhooks about returns come."""
    internal = {"tracking_id": order.serial, "key": "None", "url": "None", "is_custom": True}
    return {"payload": payload, "internal": {**internal, "notification_event": payload["notification_event"]}}
