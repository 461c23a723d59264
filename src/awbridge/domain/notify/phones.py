"""Phone numbers as E.164, the form that every channel accepts. Pure."""

from __future__ import annotations

import re

# Separators between two numbers in one field.
_BETWEEN = re.compile(r"[/,;|\n]|\bor\b", re.IGNORECASE)
_HAS_LETTERS = re.compile(r"[^\W\d_]")
_MEXICO, _MEXICAN_DIGITS = 52, 10


def e164(number: str, *, country: str) -> str | None:
    """`+919000000001` from `90000 00001`, `09000000001`, `+91-90000-00001`...; None if it is not a valid number.

    `country` (ISO 3166, two letters) applies to a number without a country code. Of several numbers in one field, the
    first valid one counts. A country code that is repeated or follows a 0 counts once. The 1 that followed Mexico's
    country code in mobile numbers until 2019 is dropped.
    """
    # As one number first: India writes 022/24567890.
    return next(filter(None, (_one(part, country.upper()) for part in (number, *_BETWEEN.split(number)))), None)


def national_digits(number: str, *, country: str) -> str:
    """The digits of one phone number as couriers of this country dial it; "" if it is not a valid number.

    A number of another country keeps its country code, without the plus sign.
    """
    import phonenumbers

    dialled = _one(number, country.upper())
    if dialled is None:
        return ""
    parsed = phonenumbers.parse(dialled)
    if parsed.country_code != phonenumbers.country_code_for_region(country.upper()):
        return dialled.removeprefix("+")
    return phonenumbers.national_significant_number(parsed)


def _one(number: str, country: str) -> str | None:
    return _dialled(number, country) or _dialled(_without_prefixes(number, country), country)


def _dialled(number: str, country: str) -> str | None:
    import phonenumbers  # only when a number is read: its tables of all countries take a while to import

    try:
        parsed = phonenumbers.parse(number, country or None)
    except phonenumbers.NumberParseException:
        return None
    national = str(parsed.national_number)
    if parsed.country_code == _MEXICO and len(national) == _MEXICAN_DIGITS + 1 and national.startswith("1"):
        parsed = phonenumbers.parse(f"+{_MEXICO}{national[1:]}")
    if not phonenumbers.is_valid_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def _without_prefixes(number: str, country: str) -> str:
    """The digits without leading zeros and country codes; "" for a number of another country."""
    import phonenumbers

    code = str(phonenumbers.country_code_for_region(country))
    digits = "".join(c for c in number if c.isdecimal() and c.isascii())
    is_abroad = number.lstrip().startswith("+") and not digits.startswith((code, "0"))
    if code == "0" or is_abroad or not digits or _HAS_LETTERS.search(number):
        return ""
    while (shorter := digits.lstrip("0").removeprefix(code)) != digits:
        digits = shorter
    return digits


def reachable(address: str, *, country: str) -> str:
    """A phone number as E.164, or a mail address as is. Raises ValueError for anything else and for several."""
    if "@" in address:
        return address.strip()
    number = e164(address, country=country)
    if number is not None and not _one(address, country.upper()):
        raise ValueError("these are several phone numbers: give them one by one")
    if number is None:
        raise ValueError("this is neither a phone number that can be dialled nor a mail address")
    return number
