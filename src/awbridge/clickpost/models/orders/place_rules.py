"""The limits of places and of single couriers' fields, which apply to every form of an order. Pure.

Sources: ClickPost's pages of create-order v1 and v3 (places, return addresses, invoice number) and its page of custom
fields for certain carriers (which names the couriers of each limit). Published limits are enforced.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from awbridge.clickpost.orders.phone_forms import phone_problem
from awbridge.clickpost.wire.lenient_json import as_list, as_object, as_text
from awbridge.clickpost.wire.plain_json import JsonProblem, text_of
from awbridge.clickpost.wire.validation_codes import DATA_WRONG
from awbridge.domain.json import JsonObject

INDIAN_PINCODE = re.compile(r"[1-9]\d{5}", re.ASCII)
INDIA = ("", "IN", "IND", "INDIA")
INDIAN_CODES = ("", "91", "+91", "0091")

LONGEST = {"name": 100, "address": 500, "city": 200, "state": 200, "country": 100}  # characters
LONGEST_INVOICE_NUMBER = 50  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceForm:
    """How a form names the fields of a place: their prefix, and the names of postal code and country."""

    prefix: str = ""
    pincode: str = "pincode"
    country: str = "country"
    default_country: str = "IN"
    names_phones: bool = True  # whether its page requires 10 or 11 digits

    def is_indian(self, place: JsonObject) -> bool:
        """Whether the place is in India, by its country."""
        return (as_text(place.get(self.prefix + self.country)) or self.default_country).upper() in INDIA

    def has_indian_phone(self, place: JsonObject) -> bool:
        """Whether its phone number is Indian: it is unless country or calling code are those of another country."""
        return (
            self.names_phones
            and self.is_indian(place)
            and as_text(place.get(f"{self.prefix}phone_code")) in INDIAN_CODES
        )


PICKUP, DROP, RETURN = PlaceForm(prefix="pickup_"), PlaceForm(prefix="drop_"), PlaceForm()
WORLD = PlaceForm(pincode="postal_code", country="country_code", default_country="?", names_phones=False)


def place_problems(place: JsonObject, form: PlaceForm) -> Iterator[JsonProblem]:
    """Every limit that a place exceeds. Missing fields are not checked."""
    for name, longest in LONGEST.items():
        yield from too_long(place, form.prefix + name, longest)
    phone = place.get(f"{form.prefix}phone")
    if _fits(phone) and (text := phone_problem(phone, indian=form.has_indian_phone(place))):
        yield JsonProblem((f"{form.prefix}phone",), text, DATA_WRONG)
    pincode = text_of(place.get(form.prefix + form.pincode))
    if pincode and form.is_indian(place) and not INDIAN_PINCODE.fullmatch(pincode):
        yield JsonProblem((form.prefix + form.pincode,), "must have 6 digits, such as 560001", DATA_WRONG)


def too_long(holder: JsonObject, name: str, longest: int) -> Iterator[JsonProblem]:
    """The problem of a text that is too long."""
    if (length := len(text_of(holder.get(name)))) > longest:
        yield JsonProblem((name,), f"may have at most {longest} characters, and has {length}: shorten it", DATA_WRONG)


def _fits(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool) and text_of(value) != ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldLimit:
    """The maximum length of a field; only for `couriers`, if any are named."""

    name: str
    longest: int
    couriers: frozenset[int] = frozenset()

    def applies_to(self, courier: int) -> bool:
        """Whether it applies to this courier partner id."""
        return not self.couriers or courier in self.couriers


def _limits(longest: int, *names: str, couriers: Iterable[int] = ()) -> tuple[FieldLimit, ...]:
    return tuple(FieldLimit(name=name, longest=longest, couriers=frozenset(couriers)) for name in names)


DETAIL_LIMITS = (
    *_limits(LONGEST_INVOICE_NUMBER, "invoice_number"),
    *_limits(100, "reseller_name", couriers=(4, 25, 50)),
    *_limits(100, "booking_id", couriers=(4, 25)),
)
DROP_LIMITS = _limits(12, "drop_alternate_phone", couriers=(41,))
ADDITIONAL_LIMITS = (
    *_limits(10, "otp_code", couriers=(5, 28)),
    *_limits(100, "categories", couriers=(5, 28)),
    *_limits(500, "exchange_address", couriers=(4,)),
    *_limits(100, "exchange_city", "exchange_state", "exchange_shipment_description", couriers=(4,)),
    *_limits(10, "exchange_pincode", couriers=(4,)),
    *_limits(2, "exchange_country", couriers=(4,)),
    *_limits(100, "exchange_rvp_awb", couriers=(28,)),
    *_limits(100, "template_id", "template_category", couriers=(41,)),
    *_limits(100, "customer_id_number", couriers=(145, 159)),
    *_limits(20, "fareye_store_id", "fareye_order_type", couriers=(31,)),
)
GST_LIMITS = (*_limits(100, "invoice_reference", couriers=(28, 41)), *_limits(100, "seller_name", couriers=(3,)))
ITEM_LIMITS = (*_limits(100, "imei"), *_limits(20, "serial_no"))


def field_problems(
    order: JsonObject, details: JsonObject, additional: JsonObject, courier: int
) -> Iterator[JsonProblem]:
    """Every published limit that a field exceeds. Paths begin with the name of the section."""
    holders = (
        ("details", details, DETAIL_LIMITS),
        ("additional", additional, ADDITIONAL_LIMITS),
        ("drop", as_object(order.get("drop_info")) or order, DROP_LIMITS),
        ("gst_info", as_object(order.get("gst_info")), GST_LIMITS),
    )
    for section, holder, limits in holders:
        yield from _within((section,), holder, limits, courier)
    for index, item in enumerate(as_list(details.get("items"))):
        fields = as_object(item)
        yield from _within(("details", "items", index), fields, ITEM_LIMITS, courier)
        yield from _within(
            ("details", "items", index, "additional"), as_object(fields.get("additional")), ITEM_LIMITS, courier
        )


def _within(
    at: tuple[int | str, ...], holder: JsonObject, limits: Iterable[FieldLimit], courier: int
) -> Iterator[JsonProblem]:
    for limit in limits:
        if limit.name in holder and limit.applies_to(courier):
            yield from (found._replace(loc=(*at, *found.loc)) for found in too_long(holder, limit.name, limit.longest))
