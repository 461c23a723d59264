"""The words of one language for customers: texts by key, and days and times as people say them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def fill(pattern: str, values: Mapping[str, object]) -> str:
    """A text with its `{placeholders}` replaced; one without a value stays."""
    pieces = _pieces(pattern)
    if len(pieces) == 1:
        return pattern
    filled = list(pieces)
    for place in range(1, len(pieces), 2):
        name = pieces[place]
        filled[place] = str(values[name]) if name in values else f"{{{name}}}"
    return "".join(filled)


@lru_cache(maxsize=4096)  # a page fills dozens of patterns, and all pages the same ones
def _pieces(pattern: str) -> tuple[str, ...]:
    """The texts and the names of a pattern in turns, a text at both ends."""
    return tuple(_PLACEHOLDER.split(pattern))


def placeholders(pattern: str) -> frozenset[str]:
    """The names in braces of a text."""
    return frozenset(_PLACEHOLDER.findall(pattern))


@dataclass(frozen=True, slots=True, kw_only=True)
class DateWords:
    """Days and times in one language. All times are local: the caller converts them into the shop's zone.

    `weekdays` begin with Monday, `months` with January. Patterns name {weekday}, {day}, {month}, {year}, {hour},
    {minute}; those made of other words name {day}, {time}. `digits` are the ten digits that are shown.
    """

    weekdays: tuple[str, ...]
    months: tuple[str, ...]
    digits: str
    day: str
    day_and_year: str
    short_day: str
    short_day_and_year: str
    time: str
    moment: str
    by_evening: str
    today: str
    tomorrow: str
    yesterday: str

    def day_in_words(self, day: date, *, year: int, short: bool = False) -> str:
        """A day, such as "Tuesday, 24 November", `short` "24 November". The year is added if it is not `year`."""
        if short:
            pattern = self.short_day if day.year == year else self.short_day_and_year
        else:
            pattern = self.day if day.year == year else self.day_and_year
        weekday, month = self.weekdays[day.weekday()], self.months[day.month - 1]
        return _day(pattern, weekday, month, day.day, day.year, self.digits)

    def near_day(self, day: date, *, today: date) -> str:
        """The same, but "today", "tomorrow" or "yesterday" where that is so. For pages that are made on that day."""
        distance = (day - today).days
        if distance in (-1, 0, 1):
            return (self.yesterday, self.today, self.tomorrow)[distance + 1]
        return self.day_in_words(day, year=today.year)

    def by_evening_of(self, day: str) -> str:
        """Until the evening of a day that is said already, such as "today, by evening"."""
        return fill(self.by_evening, {"day": day})

    def time_in_words(self, at: datetime | time) -> str:
        """A local time of day, such as "10:30"."""
        return _time(self.time, at.hour, at.minute, self.digits)

    def moment_in_words(self, at: datetime, *, year: int, short: bool = False) -> str:
        """A day and its time, such as "Monday, 23 November, 10:30", `short` "23 November, 10:30"."""
        return self.at_time(self.day_in_words(at.date(), year=year, short=short), at)

    def at_time(self, day: str, at: datetime | time) -> str:
        """The time of a day that is said already, such as "today, 10:30"."""
        return fill(self.moment, {"day": day, "time": self.time_in_words(at)})

    def number(self, value: int | str) -> str:
        """A number in the digits of the language."""
        return _number(value, self.digits)


def _number(value: int | str, digits: str) -> str:
    if digits.startswith("0"):
        return str(value)
    return str(value).translate({ord("0") + number: digit for number, digit in enumerate(digits)})


@lru_cache(maxsize=4096)  # days and times repeat from page to page
def _day(pattern: str, weekday: str, month: str, day: int, year: int, digits: str) -> str:
    numbers = {"day": _number(day, digits), "year": _number(year, digits)}
    return fill(pattern, {"weekday": weekday, "month": month, **numbers})


@lru_cache(maxsize=8192)
def _time(pattern: str, hour: int, minute: int, digits: str) -> str:
    return fill(pattern, {"hour": _number(f"{hour:02}", digits), "minute": _number(f"{minute:02}", digits)})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # equal to itself alone, so that it can be a key
class Words:
    """One language: its code, its own name, its direction ("ltr" or "rtl"), its dates, its texts by dotted key."""

    code: str
    name: str
    direction: str
    dates: DateWords
    texts: Mapping[str, str]

    def text(self, key: str, **values: object) -> str:
        """A text with its placeholders filled. Numbers are written in the digits of the language."""
        if not values:
            return self.texts[key]
        shown = {name: self.dates.number(v) if isinstance(v, int) else v for name, v in values.items()}
        return fill(self.texts[key], shown)

    def has(self, key: str) -> bool:
        """Whether there is a text of this key."""
        return key in self.texts


def as_beginning(text: str) -> str:
    """A text with a capital first letter, for "today" as a heading."""
    return text[:1].upper() + text[1:]
