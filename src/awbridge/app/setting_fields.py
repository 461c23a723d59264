"""What a setting is made of: its type, default, limits and description, and how text becomes its value.

Every command reads settings. Pydantic would take longer to import, and to build a model of so many fields, than most
commands take for their work.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from enum import Enum
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Self, TypeVar, cast, get_args, get_origin

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


class InvalidSettings(ValueError):
    """Values that cannot be settings: `problems` has each one's name, "" where several are wrong together."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{name}: {problem}" for name, problem in problems))
        self.problems = problems


class Setting:
    """A setting as the class of settings declares it."""

    def __init__(self, default: Any, description: str, limits: Mapping[str, Any]) -> None:
        self.default = default
        self.description = description
        self.type: Any = None
        self._limits = limits

    def read(self, given: object) -> Any:
        """The value that the environment, a file or a caller gave. Raises ValueError, which does not quote it."""
        value, limits = _read(self.type, given)
        for name, limit in (*limits.items(), *self._limits.items()):
            holds, text = _LIMITS[name]
            if not holds(value, limit):
                raise ValueError(text.format(limit))
        return value


def Field(default: Any, *, description: str, **limits: Any) -> Any:
    """Declare a setting. Limits: gt, ge, lt, le of numbers, min_length and max_length, pattern of texts."""
    return Setting(default, description, limits)


class SettingLimits:
    """Limits that a type of settings brings along, in `Annotated`."""

    def __init__(self, **limits: Any) -> None:
        self.limits = limits


class Reads:
    """How values of a type are read: a function in `Annotated`, which raises ValueError for wrong ones."""

    def __init__(self, reader: Callable[[Any], Any]) -> None:
        self.reader = reader


class SettingsBase:
    """A class whose annotated attributes are settings. Instances do not change; those of equal values are equal."""

    fields: ClassVar[Mapping[str, Setting]] = {}

    def __init_subclass__(cls) -> None:
        found: dict[str, Setting] = {}
        for base in reversed(cls.__mro__[1:]):  # several groups of settings may be joined in one class
            found |= getattr(base, "fields", {})
        for name, kind in cls.__annotations__.items():
            if isinstance(kind, str):
                raise TypeError(f"{cls.__module__}: annotations of settings are read, so they cannot be texts")
            setting: Setting = cls.__dict__[name]
            setting.type = kind
            found[name] = setting
            setattr(cls, name, setting.default)  # what an instance answers that was given nothing else
        cls.fields = MappingProxyType(found)

    def __init__(self, **given: Any) -> None:
        """Raises InvalidSettings, which names every wrong one."""
        problems: list[tuple[str, str]] = []
        for name, value in given.items():
            if name not in self.fields:
                problems.append((name, "there is no such setting"))
                continue
            try:
                self.__dict__[name] = self.fields[name].read(value)
            except ValueError as error:
                problems.append((name, str(error)))
        if not problems:
            problems = [("", problem) for problem in self.contradictions()]
        if problems:
            raise InvalidSettings(problems)

    def contradictions(self) -> Iterable[str]:
        """What is wrong with values that are right by themselves."""
        return ()

    def replace(self, **changes: Any) -> Self:
        """The same settings with other values of some."""
        return type(self)(**self.__dict__ | changes)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"settings do not change once they are loaded: {name}")

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.fields)
        return f"{type(self).__name__}({shown})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and all(getattr(self, name) == getattr(other, name) for name in self.fields)

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, name) for name in self.fields))


def _read(kind: Any, given: object) -> tuple[Any, Mapping[str, Any]]:
    """The value of this type, and the limits that the type brings."""
    if get_origin(kind) is not Annotated:
        return _plain(kind, given), {}
    base, *extras = get_args(kind)
    limits = {
        name: limit for extra in extras if isinstance(extra, SettingLimits) for name, limit in extra.limits.items()
    }
    reader = next((extra.reader for extra in extras if isinstance(extra, Reads)), None)
    return reader(given) if reader else _plain(base, given), limits


def _plain(kind: Any, given: object) -> Any:
    if issubclass(kind, Enum):
        return _member(kind, given)
    return _READERS[kind](given)


def _member(kind: type[Enum], given: object) -> Enum:
    try:
        return kind(given)
    except ValueError:
        raise ValueError(f"write one of: {', '.join(str(member.value) for member in kind)}") from None


def read_text(given: object) -> str:
    """A text. Raises ValueError for anything else."""
    if not isinstance(given, str):
        raise ValueError("should be a text")
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
    raise ValueError("should be a number")


def read_whole_number(given: object) -> int:
    """A whole number, also as text. Raises ValueError for anything else."""
    if isinstance(given, int) and not isinstance(given, bool):
        return given
    try:
        value = read_number(given)
    except ValueError:
        value = math.nan
    if not value.is_integer():
        raise ValueError("should be an integer")
    return int(value)


def read_flag(given: object) -> bool:
    """Yes or no, also as text or as 1 and 0. Raises ValueError for anything else."""
    text = str(given).strip().lower()
    if text in _YES or text in _NO:
        return text in _YES
    raise ValueError("should be true or false")


def read_parts(given: object, part: Callable[[object], T]) -> tuple[T, ...]:
    """Comma-separated parts of a text, or the items of a list, each read by `part`. Raises ValueError."""
    if isinstance(given, str):
        return tuple(part(text.strip()) for text in given.split(",") if text.strip())
    if isinstance(given, list | tuple):
        return tuple(part(item) for item in cast("Collection[object]", given))
    raise ValueError("should be a list, or a text with commas")


_READERS: Mapping[Any, Callable[[object], Any]] = {
    str: read_text,
    SecretStr: read_secret,
    float: read_number,
    int: read_whole_number,
    bool: read_flag,
}

_LIMITS: Mapping[str, tuple[Callable[[Any, Any], bool], str]] = {
    "gt": (lambda value, limit: value > limit, "should be greater than {}"),
    "ge": (lambda value, limit: value >= limit, "should be greater than or equal to {}"),
    "lt": (lambda value, limit: value < limit, "should be less than {}"),
    "le": (lambda value, limit: value <= limit, "should be less than or equal to {}"),
    "min_length": (lambda value, limit: len(value) >= limit, "should have at least {}"),
    "max_length": (lambda value, limit: len(value) <= limit, "should have at most {}"),
    "pattern": (lambda value, limit: re.fullmatch(limit, value) is not None, "should match {}"),
}
