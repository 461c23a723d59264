"""The languages of the pages: which one a visitor reads, and the translation of a text.

Texts are written in English, which is their key in the catalogues (`locale/<language>/LC_MESSAGES/pages.mo`).
A text without a translation stays English.
"""

from __future__ import annotations

import gettext as catalogues
from functools import cache
from importlib.resources import as_file, files

from awbridge.web.pages.visit import current_visit

LANGUAGES = {"en": "English", "hi": "हिन्दी"}
COOKIE = "awbridge_language"


def choose(cookie: str, accepted: str) -> str:
    """The language of a visitor: what they chose (`cookie`), else the first known one of Accept-Language, else English.

    Accept-Language is a list such as `hi-IN,hi;q=0.9,en;q=0.8` (RFC 9110, 12.5.4).
    """
    if cookie in LANGUAGES:
        return cookie
    offers: list[tuple[float, str]] = []
    for part in accepted.split(","):
        tag, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weights = [piece[2:] for piece in parameters if piece.startswith("q=")]
        try:
            weight = float(weights[0]) if weights else 1.0
        except ValueError:
            continue
        offers.append((-weight, tag.partition("-")[0]))
    return next((tag for weight, tag in sorted(offers, key=lambda o: o[0]) if weight < 0 and tag in LANGUAGES), "en")


@cache
def _catalogue(language: str) -> catalogues.NullTranslations:
    with as_file(files("awbridge.web.pages") / "locale") as folder:
        return catalogues.translation("pages", folder, [language], fallback=True)


def gettext_noop(text: str) -> str:
    """The same text: it marks an entry of a table for the catalogues. It is translated where it is shown."""
    return text


def gettext(text: str) -> str:
    """The text in the visitor's language."""
    return _catalogue(current_visit().language).gettext(text) if text else ""


def ngettext(one: str, many: str, number: int) -> str:
    """The text for a number of things in the visitor's language."""
    return _catalogue(current_visit().language).ngettext(one, many, number)
