"""Reads days and times as people write them, the same way everywhere. Pure."""

from __future__ import annotations

import re
from datetime import date, datetime, time

EXAMPLES = "write it like 2026-11-29, 2026-11-29 07:06 or 2026-11-29T07:06:00+05:30"
CLOCK_EXAMPLE = "write a time of day like 22:30"
DAY_EXAMPLE = "write a day like 2026-11-29"

# The first and last day of the calendar have no beginning or end in every time zone.
_FIRST, _LAST = date(1970, 1, 1), date(9998, 12, 31)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})"
    r"(?:[T ] ?(?P<time>\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?) ?(?P<zone>Z|[+-]\d{2}:?\d{2})?)?",
    re.ASCII | re.IGNORECASE,
)


def read_day(text: str) -> date:
    """A day, as 2026-11-29. Raises ValueError."""
    if not _DAY.fullmatch(text.strip()):
        raise ValueError(DAY_EXAMPLE)
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"there is no such day; {DAY_EXAMPLE}") from None
    if not _FIRST <= day <= _LAST:
        raise ValueError(f"write a day from {_FIRST} to {_LAST}")
    return day


def read_local(text: str) -> datetime:
    """A day (its beginning) or a time of it; naive where no zone is written. Raises ValueError."""
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        raise ValueError(EXAMPLES)
    hours, _, rest = (found["time"] or "00:00").partition(":")
    clock = f"{hours.zfill(2)}:{rest}"
    try:
        return datetime.fromisoformat(f"{found['day']}T{clock}{(found['zone'] or '').upper()}")
    except ValueError:
        raise ValueError(f"there is no such time; {EXAMPLES}") from None


def read_clock(text: str) -> time:
    """A time of day, as 22:30 or 22:30:00. Raises ValueError."""
    found = re.fullmatch(r"(\d{1,2}):(\d{2})(?::00)?", text.strip(), re.ASCII)
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise ValueError(CLOCK_EXAMPLE)
    return time(int(found[1]), int(found[2]))
