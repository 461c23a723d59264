"""A flat row of a table <-> a create-order payload: which column stands for which field. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from awbridge.domain.json import JsonObject

SECTIONS = ("pickup_info", "drop_info", "shipment_details", "gst_info", "additional")
SHIPMENT_COLUMNS = frozenset(
    {
        *("reference_number", "order_id", "courier_partner", "account_code", "order_type", "delivery_type"),
        *("cod_value", "invoice_value", "invoice_number", "invoice_date", "length", "breadth", "height", "weight"),
        *("rvp_reason", "awb_number", "order_priority"),
    }
)
NUMBER_FIELDS = frozenset(
    {
        *("courier_partner", "cod_value", "invoice_value", "length", "breadth", "height", "weight"),
        *("quantity", "price", "pickup_lat", "pickup_long", "drop_lat", "drop_long"),
        *("taxable_value", "cgst_amount", "sgst_amount", "igst_amount", "gst_discount", "gst_total_tax"),
    }
)
TOP_LEVEL = ("transporter", "region")  # ours, beside the vendor's sections


def column_place(column: str) -> tuple[str, str] | None:
    """Where a column's value stands: (section, field). Section "" is the top level, "item" the items; None: nowhere.

    `pickup_*` and `drop_*` and the usual fields of shipment_details stand by their own name, fields of an item as
    `item_*`; any other field is written with its section: `additional.vendor_code`, `gst_info.hsn_code`.
    """
    if column in TOP_LEVEL:
        return "", column
    section, dot, name = column.partition(".")
    if dot:
        return (section, name) if name and section in (*SECTIONS, "item") else None
    for prefix in ("pickup", "drop"):
        if column.startswith(f"{prefix}_"):
            return f"{prefix}_info", column
    if column.startswith("item_") and len(column) > len("item_"):
        return "item", column.removeprefix("item_")
    return ("shipment_details", column) if column in SHIPMENT_COLUMNS else None


def order_from_row(row: Mapping[str, str]) -> JsonObject:
    """The payload that a row's columns make, with one item. Columns that stand nowhere are passed over."""
    order: JsonObject = {"pickup_info": {}, "drop_info": {}, "shipment_details": {}}
    for column, text in row.items():
        place = column_place(column)
        if place is None or place[0] == "item":
            continue
        section, name = place
        holder = order if section == "" else order.setdefault(section, {})
        holder[name] = _value(name, text)
    order["shipment_details"]["items"] = [_item(row)]
    return order


def add_item(order: JsonObject, row: Mapping[str, str]) -> None:
    """A further row of the same shipment: one more item."""
    order["shipment_details"]["items"].append(_item(row))


def first_clash(order: JsonObject, row: Mapping[str, str]) -> str:
    """The first column in which a further row contradicts its shipment's first row; "" when none does.

    An empty cell contradicts nothing: what stands on the first row need not be said again.
    """
    for column, text in row.items():
        place = column_place(column)
        if place is None or place[0] == "item":
            continue
        section, name = place
        holder: JsonObject = order if section == "" else order.get(section, {})
        if holder.get(name) != _value(name, text):
            return column
    return ""


def _item(row: Mapping[str, str]) -> JsonObject:
    places = ((column_place(column), text) for column, text in row.items())
    return {place[1]: _value(place[1], text) for place, text in places if place and place[0] == "item"}


def _value(name: str, text: str) -> Any:
    """Numbers as numbers where the field is one, true and false as themselves, all else as text."""
    if name in NUMBER_FIELDS:
        try:
            return json.loads(text, parse_constant=lambda constant: constant)
        except ValueError:
            return text  # the check of the payload says what is wrong with it
    return {"true": True, "false": False}.get(text.lower(), text)
