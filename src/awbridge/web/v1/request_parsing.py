"""Parse requests of the API: bodies, times, and what FastAPI reads for a route."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import BeforeValidator, WithJsonSchema
from starlette.exceptions import HTTPException

from awbridge.domain.errors import FieldProblem, NotFound, PayloadRefused
from awbridge.domain.json import read_order_json
from awbridge.domain.moments import CLOCK_EXAMPLE, EXAMPLES, read_clock, read_day, read_local
from awbridge.web.requested import parse_id

_MOMENT_EXAMPLE = "2026-11-29T22:30:00+05:30"
NO_NUL = r"^[^\x00]*$"  # no database stores one
Limit = Annotated[int, Query(ge=1, le=500)]
Cursor = Annotated[str | None, Query(description="`next` of the previous page.")]
Number = Annotated[int, Query(ge=0, lt=2**63)]  # an id as a cursor
LARGEST_BODY = 16 * 1024 * 1024  # bytes
LARGEST_BATCH = 1000  # orders


# Numbers are refused: pydantic reads them as seconds since 1970. JSON Schema's time formats require an offset.
def _parse_moment(value: Any) -> Any:
    if isinstance(value, str):
        return read_local(value)
    if isinstance(value, datetime):
        return value
    raise ValueError(EXAMPLES)


def _parse_clock(value: Any) -> Any:
    if isinstance(value, str):
        return read_clock(value)
    if isinstance(value, time):
        return value
    raise ValueError(CLOCK_EXAMPLE)


Moment = Annotated[
    datetime, BeforeValidator(_parse_moment), WithJsonSchema({"type": "string", "examples": [_MOMENT_EXAMPLE]})
]
LocalTime = Annotated[time, BeforeValidator(_parse_clock), WithJsonSchema({"type": "string", "examples": ["22:30"]})]


def _parse_day(text: Any) -> Any:
    return read_day(text) if isinstance(text, str) else text


Day = Annotated[date, BeforeValidator(_parse_day)]


async def json_body(request: Request) -> Any:
    """The body as JSON. Raises HTTPException 413 if it is too large, 400 if it is not JSON."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise HTTPException(413, f"a request has at most {LARGEST_BODY // 2**20} MiB; send several batches")
    try:
        return read_order_json(body)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"the body is not JSON: {error}") from None


def parse_before(text: str | None) -> int | None:
    """The id in the parameter `before`; None without one. Raises PayloadRefused."""
    try:
        return None if text is None else parse_id(text)
    except NotFound:
        raise PayloadRefused([FieldProblem("before", "pass `next` of the previous page")]) from None
