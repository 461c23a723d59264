"""Maps the columns of a table to fields of a create-order payload, both ways. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from difflib import get_close_matches
from functools import cache, lru_cache
from typing import Any

from awbridge.clickpost.reports.report_columns import ORDER, REFERENCE, WAYBILL
from awbridge.domain.json import JsonObject
from awbridge.tables.cells import read_amount, read_id, read_text
from awbridge.tables.header import HeaderLayout, title_words
from awbridge.tables.times import read_wall_time

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
TOP_LEVEL = ("transporter", "region")  # awbridge's own, next to ClickPost's sections
ALSO_CALLED: Mapping[str, Sequence[str]] = {
    "reference_number": REFERENCE,
    "order_id": ORDER,
    "awb_number": WAYBILL,
    "courier_partner": ("courier partner id", "cp id", "courier id"),
    "invoice_number": ("invoice no",),
    "invoice_value": ("invoice amount",),
    "cod_value": ("cod amount", "cod"),
    "item_sku": ("sku",),
    "item_quantity": ("quantity", "qty"),
}
# The last word of fields that hold an identifier, a phone number or a pincode.
ID_WORDS = frozenset(
    {
        *("number", "no", "id", "phone", "mobile", "pincode", "pin", "zip", "zipcode", "code", "sku", "awb", "waybill"),
        *("tin", "gstin", "reference"),
    }
)
CLOSE = 0.82  # similarity, at most 1, from which a name counts as misspelt

_BY_NAME = {"".join(title_words(name)): column for column, names in ALSO_CALLED.items() for name in names}
_PLACE = ("name", "phone", "email", "address", "city", "state", "pincode", "country", "district", "landmark", "time")
_KNOWN = [
    *(*sorted(SHIPMENT_COLUMNS), *TOP_LEVEL, *(f"{end}_{name}" for end in ("pickup", "drop") for name in _PLACE)),
    *("item_sku", "item_description", "item_quantity", "item_price"),
]


@lru_cache(maxsize=1024)  # called for every cell of a table
def column_place(column: str) -> tuple[str, str] | None:
    """The place of a column's value: (section, field). Section "" is the top level, "item" the items; None: no place.

    `pickup_*` and `drop_*` and the usual fields of shipment_details go by their own name, fields of an item as
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


def column_of(title: str) -> str | None:
    """The column that a title means, ignoring case, spaces and signs; None for none."""
    if column_place(title) is not None:
        return title
    section, dot, name = title.partition(".")
    written = f"{'_'.join(title_words(section))}.{'_'.join(title_words(name))}" if dot else "_".join(title_words(title))
    if column_place(written) is not None:
        return written
    return _BY_NAME.get("".join(title_words(title)))


def match_orders(titles: Sequence[str]) -> dict[str, int]:
    """Column -> its place among titles. Of several titles for one, the column's own name wins, then the first."""
    found: dict[str, int] = {}
    for place, title in enumerate(titles):
        column = column_of(title) if title else None
        if column and (column not in found or (title == column and titles[found[column]] != column)):
            found[column] = place
    return found


ORDERS = HeaderLayout(
    match=match_orders, needs=("reference_number",), hint="See docs/how-to/orders/import.md for their names"
)


def meant(title: str) -> str | None:
    """The known column closest to an unknown title; None if none is close."""
    near = get_close_matches("_".join(title_words(title)), _KNOWN, n=1, cutoff=CLOSE)
    return near[0] if near else None


def read_cell(column: str, value: Any) -> str:
    """A cell of a column as text; "" if it is empty. Raises CellDamaged for a damaged cell."""
    return _reader_of(column)(value)


@cache
def _reader_of(column: str) -> Callable[[Any], str]:
    name = column.rpartition(".")[2]
    last = name.rpartition("_")[2]
    if name in NUMBER_FIELDS or name.removeprefix("item_") in NUMBER_FIELDS:
        return read_amount
    if last in ID_WORDS:
        return read_id
    return _read_day if last == "date" else read_text


def _read_day(value: Any) -> str:
    """A day as YYYY-MM-DD, ClickPost's format; unchanged if it cannot be read.

    The written day counts; a time and an offset after it are ignored.
    """
    text = read_text(value)
    if _ISO_DAY.match(text):
        return text[:10]
    at = read_wall_time(value, UTC)
    return at.date().isoformat() if at else text


_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(?!\d)")


_ITEM = re.compile(r"shipment_details\.items\[(\d+)\]\.(\w+)", re.ASCII)


def place_in_table(path: str, titles: Mapping[str, str]) -> tuple[int, str]:
    """The source of a payload's field: the index of the order's row (0 is the first), and the column's title.

    The title is "" if no column holds the field.
    """
    item = _ITEM.match(path)
    wanted = ("item", item[2]) if item else None
    for column, title in titles.items():
        place = column_place(column)
        if place and (place == wanted or ".".join(filter(None, place)) == path):
            return (int(item[1]) if item else 0), title
    return (int(item[1]) if item else 0), ""


def order_from_row(row: Mapping[str, str]) -> JsonObject:
    """The payload of a row, with one item. Columns without a place are ignored."""
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

    An empty cell contradicts nothing: further rows need not repeat the first one.
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
            return text  # reported by the check of the payload
    return {"true": True, "false": False}.get(text.lower(), text)
