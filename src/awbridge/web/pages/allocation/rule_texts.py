"""Allocation rules in words."""

from __future__ import annotations

from decimal import Decimal

from awbridge.domain.couriers.allocation import Rule
from awbridge.domain.couriers.rule_changes import RuleChangeKind
from awbridge.web.pages.language import gettext, gettext_noop

CONDITIONS = {
    "drop_pincode": gettext_noop("drop pincode"),
    "pickup_pincode": gettext_noop("pickup pincode"),
    "order_type": gettext_noop("payment"),
    "delivery_type": gettext_noop("delivery type"),
    "region": gettext_noop("region"),
    "weight": gettext_noop("weight"),
    "value": gettext_noop("value"),
}
CHANGES = {
    RuleChangeKind.ADDED: gettext_noop("added"),
    RuleChangeKind.REMOVED: gettext_noop("removed"),
    RuleChangeKind.CHANGED: gettext_noop("changed"),
    RuleChangeKind.MOVED: gettext_noop("moved"),
}


def conditions_of(rule: Rule) -> list[str]:
    """The conditions of a rule, one text each; empty if it takes every order."""
    texts = [
        gettext("%(condition)s starts with %(prefixes)s")
        % {"condition": gettext(CONDITIONS[name]), "prefixes": ", ".join(prefixes)}
        for name, prefixes in (("drop_pincode", rule.drop_pincode), ("pickup_pincode", rule.pickup_pincode))
        if prefixes
    ]
    texts += [
        f"{gettext(CONDITIONS[name])}: {value}"
        for name, value in (
            ("order_type", rule.order_type),
            ("delivery_type", rule.delivery_type),
            ("region", rule.region),
        )
        if value
    ]
    texts += filter(None, (_range("weight", rule.weight_from, rule.weight_to, "g"),))
    return texts + list(filter(None, (_range("value", rule.value_from, rule.value_to, ""),)))


def _range(name: str, least: Decimal | None, most: Decimal | None, unit: str) -> str:
    values = {"name": gettext(CONDITIONS[name]), "least": f"{least} {unit}".strip(), "most": f"{most} {unit}".strip()}
    if least is not None and most is not None:
        return gettext("%(name)s from %(least)s to %(most)s") % values
    if least is not None:
        return gettext("%(name)s from %(least)s") % values
    return gettext("%(name)s up to %(most)s") % values if most is not None else ""
