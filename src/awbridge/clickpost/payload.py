"""Checks a create-order payload before it is stored: every field that ClickPost would surely refuse, all at once.

The rules are those of the models of an order (`IndiaOrder`, `WorldOrder`, `FlatOrder`): a payload passes here if
and only if it can be read as its model.
Unknown fields pass: couriers have extras of their own. Numbers may be numeric text, as in ClickPost's own examples.
"""

from __future__ import annotations

from awbridge.clickpost.models.flat import FlatOrder, is_flat
from awbridge.clickpost.models.india import IndiaOrder
from awbridge.clickpost.models.order_base import Order, check
from awbridge.clickpost.models.world import WorldOrder
from awbridge.clickpost.plain import DATA_WRONG, as_number
from awbridge.clickpost.wire import as_object
from awbridge.domain.errors import FieldProblem
from awbridge.domain.json import JsonObject
from awbridge.domain.shipment import Region

__all__ = ["as_number", "check_payload", "with_additional"]


def check_payload(payload: JsonObject, region: Region) -> list[FieldProblem]:
    """Every field of a create-order payload that is wrong, with ClickPost's own code where it has one; [] is good.

    `additional_info`, as ClickPost's integration guide calls it, is taken for `additional`. Within India the old flat
    form is an order too.
    """
    if not isinstance(payload, dict):  # pyright: ignore[reportUnnecessaryIsInstance] callers hand on what came in
        return [FieldProblem("", "must be an object", DATA_WRONG)]
    order = with_additional(payload)
    return check(_model(order, region), order)


def with_additional(payload: JsonObject) -> JsonObject:
    """The payload with `additional_info` under its real name, `additional`. The input stays as it is."""
    if "additional_info" not in payload:
        return payload
    order = {name: value for name, value in payload.items() if name != "additional_info"}
    info = payload["additional_info"]
    if "additional" not in order or order["additional"] is None:
        return {**order, "additional": info}
    if isinstance(info, dict) and isinstance(order["additional"], dict):
        return {**order, "additional": {**as_object(info), **as_object(order["additional"])}}
    return payload  # two that cannot be joined: both stay, and the check names what is wrong


def _model(order: JsonObject, region: Region) -> type[Order]:
    if region is Region.WORLD:
        return WorldOrder
    return FlatOrder if is_flat(order) else IndiaOrder
