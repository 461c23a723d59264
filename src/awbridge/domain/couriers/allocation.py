"""Allocation rules: the first rule that matches a parcel decides its transporter. Pure."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from awbridge.domain.orders.shipment import Region

ORDER_TYPES = ("PREPAID", "COD", "EXCHANGE")
DELIVERY_TYPES = ("FORWARD", "RVP")
LONGEST_NAME = 200  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationParcel:
    """The facts that rules match. Weight in grams, value in the order's currency; "" for a missing pincode."""

    drop_pincode: str
    pickup_pincode: str
    order_type: str
    delivery_type: str
    region: Region
    weight: Decimal
    value: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Conditions that must all hold, and the transporter that takes the parcel. An empty condition matches anything.

    Pincodes are prefixes, one of which must match. Ranges include both ends.
    """

    name: str
    transporter: str
    drop_pincode: tuple[str, ...] = ()
    pickup_pincode: tuple[str, ...] = ()
    order_type: str | None = None
    delivery_type: str | None = None
    region: str | None = None
    weight_from: Decimal | None = None
    weight_to: Decimal | None = None
    value_from: Decimal | None = None
    value_to: Decimal | None = None

    def matches(self, parcel: AllocationParcel) -> bool:
        """Whether every condition holds for this parcel."""
        return (
            _starts(parcel.drop_pincode, self.drop_pincode)
            and _starts(parcel.pickup_pincode, self.pickup_pincode)
            and self.order_type in (None, parcel.order_type)
            and self.delivery_type in (None, parcel.delivery_type)
            and self.region in (None, parcel.region.value)
            and _within(parcel.weight, self.weight_from, self.weight_to)
            and _within(parcel.value, self.value_from, self.value_to)
        )

    def unmet(self, parcel: AllocationParcel) -> tuple[str, ...]:
        """The conditions that do not hold for this parcel: drop_pincode, weight, ...; empty if it matches."""
        holds = {
            "drop_pincode": _starts(parcel.drop_pincode, self.drop_pincode),
            "pickup_pincode": _starts(parcel.pickup_pincode, self.pickup_pincode),
            "order_type": self.order_type in (None, parcel.order_type),
            "delivery_type": self.delivery_type in (None, parcel.delivery_type),
            "region": self.region in (None, parcel.region.value),
            "weight": _within(parcel.weight, self.weight_from, self.weight_to),
            "value": _within(parcel.value, self.value_from, self.value_to),
        }
        return tuple(name for name, is_met in holds.items() if not is_met)


RULE_FIELDS = tuple(field.name for field in dataclasses.fields(Rule))


def _starts(pincode: str, prefixes: tuple[str, ...]) -> bool:
    return not prefixes or pincode.startswith(prefixes)


def _within(number: Decimal, least: Decimal | None, most: Decimal | None) -> bool:
    return (least is None or least <= number) and (most is None or number <= most)


def first_match(rules: Sequence[Rule], parcel: AllocationParcel, usable: Collection[str]) -> Rule | None:
    """The first matching rule whose transporter is usable (known and active); None if there is none."""
    return next((rule for rule in rules if rule.transporter in usable and rule.matches(parcel)), None)


class WrongRule(ValueError):
    """What is wrong with a field of a rule, as a sentence. `place`: the rule's, from 1; 0 for a rule by itself."""

    def __init__(self, field: str, problem: str, place: int = 0) -> None:
        super().__init__(f"rule {place}: {problem}" if place else problem)
        self.field = field
        self.problem = problem
        self.place = place


def read_rule(fields: Mapping[str, Any]) -> Rule:
    """Read a rule from a CSV row or a JSON object. Raises WrongRule.

    Several pincode prefixes are a list, or one text separated by spaces.
    """
    if unknown := sorted(set(fields) - set(RULE_FIELDS)):
        named = ", ".join(unknown).encode("utf-8", "replace").decode()
        near = difflib.get_close_matches(unknown[0], RULE_FIELDS, n=1)
        meant = f" (did you mean {near[0]}?)" if near else ""
        raise WrongRule(unknown[0], f"there is no condition {named}{meant}; known are {', '.join(RULE_FIELDS)}")
    rule = Rule(
        name=_name(fields, "name"),
        transporter=_name(fields, "transporter"),
        drop_pincode=_prefixes(fields, "drop_pincode"),
        pickup_pincode=_prefixes(fields, "pickup_pincode"),
        order_type=_one_of(fields, "order_type", ORDER_TYPES),
        delivery_type=_one_of(fields, "delivery_type", DELIVERY_TYPES),
        region=_one_of(fields, "region", tuple(region.value for region in Region)),
        weight_from=_number(fields, "weight_from"),
        weight_to=_number(fields, "weight_to"),
        value_from=_number(fields, "value_from"),
        value_to=_number(fields, "value_to"),
    )
    for what, least, most in (
        ("weight", rule.weight_from, rule.weight_to),
        ("value", rule.value_from, rule.value_to),
    ):
        if least is not None and most is not None and least > most:
            raise WrongRule(f"{what}_to", f"{what}_from is above {what}_to: no parcel matches")
    return rule


def read_rules(rows: Sequence[Mapping[str, Any]], transporters: Collection[str]) -> list[Rule]:
    """Read rules in their order. Raises WrongRule.

    Wrong are an invalid field, a duplicate name, and a transporter that is not in `transporters`.
    """
    rules: list[Rule] = []
    for place, row in enumerate(rows, 1):
        try:
            rule = read_rule(row)
            if rule.name in {r.name for r in rules}:
                raise WrongRule("name", f"the name {rule.name!r} is used twice")
            if rule.transporter not in transporters:
                raise WrongRule("transporter", f"transporter {rule.transporter!r} is not known")
        except WrongRule as error:
            raise WrongRule(error.field, error.problem, place) from None
        rules.append(rule)
    return rules


def rule_fields(rule: Rule) -> dict[str, Any]:
    """A rule as fields that `read_rule` accepts: numbers as exact text; unset conditions are left out."""
    conditions = {name: getattr(rule, name) for name in RULE_FIELDS}
    return {
        name: list(cast("tuple[str, ...]", value)) if isinstance(value, tuple) else str(value)
        for name, value in conditions.items()
        if value not in (None, ())
    }


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        raise WrongRule(name, f"{name} must be text")
    text = str(value).strip()
    if "\x00" in text or any("\ud800" <= c <= "\udfff" for c in text):
        raise WrongRule(name, f"{name} holds characters that cannot be stored")
    return text


def _name(fields: Mapping[str, Any], name: str) -> str:
    text = _text(fields, name)
    if not text or len(text) > LONGEST_NAME:
        raise WrongRule(name, f"{name} is required, of at most {LONGEST_NAME} characters")
    return text


def _prefixes(fields: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = fields.get(name)
    if isinstance(value, (list, tuple)):
        parts = [_text({name: part}, name) for part in cast("list[Any]", value)]
    else:
        parts = _text(fields, name).split()
    if not all(part.replace("-", "").isalnum() for part in parts):
        raise WrongRule(name, f"{name} holds prefixes of pincodes: letters, digits and hyphens")
    return tuple(dict.fromkeys(parts))


def _one_of(fields: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> str | None:
    text = _text(fields, name)
    if text and text not in allowed:
        raise WrongRule(name, f"{name} must be one of {', '.join(allowed)}")
    return text or None


def _number(fields: Mapping[str, Any], name: str) -> Decimal | None:
    if isinstance(fields.get(name), bool):
        raise WrongRule(name, f"{name} must be text or a number of 0 or more")
    text = _text(fields, name)
    if not text:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number < 0 or len(text) > 30:
        raise WrongRule(name, f"{name} must be a number of 0 or more")
    return number
