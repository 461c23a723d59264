"""One HTTP call and its answer, without a framework, and the loose reading of JSON values."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from pydantic_core import from_json


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
