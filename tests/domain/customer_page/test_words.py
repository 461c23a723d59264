from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from awbridge.domain.customer_page.words import DateWords, Words, as_beginning, fill
from awbridge.sinks.page_languages import load_languages

ENGLISH: Words = load_languages()["en"]
DATES: DateWords = ENGLISH.dates


def test_a_day_is_said_with_its_weekday():
    assert DATES.day_in_words(date(2026, 11, 24), year=2026) == "Tuesday, 24 November"


def test_a_day_of_another_year_names_it():
    assert DATES.day_in_words(date(2027, 1, 4), year=2026) == "Monday, 4 January 2027"
    assert DATES.day_in_words(date(2027, 1, 4), year=2026, short=True) == "4 January 2027"


def test_a_promised_day_lasts_until_its_evening():
    assert DATES.by_evening_of(DATES.day_in_words(date(2026, 11, 24), year=2026)) == "Tuesday, 24 November, by evening"


def test_near_days_are_named_relative_to_the_reader():
    today = date(2026, 11, 30)
    near = [DATES.near_day(date(2026, 11, 28 + n) if n < 3 else date(2026, 12, 1), today=today) for n in range(4)]
    assert near == ["Saturday, 28 November", "yesterday", "today", "tomorrow"]


def test_a_moment_is_a_day_and_a_time():
    at = datetime(2026, 11, 23, 10, 5, tzinfo=UTC)
    assert DATES.moment_in_words(at, year=2026) == "Monday, 23 November, 10:05"
    assert DATES.moment_in_words(at, year=2026, short=True) == "23 November, 10:05"


def test_a_language_has_digits_of_its_own():
    arabic = replace(DATES, digits="٠١٢٣٤٥٦٧٨٩")
    assert arabic.day_in_words(date(2026, 11, 24), year=2025, short=True) == "٢٤ November ٢٠٢٦"
    assert arabic.time_in_words(datetime(2026, 11, 24, 9, 30, tzinfo=UTC)) == "٠٩:٣٠"


def test_a_placeholder_reaches_nothing_but_its_value():
    assert fill("{day.__class__} {0} {other}", {"day": 1}) == "{day.__class__} {0} {other}"
    assert ENGLISH.text("page.greeting", name="{day}") == "Hello {day},"


def test_a_heading_begins_with_a_capital():
    assert [as_beginning(text) for text in ("today", "", "आज")] == ["Today", "", "आज"]
