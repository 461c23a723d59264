"""Checks a create-order payload before it is stored: every field that ClickPost would certainly refuse, all at once.

The rules are those of the models of an order (`IndiaOrder`, `WorldOrder`, `FlatOrder`): a payload passes here if
and only if it can be read as its model.
Unknown fields pass: couriers have extras of their own. Numbers may be numeric text, as in ClickPost's own examples.
"""

from __future__ import annotations

from awbridge.clickpost.models.orders.flat import FlatOrder
from awbridge.clickpost.models.orders.india import IndiaOrder
from awbridge.clickpost.models.orders.order_base import Order, check
from awbridge.clickpost.models.orders.world import WorldOrder
from awbridge.clickpost.orders.normalize import section_conflicts, spelling_of, with_additional
from awbridge.clickpost.orders.order_places import is_flat
from awbridge.clickpost.wire.order_codes import DATA_WRONG
from awbridge.domain.errors import FieldProblem
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.shipment import Region


def check_payload(payload: JsonObject, region: Region) -> list[FieldProblem]:
    """Every field of a create-order payload that is wrong, with ClickPost's own code where it has one; [] is good.

    `additional_info`, as ClickPost's integration guide calls it, is taken for `additional`, and problems name it so.
    Within India the old flat form is an order too.
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
