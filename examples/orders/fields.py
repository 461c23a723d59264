"""Values of a shop's JSON: texts, amounts, weights and lengths in whatever form it has them. No I/O."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, cast

Json = dict[str, Any]

_GRAMS = {
    **dict.fromkeys(("g", "gram", "grams"), Decimal(1)),
    **dict.fromkeys(("kg", "kgs", "kilogram", "kilograms"), Decimal(1000)),
    **dict.fromkeys(("lb", "lbs", "pound", "pounds"), Decimal("453.59237")),
    **dict.fromkeys(("oz", "ounce", "ounces"), Decimal("28.349523125")),
}
_CENTIMETRES = {
    "cm": Decimal(1),
    "mm": Decimal("0.1"),
    "m": Decimal(100),
    "in": Decimal("2.54"),
    "yd": Decimal("91.44"),
}


def text_of(value: Any) -> str:
    """A field as text in one line; "" for null, and for anything but text and numbers."""
    return (
        " ".join(str(value).split())
        if isinstance(value, str | int | float | Decimal) and not isinstance(value, bool)
        else ""
    )


def amount_of(value: Any) -> Decimal:
    """An amount, from text or a number; 0 for a field that is empty or holds none."""
    try:
        found = Decimal(text_of(value) or 0)
    except InvalidOperation:
        return Decimal(0)
    return found if found.is_finite() else Decimal(0)


def rounded(amount: Decimal) -> Decimal:
    """An amount of two decimals, halves up."""
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


def number(amount: Decimal) -> int | float:
    """An amount as a JSON number: ClickPost's examples have numbers, and two decimals survive a float."""
    amount = rounded(amount)
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def shares(total: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """`total` split by weight into amounts of two decimals that sum up to it exactly; the last takes the remainder."""
    whole = sum(weights, Decimal(0))
    parts = [rounded(total * weight / whole) if whole else Decimal(0) for weight in weights[:-1]]
    return [*parts, total - sum(parts, Decimal(0))]


def grams_of(value: Any, unit: str) -> Decimal | None:
    """A weight in grams; None if it is missing or 0. Raises ValueError for an unknown unit."""
    if (weight := amount_of(value)) <= 0:
        return None
    if unit.lower() not in _GRAMS:
        raise ValueError(f"has the unknown unit {unit!r}: use g, kg, lb or oz")
    return weight * _GRAMS[unit.lower()]


def centimetres_of(values: Sequence[Any], unit: str) -> tuple[Decimal, Decimal, Decimal] | None:
    """Length, breadth and height in cm; None if one is missing or 0. Raises ValueError for an unknown unit."""
    sizes = [amount_of(value) for value in values]
    if len(sizes) != 3 or min(sizes) <= 0:
        return None
    if unit.lower() not in _CENTIMETRES:
        raise ValueError(f"has the unknown unit {unit!r}: use cm, mm, m, in or yd")
    length, breadth, height = (rounded(size * _CENTIMETRES[unit.lower()]) for size in sizes)
    return length, breadth, height


def ascii_digits(text: str) -> str:
    """The text with Arabic, Devanagari and all other decimal digits as 0 to 9."""
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)


def object_of(value: Any) -> Json:
    """A JSON object; {} for null, and for PHP's way to write an empty one, []."""
    return cast("Json", value) if isinstance(value, dict) else {}


def objects_of(value: Any) -> list[Json]:
    """The objects of a JSON list; [] for null."""
    return [object_of(one) for one in cast("list[Any]", value)] if isinstance(value, list) else []


def objects_in(text: str, *wrappers: str) -> list[Json]:
    """The objects of a JSON or JSONL file: one, a list, or either of them under one of the `wrappers`."""
    try:
        given = json.loads(text)
    except json.JSONDecodeError:
        return [object_of(json.loads(line)) for line in text.splitlines() if line.strip()]
    for name in wrappers:
        given = object_of(given).get(name, given)
    return objects_of(given) if isinstance(given, list) else [object_of(given)]
