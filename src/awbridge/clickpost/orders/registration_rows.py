"""The registration of a waybill that was booked elsewhere, from an order that holds it in `awb_number`. Pure.

So the same table, with one more column, either registers orders or makes known what another system has registered.
"""

from __future__ import annotations

from typing import Any

from awbridge.clickpost.orders.actions import is_registration
from awbridge.clickpost.orders.order_places import delivery_type_of, place_of, shipment_details, value_of
from awbridge.clickpost.wire.lenient_json import as_object
from awbridge.domain.errors import FieldProblem, PayloadRefused
from awbridge.domain.json import JsonObject

# Fields of an order that a registration has under the same name, by its section.
_INFO = (
    *("reference_number", "order_type", "invoice_value", "invoice_date", "currency_code"),
    *("length", "breadth", "height", "weight", "items"),
)
_PLACE = (
    *("name", "phone", "phone_code", "email", "address", "landmark", "district", "city", "state", "pincode"),
    *("lat", "long", "time"),
)
_ADDITIONAL = (
    *("order_date", "ship_date", "min_edd", "max_edd", "estimated_delivery_date", "enable_whatsapp", "language_code"),
)
_CONSUMER = ("name", "phone", "email")


def registration_of(order: Any) -> JsonObject:
    """The body of awb-register v3, with `transporter` if the order names one.

    What is a registration already is returned as it is. Raises PayloadRefused for what is neither.
    """
    if not isinstance(order, dict):
        raise PayloadRefused([FieldProblem("", "must be an object: an order with awb_number, or a registration")])
    given = as_object(order)
    if is_registration(given):
        return given
    details, additional = shipment_details(given), as_object(given.get("additional"))
    waybill = value_of(given, "awb_number")
    if waybill is None:
        problem = "is required: the waybill under which the courier has the parcel"
        raise PayloadRefused([FieldProblem("shipment_details.awb_number", problem)])
    places = {side: _place(given, side) for side in ("pickup", "drop")}
    consumer = places["pickup" if delivery_type_of(given) == "RVP" else "drop"]
    return _filled(
        transporter=given.get("transporter"),
        waybill=waybill,
        courier_partner=details.get("courier_partner"),
        account_code=value_of(given, "account_code"),
        shipment_info=_filled(
            **{name: details.get(name) for name in _INFO},
            order_id=value_of(given, "order_id"),
            delivery_type=value_of(given, "delivery_type"),
            cod_amount=details.get("cod_value"),
        ),
        pickup_info=places["pickup"],
        drop_info=places["drop"],
        consumer_details={name: consumer[name] for name in _CONSUMER if name in consumer},
        additional=_filled(**{name: additional.get(name) for name in _ADDITIONAL}),
    )


def _place(order: JsonObject, side: str) -> JsonObject:
    place = place_of(order, side)
    country = place.get("country_code") or place.get("country")
    found = _filled(**{name: place.get(name) for name in _PLACE})
    return found | {"country_code": country} if isinstance(country, str) and len(country) == 2 else found


def _filled(**fields: Any) -> JsonObject:
    """The fields that are given."""
    return {name: value for name, value in fields.items() if value not in (None, "", {}, [])}
