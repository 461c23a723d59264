"""Removes the fields of a payload that belong to one courier account alone. Pure.

Another courier, or another account of the same one, does not know these values: a pickup place registered at the first
(`vendor_code`) is refused there with 355 or "ClientWarehouse matching query does not exist". Source: the field notes of
ClickPost's create-order pages, which name the courier of each of these fields.
"""

from __future__ import annotations

from awbridge.clickpost.wire.lenient_json import as_object
from awbridge.domain.json import JsonObject

COURIER_FIELDS = frozenset(
    {
        *("awb_number", "account_code"),
        *("vendor_code", "pickup_vendor_code", "drop_vendor_code", "return_vendor_code"),  # places registered there
        *("service_type", "booking_id"),  # Bluedart's timed delivery, Delhivery's booking
        *("customer_id_number", "fareye_store_id", "fareye_order_type"),  # numbers given out by DHL and Fareye
        *("template_id", "template_category"),  # XpressBees' templates of quality checks
        "exchange_rvp_awb",  # the return of an exchange, booked at Bluedart
        *("pickup_type", "order_creation_url"),  # EcomExpress' codes, Delhivery's address
        "payor_fedex_account_number",
        "multi_modal",  # the second courier of the last mile
        "courier_custom_fields",
    }
)
_SECTIONS = ("pickup_info", "drop_info", "return_info", "shipment_details", "additional")


def without_courier_fields(payload: JsonObject) -> JsonObject:
    """A copy of the payload without the fields of one courier account; courier and reference number stay."""
    order = _without(payload)
    for name in _SECTIONS:
        if section := as_object(order.get(name)):
            order[name] = _without(section)
    additional = as_object(order.get("additional"))
    if place := as_object(additional.get("return_info")):
        order["additional"] = {**additional, "return_info": _without(place)}
    return order


def _without(section: JsonObject) -> JsonObject:
    return {name: value for name, value in section.items() if name not in COURIER_FIELDS}
