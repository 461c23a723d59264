"""Reads the many ways in which ClickPost writes a time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

EARLIEST_YEAR = 2000  # before it there are only the zero times of programming languages

_TIME = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:[T\s]\s*(\d{1,2})\s*:\s*(\d{1,2})(?:\s*:\s*(\d{1,2})(?:[.,](\d{1,12}))?)?)?"
    r"\s*(Z|UTC|[+-]\d{2}:?\d{2})?",
    re.ASCII | re.IGNORECASE,
)


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
