"""Readers and writers of fields, shared by the calls outside orders and tracking."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from awbridge.clickpost.wire.lenient_json import Reply, as_list, as_object, as_text
from awbridge.domain.json import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """ClickPost accepted the request. `message` is its own text, `raw` the parsed answer."""

    message: str
    raw: JsonObject = field(repr=False)


def parse_done(reply: Reply) -> Acknowledged:
    """The answer of an endpoint that only confirms success."""
    return Acknowledged(message=reply.message, raw=raw_of(reply))


def raw_of(reply: Reply) -> JsonObject:
    """The parsed body of an answer; empty if it is not an object."""
    return as_object(reply.body)


def objects(value: object) -> list[JsonObject]:
    """The objects in a list, or the one object itself; everything else is left out."""
    if single := as_object(value):
        return [single]
    return [entry for item in as_list(value) if (entry := as_object(item))]


def first_object(value: object) -> JsonObject:
    """The object, or the first one in a list; empty if there is none."""
    entries = objects(value)
    return entries[0] if entries else {}


def as_amount(value: object) -> float | None:
    """A number, also out of text; None for everything else. Not for arithmetic: money is only passed on."""
    try:
        number = float(as_text(value))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def texts(value: object) -> tuple[str, ...]:
    """The entries of a list as text; empty ones are left out."""
    return tuple(text for entry in as_list(value) if (text := as_text(entry)))


def given(**fields: str) -> JsonObject:
    """The fields that are not empty."""
    return {name: value for name, value in fields.items() if value}


def check_window(start: datetime, end: datetime, longest: timedelta) -> None:
    """Raises ValueError for a window without time zone, of no length, or longer than the endpoint takes."""
    if start.tzinfo is None or end.tzinfo is None:
        raise ValueError("start and end need a time zone")
    if not timedelta(0) < end - start <= longest:
        raise ValueError(f"a window must be above 0 s and at most {longest.total_seconds():g} s")


def epoch(moment: datetime) -> str:
    """Seconds since 1970 as text. Raises ValueError for a time without zone."""
    if moment.tzinfo is None:
        raise ValueError("the time needs a time zone")
    return str(int(moment.timestamp()))


def day_text(day: date | None) -> str:
    """YYYY-MM-DD; "" for None."""
    return day.strftime("%Y-%m-%d") if day else ""
