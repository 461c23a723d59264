"""Checks create-order payloads before they are stored, and compares two of them.

The check reports every field that ClickPost would certainly refuse, all at once. Its rules are those of the order
models (`IndiaOrder`, `WorldOrder`, `FlatOrder`): a payload passes if and only if its model can be built from it.
Unknown fields pass, because couriers have their own. Numbers may be numeric text, as in ClickPost's examples.
"""

from __future__ import annotations

from typing import Any

from awbridge.clickpost.models.orders.flat import FlatOrder
from awbridge.clickpost.models.orders.india import IndiaOrder
from awbridge.clickpost.models.orders.order_base import Order, check
from awbridge.clickpost.models.orders.world import WorldOrder
from awbridge.clickpost.orders.normalize import section_conflicts, spelling_of, with_additional
from awbridge.clickpost.orders.order_places import is_flat
from awbridge.clickpost.wire.lenient_json import as_list, as_object
from awbridge.clickpost.wire.validation_codes import DATA_WRONG
from awbridge.domain.errors import FieldProblem
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.shipment import Region

_ABSENT = object()


def check_payload(payload: JsonObject, region: Region) -> list[FieldProblem]:
    """Every invalid field of a create-order payload, with ClickPost's code if it has one; [] if it is valid.

    `additional_info`, the name in ClickPost's integration guide, is read as `additional`, and problems name it as
    given. Within India the old flat form is an order too.
    """
    if not isinstance(payload, dict):  # pyright: ignore[reportUnnecessaryIsInstance] callers hand on what came in
        return [FieldProblem("", "must be an object", DATA_WRONG)]
    order, spelling = with_additional(payload), spelling_of(payload)
    found = [spelling.of(problem) for problem in check(_model(order, region), order)]
    return section_conflicts(payload) + found


def _model(order: JsonObject, region: Region) -> type[Order]:
    if region is Region.WORLD:
        return WorldOrder
    return FlatOrder if is_flat(order) else IndiaOrder


def payload_differences(old: JsonObject, new: JsonObject) -> list[str]:
    """The dotted paths at which two payloads differ, sorted. Numbers are compared by value: 500 equals 500.0."""
    return sorted(_differences(old, new, ""))


def _differences(old: Any, new: Any, path: str) -> list[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        before, after = as_object(old), as_object(new)
        pairs = ((name, before.get(name, _ABSENT), after.get(name, _ABSENT)) for name in before.keys() | after.keys())
        return [found for name, a, b in pairs for found in _differences(a, b, f"{path}.{name}" if path else name)]
    if isinstance(old, list) and isinstance(new, list):
        first, second = as_list(old), as_list(new)
        common = min(len(first), len(second))
        found = [p for i in range(common) for p in _differences(first[i], second[i], f"{path}[{i}]")]
        return found + [f"{path}[{i}]" for i in range(common, max(len(first), len(second)))]
    return [] if isinstance(old, bool) == isinstance(new, bool) and old == new else [path]
