"""The older forms of an order: converts the flat form to the sections of v3, and finds fields in `additional`. Pure."""

import re
from collections.abc import Mapping
from typing import Final

from awbridge.sandbox.wire.json import JsonObject, as_object, as_text

_DETAILS: Final = frozenset(
    {
        "account_code",
        "awb_number",
        "breadth",
        "cod_value",
        "courier_partner",
        "delivery_type",
        "height",
        "invoice_date",
        "invoice_number",
        "invoice_value",
        "items",
        "length",
        "order_id",
        "order_priority",
        "order_type",
        "reference_number",
        "rvp_reason",
        "weight",
    }
)
_IN_ADDITIONAL: Final = ("account_code", "awb_number", "delivery_type", "order_id")
"""Fields of shipment_details that ClickPost's v3 examples put into `additional`."""
_SECTIONS: Final = ("pickup_info", "drop_info", "shipment_details")
_PATTERNS: Final[Mapping[str, str]] = {
    "name": r".{1,100}",
    "address": r".{1,500}",
    "city": r".{1,200}",
    "state": r".{1,200}",
    "phone": r"\d{10,11}",
    "pincode": r"[1-9]\d{5}",
}
"""The limits of v1 and v3 for the fields of pickup and drop."""
_INDIA: Final = frozenset({"", "IN", "IND", "INDIA"})
_CODE_39: Final = r"[A-Za-z0-9 $%+./-]+"
_FLAT_FIELDS: Final = ("pickup_name", "drop_name", "reference_number", "courier_partner", "items")


def is_flat(payload: JsonObject) -> bool:
    """Whether an order has its fields at the top level, without sections."""
    return not any(name in payload for name in _SECTIONS) and any(name in payload for name in _FLAT_FIELDS)


def invalid_flat_field(payload: JsonObject) -> str:
    """The first field of a flat order that exceeds the limits of v1; "" if none does. Ignores missing fields."""
    patterns = {f"{side}_{name}": pattern for side in ("pickup", "drop") for name, pattern in _PATTERNS.items()}
    patterns |= {"reference_number": _CODE_39, "invoice_number": r".{1,50}"}
    for name, pattern in patterns.items():
        text = as_text(payload.get(name))
        if text and not re.fullmatch(pattern, text, re.ASCII | re.DOTALL):
            return name
    return ""


def invalid_address_field(payload: JsonObject) -> str:
    """The first address field of a v3 order that exceeds the limits; "" if none does.

    The limits are those of v1. Indian phones and pincodes are required unless the address has another country or
    phone code.
    """
    for side in ("pickup", "drop"):
        address = as_object(payload.get(f"{side}_info")) or {}
        country, code = as_text(address.get(f"{side}_country")), as_text(address.get(f"{side}_phone_code"))
        indian = country.upper() in _INDIA
        applies = {"pincode": indian, "phone": indian and code.removeprefix("+") in ("", "91")}
        for name, pattern in _PATTERNS.items():
            text = as_text(address.get(f"{side}_{name}"))
            if text and applies.get(name, True) and not re.fullmatch(pattern, text, re.ASCII | re.DOTALL):
                return f"{side}_{name}"
    return ""


def sections_of(payload: JsonObject) -> JsonObject:
    """Convert a flat order to sections. Other fields go into `additional`. The default delivery type is FORWARD."""
    pickup: JsonObject = {}
    drop: JsonObject = {}
    details: JsonObject = {"delivery_type": "FORWARD"}
    additional: JsonObject = {}
    for name, value in payload.items():
        if name.startswith("pickup_"):
            pickup[name] = value
        elif name.startswith("drop_"):
            drop[name] = value
        elif name in _DETAILS:
            details[name] = value
        elif name not in ("gst_info", "additional"):
            additional[name] = value
    return {
        "pickup_info": pickup,
        "drop_info": drop,
        "shipment_details": details,
        "gst_info": payload.get("gst_info"),
        "additional": additional | (as_object(payload.get("additional")) or {}),
    }


def conflicting_field(payload: JsonObject) -> str:
    """The first field whose values in shipment_details and `additional` differ; "" if none does."""
    details, additional = (as_object(payload.get(name)) or {} for name in ("shipment_details", "additional"))
    for name in _IN_ADDITIONAL:
        first, second = as_text(details.get(name)), as_text(additional.get(name))
        if first and second and first != second:
            return name
    return ""


def lift_additional(payload: JsonObject) -> JsonObject:
    """Copy fields that are only in `additional` to shipment_details."""
    details, additional = as_object(payload.get("shipment_details")), as_object(payload.get("additional")) or {}
    if details is None:
        return payload
    lifted = {
        name: additional[name]
        for name in _IN_ADDITIONAL
        if as_text(additional.get(name)) and not as_text(details.get(name))
    }
    return payload | {"shipment_details": details | lifted}
