"""The values of settings: how text becomes a value of each plain type, and a value becomes text."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from enum import Enum
from typing import Any, TypeVar, cast

T = TypeVar("T")
_YES, _NO = frozenset({"1", "true", "t", "yes", "y", "on"}), frozenset({"0", "false", "f", "no", "n", "off"})


class SecretStr:
    """A text that no repr shows."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def get_secret_value(self) -> str:
        """The text itself."""
        return self._text

    def __repr__(self) -> str:
        return f"SecretStr('{'**********' if self._text else ''}')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretStr) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


def as_text(value: Any) -> str:
    """A value as it is written into a variable; secrets too."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, tuple):
        return ",".join(as_text(part) for part in cast("tuple[Any, ...]", value))
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def read_plain(kind: Any, given: object) -> Any:
    """The value of a plain type: an enum, or one of `KINDS`. Raises ValueError for anything else."""
    if issubclass(kind, Enum):
        return _member(kind, given)
    return _READERS[kind](given)


def _member(kind: type[Enum], given: object) -> Enum:
    try:
        return kind(given)
    except ValueError:
        raise ValueError(f"must be one of {', '.join(str(member.value) for member in kind)}") from None


def read_text(given: object) -> str:
    """A text. Raises ValueError for anything else."""
    if not isinstance(given, str):
        raise ValueError("must be a text")
    return given


def read_secret(given: object) -> SecretStr:
    """A text that stays secret. Raises ValueError for anything else."""
    return given if isinstance(given, SecretStr) else SecretStr(read_text(given))


def read_number(given: object) -> float:
    """A number, also as text. Raises ValueError for anything else, and for what is not finite."""
    if isinstance(given, str | int | float) and not isinstance(given, bool):
        with suppress(ValueError, OverflowError):
            value = float(given)
            if math.isfinite(value):
                return value
    raise ValueError("must be a number")


def read_whole_number(given: object) -> int:
    """A whole number, also as text. Raises ValueError for anything else."""
    if isinstance(given, int) and not isinstance(given, bool):
        return given
    try:
        value = read_number(given)
    except ValueError:
        value = math.nan
    if not value.is_integer():
        raise ValueError("must be a whole number")
    return int(value)


def read_flag(given: object) -> bool:
    """Yes or no, also as text or as 1 and 0. Raises ValueError for anything else."""
    text = str(given).strip().lower()
    if text in _YES or text in _NO:
        return text in _YES
    raise ValueError("must be true or false")


def read_parts(given: object, part: Callable[[object], T]) -> tuple[T, ...]:
    """Comma-separated parts of a text, or the items of a list, each read by `part`. Raises ValueError."""
    if isinstance(given, str):
        return tuple(part(text.strip()) for text in given.split(",") if text.strip())
    if isinstance(given, list | tuple):
        return tuple(part(item) for item in cast("Collection[object]", given))
    raise ValueError("must be a list, or a text with commas")


_READERS: Mapping[Any, Callable[[object], Any]] = {
    str: read_text,
    SecretStr: read_secret,
    float: read_number,
    int: read_whole_number,
    bool: read_flag,
}

# What values of each plain type are, in words.
KINDS: Mapping[Any, str] = {
    str: "text",
    SecretStr: "text",
    float: "number",
    int: "whole number",
    bool: "`true` or `false`",
}
