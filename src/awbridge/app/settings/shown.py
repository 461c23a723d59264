"""The settings for display: values without secrets, each with its source."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, cast

from awbridge.app.settings import PREFIX, Settings
from awbridge.app.settings.sources import SettingSource
from awbridge.app.settings.values import SecretStr, as_text

MASK = "***"
_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")
# In the URL of a database. Up to the last @: a password may hold any character, whether it should be quoted or not.
_PASSWORD = re.compile(r"(?P<before>://[^:/@]*:).*(?=@)", re.DOTALL)
_SECRET_PARAMETERS = re.compile(r"(?P<name>[?&;][^=&;]*(?:pass|secret|key|token)[^=&;]*=)[^&;]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A setting for display. `value`: as JSON has it, secrets masked, None if not set; `text`: the same for a table."""

    variable: str
    value: Any
    text: str
    source: SettingSource


def shown_settings(settings: Settings, sources: Mapping[str, SettingSource]) -> list[Shown]:
    """Every setting, in the order of the documentation's modules."""
    return [
        Shown(
            variable=PREFIX + name.upper(),
            value=(value := masked(getattr(settings, name), secret=field.is_secret)),
            text=_text(value),
            source=sources[name],
        )
        for name, field in Settings.fields.items()
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """What a setting is, in plain text. `default` and `example`: as written into its variable, "" for none."""

    setting: str
    values: str
    default: str
    example: str
    secret: bool
    meaning: str


def explained(name: str) -> Explained:
    """What the setting of this name is, such as `push_rate`. Raises KeyError for none."""
    field = Settings.fields[name]
    return Explained(
        setting=PREFIX + name.upper(),
        values=_plain(field.kind),
        default=as_text(field.default),
        example=field.own_example,
        secret=field.is_secret,
        meaning=_plain(field.description),
    )


def _plain(markdown: str) -> str:
    """Markdown of a description as plain text, with the pages that its links name."""
    return _LINK.sub(r"\1 (\2)", markdown).replace("`", "")


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(as_text, cast("list[Any]", value)))
    return "" if value is None else as_text(value)


def masked(value: Any, *, secret: bool) -> Any:
    """A value as JSON has it: secrets as ***, passwords in URLs too; None for an empty text."""
    if isinstance(value, tuple):
        return [masked(part, secret=secret) for part in cast("tuple[Any, ...]", value)]
    if isinstance(value, SecretStr):
        return MASK if value.get_secret_value() else None
    if isinstance(value, Enum):
        return value.value
    if not isinstance(value, str):
        return value
    if secret:
        value = _PASSWORD.sub(rf"\g<before>{MASK}", _SECRET_PARAMETERS.sub(rf"\g<name>{MASK}", value))
    return value or None
