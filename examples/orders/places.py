"""Addresses as shops store them: countries and states by name or code, phones in any notation. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import phonenumbers

from .fields import ascii_digits, text_of
from .problems import OrderProblem

# By ISO 3166-2:IN, with the older codes that shops still use.
INDIAN_STATES = {
    "AN": "Andaman and Nicobar Islands",
    "AP": "Andhra Pradesh",
    "AR": "Arunachal Pradesh",
    "AS": "Assam",
    "BR": "Bihar",
    "CG": "Chhattisgarh",
    "CH": "Chandigarh",
    "CT": "Chhattisgarh",
    "DD": "Dadra and Nagar Haveli and Daman and Diu",
    "DH": "Dadra and Nagar Haveli and Daman and Diu",
    "DL": "Delhi",
    "DN": "Dadra and Nagar Haveli and Daman and Diu",
    "GA": "Goa",
    "GJ": "Gujarat",
    "HP": "Himachal Pradesh",
    "HR": "Haryana",
    "JH": "Jharkhand",
    "JK": "Jammu and Kashmir",
    "KA": "Karnataka",
    "KL": "Kerala",
    "LA": "Ladakh",
    "LD": "Lakshadweep",
    "MH": "Maharashtra",
    "ML": "Meghalaya",
    "MN": "Manipur",
    "MP": "Madhya Pradesh",
    "MZ": "Mizoram",
    "NL": "Nagaland",
    "OD": "Odisha",
    "OR": "Odisha",
    "PB": "Punjab",
    "PY": "Puducherry",
    "RJ": "Rajasthan",
    "SK": "Sikkim",
    "TG": "Telangana",
    "TN": "Tamil Nadu",
    "TR": "Tripura",
    "TS": "Telangana",
    "UK": "Uttarakhand",
    "UP": "Uttar Pradesh",
    "UT": "Uttarakhand",
    "WB": "West Bengal",
}
# Woo and Magento know the Emirates by code only in some versions.
EMIRATES = {
    "AZ": "Abu Dhabi",
    "AJ": "Ajman",
    "DU": "Dubai",
    "FU": "Fujairah",
    "RK": "Ras Al Khaimah",
    "SH": "Sharjah",
    "UQ": "Umm Al Quwain",
}
_COUNTRIES = {
    "INDIA": "IN",
    "UNITED ARAB EMIRATES": "AE",
    "SAUDI ARABIA": "SA",
    "OMAN": "OM",
    "KUWAIT": "KW",
    "QATAR": "QA",
    "BAHRAIN": "BH",
    "UNITED STATES": "US",
    "UNITED KINGDOM": "GB",
    "SINGAPORE": "SG",
}
_INDIAN_PINCODE = re.compile(r"[1-9]\d{5}", re.ASCII)
_BETWEEN_PHONES = re.compile(r"[/,;|\n]|\bor\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A person or company with an address. `phone` is national, `phone_code` its country's code, such as +91."""

    name: str
    phone: str
    address: str
    city: str
    state: str = ""
    postal_code: str = ""
    country: str = "IN"
    phone_code: str = ""
    company: str = ""
    email: str = ""
    gstin: str = ""
    """GST number of a pickup address, if its state has another one than the merchant."""

    def indian(self, prefix: str) -> dict[str, Any]:
        """`pickup_info` or `drop_info` of the form for India."""
        email = "email" if prefix == "pickup_" else "drop_email"
        return {
            f"{prefix}name": self.name,
            f"{prefix}phone": self.phone,
            f"{prefix}address": self.address,
            f"{prefix}city": self.city,
            f"{prefix}state": self.state,
            f"{prefix}pincode": self.postal_code,
            f"{prefix}country": self.country,
            **_given(**{email: self.email, f"{prefix}organisation": self.company}),
            **({"tin": self.gstin} if prefix == "pickup_" and self.gstin else {}),
            **_given(**{f"{prefix}phone_code": self.phone_code if self.phone_code != "+91" else ""}),
        }

    def world(self) -> dict[str, Any]:
        """`pickup_info` or `drop_info` of the form for the world.

        Its postal code may not be empty: for countries without any, ClickPost's own examples have an area there.
        """
        return {
            "name": self.name,
            "phone": self.phone,
            "address": self.address,
            "city": self.city,
            "state": self.state,
            "postal_code": self.postal_code or self.city,
            "country_code": self.country,
            **_given(phone_code=self.phone_code, email=self.email, organisation=self.company),
        }


def delivery_place(
    order: str,
    where: str,
    *,
    name: Any,
    lines: Iterable[Any],
    city: Any,
    state: str,
    postal_code: Any,
    country: Any,
    phones: Iterable[Any],
    company: Any = "",
    email: Any = "",
) -> Place:
    """The address of a customer, checked as couriers need it. `where` names it in errors, such as `shipping_address`.

    A place without a city takes its state, as in the Emirates. Raises OrderProblem for what is missing.
    """
    land = country_code(country)
    digits, code = phone_in(phones, land)
    pincode = re.sub(r"[\s'`]", "", ascii_digits(text_of(postal_code))) if land == "IN" else text_of(postal_code)
    place = Place(
        name=text_of(name) or text_of(company),
        company=text_of(company) if text_of(name) else "",
        phone=digits,
        phone_code=code,
        address=address_line(*lines),
        city=text_of(city) or state,
        state=state,
        postal_code=pincode,
        country=land,
        email=text_of(email),
    )
    if len(land) != 2:
        raise OrderProblem(order, f"{where}: country", "is missing or unknown: give its two-letter code")
    for field in ("name", "address", "city", *(("state",) if land == "IN" else ())):
        if not getattr(place, field):
            raise OrderProblem(order, f"{where}: {field}", "is missing: complete the address in the shop")
    if not digits:
        raise OrderProblem(order, f"{where}: phone", "is missing, or cannot be dialled: correct it in the shop")
    if land == "IN" and not _INDIAN_PINCODE.fullmatch(pincode):
        raise OrderProblem(order, f"{where}: PIN code", "must have 6 digits, such as 560001: correct it in the shop")
    return place


def phone_in(texts: Iterable[Any], country: str) -> tuple[str, str]:
    """The first number in these fields that can be dialled: national digits and +code; ("", "") if there is none.

    Takes spaces, a leading 0 or country code, several numbers in one field, and the digits of any script.
    """
    for text in texts:
        for part in _BETWEEN_PHONES.split(ascii_digits(text_of(text))):
            if found := _phone(part, country):
                return found
    return "", ""


def country_code(text: Any) -> str:
    """The two-letter code of a country by name or code; the text itself if it is neither."""
    name = text_of(text).upper()
    return _COUNTRIES.get(name, name)


def state_name(code: Any, name: Any, country: str) -> str:
    """The name of a state: by its code where that is known, else the name that the shop has, else the code.

    India's shops print "MH", couriers "Maharashtra". "IN-MH" (Magento's extensions) and "29-Karnataka" (GST) are taken.
    """
    short = text_of(code).upper().removeprefix(f"{country}-")
    known = {"IN": INDIAN_STATES, "AE": EMIRATES}.get(country, {})
    written = re.sub(r"^\d{2}-", "", text_of(name))
    return known.get(short) or known.get(written.upper()) or written or text_of(code)


def address_line(*parts: Any) -> str:
    """The parts in one line. Empty ones, and a line that repeats the one before, are left out."""
    lines: list[str] = []
    for text in map(text_of, parts):
        if text and (not lines or text.casefold() != lines[-1].casefold()):
            lines.append(text)
    return ", ".join(lines)


def _phone(text: str, country: str) -> tuple[str, str] | None:
    try:
        parsed = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed):
        return None
    return phonenumbers.national_significant_number(parsed), f"+{parsed.country_code}"


def _given(**fields: str) -> dict[str, str]:
    return {name: value for name, value in fields.items() if value}
