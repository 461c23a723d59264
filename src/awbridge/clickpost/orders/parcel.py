"""Converts a checked payload to the parcel of allocation rules, and to a request of the recommendation API."""

from __future__ import annotations

from decimal import Decimal

from awbridge.clickpost.orders.order_places import delivery_type_of, place_of, shipment_details
from awbridge.clickpost.wire.lenient_json import as_list, as_object, as_text
from awbridge.domain.couriers.allocation import AllocationParcel
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.shipment import Region

_MEASURES = ("invoice_value", "weight", "length", "breadth", "height")
_WORDS = ("order_type", "delivery_type")


def parcel_of(payload: JsonObject, region: Region) -> AllocationParcel:
    """The parcel that allocation rules read, from a checked payload."""
    details = shipment_details(payload)
    return AllocationParcel(
        drop_pincode=_pincode(payload, "drop"),
        pickup_pincode=_pincode(payload, "pickup"),
        order_type=as_text(details["order_type"]),
        delivery_type=delivery_type_of(payload),
        region=region,
        weight=Decimal(as_text(details["weight"])),
        value=Decimal(as_text(details["invoice_value"])),
    )


def _pincode(payload: JsonObject, side: str) -> str:
    return as_text(place_of(payload, side).get("pincode"))


def recommendation_query(payload: JsonObject, region: Region) -> JsonObject:
    """The body of the recommendation API: v1's flat form for India, v2's sections for the world.

    Source: the examples of ClickPost's API reference. Names and phones are sent only if v2 requires them.
    """
    details = {**shipment_details(payload), "delivery_type": delivery_type_of(payload)}
    if region is Region.WORLD:
        sections = {name: payload[name] for name in ("pickup_info", "drop_info")}
        return {**sections, "shipment_details": details}
    first = as_object((as_list(details.get("items")) or [None])[0])
    query: JsonObject = {
        "reference_number": as_text(details["reference_number"]),
        "item": as_text(first.get("description")) or as_text(first.get("sku")),
        "pickup_pincode": _pincode(payload, "pickup"),
        "drop_pincode": _pincode(payload, "drop"),
        **{name: details[name] for name in (*_WORDS, *_MEASURES)},
    }
    if custom := as_list(as_object(payload.get("additional")).get("custom_fields")):
        query["additional"] = {"custom_fields": custom}
    return query
