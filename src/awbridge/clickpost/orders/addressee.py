"""Whom a parcel is for, as far as the customer's page may know: a first name, a city, a language.

The page is opened by whoever has the link. What it shows is cut down here, where the payload is read.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from awbridge.clickpost.orders.order_facts import digits_of_number
from awbridge.clickpost.orders.order_places import RETURN, place_of
from awbridge.clickpost.orders.recipients import language_of
from awbridge.clickpost.wire.lenient_json import as_text
from awbridge.domain.customer_page.places import shown_place
from awbridge.domain.json import JsonObject

LONGEST_NAME = 20

_TITLES = frozenset("mr mrs ms miss dr prof shri smt sri sh mister er adv col capt lt maj".split())  # noqa: SIM905
_LONGEST_READ = 100  # characters of a name that are looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressee:
    """`same_as` is equal for parcels of the same person: by the phone number, else by name and pincode; "" if neither.

    `first_name` and `city` may be "", `language` is a short code or "".
    """

    first_name: str
    city: str
    language: str
    same_as: str = field(repr=False)


def addressee(payload: JsonObject, *, delivery_type: str) -> Addressee:
    """The customer of a parcel: who receives it, or who hands a return over."""
    place = place_of(payload, "pickup" if delivery_type.upper() == RETURN else "drop")
    name = as_text(place.get("name"))
    phone = digits_of_number(as_text(place.get("phone")))
    pincode = as_text(place.get("pincode"))
    by_name = f"n:{' '.join(name.casefold().split())}:{pincode}" if name and pincode else ""
    return Addressee(
        first_name=first_name(name),
        city=shown_place(as_text(place.get("city"))),
        language=language_of(payload),
        same_as=f"p:{phone}" if phone else by_name,
    )


def first_name(name: str) -> str:
    """The first word of a name that is no title; "" where that is not a plain word, as in an initial or a number."""
    words = [word.strip(".,") for word in re.split(r"[\s.]+", name[:_LONGEST_READ].strip())]
    first = next((word for word in words if word and word.casefold() not in _TITLES), "")
    is_word = all(c.isalpha() or c in "'’-\u200c\u200d" or _is_mark(c) for c in first)
    return first if is_word and 2 <= len(first) <= LONGEST_NAME else ""


def _is_mark(character: str) -> bool:
    """Whether a character belongs to the letter before it, like the vowel signs of Indian scripts."""
    return unicodedata.category(character)[0] == "M"
