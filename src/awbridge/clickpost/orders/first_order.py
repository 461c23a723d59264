"""A small order for a first try: one item, one parcel. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from awbridge.domain.json import JsonObject

PLACE_FIELDS = ("name", "phone", "address", "city", "state", "pincode")


def first_order(
    *,
    reference_number: str,
    transporter: str,
    pickup: Mapping[str, str],
    drop: Mapping[str, str],
    weight: float,
    value: float,
    today: date,
) -> JsonObject:
    """A prepaid create-order payload (v3). Both places have PLACE_FIELDS. Weight in grams, value in rupees."""
    item = {"sku": "TEST-1", "description": "Test item", "quantity": 1, "price": value}
    return {
        "transporter": transporter,
        "pickup_info": _place("pickup", pickup),
        "drop_info": _place("drop", drop),
        "shipment_details": {
            "reference_number": reference_number,
            "order_id": reference_number,
            "order_type": "PREPAID",
            "delivery_type": "FORWARD",
            "cod_value": 0,
            "invoice_value": value,
            "invoice_number": reference_number,
            "invoice_date": today.isoformat(),
            "length": 10,
            "breadth": 10,
            "height": 10,
            "weight": weight,
            "items": [item],
        },
        "gst_info": {},
        "additional": {"label": True},
    }


def _place(side: str, fields: Mapping[str, str]) -> JsonObject:
    return {**{f"{side}_{name}": fields.get(name, "") for name in PLACE_FIELDS}, f"{side}_country": "IN"}
