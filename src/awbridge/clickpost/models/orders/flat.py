"""An order in the old flat form, every field at the top: create-order v1, still used for B2B.

`POST /api/v1/create-order/`, and create-order v3 takes this form too: ClickPost's own examples place an exchange so
("Reverse Exchange HIH"). Code 39 is asked for by the page of v1 alone; all other limits are those of every form.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar

from awbridge.clickpost.models.base import Text
from awbridge.clickpost.models.orders.india import IndiaItem, IndiaReturnAddress
from awbridge.clickpost.models.orders.order_base import Order
from awbridge.clickpost.models.orders.order_fields import (
    LOOSE,
    Checked,
    Filled,
    OptDirection,
    OptMoment,
    OptNumber,
    OptText,
    filled,
    wrong,
)
from awbridge.clickpost.models.orders.order_parts import B2BGstInfo, GstInfo, Handling, OrderDetails
from awbridge.clickpost.models.orders.order_rules import FieldLayout
from awbridge.clickpost.wire.plain_json import text_of

# Lower case occurs in ClickPost's own examples: it is printed as upper case.
CODE_39 = re.compile(r"[A-Za-z0-9 $%+./-]+", re.ASCII)


def _code_39(value: Any) -> Any:
    if not CODE_39.fullmatch(text_of(filled(value))):
        raise wrong("may hold only the characters of Code 39: letters, digits, space and - . $ / + %")
    return filled(value)


Code39 = Annotated[Text, Checked(_code_39)]


class _FlatForm(OrderDetails, Handling, Order):
    layout: ClassVar[FieldLayout] = FieldLayout(details=(), additional=())

    pickup_name: Filled
    """Name of the person or place, at most 100 characters."""
    pickup_phone: Filled
    """Phone number, 10 or 11 digits."""
    pickup_address: Filled
    """Street address, at most 500 characters."""
    pickup_city: Filled
    """City, at most 200 characters."""
    pickup_state: Filled
    """State, at most 200 characters."""
    pickup_pincode: Filled
    """PIN code, 6 digits."""
    pickup_country: OptText = None
    """IN or India."""
    pickup_time: OptMoment = None
    """When the parcel is ready, ISO 8601. ClickPost's documentation calls it mandatory."""
    drop_name: Filled
    """Name of the person or place, at most 100 characters."""
    drop_phone: Filled
    """Phone number, 10 or 11 digits."""
    drop_address: Filled
    """Street address, at most 500 characters."""
    drop_city: Filled
    """City, at most 200 characters."""
    drop_state: Filled
    """State, at most 200 characters."""
    drop_pincode: Filled
    """PIN code, 6 digits."""
    drop_country: OptText = None
    """IN or India."""
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
    invoice_number: Filled
    """Number of the invoice, at most 50 characters."""
    delivery_type: OptDirection = "FORWARD"
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
