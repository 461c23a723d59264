"""Parses times as spreadsheets and people write them: dates, serial numbers, day first, month names, AM/PM. Pure."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Any

from awbridge.tables.cells import visible

EARLIEST_YEAR = 2000
FIRST_SERIAL, LAST_SERIAL = 36526, 73051  # 2000-01-01 and 2100-01-01 as serial numbers

_DAY_0 = datetime(1899, 12, 30)  # noqa: DTZ001  (a wall clock time: the caller knows the zone)
_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: n for n, name in enumerate(_NAMES, 1)}
_NAME = f"({'|'.join(_NAMES)})[a-z]*"
_CLOCK = (
    r"(?:(?:,\s*|[T\s]\s*)(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?\s*(?:([ap])\.?m\.?)?"
    r"\s*(IST|UTC|GMT|[+-]\d{2}:?\d{2})?)?"
)
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s+)?"
_FLAGS = re.ASCII | re.IGNORECASE
# Each with the indices of year, month and day among its groups.
_FORMS = (
    (re.compile(rf"{_WEEKDAY}(\d{{1,2}})([-/. ])(\d{{1,2}})\2(\d{{4}}|\d{{2}}){_CLOCK}", _FLAGS), (4, 3, 1)),
    (re.compile(rf"{_WEEKDAY}(\d{{1,2}})([-/. ]|)\s*{_NAME}[-/. ,]\s*(\d{{4}}|\d{{2}}){_CLOCK}", _FLAGS), (4, 3, 1)),
    (re.compile(rf"{_WEEKDAY}{_NAME}([-/. ])(\d{{1,2}}),?\s*(\d{{4}}){_CLOCK}", _FLAGS), (4, 1, 3)),
    (re.compile(rf"(\d{{4}})([-/.])(\d{{1,2}})\2(\d{{1,2}}){_CLOCK}", _FLAGS), (1, 3, 4)),
)
_INDIA = timezone(timedelta(hours=5, minutes=30))


def read_wall_time(value: Any, zone: tzinfo) -> datetime | None:
    """A time, aware, UTC; None if it cannot be read. A time without an offset is in `zone`; the day precedes the month.

    Accepts dates of a spreadsheet, serial numbers (days since 1900, also as text), and texts such as
    22-11-2026 02:30 PM, 22-Nov-2026 14:30, 22/11/26. A two-digit year belongs to this century.
    """
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=zone).astimezone(UTC)
    if (serial := _serial(value)) is not None:
        return (_DAY_0 + timedelta(seconds=round(serial * 86400))).replace(tzinfo=zone).astimezone(UTC)
    return _parse_text(visible(value), zone) if isinstance(value, str) and len(value) < 80 else None


def _serial(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if FIRST_SERIAL <= number < LAST_SERIAL else None


def _parse_text(text: str, zone: tzinfo) -> datetime | None:
    for form, indices in _FORMS:
        if match := form.fullmatch(text):
            year, month, day = match.group(*indices)
            hour, minute, second, half, offset = match.groups()[4:]
            try:
                return datetime(
                    int(year) if len(year) == 4 else 2000 + int(year),
                    _MONTHS.get(month[:3].casefold()) or int(month),
                    int(day),
                    _hour(int(hour or 0), half),
                    int(minute or 0),
                    int(second or 0),
                    tzinfo=_zone(offset, zone),
                ).astimezone(UTC)
            except (ValueError, OverflowError):
                return None
    return None


def _hour(hour: int, half: str | None) -> int:
    if not half or hour > 12:  # some programs write 14:30 PM
        return hour
    return hour % 12 + (12 if half.casefold() == "p" else 0)


def _zone(offset: str | None, zone: tzinfo) -> tzinfo:
    if offset is None:
        return zone
    if offset.upper() in ("IST", "UTC", "GMT"):
        return _INDIA if offset.upper() == "IST" else UTC
    minutes = int(offset[1:3]) * 60 + int(offset[-2:])
    return timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))
