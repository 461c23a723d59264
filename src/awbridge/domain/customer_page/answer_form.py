"""Reads what a customer entered on the page: digits, day, phone number, address. Pure.

Problems are codes, which the page words in its language. Nothing that was entered is part of them.
"""

from __future__ import annotations

import hmac
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from awbridge.domain.customer_page.answers import REATTEMPTS, CustomerAnswerKind, Wish, days_to_choose
from awbridge.domain.notify.phones import national_digits

TAIL = 4  # digits of the phone number by which a customer is recognised
LONGEST_ADDRESS, LONGEST_LANDMARK, LONGEST_PHONE = 250, 100, 30  # characters
SHORTEST_ADDRESS = 8


class FormProblem(StrEnum):
    """What is wrong with a form; each belongs to the field of the same name."""

    KIND = "kind"
    DIGITS = "digits"
    DAY = "day"
    PHONE = "phone"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class GivenForm:
    """A form as sent: the wish, or the first problem with it. `digits`: the digits that were entered, at most four."""

    wish: Wish | None
    problem: FormProblem | None
    digits: str


def read_form(fields: Mapping[str, str], *, today: date, country: str) -> GivenForm:
    """Read the fields `kind`, `digits`, `day`, `phone`, `address` and `landmark` of a form.

    `today`: in the shop's time zone. `country`: of phone numbers without a country code (ISO 3166, two letters).
    """
    digits = tail_of(fields.get("digits", ""))
    wish = _wish(fields, today, country)
    if isinstance(wish, FormProblem):
        return GivenForm(None, wish, digits)
    return GivenForm(wish, None, digits) if len(digits) == TAIL else GivenForm(None, FormProblem.DIGITS, digits)


def tail_of(text: str) -> str:
    """The last four digits of a text, in any script: ١٢٣٤ and १२३४ are 1234."""
    digits = [str(unicodedata.decimal(c)) for c in text[:LONGEST_PHONE] if c.isdecimal()]
    return "".join(digits[-TAIL:])


def same_digits(given: str, tail: str | None) -> bool:
    """Whether these are the last four digits of the parcel's phone number; never where that is not known."""
    return bool(tail) and len(given) == TAIL and hmac.compare_digest(given.encode(), (tail or "").encode())


def _wish(fields: Mapping[str, str], today: date, country: str) -> Wish | FormProblem:
    name = fields.get("kind", "")
    if name not in set(CustomerAnswerKind):
        return FormProblem.KIND
    kind = CustomerAnswerKind(name)
    day = _day(fields.get("day", ""), today) if kind in REATTEMPTS else None
    if kind in REATTEMPTS and day is None:
        return FormProblem.DAY
    if kind is CustomerAnswerKind.NEW_PHONE:
        phone = _phone(fields.get("phone", ""), country)
        return Wish(kind=kind, day=day, phone_number=phone) if phone else FormProblem.PHONE
    if kind is CustomerAnswerKind.NEW_ADDRESS:
        address, landmark = _line(fields.get("address", "")), _line(fields.get("landmark", ""))
        if not SHORTEST_ADDRESS <= len(address) <= LONGEST_ADDRESS or len(landmark) > LONGEST_LANDMARK:
            return FormProblem.ADDRESS
        return Wish(kind=kind, day=day, address=address, landmark=landmark)
    return Wish(kind=kind, day=day)


def _day(text: str, today: date) -> date | None:
    """The chosen day; None for one that may not be chosen. Tomorrow, if none was chosen."""
    choices = days_to_choose(today)
    if not text.strip():
        return choices[0]
    return next((day for day in choices if day.isoformat() == text.strip()), None)


def _phone(text: str, country: str) -> str:
    if len(text) > LONGEST_PHONE:
        return ""
    plain = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)
    return national_digits(plain, country=country)


def _line(text: str) -> str:
    """A text as one line, without characters that are not printed."""
    kept = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(kept.split())
