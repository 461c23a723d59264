"""Whom a parcel is for, as far as the customer's page may know: a first name, a city, a language.

The page is opened by whoever has the link. What it shows is cut down here, where the payload is read.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from awbridge.clickpost.orders.order_facts import digits_of_number
from awbridge.clickpost.orders.order_places import RETURN, place_of, place_value
from awbridge.clickpost.orders.recipients import language_of
from awbridge.clickpost.wire.lenient_json import as_text
from awbridge.domain.customer_page.places import shown_place
from awbridge.domain.json import JsonObject

LONGEST_NAME = 20

_TITLES = frozenset("mr mrs ms miss dr prof shri smt sri sh mister er adv col capt lt maj".split())  # noqa: SIM905
_LONGEST_READ = 100  # characters of a name that are looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressee:
    """The first name and the city may be "", `language` is a short code or ""."""

    first_name: str
    city: str
    language: str


def addressee(payload: JsonObject, *, delivery_type: str) -> Addressee:
    """The customer of a parcel: who receives it, or who hands a return over."""
    side = _side(delivery_type)
    return Addressee(
        first_name=first_name(as_text(place_value(payload, side, "name"))),
        city=shown_place(as_text(place_value(payload, side, "city"))),
        language=language_of(payload),
    )


def same_person(payload: JsonObject, *, delivery_type: str) -> str:
    """What is equal for parcels of the same person: by the phone number, else by name and pincode; "" if neither."""
    place = place_of(payload, _side(delivery_type))
    if phone := digits_of_number(as_text(place.get("phone"))):
        return f"p:{phone}"
    name, pincode = as_text(place.get("name")), as_text(place.get("pincode"))
    return f"n:{' '.join(name.casefold().split())}:{pincode}" if name and pincode else ""


def _side(delivery_type: str) -> str:
    return "pickup" if delivery_type.upper() == RETURN else "drop"


def first_name(name: str) -> str:
    """The first word of a name that is no title; "" where that is not a plain word, as in an initial or a number."""
    usual = name.partition(" ")[0]
    if usual.isascii() and usual.isalpha() and 2 <= len(usual) <= LONGEST_NAME and usual.casefold() not in _TITLES:
        return usual
    words = [word.strip(".,") for word in re.split(r"[\s.]+", name[:_LONGEST_READ].strip())]
    first = next((word for word in words if word and word.casefold() not in _TITLES), "")
    is_word = all(c.isalpha() or c in "'’-\u200c\u200d" or _is_mark(c) for c in first)
    return first if is_word and 2 <= len(first) <= LONGEST_NAME else ""


def _is_mark(character: str) -> bool:
    """Whether a character belongs to the letter before it, like the vowel signs of Indian scripts."""
    return unicodedata.category(character)[0] == "M"
