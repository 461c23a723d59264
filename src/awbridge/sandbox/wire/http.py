"""One HTTP call and its answer, without a framework, and the loose reading of JSON values."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, cast
from urllib.parse import parse_qsl

from pydantic_core import from_json

JsonObject: TypeAlias = dict[str, object]


class Cut(Exception):
    """The connection is to be closed now, without any answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request as it came in. `query` keeps the last value of each name."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes
    base_url: str

    def json(self) -> object:
        """The body as JSON; ValueError if it is none."""
        return from_json(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[bytes, bytes], ...] = field(default=())


def reply(content: object, status: int = 200) -> Answer:
    """An answer with a JSON body."""
    return Answer(status, json.dumps(content, separators=(",", ":")).encode())


def query_of(raw: bytes) -> dict[str, str]:
    """The query string as a dictionary."""
    return dict(parse_qsl(raw.decode("latin-1"), keep_blank_values=True))


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
