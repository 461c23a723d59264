"""Phone numbers of orders: the digits to send, and what is wrong with numbers that cannot be sent. Pure.

ClickPost's pages of create-order v1 and v3 say "10/11 digit phone number". Shops and spreadsheets write more: spaces,
a country code, two numbers in one field, numbers that were rounded. No page states the length for v4: E.164 does.
"""

from __future__ import annotations

import re
from typing import Any

from awbridge.clickpost.wire.plain_json import text_of

INDIAN_PROBLEM = "must have 10 or 11 digits"
WORLD_PROBLEM = "must be one phone number of at most 15 digits"

_SEPARATORS = re.compile(r"[\s()\-\u2010-\u2015\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+")
_INDIAN = re.compile(r"(?P<code>(?:\+|00)?91)?(?P<zero>0)?(?P<number>\d{10})|(?P<eleven>\d{11})", re.ASCII)
_SENT = re.compile(r"\d{10,11}", re.ASCII)
_WORLD = re.compile(r"(?:\+|00)?\d{1,15}", re.ASCII)
_SEVERAL = re.compile(r"[/,;|&]|\bor\b")
_ROUNDED = re.compile(r"[+-]?\d+(?:\.\d+)?[eE]\+?\d+", re.ASCII)
_FEWEST = 6  # digits that make a number of a part
_SHORTEST = 7  # digits; the page of v4 gives no least number


def indian_digits(value: Any) -> str:
    """The 10 or 11 digits of an Indian number, without a country code; "" if they are not certain."""
    found = _INDIAN.fullmatch(_SEPARATORS.sub("", text_of(value)))
    if found is None:
        return ""
    if found["eleven"]:
        return found["eleven"]
    return found["number"] if found["code"] else (found["zero"] or "") + found["number"]


def phone_problem(value: Any, *, indian: bool) -> str:
    """Why this phone number cannot be sent, and what to do; "" if it can."""
    text, rule = text_of(value), INDIAN_PROBLEM if indian else WORLD_PROBLEM
    if _SENT.fullmatch(text) if indian else _WORLD.fullmatch(_SEPARATORS.sub("", text)):
        return ""
    if _ROUNDED.fullmatch(text):
        return f"{rule}; this one was rounded by a spreadsheet: give all its digits, as text"
    if sum(len(re.sub(r"\D", "", part)) >= _FEWEST for part in _SEVERAL.split(text)) > 1:
        return f"{rule}; this field holds several numbers: give one"
    if indian and indian_digits(text):
        return f"{rule}: leave out country code, spaces and signs"
    return f"{rule} and nothing else" if indian else rule


def phone_doubt(value: Any, *, indian: bool) -> str:
    """Why a phone number that can be sent is doubtful; "" if it is not."""
    text = text_of(value)
    digits = indian_digits(value) if indian else re.sub(r"\D", "", text)
    if len(digits) < _SHORTEST:
        return f"has only {len(digits)} digits: check it"
    if len(set(digits[-10:])) == 1:
        return "repeats one digit: the courier cannot reach anyone there"
    if indian and digits != text:
        return f"is sent as its {len(digits)} digits, without country code and separators"
    if indian and len(digits) == 11 and not digits.startswith("0"):
        return "has 11 digits and does not begin with 0: check it"
    return ""
