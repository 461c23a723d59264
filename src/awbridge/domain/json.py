"""JSON types, and strict reading of order JSON."""

from __future__ import annotations

import json
from typing import Any

JsonObject = dict[str, Any]


class Rounded(float):
    """A number written with an exponent, such as 4.04877E+12: as an identifier it lost digits."""


def read_number(text: str) -> float:
    """A JSON number with a point or an exponent, for `json.loads(parse_float=...)`."""
    return Rounded(text) if "e" in text or "E" in text else float(text)


def refuse_constant(name: str) -> Any:
    """Refuses NaN and Infinity, for `json.loads(parse_constant=...)`. Raises ValueError."""
    raise ValueError(f"{name} is not a JSON value")


def read_order_json(text: str | bytes | bytearray) -> Any:
    """The JSON of orders, strict, with numbers that lost digits marked. Raises ValueError, RecursionError."""
    return json.loads(text, parse_constant=refuse_constant, parse_float=read_number)
