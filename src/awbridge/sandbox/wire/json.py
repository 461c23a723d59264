"""Lenient reading of JSON values: ClickPost takes numbers as text and text as numbers."""

from collections.abc import Sequence
from typing import TypeAlias, cast

JsonObject: TypeAlias = dict[str, object]


def as_object(value: object) -> JsonObject | None:
    """The value if it is a JSON object."""
    return cast(JsonObject, value) if isinstance(value, dict) else None


def as_items(value: object) -> Sequence[object] | None:
    """The value if it is a JSON list."""
    return cast(list[object], value) if isinstance(value, list) else None


def as_text(value: object) -> str:
    """A string or number as stripped text; everything else is empty."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).strip()


def number(value: object) -> float | None:
    """The value as a number, also out of text; None for everything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None
