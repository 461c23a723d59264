"""Reads dates and times in the formats that ClickPost sends."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from awbridge.clickpost.wire.lenient_json import LONGEST_PLACEHOLDER, as_id, is_placeholder

LONGEST_DAY = 64  # characters of a text in place of a day
LONGEST_TIME = 60
_USUAL_LENGTH, _MARKS = 20, "--T::Z"  # as webhooks write it: 2026-11-05T09:30:00Z; every third character from the fifth
_NO_OFFSET = timedelta()
EARLIEST_YEAR = 2000  # before it there are only the zero times of programming languages

_TIME = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:[T\s]\s*(\d{1,2})\s*:\s*(\d{1,2})(?:\s*:\s*(\d{1,2})(?:[.,](\d{1,12}))?)?)?"
    r"\s*(Z|UTC|[+-]\d{2}:?\d{2})?",
    re.ASCII | re.IGNORECASE,
)

_YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:\s.*)?", re.ASCII)
_DAY_FIRST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(?:\s.*)?", re.ASCII)
_NAMED = re.compile(
    r"(?:[a-z]{3,9},?\s+)?(?:(?P<day>\d{1,2})(?:st|nd|rd|th)?[\s-]+(?P<month>[a-z]{3,9})|"
    r"(?P<month_first>[a-z]{3,9})\s+(?P<day_last>\d{1,2})(?:st|nd|rd|th)?)[\s,-]+(?P<year>\d{4})(?:[\sT,].*)?",
    re.ASCII | re.IGNORECASE,
)
_EPOCH = re.compile(r"\d{10}(?:\d{3})?", re.ASCII)  # seconds, or milliseconds
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def day_words(value: Any) -> str:
    """The text in place of a day; "" for placeholders: "N/A", "-", zero dates (0000-00-00, 1970-01-01)."""
    text = as_id(value)[:LONGEST_DAY]
    if zero := _YEAR_FIRST.match(text):
        return text if int(zero[1]) >= EARLIEST_YEAR else ""
    return "" if len(text) <= LONGEST_PLACEHOLDER and is_placeholder(text) else text


def read_day(value: Any, *, zone: ZoneInfo) -> date | None:
    """An estimated day; None for what cannot be read. Never raises.

    A day, or a time without a zone, is the written day: 2026-11-05, 05-11-2026, 05/11/2026, 5 Nov 2026. A
    time with a zone (Z is one) and seconds since 1970 are a moment, whose day in `zone` is meant: midnight in India is
    T18:30:00Z of the day before. Z after the first or last minute of a day has no meaning: it was appended to a day.
    """
    text = value.strip() if isinstance(value, str) and len(value) < LONGEST_TIME else ""
    try:
        found = _iso_day(text, zone) or _written_day(text) or _epoch_day(text, zone)
    except (ValueError, OverflowError, OSError):
        return None
    return found if found and found.year >= EARLIEST_YEAR else None


def _iso_day(text: str, zone: ZoneInfo) -> date | None:
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, _, offset = match.groups()
    edge = (int(hour or 0), int(minute or 0)) in ((0, 0), (23, 59))
    if offset is None or (edge and _is_utc(offset)):
        return date(int(year), int(month), int(day))
    at = datetime(*map(int, (year, month, day, hour or 0, minute or 0, second or 0)), tzinfo=_zone(offset, zone, True))
    return at.astimezone(zone).date()


def _written_day(text: str) -> date | None:
    if match := _YEAR_FIRST.fullmatch(text):
        return date(int(match[1]), int(match[2]), int(match[3]))
    if match := _DAY_FIRST.fullmatch(text):
        return date(int(match[3]), int(match[2]), int(match[1]))
    if match := _NAMED.fullmatch(text):
        month = (match["month"] or match["month_first"])[:3].lower()
        day = int(match["day"] or match["day_last"])
        return date(int(match["year"]), _MONTHS.index(month) + 1, day)
    return None


def _epoch_day(text: str, zone: ZoneInfo) -> date | None:
    if not _EPOCH.fullmatch(text):
        return None
    return datetime.fromtimestamp(int(text[:10]), zone).date()


def _is_utc(offset: str) -> bool:
    return offset.upper() in ("Z", "UTC") or not offset[1:].replace(":", "").strip("0")


def read_scan_time(value: Any, *, zone: ZoneInfo, z_means_utc: bool = False) -> datetime | None:
    """The time of a scan, aware, UTC; None for what cannot be read. Never raises.

    A time without offset is in `zone`. So is one with a trailing Z unless `z_means_utc`: ClickPost documents Indian
    time and its webhooks append Z to it all the same (seen in real payloads). Other offsets are trusted.
    """
    return _moment(value, zone, z_means_utc) if isinstance(value, str) and len(value) < LONGEST_TIME else None


@lru_cache(maxsize=4096)  # a scan and the latest status have most often the same
def _moment(text: str, zone: ZoneInfo, z_means_utc: bool) -> datetime | None:
    if text[4::3] == _MARKS and len(text) == _USUAL_LENGTH and text.isascii():
        try:
            moment = datetime.fromisoformat(text)
            if not z_means_utc:
                moment -= zone.utcoffset(moment) or _NO_OFFSET  # a seventh of the time of replace and astimezone
        except (ValueError, OverflowError):
            pass
        else:
            return moment if moment.year >= EARLIEST_YEAR else None
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    try:
        moment = datetime(
            int(year),
            int(month),
            int(day),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            int((fraction or "0")[:6].ljust(6, "0")),
            tzinfo=_zone(offset, zone, z_means_utc),
        ).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment.year >= EARLIEST_YEAR else None


def _zone(offset: str | None, zone: ZoneInfo, z_means_utc: bool) -> tzinfo:
    if offset is None:
        return zone
    if offset.upper() in ("Z", "UTC"):
        return UTC if z_means_utc else zone
    minutes = int(offset[1:3]) * 60 + int(offset[-2:])
    return timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))
