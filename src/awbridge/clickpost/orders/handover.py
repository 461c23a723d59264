"""What a hand-over manifest shows of an order, from its payload in any form. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from awbridge.clickpost.orders.order_places import place_of, shipment_details
from awbridge.clickpost.wire.lenient_json import as_text
from awbridge.domain.orders.shipment import Shipment

_CASH = "COD"


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOverFacts:
    """What the courier takes over. `cod`: the amount to collect, "" if prepaid. `weight`: in kilograms, in words."""

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
        cod="" if amount is None else f"{amount:.2f}",
    )


def _number(value: object) -> Decimal | None:
    try:
        number = Decimal(as_text(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < Decimal(10) ** 12 else None
