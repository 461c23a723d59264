"""Finds what cannot be sent or stored in a payload: NUL, half characters, NaN, values that are no JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from awbridge.clickpost.wire import as_list, as_object, as_text
from awbridge.domain.errors import FieldProblem

DEEPEST = 32  # levels
DATA_WRONG = 314  # ClickPost's code for order data in a wrong format


def not_plain(value: Any, path: str = "", depth: int = 0) -> Iterator[FieldProblem]:
    """What cannot be sent or stored: NUL, half characters, NaN, Infinity, values that are no JSON."""
    if isinstance(value, (dict, list)) and depth >= DEEPEST:
        yield FieldProblem(path, f"nests deeper than {DEEPEST} levels", DATA_WRONG)
    elif isinstance(value, dict):
        for name, inner in as_object(value).items():
            at = f"{path}.{as_text(name)}" if path else as_text(name)
            if not isinstance(name, str) or (problem := _text_problem(name)):  # pyright: ignore[reportUnnecessaryIsInstance]
                yield FieldProblem(at, "has a name that is not plain text", DATA_WRONG)
            yield from not_plain(inner, at, depth + 1)
    elif isinstance(value, list):
        for index, inner in enumerate(as_list(value)):
            yield from not_plain(inner, f"{path}[{index}]", depth + 1)
    elif problem := _scalar_problem(value):
        yield FieldProblem(path, problem, DATA_WRONG)


def _scalar_problem(value: Any) -> str:
    if isinstance(value, str):
        return _text_problem(value)
    if isinstance(value, float):
        return "" if math.isfinite(value) else "must be a finite number, not NaN or Infinity"
    if isinstance(value, int):
        return "" if value.bit_length() <= 64 else "is a number too large to send"
    return "" if value is None else f"must be plain JSON (text, number, true, false, null), not {type(value).__name__}"


def _text_problem(text: str) -> str:
    if "\x00" in text:
        return "holds the character NUL (\\u0000), which no database and no courier takes"
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        return "holds half of a surrogate pair, which is no character"
    return ""
