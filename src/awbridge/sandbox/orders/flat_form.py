"""The older forms of an order. Pure: the flat one is checked and turned into the sections of v3, and what v3's own
examples write into `additional` is found there."""

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
"""Fields of an order's details that ClickPost's v3 examples have in `additional`."""
_SECTIONS: Final = ("pickup_info", "drop_info", "shipment_details")
_FORMS: Final[Mapping[str, str]] = {
    "name": r".{1,100}",
    "address": r".{1,500}",
    "city": r".{1,200}",
    "state": r".{1,200}",
    "phone": r"\d{10,11}",
    "pincode": r"[1-9]\d{5}",
}
"""The limits of v1 and v3, for the fields of pickup and drop alike."""
_INDIA: Final = frozenset({"", "IN", "IND", "INDIA"})
_CODE_39: Final = r"[A-Za-z0-9 $%+./-]+"
_MARKS: Final = ("pickup_name", "drop_name", "reference_number", "courier_partner", "items")


def is_flat(payload: JsonObject) -> bool:
    """Whether an order has its fields at the top and no sections."""
    return not any(name in payload for name in _SECTIONS) and any(name in payload for name in _MARKS)


def badly_formed(payload: JsonObject) -> str:
    """The first field of a flat order that breaks the limits of v1; "" if none does. Missing ones do not matter."""
    forms = {f"{side}_{name}": form for side in ("pickup", "drop") for name, form in _FORMS.items()}
    forms |= {"reference_number": _CODE_39, "invoice_number": r".{1,50}"}
    for name, form in forms.items():
        text = as_text(payload.get(name))
        if text and not re.fullmatch(form, text, re.ASCII | re.DOTALL):
            return name
    return ""


def badly_formed_place(payload: JsonObject) -> str:
    """The first field of a v3 order's places that breaks the limits of its page; "" if none does.

    They are v1's. Phone and pincode are India's unless the place names another country or phone code.
    """
    for side in ("pickup", "drop"):
        place = as_object(payload.get(f"{side}_info")) or {}
        country, code = as_text(place.get(f"{side}_country")), as_text(place.get(f"{side}_phone_code"))
        indian = country.upper() in _INDIA
        ours = {"pincode": indian, "phone": indian and code.removeprefix("+") in ("", "91")}
        for name, form in _FORMS.items():
            text = as_text(place.get(f"{side}_{name}"))
            if text and ours.get(name, True) and not re.fullmatch(form, text, re.ASCII | re.DOTALL):
                return f"{side}_{name}"
    return ""


def sections_of(payload: JsonObject) -> JsonObject:
    """A flat order in sections. What belongs to no section stands in `additional`. Forward unless it says otherwise."""
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


def contradiction(payload: JsonObject) -> str:
    """The first field that stands in the details and in `additional` and says two things; "" if none does."""
    details, additional = (as_object(payload.get(name)) or {} for name in ("shipment_details", "additional"))
    for name in _IN_ADDITIONAL:
        first, second = as_text(details.get(name)), as_text(additional.get(name))
        if first and second and first != second:
            return name
    return ""


def lifted(payload: JsonObject) -> JsonObject:
    """An order whose details say what it says in `additional` alone."""
    details, additional = as_object(payload.get("shipment_details")), as_object(payload.get("additional")) or {}
    if details is None:
        return payload
    alone = {
        name: additional[name]
        for name in _IN_ADDITIONAL
        if as_text(additional.get(name)) and not as_text(details.get(name))
    }
    return payload | {"shipment_details": details | alone}
