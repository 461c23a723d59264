"""The shipped languages of the customer's page: complete, in their own script, with the calendar's names."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from importlib import resources
from typing import Any

import pytest
from babel import Locale
from babel.dates import format_date

from awbridge.domain.customer_page.words import placeholders
from awbridge.sinks.page_languages import load_languages
from awbridge.sinks.templates import LANGUAGES

SCRIPTS = {"en": "[A-Za-z]", "hi": "[\u0900-\u097f]", "ar": "[\u0600-\u06ff]"}
LATIN = re.compile(r"[A-Za-z]{2,}")
TRADE = re.compile(r"\b(NDR|NPR|RTO|EDD|AWB|RVP|POD|waybill|consignee|shipment|शिपमेंट|एडब्ल्यूबी)\b", re.IGNORECASE)
_FOLDER = resources.files("awbridge") / "templates" / "customer_page"


def file_of(language: str) -> dict[str, Any]:
    """The texts that a language's own file has, by table and key."""
    return tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8"))


def texts_of(language: str) -> dict[str, str]:
    tables: dict[str, dict[str, str]] = {
        name: table for name, table in file_of(language).items() if name not in ("name", "direction", "dates")
    }
    return {f"{name}.{key}": text for name, table in tables.items() for key, text in table.items()}


def test_the_page_is_in_the_languages_of_the_messages() -> None:
    assert set(load_languages()) == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_every_text_with_the_same_placeholders(language: str) -> None:
    english, own = texts_of("en"), texts_of(language)
    assert own.keys() == english.keys()
    assert file_of(language)["dates"].keys() == file_of("en")["dates"].keys()
    assert {key for key in own if placeholders(own[key]) != placeholders(english[key])} == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_are_words_of_their_language_and_not_of_the_trade(language: str) -> None:
    for key, text in texts_of(language).items():
        bare = re.sub(r"\{\w+\}", "", text)
        assert text == text.strip(), key
        assert bare.strip(" ·") == "" or re.search(SCRIPTS[language], bare), key
        assert not TRADE.search(text), key
        if language != "en":
            assert not LATIN.search(bare), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_months_weekdays_and_dates_are_those_of_the_unicode_calendar(language: str) -> None:
    words, locale = load_languages()[language], Locale.parse(language)
    assert list(words.dates.months) == list(locale.months["format"]["wide"].values())
    names = locale.days["format"]["wide"]  # from Monday, like ours
    assert list(words.dates.weekdays) == [names[number] for number in range(7)]
    assert words.direction == locale.text_direction
    assert words.name == locale.get_display_name()


@pytest.mark.parametrize("language", ["hi", "ar"])
def test_a_full_date_reads_as_the_unicode_calendar_writes_it(language: str) -> None:
    day = date(2026, 11, 24)
    in_words = load_languages()[language].dates.day_in_words(day, year=2025)
    assert in_words == format_date(day, "full", locale=language)
