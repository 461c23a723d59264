"""Every text of the pages is marked for translation, and every language has a translation of each."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from babel.messages.catalog import Message
from tools import translations

pytestmark = pytest.mark.heavy

TEMPLATES = translations.PAGES / "templates"
# What stays as it is in every language.
NAMES = {"awbridge", "clickpost", "awb", "edd", "ndr", "rto", "csv", "xlsx", "json", "pdf", "url", "id", "http"}
_JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_CODE = re.compile(r"<(code|pre|script)\b.*?</\1>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_SHOWN_ATTRIBUTE = re.compile(r"\b(?:title|placeholder|aria-label|alt|data-name)=\"([^\"]*)\"")
_EXAMPLE = re.compile(r"placeholder=\"(?:https://|evt_)[^\"]*\"|\bevt_|\bwebhook-id\b")
_WORD = re.compile(r"[A-Za-z][A-Za-z'-]+")


def bare_texts(template: str) -> Iterator[str]:
    """The texts of a template that a visitor sees and no function translates."""
    html = _EXAMPLE.sub("", _JINJA.sub("", template))
    for text in (*_SHOWN_ATTRIBUTE.findall(html), *_TAG.sub("\n", _CODE.sub("", html)).split("\n")):
        words = [word for word in _WORD.findall(text.replace("&nbsp;", " ")) if word.lower() not in NAMES]
        if words:
            yield text.strip()


FILES = sorted(path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.j2"))


@pytest.mark.parametrize("name", FILES)
def test_every_text_of_a_template_is_marked(name: str) -> None:
    template = (TEMPLATES / name).read_text(encoding="utf-8")
    assert list(bare_texts(template)) == []
    # Jinja marks what `_()` returns as safe: a variable in it would not be escaped.
    assert re.findall(r"(?<![\w.])_\((?![\"'])[^)]*\)", template) == [], "use the filter `translated`"


def differ(message: Message) -> bool:
    """Whether a translation has other placeholders, or a percent sign, which would begin one."""
    texts = [message.id] if isinstance(message.id, str) else [*message.id]
    translated = [message.string] if isinstance(message.string, str) else [*message.string]
    return any(placeholders(one) not in [placeholders(text) for text in texts] for one in translated)


def placeholders(text: str) -> list[str]:
    return sorted(re.findall(r"%(?:\(\w+\))?.", text))


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_every_text_is_translated(language: str) -> None:
    catalogue = translations.updated(language)
    missing = [message.id for message in catalogue if message.id and not translations.is_translated(message)]
    assert missing == [], "add the translations; python -m tools.translations brings the file up to date"
    errors = [(message.id, str(error)) for message in catalogue for error in message.check(catalogue)]
    errors += [(message.id, "its placeholders differ") for message in catalogue if message.id and differ(message)]
    assert errors == []


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_the_files_are_up_to_date(language: str) -> None:
    """Run `python -m tools.translations` where this fails."""
    path = translations.po_file(language)
    assert path.read_bytes() == translations.po_text(translations.updated(language))
    assert path.with_suffix(".mo").read_bytes() == translations.mo_bytes(translations.read(language))
