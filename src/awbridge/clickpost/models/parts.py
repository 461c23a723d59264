"""The checked field types, fixed values and parts of bodies that request models share.

A failed check yields one message per field, whatever types the field accepts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ValidationError, ValidationInfo, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError

from awbridge.clickpost.models.base import Day, Flag, Moment, Number, RequestModel, Text
from awbridge.clickpost.wire.plain_json import as_number, decimal_text
from awbridge.domain.json import JsonObject

OrderType = Literal["PREPAID", "COD", "EXCHANGE"]
"""How the customer pays: in advance, on delivery, or by an exchange of parcels."""

DeliveryType = Literal["FORWARD", "RVP"]
"""The direction of the parcel: to the customer, or back from the customer (reverse pickup)."""

ServiceType = Literal["FORWARD", "RVP", "EXCHANGE"]
"""The requested service: to the customer, back from the customer, or both in one visit."""


def problem(text: str) -> PydanticCustomError:
    """The error of a field with this problem."""
    return PydanticCustomError("wrong", "{problem}", {"problem": text})


def kept(text: str) -> WrapValidator:
    """A field that keeps the type of its value; a value of any other type is refused with this text."""

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
    """Raises if the amount to collect contradicts the order type. `needed`: COD requires an amount."""
    number = as_number(amount)
    if order_type == "COD" and (number == 0 or (needed and number is None)):
        raise problem("must be an amount above 0 where order_type is COD")
    if order_type == "PREPAID" and number:
        raise problem("must be 0 or left out where order_type is PREPAID")


def exact(value: Any) -> Any:
    """The value. A Decimal that would be sent as 1E+3 becomes text without an exponent."""
    if isinstance(value, Decimal) and str(value) != (text := decimal_text(value)):
        return text
    return value


def _number(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    if as_number(value) is None:
        raise problem("must be a number")
    return handler(exact(value))


def _amount(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    number = as_number(value)
    if number is None or number < 0:
        raise problem("must be a number of 0 or more")
    return handler(exact(value))


def _fits_order_type(amount: Any, info: ValidationInfo) -> Any:
    check_cod(info.data.get("order_type"), amount)
    return amount


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
"""Text, or a number in its place."""

FlagField = Annotated[Flag, kept("must be true or false")]
"""True or false."""

DayField = Annotated[Day, kept("must be a date, or text as YYYY-MM-DD")]
"""A day."""

MomentField = Annotated[Moment, kept("must be a datetime, or text as YYYY-MM-DDTHH:MM:SS")]
"""A point in time."""

DayOrMoment = Annotated[datetime | date | str, kept("must be a date, a datetime, or text as ISO 8601")]
"""A day, or a point in time."""

Amount = Annotated[Number, WrapValidator(_amount)]
"""A number of 0 or more, or text that is one."""

CodAmount = Annotated[Amount, AfterValidator(_fits_order_type)]
"""The amount to collect, which must fit `order_type`, a field before it."""

NumberField = Annotated[Number, WrapValidator(_number)]
"""A number, or text that is one."""

Filled = Annotated[Text, WrapValidator(_filled)]
"""Text that is not empty."""

CourierId = Annotated[int | str, WrapValidator(_courier)]
"""ClickPost's id of a courier partner. Fetch-accounts lists the ids of an account."""


class Package(RequestModel):
    """The size of a parcel."""

    length: Amount | None = None
    """Length in cm."""
    breadth: Amount | None = None
    """Breadth in cm."""
    height: Amount | None = None
    """Height in cm."""
    weight: Amount | None = None
    """Weight in grams, unless the endpoint's own model says otherwise."""


class ShippedItem(Package):
    """One item of a parcel. The size, if given, is that of one unit."""

    sku: TextField | None = None
    """The seller's stock-keeping unit, at most 100 characters."""
    description: TextField | None = None
    """Description, at most 500 characters."""
    cat: TextField | None = None
    """Category, at most 50 characters."""
    quantity: Amount | None = None
    """Number of units."""
    price: Amount | None = None
    """Unit price, in the invoice's currency (rupees in India)."""
    manufacture_country: TextField | None = None
    """Country of manufacture, by name, at most 100 characters."""
    manufacture_country_code: TextField | None = None
    """Country of manufacture, as an ISO 3166 alpha-2 code."""
    return_days: Amount | None = None
    """Return period, in days."""
    exchange_days: Amount | None = None
    """Exchange period, in days."""
    product_url: TextField | None = None
    """Product page URLs, separated by commas, at most 1000 characters."""
    images: TextField | None = None
    """Image URLs, separated by commas, at most 1000 characters."""
    additional: Package | None = None
    """The item's size, for the endpoint that takes it nested (awb-register v2)."""
    extra: JsonObject | None = None
    """The seller's own data, under the name in ClickPost's examples."""
    extras: JsonObject | None = None
    """The seller's own data, under the name in ClickPost's tables, at most 1000 characters."""


class Place(RequestModel):
    """An origin or destination anywhere in the world."""

    name: TextField | None = None
    """Contact person, at most 100 characters."""
    phone: TextField | None = None
    """Phone number, at most 11 digits."""
    phone_code: TextField | None = None
    """Country calling code such as "+91", at most 5 characters."""
    email: TextField | None = None
    """E-mail address, at most 50 characters."""
    address: TextField | None = None
    """Street address, at most 500 characters."""
    landmark: TextField | None = None
    """Landmark, at most 500 characters."""
    district: TextField | None = None
    """District, at most 100 characters."""
    city: TextField | None = None
    """City, at most 100 characters."""
    state: TextField | None = None
    """State or province, at most 100 characters."""
    pincode: TextField | None = None
    """Indian pincode, 6 digits."""
    postal_code: TextField | None = None
    """Postal code outside India, at most 10 characters; "" in countries without postal codes."""
    country_code: TextField | None = None
    """Country, as an ISO 3166 alpha-2 code."""
    lat: NumberField | None = None
    """Latitude in degrees."""
    long: NumberField | None = None
    """Longitude in degrees."""
    time: MomentField | None = None
    """Time of the courier's visit, as YYYY-MM-DDTHH:MM:SS."""


class InvoicedGoods(RequestModel):
    """The goods of a shipment anywhere in the world, with their invoice."""

    invoice_date: DayField | None = None
    """Date of the invoice, as YYYY-MM-DD."""
    currency_code: TextField | None = None
    """Currency of the amounts, as an ISO 4217 code."""
    cod_value: CodAmount | None = None
    """Amount to collect, in `currency_code`: above 0 for COD, 0 or left out for PREPAID."""
    items: Sequence[ShippedItem] | None = None
    """The items."""


class CustomField(RequestModel):
    """A value that rules in ClickPost's dashboard can use."""

    key: Filled
    """Name of the field in the dashboard."""
    value: Any
    """Value: text, a number, true or false."""


class CustomFields(RequestModel):
    """Fields beside the known ones."""

    custom_fields: Sequence[CustomField] | None = None
    """Values for rules in the dashboard."""
