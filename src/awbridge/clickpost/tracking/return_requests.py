"""Reads webhooks about returns and exchanges that customers requested. No I/O, no clock.

Source: ClickPost's pages "Return Order Placed", "Return Request Approved" and "Notification event", and the answer of
its return_order_poll. The return parcel need not exist yet: such a webhook may have no waybill of its own and name only
the forward shipment. Its times are UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from awbridge.clickpost.wire.lenient_json import (
    as_bool,
    as_list,
    as_object,
    as_text,
    first_id,
    first_int,
    first_waybill,
)
from awbridge.domain.json import JsonObject
from awbridge.domain.notify.events import EventKind
from awbridge.domain.tracking.returns import ReturnEvent

MOST_ITEMS = 50
LONGEST_WORD = 200  # characters of a value of an item

# Fields that are passed on. The customer's comment and pictures stay in the stored delivery.
_ITEM_FIELDS: Final = (
    "id",
    "sku",
    "description",
    "quantity",
    "return_reason",
    "return_sub_reason",
    "refund_mode",
    "return_mode",
    "shopify_line_item_id",
)

_BY_NOTIFICATION: Final[Mapping[int, EventKind]] = {
    11: EventKind.RETURN_PLACED,
    22: EventKind.RETURN_APPROVED,
    23: EventKind.RETURN_REJECTED,
    30: EventKind.EXCHANGE_PLACED,
    29: EventKind.EXCHANGE_APPROVED,
    31: EventKind.EXCHANGE_REJECTED,
}
# ClickPost does not publish 103 to 106: the notification event names them, else they are an update.
_BY_CODE: Final[Mapping[int, EventKind]] = {101: EventKind.RETURN_PLACED, 102: EventKind.RETURN_APPROVED}


def unwrapped(item: JsonObject) -> JsonObject:
    """The body of a webhook, without the envelope {"payload": {...}, "internal": {...}}."""
    inside = as_object(item.get("payload"))
    return inside if inside and not item.keys() & {"clickpost_status_code", "latest_status", "additional"} else item


def return_event(code: int, notification: int | None, places: tuple[JsonObject, ...]) -> ReturnEvent:
    """The return event of a webhook with this status code; `places` are the objects of its body, outermost first."""
    kind = _BY_NOTIFICATION.get(notification or 0) or _BY_CODE.get(code, EventKind.RETURN_UPDATED)
    return ReturnEvent(
        kind=kind.value,
        return_reference_number=first_id(places, "return_reference_number"),
        return_waybill=first_waybill(places, "waybill"),
        return_courier_partner_id=_courier(places),
        self_shipped=next((found for p in places if (found := as_bool(p.get("self_shipped"))) is not None), None),
        items=_items(places),
    )


def _courier(places: tuple[JsonObject, ...]) -> int | None:
    found = first_int(places, "cp_id")
    return found if found is not None and found > 0 else None


def _items(places: tuple[JsonObject, ...]) -> list[JsonObject]:
    lists = [as_list(place.get("item_info")) for place in places]
    listed = next(filter(None, lists), list[Any]())
    items = (as_object(item) for item in listed[:MOST_ITEMS])
    return [{name: _value(item[name]) for name in _ITEM_FIELDS if item.get(name) not in (None, "")} for item in items]


def _value(value: object) -> int | str:
    return (
        value
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53
        else as_text(value)[:LONGEST_WORD]
    )
