"""Explain the allocation rules: which one takes a parcel, and why the others do not. Changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from awbridge.domain.couriers.allocation import AllocationParcel, Rule
from awbridge.store.couriers import couriers, rules
from awbridge.store.engine.database import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleVerdict:
    """What a rule means for a parcel. `unmet`: conditions that do not hold. `usable`: its transporter is active.

    `takes_it`: it is the first that fits and is usable.
    """

    rule: Rule
    unmet: tuple[str, ...]
    usable: bool
    takes_it: bool


def explain(found: Sequence[Rule], usable: Collection[str], parcel: AllocationParcel) -> list[RuleVerdict]:
    """The verdict of every rule, in their order. Pure."""
    verdicts: list[RuleVerdict] = []
    taken = False
    for rule in found:
        unmet, is_usable = rule.unmet(parcel), rule.transporter in usable
        takes_it = not unmet and is_usable and not taken
        taken = taken or takes_it
        verdicts.append(RuleVerdict(rule=rule, unmet=unmet, usable=is_usable, takes_it=takes_it))
    return verdicts


async def explain_rules(session: Session, parcel: AllocationParcel) -> list[RuleVerdict]:
    """The verdicts of the rules in force."""
    usable = {account.transporter for account in await couriers.every(session) if account.active}
    return explain(await rules.every(session), usable, parcel)
