"""Reads ClickPost's JSON leniently: null, "", numbers as text, text as numbers. Raises only for invalid JSON."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from awbridge.domain.json import JsonObject

LARGEST = 2**31 - 1  # no code, id of a courier or event is larger; databases keep them in 4 bytes
LONGEST_ID = 200  # bytes; ids are indexed
LARGEST_ID = 2**63 - 1  # that is read without further checks
LONGEST_MESSAGE = 500
LONGEST_RETRY_AFTER = 86_400.0

_WHOLE = re.compile(r"[+-]?\d{1,12}(?:\.0*)?", re.ASCII)
_UNSAFE = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL stores no NUL, UTF-8 knows no half of a pair
_ABSENT = frozenset({"", "null", "none", "undefined", "nan"})
_TRUE = frozenset({"true", "1", "yes", "y"})
_FALSE = frozenset({"false", "0", "no", "n"})


def read_json(data: bytes) -> Any:
    """The JSON value in these bytes. Raises ValueError if they are not JSON; its text does not quote them."""
    import pydantic_core  # which most commands do without

    try:
        return pydantic_core.from_json(data, cache_strings="keys")
    except ValueError:
        pass
    # The standard parser is slower and takes more: half surrogate pairs, a byte order mark, UTF-16.
    try:
        return json.loads(data)
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at line {error.lineno} column {error.colno}") from None
    except UnicodeDecodeError:
        raise ValueError("the bytes are not UTF-8 text") from None
    except (ValueError, RecursionError):
        raise ValueError("it nests too deep or holds a number that is too long") from None


def as_object(value: Any) -> JsonObject:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType] no cast: called often


def as_list(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType] no cast: called often


def as_int(value: Any) -> int | None:
    """A whole number of at most 4 bytes, also out of "129", " 129 " or 129.0; None for everything else."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, float):
        value = int(value) if math.isfinite(value) and value.is_integer() else None
    elif isinstance(value, str):
        text = value.strip()
        value = int(text.partition(".")[0]) if _WHOLE.fullmatch(text) else None
    return value if isinstance(value, int) and abs(value) <= LARGEST else None


def as_text(value: Any) -> str:
    """Text without surrounding spaces, fit to be stored; numbers as they read; "" for null and everything else."""
    if isinstance(value, str):
        text = value.strip()
        return _UNSAFE.sub("\ufffd", text) if not text.isascii() or "\x00" in text else text
    if isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return str(value) if value.bit_length() <= 256 else ""
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else str(value)
    return ""


def as_id(value: Any) -> str:
    """An id as text; "" if there is none (nor for "null" and "None") or if it is longer than any real id."""
    if value is None:  # most often, when a delivery is read
        return ""
    if type(value) is int and 0 <= value <= LARGEST_ID:
        return str(value)
    text = as_text(value)
    too_long = len(text) > LONGEST_ID or (not text.isascii() and len(text.encode()) > LONGEST_ID)
    return "" if too_long or text.lower() in _ABSENT else text


# Placeholders for "no waybill" in answers, webhooks, polls and sheets; surrounding spaces and signs do not count.
_NO_WAYBILL = frozenset(
    {"", "na", "n a", "n.a", "nil", "null", "none", "nan", "undefined", "unassigned", "not assigned", "not available"}
    | {"not applicable", "pending", "awaited", "tba", "tbd", "blank", "empty", "false", "true", "ref", "value", "name"}
    | {"div 0", "num", "spill", "error", "unknown"}
)
_AROUND = re.compile(r"^[\s\W_]+|[\s\W_]+$")
_ZEROS = re.compile(r"0{1,9}(?:\.0*)?")


def as_waybill(value: Any) -> str:
    """A waybill as text; "" if there is none: null, "", "NA", "N/A", "0", "-", "#N/A", "#REF!" and the like.

    The one definition of a waybill, for answers, webhooks, polls and sheets.
    """
    text = as_id(value)
    if not text or len(text) > LONGEST_PLACEHOLDER or text.strip("0").isdigit():  # by far the most common
        return text
    return "" if is_placeholder(text) else text


def is_no_waybill(value: Any) -> bool:
    """Whether a value is a placeholder for "no waybill". Only short texts and numbers can be."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return False
    text = as_text(value)
    return len(text) <= LONGEST_PLACEHOLDER and not as_waybill(text)


def is_placeholder(text: str) -> bool:
    """Whether a short text is a placeholder for a missing number or date."""
    core = _AROUND.sub("", text)
    return bool(
        _ZEROS.fullmatch(core) or core.lower().replace("/", " ").replace("-", " ").replace("_", " ") in _NO_WAYBILL
    )


LONGEST_PLACEHOLDER = 16  # characters; every placeholder is shorter


def as_bool(value: Any) -> bool | None:
    """A truth value, also out of "true", "False", 1 or "0"; None for everything else."""
    if isinstance(value, bool):
        return value
    text = as_text(value).lower()
    return True if text in _TRUE else False if text in _FALSE else None


def first_id(places: Iterable[JsonObject], *names: str) -> str:
    """The first id under one of these names, place by place; "" if there is none."""
    return next((found for place in places for name in names if (found := as_id(place.get(name)))), "")


def first_waybill(places: Iterable[JsonObject], *names: str) -> str:
    """The first waybill under one of these names, place by place; "" if there is none."""
    return next((found for place in places for name in names if (found := as_waybill(place.get(name)))), "")


def first_int(places: Iterable[JsonObject], *names: str) -> int | None:
    """The first whole number under one of these names, place by place; None if there is none."""
    numbers = (as_int(place.get(name)) for place in places for name in names)
    return next((number for number in numbers if number is not None), None)


def first_text(places: Iterable[JsonObject], name: str) -> str:
    """The first text under this name, place by place; "" if there is none."""
    return next((found for place in places if (found := as_text(place.get(name)))), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer as received. `body` is the parsed JSON, None if it is none (HTML, empty). `retry_after`: seconds."""

    http_status: int
    body: Any = field(default=None, repr=False)
    text: str = field(default="", repr=False)
    retry_after: float | None = None

    @property
    def is_json(self) -> bool:
        """Whether the body is JSON: a gateway's HTML page or an empty body is not ClickPost's answer."""
        return self.body is not None

    @property
    def business_status(self) -> int | None:
        """ClickPost's own status: meta.status, else meta.status_code, else status_code next to the message."""
        flat = as_object(self.body)
        meta = as_object(flat.get("meta"))
        for place, name in ((meta, "status"), (meta, "status_code"), (flat, "status_code"), (flat, "status")):
            if (status := as_int(place.get(name))) is not None:
                return status
        return None

    @property
    def message(self) -> str:
        """ClickPost's message for people, at most 500 characters; "" if there is none."""
        flat = as_object(self.body)
        meta = as_object(flat.get("meta"))
        for value in (meta.get("message"), flat.get("message"), flat.get("detail"), flat.get("error")):
            if text := _as_message(value):
                return text[:LONGEST_MESSAGE]
        return ""

    @property
    def result(self) -> Any:
        """The answer's `result`: an object, a list, or None."""
        return as_object(self.body).get("result")


def read_reply(http_status: int, content: bytes, *, retry_after: str | None = None, now: datetime) -> Reply:
    """A Reply from the bytes of an answer. Never raises."""
    try:
        body = read_json(content)
    except ValueError:
        body = None
    text = content.decode("utf-8", "replace")
    return Reply(http_status=http_status, body=body, text=text, retry_after=read_retry_after(retry_after, now))


def read_http_date(header: str | None) -> datetime | None:
    """The moment that a Date header names; None if there is none, or it cannot be read."""
    if not header:
        return None
    from email.utils import parsedate_to_datetime  # with most of the package for mails

    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def read_retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds to wait, out of a Retry-After header in seconds or as an HTTP date. At most a day; None if unreadable.

    `now` should be the server's own time where known: ours may differ.
    """
    if not header:
        return None
    text = header.strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", text, re.ASCII):
        seconds = float(text)
    elif until := read_http_date(text):
        seconds = (until - now).total_seconds()
    else:
        return None
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER)


def _as_message(value: Any) -> str:
    if isinstance(value, (dict, list)) and value:
        return as_text(json.dumps(value, ensure_ascii=False, default=str))
    return as_text(value)
