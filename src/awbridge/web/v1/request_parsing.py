"""Reading requests of the API: bodies, cursors, reference numbers."""

from __future__ import annotations

import base64
import json
from datetime import UTC, date, datetime, time
from typing import Annotated, Any

from fastapi import Request
from pydantic import BeforeValidator, WithJsonSchema
from starlette.exceptions import HTTPException

from awbridge.domain.errors import NotFound
from awbridge.domain.json import read_order_json
from awbridge.domain.moments import CLOCK_EXAMPLE, EXAMPLES, read_clock, read_day, read_local

A_MOMENT = "2026-11-29T22:30:00+05:30"
NO_NUL = r"^[^\x00]*$"  # no database stores one
LARGEST_BODY = 16 * 1024 * 1024  # bytes


# A number would be taken for seconds since 1970. JSON Schema's own formats of times want seconds and an offset.
def _as_a_moment(value: Any) -> Any:
    if isinstance(value, str):
        return read_local(value)
    if isinstance(value, datetime):
        return value
    raise ValueError(EXAMPLES)


def _as_a_clock(value: Any) -> Any:
    if isinstance(value, str):
        return read_clock(value)
    if isinstance(value, time):
        return value
    raise ValueError(CLOCK_EXAMPLE)


Moment = Annotated[datetime, BeforeValidator(_as_a_moment), WithJsonSchema({"type": "string", "examples": [A_MOMENT]})]
LocalTime = Annotated[time, BeforeValidator(_as_a_clock), WithJsonSchema({"type": "string", "examples": ["22:30"]})]


def _as_a_day(text: Any) -> Any:
    return read_day(text) if isinstance(text, str) else text  # a number would be taken for seconds since 1970


Day = Annotated[date, BeforeValidator(_as_a_day)]


def read_cursor(cursor: str | None) -> tuple[datetime, str] | None:
    """Where a page ended, by the cursor that it gave; None for none. Raises HTTPException 400 for any other text."""
    if not cursor:
        return None
    try:
        at, reference = json.loads(base64.urlsafe_b64decode(cursor))
        if "\x00" in reference:
            raise ValueError("no database keeps a NUL")
        return datetime.fromisoformat(at).astimezone(UTC), reference.encode().decode()
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise HTTPException(400, "cursor is not one that this API gave; leave it out to start anew") from None


def make_cursor(at: datetime, reference: str) -> str:
    """The cursor of a page that ended here."""
    return base64.urlsafe_b64encode(json.dumps([at.isoformat(), reference]).encode()).decode()


async def json_body(request: Request) -> Any:
    """The body as JSON. Raises HTTPException 413 for one that is too large, 400 for one that is no JSON."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise HTTPException(413, f"a request has at most {LARGEST_BODY // 2**20} MiB; send several batches")
    try:
        return read_order_json(body)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"the body is not JSON: {error}") from None


def no_nul(reference_number: str) -> str:
    """The reference number. Raises NotFound for one that no database keeps."""
    if "\x00" in reference_number:
        raise NotFound("there is no shipment with a NUL in its reference number")
    return reference_number


def number_in(text: str) -> int:
    """The id in a path. What is no id of ours is not found."""
    if not text.isascii() or not text.isdecimal() or len(text) > 19 or int(text) >= 2**63:
        raise NotFound(f"there is nothing of the id {text[:40]}")
    return int(text)
