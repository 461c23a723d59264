"""What lists of shipments need of an order's payload: the end of the customer's phone number, and whether it is COD."""

from __future__ import annotations

import re

from awbridge.clickpost.orders.order_places import RETURN, delivery_type_of, place_of, shipment_details
from awbridge.clickpost.wire.lenient_json import as_object, as_text
from awbridge.domain.json import JsonObject

TAIL = 4  # digits that are stored: enough to narrow a search, too few to reach anybody
MOST_DIGITS = 10  # the digits that every notation of a number shares
_BETWEEN = re.compile(r"[,;|\n]|\bor\b", re.IGNORECASE)


def phone_digits(payload: JsonObject) -> str:
    """The last ten digits of the customer's phone number: of the drop, for a return of the pickup. "" if none."""
    place = place_of(payload, "pickup" if delivery_type_of(payload).upper() == RETURN else "drop")
    return digits_of_number(str(place.get("phone") or ""))


def digits_of_number(text: str) -> str:
    """The last ten digits of the first phone number in a text; "" for one of fewer than four."""
    digits = re.sub(r"[^0-9]", "", _BETWEEN.split(text)[0])[-MOST_DIGITS:]
    return digits if len(digits) >= TAIL else ""


def phone_tail(payload: JsonObject) -> str:
    """The last four digits of the customer's phone number; "" if there is none."""
    return phone_digits(payload)[-TAIL:]


def is_cod(payload: JsonObject) -> bool:
    """Whether the courier collects cash."""
    info = as_object(payload.get("shipment_info")) or shipment_details(payload)  # of a waybill booked elsewhere, else
    return as_text(info.get("order_type")).upper() == "COD"
