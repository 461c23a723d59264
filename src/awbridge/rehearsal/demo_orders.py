"""The orders and courier accounts of the demo and the drill. The people and places are made up."""

from __future__ import annotations

import random

from awbridge.domain.json import JsonObject
from awbridge.store.couriers.couriers import CourierAccount

ACCOUNTS = (
    CourierAccount(transporter="delhivery", courier_partner_id=4, account_code="Delhivery Surface"),
    CourierAccount(transporter="xpressbees", courier_partner_id=6, account_code="XpressBees Surface"),
    CourierAccount(transporter="ekart", courier_partner_id=55, account_code="Ekart Forward"),
    CourierAccount(transporter="delhivery-returns", courier_partner_id=25, account_code="Delhivery Reverse"),
)


def demo_order(number: int, seed: int) -> JsonObject:
    """One order as an order system would send it. The people and places are made up."""
    dice = random.Random(f"{seed}/{number}")  # noqa: S311 - play data
    cod = dice.random() < 0.5
    price = float(dice.randrange(199, 4999))
    city, state, pincode = dice.choice(
        [
            ("Mumbai", "Maharashtra", "400065"),
            ("Delhi", "Delhi", "110017"),
            ("Bengaluru", "Karnataka", "560001"),
            ("Jaipur", "Rajasthan", "302001"),
        ]
    )
    returned = dice.random() < 0.1
    details: JsonObject = {
        "reference_number": f"DEMO-{seed}-{number:05d}",
        "order_id": f"ORDER-{seed}-{number:05d}",
        "order_type": "COD" if cod and not returned else "PREPAID",
        "delivery_type": "RVP" if returned else "FORWARD",
        "cod_value": price if cod and not returned else 0,
        "invoice_value": price,
        "invoice_number": f"INV-{number:05d}",
        "invoice_date": "2026-11-01",
        "length": 20,
        "breadth": 15,
        "height": 10,
        "weight": 500,
        "items": [{"sku": f"SKU-{number % 40}", "description": "Cotton shirt", "quantity": 1, "price": price}],
    }
    if returned:
        details["rvp_reason"] = "Size does not fit"
    return {
        "transporter": "delhivery-returns" if returned else dice.choice(["delhivery", "xpressbees", "ekart"]),
        "pickup_info": _address("pickup", "Demo Warehouse", "Mumbai", "Maharashtra", "400065"),
        "drop_info": _address("drop", f"Customer {number}", city, state, pincode),
        "shipment_details": details,
        "gst_info": {},
        "additional": {"label": True},
    }


def _address(prefix: str, name: str, city: str, state: str, pincode: str) -> JsonObject:
    values = {
        "name": name,
        "phone": "9000000000",
        "address": "1 Demo Street",
        "city": city,
        "state": state,
        "pincode": pincode,
        "country": "IN",
    }
    return {f"{prefix}_{key}": value for key, value in values.items()}
