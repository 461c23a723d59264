"""An order in the old flat form, every field at the top: create-order v1, still used for B2B.

`POST /api/v1/create-order/`, and create-order v3 takes this form too: ClickPost's own examples place an exchange so
("Reverse Exchange HIH"). The limits are those that ClickPost's documentation of v1 gives, and they are checked.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, ClassVar

from awbridge.clickpost.models.base import Text
from awbridge.clickpost.models.india import IndiaItem, IndiaReturnAddress
from awbridge.clickpost.models.order_base import Order
from awbridge.clickpost.models.order_fields import (
    LOOSE,
    Checked,
    Direction,
    OptMoment,
    OptNumber,
    OptText,
    filled,
    wrong,
)
from awbridge.clickpost.models.order_parts import B2BGstInfo, GstInfo, Handling, OrderDetails
from awbridge.clickpost.models.order_rules import Layout
from awbridge.clickpost.plain import text_of
from awbridge.domain.json import JsonObject

SECTIONS = ("pickup_info", "drop_info", "shipment_details")
SIDES = ("pickup_", "drop_")

_PHONE = re.compile(r"\d{10,11}", re.ASCII)
_PIN_CODE = re.compile(r"[1-9]\d{5}", re.ASCII)
# Lower case stands in ClickPost's own examples: it is printed as upper case.
_CODE_39 = re.compile(r"[A-Za-z0-9 $%+./-]+", re.ASCII)


def _text(allowed: Callable[[str], Any], problem: str, *, empty: bool = False) -> Checked:
    def check(value: Any) -> Any:
        if empty and (value is None or value == ""):
            return value
        if not allowed(text_of(filled(value))):
            raise wrong(problem)
        return value

    return Checked(check)


def _at_most(longest: int, *, empty: bool = False) -> Checked:
    return _text(lambda text: len(text) <= longest, f"may have at most {longest} characters", empty=empty)


Name = Annotated[Text, _at_most(100)]
Street = Annotated[Text, _at_most(500)]
City = Annotated[Text, _at_most(200)]
InvoiceNumber = Annotated[Text, _at_most(50)]
Country = Annotated[Text | None, _at_most(100, empty=True)]
Phone = Annotated[Text, _text(_PHONE.fullmatch, "must have 10 or 11 digits")]
PinCode = Annotated[Text, _text(_PIN_CODE.fullmatch, "must have 6 digits")]
Code39 = Annotated[
    Text, _text(_CODE_39.fullmatch, "may hold only the characters of Code 39: letters, digits, space and - . $ / + %")
]


class _FlatForm(OrderDetails, Handling, Order):
    layout: ClassVar[Layout] = Layout(details=(), additional=(), pickup=(), drop=())

    pickup_name: Name
    """Name of the person or place, at most 100 characters."""
    pickup_phone: Phone
    """Phone number, 10 or 11 digits."""
    pickup_address: Street
    """Street address, at most 500 characters."""
    pickup_city: City
    """City, at most 200 characters."""
    pickup_state: City
    """State, at most 200 characters."""
    pickup_pincode: PinCode
    """PIN code, 6 digits."""
    pickup_country: Country = None
    """IN or India, at most 100 characters."""
    pickup_time: OptMoment = None
    """When the parcel is ready, ISO 8601. ClickPost's documentation calls it mandatory."""
    drop_name: Name
    """Name of the person or place, at most 100 characters."""
    drop_phone: Phone
    """Phone number, 10 or 11 digits."""
    drop_address: Street
    """Street address, at most 500 characters."""
    drop_city: City
    """City, at most 200 characters."""
    drop_state: City
    """State, at most 200 characters."""
    drop_pincode: PinCode
    """PIN code, 6 digits."""
    drop_country: Country = None
    """IN or India, at most 100 characters."""
    drop_email: OptText = None
    """E-mail of the customer."""
    return_info: Annotated[IndiaReturnAddress | None, LOOSE] = None
    """Where an undelivered parcel goes back to."""
    exchange_info: Annotated[IndiaReturnAddress | None, LOOSE] = None
    """Where the other parcel of an exchange goes."""
    tin: OptText = None
    """TIN or GST number of the seller. ClickPost's documentation calls it mandatory."""
    email: OptText = None
    """E-mail for the courier. ClickPost's documentation calls it mandatory."""
    reference_number: Code39
    """Unique for each shipment, in characters of Code 39: letters, digits, space and - . $ / + %. At most 200;
    Bluedart (5, 28) takes 20."""
    invoice_number: InvoiceNumber
    """Number of the invoice, at most 50 characters."""
    delivery_type: Direction = "FORWARD"
    """FORWARD to the customer (so if left out), RVP (reverse pickup) back from there."""
    items: list[IndiaItem]
    """What is in it: at least one. With `shipment_type` MPS each is a piece with its own waybill."""
    order_creation_url: OptText = None
    """The courier's address for orders, as seen in an exchange with Delhivery."""
    cod_value: OptNumber = None
    """What is collected at the door, in rupees: above 0 for COD, 0 for PREPAID."""


class FlatOrder(_FlatForm):
    """An order in the flat form. A wrong one raises ValidationError that names every wrong field."""

    gst_info: GstInfo | None = None
    """Indian tax."""


class B2BOrder(_FlatForm):
    """An order between businesses, in the flat form. Where each item is a piece of its own, `shipment_type` is MPS."""

    gst_info: B2BGstInfo
    """Indian tax, with the GST number of the receiver."""


def is_flat(payload: JsonObject) -> bool:
    """Whether an order is in the flat form: it has no sections, and fields of places at the top."""
    if any(section in payload for section in SECTIONS):
        return False
    return any(isinstance(name, str) and name.startswith(SIDES) for name in payload)  # pyright: ignore[reportUnnecessaryIsInstance]
