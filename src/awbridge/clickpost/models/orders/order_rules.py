"""Rules between several fields of an order, and the table of single couriers' requirements.

Pure: JSON in, problems out. Rules are independent, so that one invalid field does not hide another.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from awbridge.clickpost.models.orders.place_rules import DROP, PICKUP, field_problems, place_problems
from awbridge.clickpost.orders.order_places import RETURN, TWO_PLACES, Loc, delivery_type_of, given_values
from awbridge.clickpost.wire.identifiers import identifier_problems
from awbridge.clickpost.wire.lenient_json import as_int, as_list, as_object, as_text
from awbridge.clickpost.wire.plain_json import JsonProblem, as_number, text_of
from awbridge.clickpost.wire.validation_codes import (
    COD_VALUE_WRONG,
    DATA_WRONG,
    DELIVERY_TYPE_WRONG,
    ITEMS_MISSING,
    ITEMS_WRONG,
    PRIORITY_WRONG,
    REASON_WRONG,
)
from awbridge.domain.json import JsonObject

DELIVERY_TYPES = ("FORWARD", "RVP")

LONGEST_RVP_REASON = 500  # characters
LONGEST_REFERENCE = 200  # characters; awbridge's own limit: it is an indexed key


@dataclass(frozen=True, slots=True, kw_only=True)
class CourierRule:
    """The additional requirements of one courier."""

    name: str
    longest_reference: int = LONGEST_REFERENCE
    item_fields: tuple[str, ...] = ()  # required in each item


_BLUEDART_REFERENCE = 20  # characters
_CUSTOMS = ("hs_code", "manufacture_country_code")

COURIER_RULES = {
    5: CourierRule(name="Bluedart", longest_reference=_BLUEDART_REFERENCE),
    28: CourierRule(name="Bluedart", longest_reference=_BLUEDART_REFERENCE),
    145: CourierRule(name="DHL International", item_fields=_CUSTOMS),
    159: CourierRule(name="DHL International", item_fields=_CUSTOMS),
}
"""By courier partner id, only as published by ClickPost: its create-order page (Bluedart) and its page of custom fields
for certain carriers (DHL International and its reverse, where both fields are mandatory).

ClickPost also publishes that Shadowfax, Gati and others require a preassigned waybill. It is not a rule here: if
ClickPost holds the courier's waybill series, it assigns a waybill itself, and an order without one is valid.
"""

_ANY_COURIER = CourierRule(name="")


def longest_reference(courier_partner_id: int) -> int:
    """The maximum length of a reference number for this courier, in characters."""
    return COURIER_RULES.get(courier_partner_id, _ANY_COURIER).longest_reference


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldLayout:
    """The paths of the sections of an order; () is the top, as in the flat form."""

    details: Loc = ("shipment_details",)
    additional: Loc = ("additional",)

    @property
    def is_flat(self) -> bool:
        """Whether places are at the top too; then the delivery type defaults to FORWARD."""
        return self.details == ()


def rule_problems(order: JsonObject, layout: FieldLayout) -> list[JsonProblem]:
    """Every rule that the order breaks."""
    return list(_rule_problems(order, layout))


def _rule_problems(order: JsonObject, layout: FieldLayout) -> Iterator[JsonProblem]:
    details = _section(order, layout.details)
    additional = _section(order, layout.additional)
    if details:
        yield from _cod_problems(details, layout.details)
        yield from _direction_problems(order, layout)
        yield from _return_problems(order, details, additional, layout)
        yield from _courier_problems(details, layout.details)
        if details.get("items") == []:
            yield JsonProblem((*layout.details, "items"), "must hold at least one item", ITEMS_MISSING)
    yield from _priority_problems(details, ("order_priority",), layout.details)
    yield from _priority_problems(additional, ("order_priority", "priority"), layout.additional)
    yield from _contradictions(order)
    yield from _limit_problems(order, details, additional, layout)
    yield from identifier_problems(order)


def _section(order: JsonObject, loc: Loc) -> JsonObject:
    return as_object(order.get(str(loc[0]))) if loc else order


def _cod_problems(details: JsonObject, at: Loc) -> Iterator[JsonProblem]:
    loc, given = (*at, "cod_value"), details.get("cod_value")
    absent = given is None or given == ""
    value = 0.0 if absent else as_number(given)
    order_type = details.get("order_type")
    if value is None or value < 0:
        yield JsonProblem(loc, "must be a number of 0 or more", COD_VALUE_WRONG)
    elif order_type == "PREPAID" and value != 0:
        yield JsonProblem(loc, "must be 0 when order_type is PREPAID", COD_VALUE_WRONG)
    elif order_type == "COD" and value == 0:
        yield JsonProblem(loc, "is required and must be above 0 when order_type is COD", COD_VALUE_WRONG)


def _direction_problems(order: JsonObject, layout: FieldLayout) -> Iterator[JsonProblem]:
    given = given_values(order, "delivery_type")
    for loc, value in given:
        if value not in DELIVERY_TYPES:
            yield JsonProblem(loc, f"must be one of {', '.join(DELIVERY_TYPES)}", DELIVERY_TYPE_WRONG)
    if not given and not layout.is_flat:
        yield JsonProblem((*layout.details, "delivery_type"), "is required, here or in additional", DELIVERY_TYPE_WRONG)


def _contradictions(order: JsonObject) -> Iterator[JsonProblem]:
    """Fields given with different values in two sections: neither may win silently."""
    for name in TWO_PLACES:
        given = given_values(order, name)
        if len(given) > 1 and text_of(given[0][1]) != text_of(given[1][1]):
            other = ".".join(map(str, given[1][0]))
            text = f"contradicts {other}: give both the same value, or leave one of them out"
            yield JsonProblem(given[0][0], text, DELIVERY_TYPE_WRONG if name == "delivery_type" else DATA_WRONG)


def _limit_problems(
    order: JsonObject, details: JsonObject, additional: JsonObject, layout: FieldLayout
) -> Iterator[JsonProblem]:
    """Published limits of single fields. Places within sections check their own (see `PlacePart`)."""
    if layout.is_flat:
        yield from place_problems(order, PICKUP)
        yield from place_problems(order, DROP)
    sections: dict[int | str, Loc] = {
        "details": layout.details,
        "additional": layout.additional,
        "drop": () if layout.is_flat else ("drop_info",),
        "gst_info": ("gst_info",),
    }
    for found in field_problems(order, details, additional, as_int(details.get("courier_partner")) or 0):
        yield found._replace(loc=(*sections[found.loc[0]], *found.loc[1:]))


def _return_problems(
    order: JsonObject, details: JsonObject, additional: JsonObject, layout: FieldLayout
) -> Iterator[JsonProblem]:
    reasons = [(layout.details, details.get("rvp_reason"))]
    if layout.is_flat:
        additional = as_object(order.get("additional"))
    reasons.append((("additional",), additional.get("rvp_reason")))
    for at, reason in reasons:
        if reason is not None and (isinstance(reason, bool) or not isinstance(reason, (str, int))):
            yield JsonProblem((*at, "rvp_reason"), "must be text", REASON_WRONG)
        elif len(as_text(reason)) > LONGEST_RVP_REASON:
            yield JsonProblem((*at, "rvp_reason"), f"may have at most {LONGEST_RVP_REASON} characters", REASON_WRONG)
    # An exchange is a return without a reason of its own (seen in ClickPost's own examples).
    needed = delivery_type_of(order) == RETURN and details.get("order_type") != "EXCHANGE"
    if needed and not any(as_text(reason) for _, reason in reasons):
        yield JsonProblem((*layout.details, "rvp_reason"), "is required when delivery_type is RVP", REASON_WRONG)


def _courier_problems(details: JsonObject, at: Loc) -> Iterator[JsonProblem]:
    rule = COURIER_RULES.get(as_int(details.get("courier_partner")) or 0, _ANY_COURIER)
    if len(text_of(details.get("reference_number"))) > rule.longest_reference:
        courier = f" for {rule.name}" if rule.longest_reference < LONGEST_REFERENCE else ""
        text = f"may have at most {rule.longest_reference} characters{courier}"
        yield JsonProblem((*at, "reference_number"), text, DATA_WRONG)
    for index, item in enumerate(as_list(details.get("items")) if rule.item_fields else []):
        for name in rule.item_fields:
            if isinstance(item, dict) and not text_of(as_object(item).get(name)):
                yield JsonProblem((*at, "items", index, name), f"is required for {rule.name}", ITEMS_WRONG)


def _priority_problems(place: JsonObject, names: tuple[str, ...], at: Loc) -> Iterator[JsonProblem]:
    for name in names:
        given = place.get(name)
        if given is not None and not (isinstance(given, str) and as_text(given)):
            yield JsonProblem((*at, name), "must be text, like NORMAL", PRIORITY_WRONG)
