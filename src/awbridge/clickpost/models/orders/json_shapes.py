"""The JSON Schema of each field type of an order: what the check of that type accepts.

`UNCHECKED` marks fields whose type is ClickPost's documented one and is not checked here. Text may stand for a number,
with up to 15 digits before and after the point, and spaces around it.
"""

from __future__ import annotations

from collections.abc import Iterable

from awbridge.domain.json import JsonObject

UNCHECKED = "x-awbridge-type-unchecked"
"""On a field: awbridge passes a value of another type on to ClickPost, which decides."""

_NUMBER = r"[0-9]{1,15}(\.[0-9]{1,15})?"
NUMBER_TEXT = rf"^\s*\+?{_NUMBER}\s*$"
_WHOLE_TEXT = r"^\s*\+?[0-9]{1,15}(\.0{1,15})?\s*$"
_NOT_ZERO = "[1-9]"

FILLED: JsonObject = {"type": ["string", "number"], "pattern": r"\S"}
CODE_39: JsonObject = {"type": ["string", "number"], "pattern": r"^\s*[A-Za-z0-9$%+./-][A-Za-z0-9 $%+./-]*\s*$"}
DAY: JsonObject = {"type": "string", "pattern": r"^\s*[0-9]{4}-[0-9]{2}-[0-9]{2}\s*$", "examples": ["2026-11-01"]}
COURIER: JsonObject = {
    "anyOf": [
        {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
        {"type": "string", "pattern": r"^\s*\+?[0-9]{1,10}(\.0*)?\s*$", "allOf": [{"pattern": _NOT_ZERO}]},
    ]
}
AMOUNT: JsonObject = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": NUMBER_TEXT}]}
POSITIVE: JsonObject = {
    "anyOf": [
        {"type": "number", "exclusiveMinimum": 0},
        {"type": "string", "pattern": NUMBER_TEXT, "allOf": [{"pattern": _NOT_ZERO}]},
    ]
}
COUNT: JsonObject = {
    "anyOf": [
        {"type": "integer", "minimum": 1},
        {"type": "string", "pattern": _WHOLE_TEXT, "allOf": [{"pattern": _NOT_ZERO}]},
    ]
}
OPTIONAL_AMOUNT: JsonObject = {
    "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": rf"{NUMBER_TEXT}|^$"}, {"type": "null"}]
}
PRIORITY: JsonObject = {"type": ["string", "null"], "pattern": r"\S", "examples": ["NORMAL", "URGENT"]}
REASON: JsonObject = {"type": ["string", "integer", "null"]}


def one_of(values: Iterable[str]) -> JsonObject:
    """One of these texts."""
    return {"type": "string", "enum": list(values)}


def one_of_or_none(values: Iterable[str]) -> JsonObject:
    """One of these texts, or nothing: "" and null."""
    return {"enum": [*values, "", None]}


def unchecked(*types: str) -> JsonObject:
    """A value of these types in ClickPost's documentation, or null. awbridge does not check it."""
    return {"type": [*types, "null"], UNCHECKED: True}
