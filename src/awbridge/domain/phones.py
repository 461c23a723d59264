"""Phone numbers in the one form that every channel takes: E.164. Pure."""

from __future__ import annotations

import phonenumbers


def e164(number: str, *, country: str) -> str | None:
    """`+919000000001` from `90000 00001`, `09000000001`, `+91-90000-00001`...; None where it cannot be dialled.

    `country` (ISO 3166, two letters) is where a number without a country code lies.
    """
    try:
        parsed = phonenumbers.parse(number, country.upper() or None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def reachable(address: str, *, country: str) -> str:
    """A phone number as E.164, or a mail address as it is. Raises ValueError where it is neither."""
    if "@" in address:
        return address.strip()
    number = e164(address, country=country)
    if number is None:
        raise ValueError("this is neither a phone number that can be dialled nor a mail address")
    return number
