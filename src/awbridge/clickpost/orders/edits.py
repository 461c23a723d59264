"""Edits of a create-order payload, field by field: `shipment_details.weight`, `shipment_details.items[0].price`. Pure.

A usual column names its field: `weight` for `shipment_details.weight`, `drop_pincode` for
`drop_info.drop_pincode` (see columns.py).
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any, cast

from awbridge.clickpost.orders.columns import NUMBER_FIELDS, column_place
from awbridge.clickpost.orders.order_places import holders, shipment_details, value_of, without_values
from awbridge.clickpost.wire.lenient_json import as_object
from awbridge.domain.errors import FieldProblem, PayloadRefused
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.shipment import Region

_PATH = re.compile(r"[^.\[\]]+(\[\d{1,4}\])*(\.[^.\[\]]+(\[\d{1,4}\])*)*")
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_COURIER = ("courier_partner", "account_code")
_ABSENT = object()

# The section of an order that holds what edit-order can change. Other fields exist at the courier only.
_EDITED = {
    "order_type": "shipment_details",
    "cod_value": "shipment_details",
    "invoice_number": "shipment_details",
    "invoice_date": "shipment_details",
    "qc_type": "additional",
    "ewaybill_serial_number": "gst_info",
}
_NO_CHANGE = ("edit_order_service", "awb_number", "courier_partner")  # the kind and the target of the edit


def with_fields(payload: JsonObject, fields: Mapping[str, Any]) -> JsonObject:
    """A copy of the payload with these fields set, by path. Raises PayloadRefused if a path does not exist."""
    edited = copy.deepcopy(payload)
    problems: list[FieldProblem] = []
    for path, value in fields.items():
        try:
            for steps in _all_steps(payload, path):
                _set(edited, steps, value)
        except (LookupError, TypeError):
            problems.append(FieldProblem(path, "there is no such place in the payload"))
    if problems:
        raise PayloadRefused(problems)
    return edited


def value_at(payload: JsonObject, path: str) -> Any:
    """The value at a path; None if there is none."""
    value = _value_at(payload, path)
    return None if value is _ABSENT else value


def read_value(payload: JsonObject, path: str, text: str) -> Any:
    """The value that a person typed as `text` for the field at `path`: a number where the field holds one, else text.

    JSON objects, lists, quoted text, true, false and null are read as such.
    """
    before = _value_at(payload, path)
    try:
        value = json.loads(text, parse_constant=lambda constant: constant)
    except (ValueError, RecursionError):
        return text
    if isinstance(value, int | float) and not isinstance(value, bool):
        is_number = isinstance(before, int | float) or (before is _ABSENT and _name(path) in NUMBER_FIELDS)
        return value if is_number and not isinstance(before, bool) else text
    return value


def with_courier_edits(payload: JsonObject, edits: Iterable[JsonObject], *, region: Region) -> JsonObject:
    """A copy of the payload with the later edits at the courier applied in order, so that it can be sent again.

    Raises PayloadRefused with the fields that an order has no place for.
    """
    order = payload
    for edit in edits:
        fields = {name: value for name, value in edit.items() if name not in _NO_CHANGE}
        if fields.get("order_type") == "PREPAID":
            fields.setdefault("cod_value", 0)
        problems = [
            FieldProblem(name, "was edited at the courier, and a new order has no field for it")
            for name in fields
            if not _has_place(order, name, region)
        ]
        if problems:
            raise PayloadRefused(problems)
        for name, value in fields.items():
            order = _with_edited(order, name, value)
    return order


def _has_place(payload: JsonObject, name: str, region: Region) -> bool:
    section = _EDITED.get(name, "")
    if section == "gst_info" and region is not Region.INDIA:
        return False
    return section == "shipment_details" or (bool(section) and "shipment_details" in payload)


def _with_edited(payload: JsonObject, name: str, value: Any) -> JsonObject:
    given = _ABSENT if value is None else value
    section = _EDITED[name]
    if section == "shipment_details":
        return payload if value is None else _with_details(payload, {name: given})
    held = {**as_object(payload.get(section)), name: given}
    return {**payload, section: {field: v for field, v in held.items() if v is not _ABSENT}}


def with_reference(payload: JsonObject, reference_number: str) -> JsonObject:
    """A copy of the payload under another reference number."""
    return _with_details(payload, {"reference_number": reference_number})


def without_courier(payload: JsonObject) -> JsonObject:
    """A copy of the payload that leaves courier and account to the transporter."""
    return without_values(payload, *_COURIER)


def without_waybill(payload: JsonObject) -> JsonObject:
    """A copy of the payload without a waybill chosen beforehand: it belongs to the shipment that it was sent with."""
    return without_values(payload, "awb_number")


def courier_of(payload: JsonObject) -> tuple[Any, Any]:
    """(courier_partner, account_code) as the payload names them, in either place."""
    return shipment_details(payload).get("courier_partner"), value_of(payload, "account_code")


def _with_details(payload: JsonObject, changes: Mapping[str, Any]) -> JsonObject:
    details = {**shipment_details(payload), **changes}
    kept = {name: value for name, value in details.items() if value is not _ABSENT}
    return {**payload, "shipment_details": kept} if "shipment_details" in payload else kept


def _name(path: str) -> str:
    return path.rpartition(".")[2]


def _steps(payload: JsonObject, path: str) -> list[str | int]:
    if not _PATH.fullmatch(path):
        raise LookupError(path)
    place = column_place(path) if "." not in path and "shipment_details" in payload else None
    if place and place[0] not in ("", "item"):
        return [*place]
    return [int(found[2]) if found[2] else found[1] for found in _STEP.finditer(path)]


def _all_steps(payload: JsonObject, path: str) -> list[list[str | int]]:
    """The steps to every place of a path. A column of the details means the field wherever the order has it."""
    steps = _steps(payload, path)
    if steps[0] != "shipment_details" or "." in path:
        return [steps]
    found = [[*at, path] for at, holder in holders(payload) if path in holder]
    return found or [steps]


def _value_at(payload: JsonObject, path: str) -> Any:
    value: Any = payload
    try:
        for step in _all_steps(payload, path)[0]:
            value = value[step]
    except (LookupError, TypeError):
        return _ABSENT
    return value


def _set(payload: JsonObject, steps: list[str | int], value: Any) -> None:
    """Set a value. Objects on the way are made where they are missing; a list grows by one at most."""
    holder: Any = payload
    for step, after in pairwise(steps):
        if isinstance(step, str) and isinstance(after, str) and isinstance(holder, dict):
            holder = cast("JsonObject", holder).setdefault(step, {})
        else:
            holder = holder[step]
    last: Any = steps[-1]
    if isinstance(holder, list) and last == len(cast("list[Any]", holder)):
        cast("list[Any]", holder).append(value)
    elif isinstance(holder, dict) and not isinstance(last, str):
        raise TypeError(last)
    else:
        cast("Any", holder)[last] = value
