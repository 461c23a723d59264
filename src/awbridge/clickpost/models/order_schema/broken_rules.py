"""Rules between fields as JSON Schema: an object may not match any of the broken rules under `not`.

`if` and `then` would say the same, but pages that show a schema turn each into a choice of forms.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from awbridge.domain.json import JsonObject

ALWAYS: JsonObject = {}


class Rule(NamedTuple):
    """A rule in words, and as schemas: what matches `when` must match `then`."""

    text: str
    when: JsonObject
    then: JsonObject


def forbid(described: JsonObject, rules: Iterable[Rule]) -> None:
    """Add rules to the description of an object."""
    broken: list[JsonObject] = described.setdefault("not", {"anyOf": []})["anyOf"]
    for rule in rules:
        parts = [rule.when, {"not": rule.then}] if rule.when else [{"not": rule.then}]
        broken.append({"description": f"Broken: {rule.text}", "allOf": parts})
