"""Names of places as customers may see them: a courier writes anything into them. Pure."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

LONGEST_PLACE = 48  # characters

# Six digits or more, also with separators in between: a phone number, a pincode, a waybill.
_LONG_NUMBER = re.compile(r"\+?\d(?:[\s().,/–-]*\d){5,}")
_MAIL_OR_LINK = re.compile(r"\S*(?:@|://|www\.)\S*", re.IGNORECASE)
_EMPTY = re.compile(r"[\[({]\s*[\])}]")


@lru_cache(maxsize=4096)  # a courier has few places
def shown_place(text: str) -> str:
    """A place or a city without what may be private in it: long numbers, mail addresses, links. "" if nothing is left.

    Words in capitals, such as GURGAON, and hubs such as Bhiwandi_Mankoli_HB are made readable.
    """
    line = unicodedata.normalize("NFKC", text[:400]).replace("_", " ")
    line = "".join(c if c.isprintable() or c in "\u200c\u200d" else " " for c in line)
    line = _EMPTY.sub("", _LONG_NUMBER.sub("", _MAIL_OR_LINK.sub("", line)))
    words = " ".join(line.split()).strip(" ,;:-/|.")
    if not any(c.isalpha() for c in words):
        return ""
    shown = words.title() if words.isupper() and len(words) > 3 else words
    return shown if len(shown) <= LONGEST_PLACE else shown[: LONGEST_PLACE - 1].rstrip() + "…"
