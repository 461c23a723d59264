"""Days and times in messages, as the customer's language says them.

The words are those of the customer's page (`page_languages`). In a language without words of its own, days and times
are digits, day first, because English words would stand in a text of another language.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from awbridge.domain.customer_page.words import Words

Languages = Mapping[str, Words]


@dataclass(frozen=True, slots=True)
class Day:
    """A day. `year`: the reader's, which is not said."""

    day: date
    year: int

    def __str__(self) -> str:
        return f"{self.day:%d-%m-%Y}"

    def in_words(self, language: str, languages: Languages) -> str:
        """The day, such as "Tuesday, 24 November"."""
        words = languages.get(language)
        return words.dates.day_in_words(self.day, year=self.year) if words else str(self)


@dataclass(frozen=True, slots=True)
class Moment:
    """A local time. `year`: the reader's, which is not said."""

    at: datetime
    year: int

    def __str__(self) -> str:
        return f"{self.at:%d-%m-%Y, %H:%M}"

    def in_words(self, language: str, languages: Languages) -> str:
        """The time, such as "23 November, 10:30"."""
        words = languages.get(language)
        return words.dates.moment_in_words(self.at, year=self.year, short=True) if words else str(self)


Value = str | bool | Day | Moment
"""A value of a template. In messages, the last two are words."""


def spoken(values: Mapping[str, Value], language: str, languages: Languages) -> dict[str, str | bool]:
    """The values with days and times in words."""
    return {
        name: value.in_words(language, languages) if isinstance(value, Day | Moment) else value
        for name, value in values.items()
    }
