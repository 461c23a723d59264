"""The rules between the fields of an order as JSON Schema, from the tables that the checks use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from awbridge.clickpost.models.orders.order_rules import (
    COURIER_RULES,
    DELIVERY_TYPES,
    LONGEST_REFERENCE,
    LONGEST_RVP_REASON,
    FieldLayout,
)
from awbridge.clickpost.models.orders.place_rules import (
    ADDITIONAL_LIMITS,
    DETAIL_LIMITS,
    DROP_LIMITS,
    GST_LIMITS,
    ITEM_LIMITS,
    FieldLimit,
)
from awbridge.clickpost.orders.order_places import RETURN
from awbridge.domain.json import JsonObject

ADDITIONAL = ("additional", "additional_info")  # the section and its name in ClickPost's integration guide
_EXACT_DIGITS = 20  # a JSON number has no more
_FILLED: JsonObject = {"type": ["string", "integer"], "pattern": r"\S"}


def with_detail_rules(described: JsonObject) -> None:
    """Add the rules within the shipment's details to their description."""
    fields: JsonObject = described["properties"]
    fields["reference_number"]["maxLength"] = LONGEST_REFERENCE
    fields["items"]["minItems"] = 1
    described.setdefault("allOf", []).extend(
        (
            {
                "if": _holds("order_type", {"const": "PREPAID"}),
                "then": {"properties": {"cod_value": {"maximum": 0, "pattern": "^[^1-9]*$"}}},
            },
            {
                "if": _holds("order_type", {"const": "COD"}),
                "then": _holds("cod_value", {"type": ["number", "string"], "exclusiveMinimum": 0, "pattern": "[1-9]"}),
            },
        )
    )
    _with_limits(fields, DETAIL_LIMITS)


def with_reason_limit(described: JsonObject) -> None:
    """Add the longest reason of a return, in whichever section it is."""
    if reason := described["properties"].get("rvp_reason"):
        reason["maxLength"] = LONGEST_RVP_REASON


def with_item_limits(described: JsonObject) -> None:
    """Add the limits that items have at every courier."""
    _with_limits(described["properties"], ITEM_LIMITS)


def order_rules(layout: FieldLayout) -> list[JsonObject]:
    """The rules that need more than one section of an order."""
    rules = list(_returns(layout))
    if not layout.is_flat:
        either = [_in(at, _holds("delivery_type", {"enum": list(DELIVERY_TYPES)})) for at in _sections(layout)]
        rules.append({"anyOf": either})
    return [*rules, *_courier_rules(layout)]


def _returns(layout: FieldLayout) -> Iterator[JsonObject]:
    """A return needs a reason, unless it is half of an exchange."""
    is_return = [_in(at, _holds("delivery_type", {"const": RETURN})) for at in _sections(layout)]
    is_exchange = _in(_details(layout), _holds("order_type", {"const": "EXCHANGE"}))
    yield {
        "if": {"anyOf": is_return, "not": is_exchange},
        "then": {"anyOf": [_in(at, _holds("rvp_reason", _FILLED)) for at in _sections(layout)]},
    }


def _courier_rules(layout: FieldLayout) -> Iterator[JsonObject]:
    """The limits of single couriers: one rule for each set of couriers."""
    by_couriers: dict[frozenset[int], dict[str, JsonObject]] = {}
    for couriers, section, limits in [*_published_rules(layout), *_field_limits(layout)]:
        by_couriers.setdefault(couriers, {}).setdefault(section, {}).update(limits)
    for couriers in sorted(by_couriers, key=sorted):
        ids = [*sorted(couriers), *map(str, sorted(couriers))]
        then = [_within(section, {"properties": limits}) for section, limits in by_couriers[couriers].items()]
        yield {
            "if": _in(_details(layout), _holds("courier_partner", {"enum": ids})),
            "then": then[0] if len(then) == 1 else {"allOf": then},
        }


def _published_rules(layout: FieldLayout) -> Iterator[tuple[frozenset[int], str, JsonObject]]:
    """COURIER_RULES: couriers, a section, and its limits by field."""
    for rule in dict.fromkeys(COURIER_RULES.values()):
        limits: JsonObject = {}
        if rule.longest_reference < LONGEST_REFERENCE:
            limits["reference_number"] = _longest(rule.longest_reference)
        if rule.item_fields:
            needed = {name: {"type": ["string", "number"], "pattern": r"\S"} for name in rule.item_fields}
            limits["items"] = {"items": {"properties": needed, "required": list(rule.item_fields)}}
        yield frozenset(id for id, other in COURIER_RULES.items() if other == rule), _details(layout), limits


def _field_limits(layout: FieldLayout) -> Iterator[tuple[frozenset[int], str, JsonObject]]:
    """The lengths of single fields that hold for some couriers: these, a section, and its limit by field."""
    drop = "" if layout.is_flat else "drop_info"
    held = [(_details(layout), DETAIL_LIMITS), (drop, DROP_LIMITS), ("gst_info", GST_LIMITS)]
    held += [(section, ADDITIONAL_LIMITS) for section in (ADDITIONAL if layout.additional else ("",))]
    for section, limits in held:
        for limit in limits:
            if limit.couriers:
                yield limit.couriers, section, {limit.name: _longest(limit.longest)}


def _details(layout: FieldLayout) -> str:
    return str(layout.details[0]) if layout.details else ""


def _sections(layout: FieldLayout) -> tuple[str, ...]:
    """The sections in which a field of the details counts: "" is the top."""
    return (_details(layout), *ADDITIONAL)


def _holds(name: str, value: JsonObject) -> JsonObject:
    """An object with this field, of this value."""
    return {"properties": {name: value}, "required": [name]}


def _in(section: str, described: JsonObject) -> JsonObject:
    """An order whose section is there and is as described; "" is the order itself."""
    return _holds(section, described) if section else described


def _within(section: str, described: JsonObject) -> JsonObject:
    """An order whose section is as described if it is there."""
    return {"properties": {section: described}} if section else described


def _with_limits(fields: JsonObject, limits: Iterable[FieldLimit]) -> None:
    for limit in limits:
        if not limit.couriers and limit.name in fields:
            fields[limit.name] |= _longest(limit.longest)


def _longest(characters: int) -> JsonObject:
    """Text of at most this length; a number of as many digits is as long."""
    if characters >= _EXACT_DIGITS:
        return {"maxLength": characters}
    return {"maxLength": characters, "maximum": 10**characters - 1}
