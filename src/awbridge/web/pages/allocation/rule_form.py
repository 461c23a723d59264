"""The form of the rule editor: a draft of all rules, kept in the form itself. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from awbridge.domain.couriers.allocation import DELIVERY_TYPES, ORDER_TYPES, RULE_FIELDS, Rule, rule_fields
from awbridge.domain.orders.shipment import Region

MOST_RULES = 300  # of one form; more are imported as a file
CHOICES = {
    "order_type": ORDER_TYPES,
    "delivery_type": DELIVERY_TYPES,
    "region": tuple(region.value for region in Region),
}
Draft = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Press:
    """A pressed button: what to do, and with which rule of the draft, from 0; None for the whole draft."""

    action: str
    at: int | None = None


def draft_of(rules: Sequence[Rule]) -> Draft:
    """The rules as texts of the form."""
    return [
        {name: _text(fields.get(name, "")) for name in RULE_FIELDS} for fields in (rule_fields(rule) for rule in rules)
    ]


def _text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def read_draft(form: Sequence[tuple[str, str]]) -> Draft:
    """The draft of a submitted form: its fields are named like name-0, in the order of the rules."""
    rules: dict[int, dict[str, str]] = {}
    for field, value in form:
        name, _, number = field.rpartition("-")
        if name in RULE_FIELDS and number.isascii() and number.isdecimal() and len(number) < 5:
            rules.setdefault(int(number), dict.fromkeys(RULE_FIELDS, ""))[name] = value.strip()
    return [rules[number] for number in sorted(rules)]


def read_press(text: str) -> Press:
    """The pressed button of "up-3" or "save". An unknown one is a check, which changes nothing."""
    action, _, number = text.partition("-")
    if action in ("up", "down", "delete") and number.isascii() and number.isdecimal() and len(number) < 5:
        return Press(action, int(number))
    return Press(action) if action in ("add", "save") else Press("check")


def pressed(draft: Draft, press: Press) -> Draft:
    """The draft after the button: a rule is moved, deleted or added."""
    rules = list(draft)
    if press.action == "add":
        return [*rules, dict.fromkeys(RULE_FIELDS, "")]
    if press.at is None or press.at >= len(rules):
        return rules
    rule = rules.pop(press.at)
    if press.action == "up":
        rules.insert(max(press.at - 1, 0), rule)
    elif press.action == "down":
        rules.insert(press.at + 1, rule)
    return rules


def filled(draft: Draft) -> Draft:
    """The rules of a draft without those that are empty, and without empty conditions."""
    return [{name: value for name, value in draft[n].items() if value} for n in numbers_of_filled(draft)]


def numbers_of_filled(draft: Draft) -> list[int]:
    """Where in the draft those stand that are not empty, from 0."""
    return [n for n, rule in enumerate(draft) if any(rule.values())]
