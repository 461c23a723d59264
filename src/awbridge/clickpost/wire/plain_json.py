"""Checks that a value is plain JSON that can be sent and stored: no NUL, half characters, NaN or other types."""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple

from awbridge.clickpost.wire.lenient_json import as_object, as_text
from awbridge.clickpost.wire.validation_codes import DATA_WRONG

DEEPEST = 32  # levels
BAD_NAME = "has a name that is not plain text"

# Types that models turn into JSON text by themselves.
PYTHON_LEAVES = (Decimal, date, Enum)

_HIDDEN = frozenset({"Cc", "Cf", "Zl", "Zp"})  # controls, formats, line and paragraph separators
_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,15})?", re.ASCII)


class JsonProblem(NamedTuple):
    """One problem: its place, its text, and ClickPost's code if it has one."""

    loc: tuple[int | str, ...]
    problem: str
    code: int | None = None


def as_number(value: Any) -> float | None:
    """A finite number, also out of a Decimal or text like "200.00"; None for everything else."""
    if isinstance(value, str):
        text = value.strip()
        return float(text) if _NUMBER.fullmatch(text) else None
    if isinstance(value, Decimal):
        return as_number(decimal_text(value))
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def decimal_text(value: Decimal) -> str:
    """A Decimal as it is sent: digits, never 1E+3."""
    return format(value, "f")


def text_of(value: Any) -> str:
    """A value as text, as `as_text` has it; a Decimal as it is sent."""
    return decimal_text(value) if isinstance(value, Decimal) else as_text(value)


def not_plain(value: Any, leaves: tuple[type, ...] = (), depth: int = 0) -> list[JsonProblem]:
    """Everything in a value that cannot be sent or stored; [] if valid. `leaves`: types allowed beside JSON's."""
    if isinstance(value, dict):
        return _in_object(as_object(value), leaves, depth) if depth < DEEPEST else [_too_deep()]
    if isinstance(value, list) or (leaves and isinstance(value, tuple)):
        return _in_list(value, leaves, depth) if depth < DEEPEST else [_too_deep()]  # pyright: ignore[reportUnknownArgumentType]
    problem = _scalar_problem(value, leaves)
    return [JsonProblem((), problem, DATA_WRONG)] if problem else []


def text_problem(text: str) -> str:
    """Why a text cannot be sent or stored; "" if it can."""
    if "\x00" in text:
        return "holds the character NUL (\\u0000), which no database and no courier accepts"
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        return "holds half of a surrogate pair, which is not a character"
    return ""


def control_problem(text: str) -> str:
    """Why a text cannot be a key: it has an invisible character (control, line break, zero-width); "" if it can."""
    if text.isascii() and text.isprintable():  # by far the most common
        return ""
    hidden = next((place for place, sign in enumerate(text) if unicodedata.category(sign) in _HIDDEN), None)
    if hidden is None:
        return ""
    return f"holds a control or invisible character (U+{ord(text[hidden]):04X} at place {hidden + 1}): leave it out"


def _in_object(value: dict[Any, Any], leaves: tuple[type, ...], depth: int) -> list[JsonProblem]:
    found: list[JsonProblem] = []
    for name, inner in value.items():
        # Plain ASCII text is by far the most common: no call for it.
        is_plain_name = type(name) is str and name.isascii() and "\x00" not in name
        if not is_plain_name and (not isinstance(name, str) or text_problem(name)):
            found.append(JsonProblem((as_text(name),), BAD_NAME, DATA_WRONG))
        if type(inner) is str and inner.isascii() and "\x00" not in inner:
            continue
        if inner is not None and (wrong := not_plain(inner, leaves, depth + 1)):
            found.extend(JsonProblem((as_text(name), *p.loc), p.problem, p.code) for p in wrong)
    return found


def _in_list(value: list[Any] | tuple[Any, ...], leaves: tuple[type, ...], depth: int) -> list[JsonProblem]:
    return [
        JsonProblem((index, *p.loc), p.problem, p.code)
        for index, inner in enumerate(value)
        for p in not_plain(inner, leaves, depth + 1)
    ]


def _scalar_problem(value: Any, leaves: tuple[type, ...]) -> str:
    if isinstance(value, str):
        return text_problem(value)
    if isinstance(value, float):
        return "" if math.isfinite(value) else "must be a finite number, not NaN or Infinity"
    if isinstance(value, int):
        return "" if value.bit_length() <= 64 else "is a number too large to send"
    if value is None or isinstance(value, leaves):
        return ""
    return f"must be plain JSON (text, number, true, false, null), not {type(value).__name__}"


def _too_deep() -> JsonProblem:
    return JsonProblem((), f"nests deeper than {DEEPEST} levels", DATA_WRONG)
