"""Message texts: every milestone, channel and language; values are escaped; a folder's files replace single texts."""

from __future__ import annotations

import unicodedata
from datetime import date
from itertools import product
from pathlib import Path

import pytest

from awbridge.domain.notify.notices import Channel
from awbridge.domain.tracking.milestones import Milestone
from awbridge.sinks.day_words import names_day
from awbridge.sinks.spoken_dates import Day
from awbridge.sinks.templates import EXAMPLE, LANGUAGES, TemplateRefused, Templates, sms_parts

pytestmark = pytest.mark.heavy


def own(folder: Path, name: str, text: str) -> Templates:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return Templates(folder)


def test_the_shipped_templates_pass_the_lint() -> None:
    assert [f for f in Templates().lint() if f.wrong] == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("milestone", Milestone)
@pytest.mark.parametrize("is_return", [False, True])
def test_every_message_renders_and_names_the_order(language: str, milestone: Milestone, is_return: bool) -> None:
    for channel in Channel:
        words = Templates().render(milestone, channel, language, {**EXAMPLE, "is_return": is_return})
        assert "1001" in words.text
        assert words.language == language
        assert (words.html is not None) == (channel is Channel.MAIL)
        empty = {**dict.fromkeys(EXAMPLE, ""), "is_return": is_return, "order": "1001"}
        assert "None" not in Templates().render(milestone, channel, language, empty).text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("milestone", Milestone)
@pytest.mark.parametrize("is_return", [False, True])
def test_shipped_messages_name_no_day_on_another_day(language: str, milestone: Milestone, is_return: bool) -> None:
    for channel in Channel:
        values = {**EXAMPLE, "is_return": is_return, "is_today": False}
        words = Templates().render(milestone, channel, language, {**values, "edd": ""})
        assert not names_day(f"{words.subject} {words.text}")
        assert not Templates().names_day(milestone, channel, language, values)


@pytest.mark.parametrize(
    ("language", "expected", "at"),
    [
        ("en", "expected on Tuesday, 24 November.", "on 23 November, 10:30."),
        ("hi", "अनुमानित तारीख मंगलवार, 24 नवंबर।", "23 नवंबर, 10:30 को"),
        ("ar", "والموعد المتوقع الثلاثاء، 24 نوفمبر.", "في 23 نوفمبر، 10:30."),
    ],
)
def test_days_and_times_are_said_in_the_language_of_the_message(language: str, expected: str, at: str) -> None:
    for channel in Channel:
        assert expected in Templates().render(Milestone.SHIPPED, channel, language, EXAMPLE).text
        assert at in Templates().render(Milestone.DELIVERED, channel, language, EXAMPLE).text


def test_another_year_is_named() -> None:
    values = {**EXAMPLE, "edd": Day(date(2027, 1, 2), 2026)}
    assert "Saturday, 2 January 2027" in Templates().render(Milestone.SHIPPED, Channel.SMS, "en", values).text


def test_a_language_without_words_for_dates_gets_digits_until_a_file_adds_them(tmp_path: Path) -> None:
    text = "{{ edd }} | {{ at }}"
    assert _text(own(tmp_path, "mr/shipped.text.j2", text), "mr") == "24-11-2026 | 23-11-2026, 10:30"
    months = ", ".join(f'"महिना {n}"' for n in range(1, 13))
    words = own(tmp_path, "customer_page/mr.toml", f'[dates]\nday = "{{day}} {{month}}"\nmonths = [{months}]\n')
    assert _text(words, "mr") == "24 महिना 11 | 23 महिना 11, 10:30"
    assert words.languages() == ["ar", "en", "hi", "mr"]
    assert [f.text for f in words.lint() if f.file.startswith("customer_page")] == []


def _text(words: Templates, language: str) -> str:
    return words.render(Milestone.SHIPPED, Channel.SMS, language, EXAMPLE).text


def test_a_weekday_within_a_date_does_not_bind_a_message_to_a_day(tmp_path: Path) -> None:
    text = "It comes on {{ edd }}."
    words = own(tmp_path, "en/shipped.sms.j2", text)
    assert "Tuesday" in _text(words, "en")
    assert not words.names_day(Milestone.SHIPPED, Channel.SMS, "en", EXAMPLE)
    words = own(tmp_path, "en/shipped.sms.j2", f"{text} That is on Tuesday.")
    assert words.names_day(Milestone.SHIPPED, Channel.SMS, "en", EXAMPLE)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("It comes today.", True),
        ("TOMORROW!", True),
        ("by Monday, we hope", True),
        ("आज पहुँचना चाहिए", True),
        ("இன்று வரும்", True),
        ("llega mañana", True),
        ("on 2 Nov 2026", False),
        ("Holidays and Sundaysale", False),
        ("कला और आजमगढ़", False),
    ],
)
def test_a_word_that_names_a_day_is_found_as_a_word(text: str, named: bool) -> None:
    assert names_day(text) is named


@pytest.mark.parametrize(("language", "direction"), [("en", "ltr"), ("hi", "ltr"), ("ar", "rtl")])
def test_mails_are_written_in_the_direction_of_their_language(language: str, direction: str) -> None:
    html = Templates().render(Milestone.SHIPPED, Channel.MAIL, language, EXAMPLE).html
    assert f'<div lang="{language}" dir="{direction}">' in (html or "")


def test_arabic_texts_begin_with_an_arabic_word() -> None:
    """The first strong character decides the direction of a text message."""
    for milestone, is_return in product(Milestone, (False, True)):
        values = {**EXAMPLE, "is_return": is_return}
        mail = Templates().render(milestone, Channel.MAIL, "ar", values)
        for text in (Templates().render(milestone, Channel.SMS, "ar", values).text, mail.subject, mail.text):
            assert unicodedata.bidirectional(text[0]) == "AL", text


def test_inserted_values_are_not_checked_as_template_text() -> None:
    values = {**EXAMPLE, "brand": "Sunday", "name": "Kal"}
    assert not Templates().names_day(Milestone.SHIPPED, Channel.MAIL, "en", values)


def test_the_lint_reports_custom_templates_that_name_a_day(tmp_path: Path) -> None:
    words = own(tmp_path, "en/shipped.sms.j2", "{{ order }} comes tomorrow")
    assert [(f.file, f.wrong) for f in words.lint() if "names a day" in f.text] == [("en/shipped.sms.j2", False)]


def test_values_are_escaped_for_their_channel() -> None:
    values = {**EXAMPLE, "order": "<b>*1*</b>\x00\n" + "x" * 200}
    html = Templates().render(Milestone.SHIPPED, Channel.MAIL, "en", values).html
    assert html is not None
    assert "&lt;b&gt;*1*&lt;/b&gt;" in html
    sms = Templates().render(Milestone.SHIPPED, Channel.SMS, "en", values).text
    assert "\x00" not in sms
    assert "x" * 70 not in sms
    assert "b1/b" in Templates().render(Milestone.SHIPPED, Channel.WHATSAPP, "en", values).text


def test_a_value_is_never_read_as_a_template() -> None:
    values = {**EXAMPLE, "order": "{{ 7 * 7 }}"}
    assert "{{ 7 * 7 }}" in Templates().render(Milestone.SHIPPED, Channel.SMS, "en", values).text


def test_indian_scripts_keep_their_joiners() -> None:
    name = "श्री\u200dमान"
    assert name in Templates().render(Milestone.SHIPPED, Channel.MAIL, "hi", {**EXAMPLE, "name": name}).text


def test_an_edited_file_takes_effect_at_once(tmp_path: Path) -> None:
    words = own(tmp_path, "en/shipped.sms.j2", "First {{ order }}")
    assert words.render(Milestone.SHIPPED, Channel.SMS, "en", EXAMPLE).text == "First 1001"
    own(tmp_path, "en/shipped.sms.j2", "Then {{ order }}")
    assert words.render(Milestone.SHIPPED, Channel.SMS, "en", EXAMPLE).text == "Then 1001"


def test_a_folder_replaces_single_files(tmp_path: Path) -> None:
    words = own(tmp_path, "en/shipped.sms.j2", "dlt_template_id: 1107\n---\nGone: {{ order }}")
    sms = words.render(Milestone.SHIPPED, Channel.SMS, "en", EXAMPLE)
    assert (sms.text, sms.dlt_template_id) == ("Gone: 1001", "1107")
    assert "on its way" in words.render(Milestone.SHIPPED, Channel.WHATSAPP, "en", EXAMPLE).text


def test_an_unknown_language_falls_back(tmp_path: Path) -> None:
    assert Templates(default_language="hi").render(Milestone.SHIPPED, Channel.SMS, "fr", EXAMPLE).language == "hi"
    assert Templates().render(Milestone.SHIPPED, Channel.SMS, "../../etc", EXAMPLE).language == "en"
    assert own(tmp_path, "mr/shipped.text.j2", "x").render(Milestone.SHIPPED, Channel.SMS, "mr", EXAMPLE).text == "x"


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("{{ phone }}", "unknown variable phone"),
        ("{{ order", "unexpected end"),
        ("{{ order.__class__.__mro__ }}", "unsafe"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("colour: red\n---\nx", "unknown line 'colour'"),
        ("  ", "the message is empty"),
    ],
)
def test_the_lint_names_the_file_and_the_fault(tmp_path: Path, text: str, finding: str) -> None:
    faults = [f for f in own(tmp_path, "en/shipped.sms.j2", text).lint() if f.wrong]
    assert {f.file for f in faults} == {"en/shipped.sms.j2"}
    assert any(finding in f.text for f in faults), faults


def test_the_lint_reports_unused_files(tmp_path: Path) -> None:
    found = own(tmp_path, "en/shiped.sms.j2", "x").lint()
    assert [(f.file, f.wrong) for f in found] == [("en/shiped.sms.j2", False)]


def test_a_template_cannot_reach_python(tmp_path: Path) -> None:
    words = own(tmp_path, "en/shipped.sms.j2", "{{ ''.__class__.__mro__[1].__subclasses__() }}")
    with pytest.raises(TemplateRefused, match="unsafe"):
        words.render(Milestone.SHIPPED, Channel.SMS, "en", EXAMPLE)


@pytest.mark.parametrize(
    ("text", "parts"),
    [("x" * 160, 1), ("x" * 161, 2), ("€" * 80, 1), ("€" * 81, 2), ("आ" * 70, 1), ("आ" * 71, 2), ("x" * 307, 3)],
)
def test_sms_parts_of_a_text(text: str, parts: int) -> None:
    assert sms_parts(text) == parts


@pytest.mark.parametrize(
    "text", [f"{'a' * 152}[{'b' * 152}", f"{'a' * 66}\N{PACKAGE}{'b' * 66}"], ids=["GSM", "UTF-16"]
)
def test_a_character_of_two_places_is_not_cut_between_two_sms(text: str) -> None:
    """As sms-segments-calculator 1.3.0, split-sms 0.1.7 and smsutil 1.1.3 count."""
    assert sms_parts(text) == 3
