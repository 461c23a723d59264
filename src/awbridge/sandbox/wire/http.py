"""An HTTP call and its response, independent of any framework."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from pydantic_core import from_json

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]


class ConnectionCut(Exception):
    """Close the connection without a response."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiCall:
    """An HTTP request. `query` holds the last value of each parameter."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes
    base_url: str

    def json(self) -> object:
        """Parse the body as JSON. Raises ValueError if it is not JSON."""
        return from_json(self.body)


@dataclass(frozen=True, slots=True)
class ApiResponse:
    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Headers = ()


class CallRejected(Exception):
    """End a call with this error response."""

    def __init__(self, response: ApiResponse) -> None:
        super().__init__(response.status)
        self.response = response


def json_response(content: object, status: int = 200, headers: Headers = ()) -> ApiResponse:
    return ApiResponse(status, json.dumps(content, separators=(",", ":")).encode(), headers=headers)
