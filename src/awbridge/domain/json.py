"""JSON types, strict reading of order JSON, and writing JSON."""

from __future__ import annotations

import json
from typing import Any

import msgspec

JsonObject = dict[str, Any]

_write = msgspec.json.Encoder().encode
_read = msgspec.json.Decoder().decode
_slow = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


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


def written(value: Any) -> str:
    """A value as JSON without spaces, in UTF-8's characters. Raises TypeError, ValueError, RecursionError.

    msgspec takes a third of the time of `json`, its check included, but writes more than JSON: a date or bytes as text,
    NaN as null. What does not read back as it was is left to `json`, which refuses it.
    """
    try:
        text = _write(value)
        if _read(text) == value:
            return text.decode()
    except (TypeError, ValueError, OverflowError, RecursionError):
        pass
    return _slow.encode(value)
