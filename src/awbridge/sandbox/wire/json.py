"""Lenient readers for JSON values: ClickPost accepts numbers as text and text as numbers."""

from collections.abc import Sequence
from typing import TypeAlias, cast

JsonObject: TypeAlias = dict[str, object]


def as_object(value: object) -> JsonObject | None:
    """The value if it is a JSON object, else None."""
    return cast(JsonObject, value) if isinstance(value, dict) else None


def as_list(value: object) -> Sequence[object] | None:
    """The value if it is a JSON array, else None."""
    return cast(list[object], value) if isinstance(value, list) else None


def as_objects(value: object) -> list[JsonObject]:
    """The JSON objects in a JSON array; [] for any other value."""
    return [entry for item in as_list(value) or () if (entry := as_object(item)) is not None]


def as_text(value: object) -> str:
    """A string or number as stripped text; "" for any other value."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).strip()


def number(value: object) -> float | None:
    """A number, or a string that holds one, as a float; None for any other value."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None
