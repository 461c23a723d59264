"""What several request models share: checked kinds of values, ClickPost's fixed words, and parts of bodies.

A check says one thing of a field, whatever kinds of value the field takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError

from awbridge.clickpost.models.base import Day, Flag, Moment, Number, RequestModel, Text
from awbridge.clickpost.wire.plain_json import as_number, decimal_text
from awbridge.domain.json import JsonObject

OrderType = Literal["PREPAID", "COD", "EXCHANGE"]
"""How the customer pays: before, on delivery, or with the parcel that goes back."""

DeliveryType = Literal["FORWARD", "RVP"]
"""Which way the parcel goes: to the customer, or back from there (reverse pickup)."""

ServiceType = Literal["FORWARD", "RVP", "EXCHANGE"]
"""Which service is asked about: to the customer, back from there, or both in one visit."""


def problem(text: str) -> PydanticCustomError:
    """What is wrong with a field, for the one who filled it in."""
    return PydanticCustomError("wrong", "{problem}", {"problem": text})


def kept(text: str) -> WrapValidator:
    """A field that keeps the kind of value it is given; any other kind is refused with this text."""

    def check(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            found = handler(value)
        except ValidationError:
            raise problem(text) from None
        if isinstance(value, bool) is not isinstance(found, bool) or not isinstance(value, type(found)):
            raise problem(text)
        return found

    return WrapValidator(check)


def check_cod(order_type: object, amount: object, *, needed: bool = False) -> None:
    """Raises where the amount to collect contradicts the order type. `needed`: COD does not go without an amount."""
    number = as_number(amount)
    if order_type == "COD" and (number == 0 or (needed and number is None)):
        raise problem("must be an amount above 0 where order_type is COD")
    if order_type == "PREPAID" and number:
        raise problem("must be 0 or left out where order_type is PREPAID")


def _written_out(value: Any) -> Any:
    """The value. A Decimal that would be sent as 1E+3 becomes text without an exponent."""
    if isinstance(value, Decimal) and str(value) != (text := decimal_text(value)):
        return text
    return value


def _number(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    if as_number(value) is None:
        raise problem("must be a number")
    return handler(_written_out(value))


def _amount(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    number = as_number(value)
    if number is None or number < 0:
        raise problem("must be a number of 0 or more")
    return handler(_written_out(value))


def _filled(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    if isinstance(value, bool) or not isinstance(value, (str, int)) or not str(value).strip():
        raise problem("must be text that is not empty")
    return handler(value)


def _courier(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    digits = str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
    if not (digits.isascii() and digits.isdecimal() and int(digits)):
        raise problem("must be a courier partner id, a whole number above 0")
    return handler(value)


TextField = Annotated[Text, kept("must be text")]
"""Text, or a number that is meant as text."""

FlagField = Annotated[Flag, kept("must be true or false")]
"""True or false."""

DayField = Annotated[Day, kept("must be a date, or text as YYYY-MM-DD")]
"""A day."""

MomentField = Annotated[Moment, kept("must be a datetime, or text as YYYY-MM-DDTHH:MM:SS")]
"""A moment."""

DayOrMoment = Annotated[datetime | date | str, kept("must be a date, a datetime, or text as ISO 8601")]
"""A day, or a moment in it."""

Amount = Annotated[Number, WrapValidator(_amount)]
"""A number of 0 or more, or text that is one."""

NumberField = Annotated[Number, WrapValidator(_number)]
"""A number, or text that is one."""

Filled = Annotated[Text, WrapValidator(_filled)]
"""Text that is not empty."""

CourierId = Annotated[int | str, WrapValidator(_courier)]
"""The number that ClickPost gives a courier partner. Fetch-accounts lists those of an account."""


class Package(RequestModel):
    """The size of a parcel."""

    length: Amount | None = None
    """Length in cm."""
    breadth: Amount | None = None
    """Breadth in cm."""
    height: Amount | None = None
    """Height in cm."""
    weight: Amount | None = None
    """Weight in grams, except where the endpoint's own model says otherwise."""


class ShippedItem(Package):
    """One kind of thing in a parcel. The size, where given, is that of one unit."""

    sku: TextField | None = None
    """The shop's own number of the item, at most 100 characters."""
    description: TextField | None = None
    """What it is, at most 500 characters."""
    cat: TextField | None = None
    """Its category, at most 50 characters."""
    quantity: Amount | None = None
    """How many units."""
    price: Amount | None = None
    """Price of one unit, in the currency of the invoice (rupees in India)."""
    manufacture_country: TextField | None = None
    """The country it was made in, by name, at most 100 characters."""
    manufacture_country_code: TextField | None = None
    """The same as ISO 3166 alpha-2 code."""
    return_days: Amount | None = None
    """Days within which the customer may return it."""
    exchange_days: Amount | None = None
    """Days within which the customer may exchange it."""
    product_url: TextField | None = None
    """Addresses of its pages, separated by commas, at most 1000 characters."""
    images: TextField | None = None
    """Addresses of its pictures, separated by commas, at most 1000 characters."""
    additional: Package | None = None
    """Its size, where the endpoint wants that nested (awb-register v2)."""
    extra: JsonObject | None = None
    """Data of the shop's own, as in ClickPost's examples."""
    extras: JsonObject | None = None
    """The same under the name in ClickPost's tables, at most 1000 characters."""


class Place(RequestModel):
    """One end of the journey, wherever in the world."""

    name: TextField | None = None
    """The person to meet, at most 100 characters."""
    phone: TextField | None = None
    """Phone, at most 11 digits."""
    phone_code: TextField | None = None
    """Country calling code such as "+91", at most 5 characters."""
    email: TextField | None = None
    """E-mail address, at most 50 characters."""
    address: TextField | None = None
    """Street and house, at most 500 characters."""
    landmark: TextField | None = None
    """What is near, at most 500 characters."""
    district: TextField | None = None
    """District, at most 100 characters."""
    city: TextField | None = None
    """City, at most 100 characters."""
    state: TextField | None = None
    """State or province, at most 100 characters."""
    pincode: TextField | None = None
    """Indian pincode, 6 digits."""
    postal_code: TextField | None = None
    """Postal code elsewhere, at most 10 characters; "" in countries without one."""
    country_code: TextField | None = None
    """Country as ISO 3166 alpha-2 code."""
    lat: NumberField | None = None
    """Latitude in degrees."""
    long: NumberField | None = None
    """Longitude in degrees."""
    time: MomentField | None = None
    """When the courier comes, as YYYY-MM-DDTHH:MM:SS."""


class CustomField(RequestModel):
    """One value that rules in the dashboard can use."""

    key: Filled
    """The field's name in the dashboard."""
    value: Any
    """Its value: text, a number, true or false."""


class CustomFields(RequestModel):
    """What goes beside the known fields."""

    custom_fields: Sequence[CustomField] | None = None
    """Values for the rules in the dashboard."""
