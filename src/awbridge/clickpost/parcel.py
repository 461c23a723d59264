"""A checked payload as the parcel that rules of allocation look at, and as the recommendation API wants it."""

from __future__ import annotations

from decimal import Decimal

from awbridge.clickpost.wire import as_list, as_object, as_text
from awbridge.domain.allocation import Parcel
from awbridge.domain.json import JsonObject
from awbridge.domain.shipment import Region

_MEASURES = ("invoice_value", "weight", "length", "breadth", "height")
_WORDS = ("order_type", "delivery_type")


def parcel_of(payload: JsonObject, region: Region) -> Parcel:
    """What rules look at, out of a payload that was checked."""
    details = as_object(payload["shipment_details"])
    return Parcel(
        drop_pincode=_pincode(payload, "drop", region),
        pickup_pincode=_pincode(payload, "pickup", region),
        order_type=as_text(details["order_type"]),
        delivery_type=as_text(details["delivery_type"]),
        region=region,
        weight=Decimal(as_text(details["weight"])),
        value=Decimal(as_text(details["invoice_value"])),
    )


def _pincode(payload: JsonObject, side: str, region: Region) -> str:
    place = as_object(payload[f"{side}_info"])
    return as_text(place.get(f"{side}_pincode" if region is Region.INDIA else "postal_code"))


def recommendation_query(payload: JsonObject, region: Region) -> JsonObject:
    """The question to the recommendation API: v1's flat form for India, v2's sections for the world.

    Source: the examples of ClickPost's API reference. Names and phones go out only where v2 asks for them.
    """
    details = as_object(payload["shipment_details"])
    if region is Region.WORLD:
        sections = {name: payload[name] for name in ("pickup_info", "drop_info")}
        return {**sections, "shipment_details": details}
    first = as_object((as_list(details.get("items")) or [None])[0])
    query: JsonObject = {
        "reference_number": as_text(details["reference_number"]),
        "item": as_text(first.get("description")) or as_text(first.get("sku")),
        "pickup_pincode": _pincode(payload, "pickup", region),
        "drop_pincode": _pincode(payload, "drop", region),
        **{name: details[name] for name in (*_WORDS, *_MEASURES)},
    }
    if custom := as_list(as_object(payload.get("additional")).get("custom_fields")):
        query["additional"] = {"custom_fields": custom}
    return query
