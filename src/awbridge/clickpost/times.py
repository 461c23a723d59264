"""Reads the many ways in which ClickPost writes a time."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

EARLIEST_YEAR = 2000  # before it there are only the zero times of programming languages

_TIME = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:[T\s]\s*(\d{1,2})\s*:\s*(\d{1,2})(?:\s*:\s*(\d{1,2})(?:[.,](\d{1,12}))?)?)?"
    r"\s*(Z|UTC|[+-]\d{2}:?\d{2})?",
    re.ASCII | re.IGNORECASE,
)

_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T\s].*)?|(\d{1,2})[-/](\d{1,2})[-/](\d{4})(?:\s.*)?", re.ASCII)


def read_day(value: Any) -> date | None:
    """A promised day, as it stands there: 2026-11-05 with or without a time behind it, 05-11-2026 or 05/11/2026.

    The time behind it, and its zone, are not looked at: couriers promise days. None for what cannot be read.
    """
    match = _DAY.fullmatch(value.strip()) if isinstance(value, str) and len(value) < 60 else None
    if match is None:
        return None
    year, month, day = match.group(1, 2, 3) if match[1] else match.group(6, 5, 4)
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        return None
    return found if found.year >= EARLIEST_YEAR else None


def read_scan_time(value: Any, *, zone: ZoneInfo, z_means_utc: bool = False) -> datetime | None:
    """The time of a scan, aware, UTC; None for what cannot be read. Never raises.

    A time without offset is in `zone`. So is one with a trailing Z unless `z_means_utc`: ClickPost documents Indian
    time and its webhooks write Z behind it all the same (seen in real payloads). Other offsets are believed.
    """
    match = _TIME.fullmatch(value.strip()) if isinstance(value, str) and len(value) < 60 else None
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
