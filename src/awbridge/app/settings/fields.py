"""What a setting is made of: its type, default, limits and description.

Every command reads settings. Pydantic would take longer to import, and to build a model of so many fields, than most
commands take for their work.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from inspect import cleandoc
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Self, get_args, get_origin

from awbridge.app.settings.values import KINDS, SecretStr, as_text, read_plain


class Sharing(Enum):
    """What an account gets of a setting that is not set for it: how `awbridge accounts` treats the home's value."""

    INHERITED = "inherited"
    DERIVED = "made from the home's"  # with the account's name in it, so that no two accounts share it
    OWN = "its own"  # never inherited: it stays at its default
    PROCESS = "of the process"  # one value for all accounts, set for the home alone


class InvalidSettings(ValueError):
    """Values that cannot be settings: `problems` has each one's name, "" where several are wrong together."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{name}: {problem}" for name, problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class SettingGroup:
    """Settings that belong together. `text` says of what, in Markdown."""

    title: str
    text: str


class Setting:
    """A setting as the class of settings declares it.

    `description` is Markdown. Its links name files of the repository from its root: `[Privacy](docs/how-to/...)`.
    """

    group: SettingGroup

    def __init__(
        self,
        default: Any,
        description: str,
        example: str,
        secret: bool,
        sharing: Sharing | None,
        limits: Mapping[str, Any],
    ) -> None:
        self.default = default
        self.description = description
        self.sharing = sharing or Sharing.INHERITED
        self.type: Any = None
        self._has_sharing = sharing is not None
        self._example = example
        self._marked_secret = secret
        self._limits = limits

    def join(self, group: SettingGroup, sharing: Sharing) -> None:
        """Belong to a group. `sharing`: that of its settings which have none of their own."""
        self.group = group
        self.sharing = self.sharing if self._has_sharing else sharing

    def read(self, given: object) -> Any:
        """The value that the environment, a file or a caller gave.

        Raises ValueError, which continues a sentence about the setting ("must be ...") and quotes no secret.
        """
        value, limits = _read(self.type, given)
        limits = {**limits, **self._limits}
        for name, limit in limits.items():
            if name in _LIMITS and not _LIMITS[name](value, limit):
                raise ValueError(_demand(limits, counted=isinstance(value, tuple)))
        return value

    @property
    def is_secret(self) -> bool:
        """Whether its value is shown to nobody."""
        return self._marked_secret or SecretStr in {self.type, *_inner_types(self.type)}

    @property
    def example(self) -> str:
        """A value as it is written into a variable."""
        return self._example or as_text(self.default)

    @property
    def own_example(self) -> str:
        """An example that differs from the default; "" where the default is the example."""
        return "" if self._example == as_text(self.default) else self._example

    @property
    def kind(self) -> str:
        """What its values are, in words, with their limits."""
        base, *extras = get_args(self.type) if get_origin(self.type) is Annotated else (self.type,)
        limits = {**_limits_of(extras), **self._limits}
        if "form" in limits:
            return str(limits["form"])
        if isinstance(base, type) and issubclass(base, Enum):
            return "one of " + ", ".join(f"`{member.value}`" for member in base)
        words = next((extra.words for extra in extras if isinstance(extra, Reads)), None) or KINDS[base]
        if bounds := _bounds(limits):
            return f"{words} {bounds}" if bounds[0].isalpha() else f"{words}, {bounds}"
        unit = limits.get("unit", "characters")
        if "min_length" in limits:
            return f"{words}, at least {limits['min_length']} {unit}"
        return f"{words}, at most {limits['max_length']} {unit}" if "max_length" in limits else words


def Field(
    default: Any,
    *,
    description: str,
    example: str = "",
    secret: bool = False,
    sharing: Sharing | None = None,
    **limits: Any,
) -> Any:
    """Declare a setting. `example`: a value as text, needed where the default is empty.

    `sharing`: what accounts get of it; by default what the group says.

    Limits: gt, ge, lt, le of numbers, min_length and max_length (with `unit`, of what), pattern of texts (with `form`,
    what it says in words).
    """
    return Setting(default, description, example, secret, sharing, limits)


class SettingLimits:
    """Limits that a type of settings brings along, in `Annotated`."""

    def __init__(self, **limits: Any) -> None:
        self.limits = limits


class Reads:
    """How values of a type are read: a function in `Annotated`, which raises ValueError for wrong ones.

    `words` say what the values are.
    """

    def __init__(self, reader: Callable[[Any], Any], words: str) -> None:
        self.reader = reader
        self.words = words


class SettingsBase:
    """A class whose annotated attributes are settings. Instances do not change; those of equal values are equal.

    A class that declares settings names their group, and its docstring says what the group is about. `beside` names
    attributes that are no settings: code passes them, and nobody can set them by hand.
    """

    fields: ClassVar[Mapping[str, Setting]] = {}
    beside: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, *, group: str = "", sharing: Sharing = Sharing.INHERITED) -> None:
        found: dict[str, Setting] = {}
        for base in cls.__bases__:  # several groups of settings may be joined in one class
            for name, setting in getattr(base, "fields", {}).items():
                found.setdefault(name, setting)
        for name, kind in cls.__annotations__.items():
            if name in cls.beside:
                continue
            if isinstance(kind, str):
                raise TypeError(f"{cls.__module__}: annotations of settings are read, so they cannot be texts")
            own: Setting = cls.__dict__[name]
            own.type = kind
            own.join(SettingGroup(group, cleandoc(cls.__doc__ or "")), sharing)
            found[name] = own
            setattr(cls, name, own.default)  # what an instance answers that was given nothing else
        cls.fields = MappingProxyType(found)

    def __init__(self, **given: Any) -> None:
        """Raises InvalidSettings, which names every wrong one."""
        problems: list[tuple[str, str]] = []
        for name, value in given.items():
            if name in self.beside:
                self.__dict__[name] = value
                continue
            if name not in self.fields:
                problems.append((name, "is not a setting"))
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
        names = (*self.fields, *self.beside)
        return type(self) is type(other) and all(getattr(self, name) == getattr(other, name) for name in names)

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, name) for name in (*self.fields, *self.beside)))


def _read(kind: Any, given: object) -> tuple[Any, Mapping[str, Any]]:
    """The value of this type, and the limits that the type brings."""
    if get_origin(kind) is not Annotated:
        return read_plain(kind, given), {}
    base, *extras = get_args(kind)
    limits = _limits_of(extras)
    reader = next((extra.reader for extra in extras if isinstance(extra, Reads)), None)
    return reader(given) if reader else read_plain(base, given), limits


def _limits_of(extras: Iterable[object]) -> dict[str, Any]:
    """The limits in what `Annotated` adds to a type."""
    return {name: limit for extra in extras if isinstance(extra, SettingLimits) for name, limit in extra.limits.items()}


def _inner_types(kind: Any) -> set[Any]:
    """The types of which a setting's type is made."""
    inner = get_args(kind) if get_origin(kind) is not None else ()
    return {found for part in inner for found in (part, *_inner_types(part))}


def _demand(limits: Mapping[str, Any], *, counted: bool) -> str:
    """What these limits ask of a value, to follow the setting's name."""
    if "form" in limits:
        return f"must be {limits['form']}"
    if bounds := _bounds(limits):
        return f"must be {bounds}"
    unit = limits.get("unit", "values" if counted else "characters")
    if "min_length" in limits:
        return f"needs at least {limits['min_length']} {unit}"
    return f"has room for at most {limits['max_length']} {unit}"


def _bounds(limits: Mapping[str, Any]) -> str:
    """The limits of a number in words; "" if there are none."""
    bounds = {name: limits[name] for name in ("gt", "ge", "lt", "le") if name in limits}
    if {"ge", "le"} <= set(bounds):
        return f"from {bounds['ge']:.10g} to {bounds['le']:.10g}"
    return " and ".join(_BOUNDS[name].format(bound) for name, bound in bounds.items())


_LIMITS: Mapping[str, Callable[[Any, Any], bool]] = {
    "gt": lambda value, limit: value > limit,
    "ge": lambda value, limit: value >= limit,
    "lt": lambda value, limit: value < limit,
    "le": lambda value, limit: value <= limit,
    "min_length": lambda value, limit: len(value) >= limit,
    "max_length": lambda value, limit: len(value) <= limit,
    "pattern": lambda value, limit: re.fullmatch(limit, value) is not None,
}

_BOUNDS: Mapping[str, str] = {
    "gt": "above {:.10g}",
    "ge": "{:.10g} or more",
    "lt": "below {:.10g}",
    "le": "at most {:.10g}",
}
