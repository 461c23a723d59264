"""The differences between two lists of allocation rules, and the mark of a list. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from awbridge.domain.couriers.allocation import Rule, rule_fields


class RuleChangeKind(StrEnum):
    """How a rule differs."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChange:
    """One difference. Positions count from 1; None where the rule is not in that list."""

    kind: RuleChangeKind
    name: str
    before: Rule | None
    after: Rule | None
    position_before: int | None = None
    position_after: int | None = None


def rule_changes(before: Sequence[Rule], after: Sequence[Rule]) -> list[RuleChange]:
    """The differences, rules of `after` first. Rules are the same by their name.

    A rule counts as moved if its order among the rules of both lists differs.
    """
    old, new = ({rule.name: (at, rule) for at, rule in enumerate(rules, 1)} for rules in (before, after))
    stays = _in_order([rule.name for rule in before if rule.name in new], [r.name for r in after if r.name in old])
    changes: list[RuleChange] = []
    for name, (at, rule) in new.items():
        was_at, was = old.get(name, (None, None))
        kind = None
        if was is None:
            kind = RuleChangeKind.ADDED
        elif was != rule:
            kind = RuleChangeKind.CHANGED
        elif name not in stays:
            kind = RuleChangeKind.MOVED
        if kind:
            changes.append(
                RuleChange(kind=kind, name=name, before=was, after=rule, position_before=was_at, position_after=at)
            )
    changes += [
        RuleChange(kind=RuleChangeKind.REMOVED, name=name, before=rule, after=None, position_before=at)
        for name, (at, rule) in old.items()
        if name not in new
    ]
    return changes


def _in_order(before: Sequence[str], after: Sequence[str]) -> set[str]:
    """The most names that have the same order in both: the others were moved."""
    place = {name: at for at, name in enumerate(before)}
    best: list[list[str]] = []  # for each length, the run that ends earliest
    for name in after:
        at = next((n for n, run in enumerate(best) if place[run[-1]] > place[name]), len(best))
        run = [*(best[at - 1] if at else []), name]
        best[at : at + 1] = [run]
    return set(best[-1]) if best else set()


def rules_mark(rules: Sequence[Rule]) -> str:
    """A short text that is the same for the same rules in the same order only."""
    content = json.dumps([rule_fields(rule) for rule in rules], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:16]
