from __future__ import annotations

from pathlib import Path

import pytest

from awbridge.domain.customer_page.meanings import Meaning, Reason, ReturnMeaning
from awbridge.domain.customer_page.words import placeholders
from awbridge.domain.errors import SettingsError
from awbridge.sinks.page_languages import load_languages


def _write(folder: Path, name: str, text: str) -> Path:
    (folder / "customer_page").mkdir(exist_ok=True)
    (folder / "customer_page" / name).write_text(text, encoding="utf-8")
    return folder


def test_every_meaning_has_words():
    english = load_languages()["en"]
    wanted = [f"scan.{m}" for m in Meaning] + [f"return.{n}" for n in ReturnMeaning] + [f"advice.{r}" for r in Reason]
    wanted += [f"reason.{reason}" for reason in Reason if reason is not Reason.UNKNOWN]
    assert [key for key in wanted if not english.has(key)] == []


def test_customers_do_not_read_the_terms_of_the_trade():
    for words in load_languages().values():
        for key, text in words.texts.items():
            assert not {"NDR", "RTO", "EDD", "AWB", "RVP", "NPR"} & set(text.replace(".", " ").split()), key


def test_every_shipped_language_has_the_placeholders_of_english():
    languages = load_languages()
    for words in languages.values():
        for key, text in languages["en"].texts.items():
            assert placeholders(words.texts[key]) == placeholders(text), f"{words.code}: {key}"


def test_an_own_file_is_laid_over_the_shipped_one_key_by_key(tmp_path: Path):
    own = load_languages(_write(tmp_path, "en.toml", '[headline]\non_the_way = "Coming!"'))["en"]
    assert (own.text("headline.on_the_way"), own.text("headline.lost")) == ("Coming!", "Lost on the way")
    assert load_languages()["en"].text("headline.on_the_way") == "On its way"


def test_a_new_language_takes_from_english_what_it_lacks(tmp_path: Path):
    text = 'name = "தமிழ்"\n[headline]\ndelivered = "வந்து சேர்ந்தது"'
    tamil = load_languages(_write(tmp_path, "ta.toml", text))["ta"]
    assert (tamil.name, tamil.direction) == ("தமிழ்", "ltr")
    assert (tamil.text("headline.delivered"), tamil.text("headline.lost")) == ("வந்து சேர்ந்தது", "Lost on the way")


def test_a_language_written_from_the_right_need_not_say_so(tmp_path: Path):
    urdu = load_languages(_write(tmp_path, "ur.toml", 'name = "اردو"'))["ur"]
    assert urdu.direction == "rtl"


def test_an_unknown_key_is_ignored(tmp_path: Path):
    own = load_languages(_write(tmp_path, "en.toml", '[headline]\nonn_the_way = "Coming!"\n[more]\na = "b"'))["en"]
    assert not own.has("headline.onn_the_way")
    assert not own.has("more.a")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name = ", "not a TOML file"),
        ('direction = "up"', 'direction must be "ltr" or "rtl"'),
        ("[headline]\nlost = 5", "headline.lost must be a text"),
        ('[headline]\nlost = " "', "headline.lost must be a text"),
        ('[headline]\narriving_on = "On {date}"', "contains {date}, which has no value there"),
        ('[dates]\nday = "{weekday} {place}"', "contains {place}, which has no value there"),
        ('[dates]\nweekdays = ["Mo"]', "dates.weekdays must be a list of 7 texts"),
        ("[dates]\nmonths = 12", "dates.months must be a list of 12 texts"),
        ('[dates]\ndigits = "01234"', "dates.digits must be ten characters"),
    ],
)
def test_a_wrong_file_is_refused_in_words(tmp_path: Path, text: str, problem: str):
    with pytest.raises(SettingsError) as refused:
        load_languages(_write(tmp_path, "en.toml", text))
    assert problem in str(refused.value)
    assert "en.toml" in str(refused.value)


def test_bytes_that_are_not_utf8_are_refused_in_words(tmp_path: Path):
    _write(tmp_path, "hi.toml", "")
    (tmp_path / "customer_page" / "hi.toml").write_bytes(b'name = "\xff"')
    with pytest.raises(SettingsError, match="not a TOML file in UTF-8"):
        load_languages(tmp_path)


def test_a_file_that_is_not_named_after_a_language_is_refused(tmp_path: Path):
    with pytest.raises(SettingsError, match="not named after a language"):
        load_languages(_write(tmp_path, "English.toml", ""))
