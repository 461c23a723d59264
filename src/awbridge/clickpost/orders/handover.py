"""What a hand-over manifest shows of an order, from its payload in any form. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from awbridge.clickpost.orders.order_places import place_of, shipment_details
from awbridge.clickpost.wire.lenient_json import as_text
from awbridge.domain.handover.manifests import amount_text
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.shipment import Shipment

_CASH = "COD"


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOverFacts:
    """What the courier takes over. `weight`: in kilograms, in words.

    `cod`: the amount to collect, "" if prepaid, with the currency unless that is the rupee.
    """

    consignee: str = field(repr=False)
    place: str
    weight: str
    cod: str


def hand_over_facts(shipment: Shipment) -> HandOverFacts:
    """Consignee, city and pincode, weight and COD of an order."""
    details, drop = shipment_details(shipment.payload), place_of(shipment.payload, "drop")
    where = (as_text(drop.get("city")), as_text(drop.get("pincode")))
    is_cod = as_text(details.get("order_type")).upper() == _CASH
    amount = _number(details.get("cod_value")) if is_cod else None
    grams = _number(details.get("weight"))
    return HandOverFacts(
        consignee=as_text(drop.get("name")),
        place=" ".join(part for part in where if part),
        weight=f"{grams / 1000:.2f} kg" if grams else "",
        cod="" if amount is None else f"{amount_text(amount)} {_currency(details)}".strip(),
    )


def _currency(details: JsonObject) -> str:
    """The currency of the amount to collect: `currency_code` in v4, `cod_currency_code` in v3; "" for the rupee."""
    code = as_text(details.get("cod_currency_code")) or as_text(details.get("currency_code"))
    code = code.strip().upper()
    return code if code != "INR" and len(code) == 3 and code.isascii() and code.isalpha() else ""


def _number(value: object) -> Decimal | None:
    try:
        number = Decimal(as_text(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < Decimal(10) ** 12 else None
