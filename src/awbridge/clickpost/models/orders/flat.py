"""An order in the old flat form, with every field at the top: create-order v1, still used for B2B.

`POST /api/v1/create-order/`. create-order v3 takes this form too: an example of ClickPost's places an exchange with it
("Reverse Exchange HIH"). Only the page of v1 requires Code 39; all other limits apply to every form.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar

from awbridge.clickpost.models.base import Text
from awbridge.clickpost.models.orders import json_shapes
from awbridge.clickpost.models.orders.india import IndiaItem, IndiaReturnAddress
from awbridge.clickpost.models.orders.order_base import Order
from awbridge.clickpost.models.orders.order_fields import (
    LOOSE,
    Checked,
    Filled,
    OptCod,
    OptDirection,
    OptText,
    filled,
    wrong,
)
from awbridge.clickpost.models.orders.order_parts import (
    B2BGstInfo,
    DropFields,
    GstInfo,
    Handling,
    OrderDetails,
    PickupFields,
)
from awbridge.clickpost.models.orders.order_rules import FieldLayout
from awbridge.clickpost.wire.plain_json import text_of

# Lower case occurs in ClickPost's own examples; labels print it as upper case.
CODE_39 = re.compile(r"[A-Za-z0-9 $%+./-]+", re.ASCII)


def _code_39(value: Any) -> Any:
    if not CODE_39.fullmatch(text_of(filled(value))):
        raise wrong("may hold only the characters of Code 39: letters, digits, space and - . $ / + %")
    return filled(value)


Code39 = Annotated[Text, Checked(_code_39, json_shapes.CODE_39)]


class _FlatForm(PickupFields, DropFields, OrderDetails, Handling, Order):
    layout: ClassVar[FieldLayout] = FieldLayout(details=(), additional=())

    return_info: Annotated[IndiaReturnAddress | None, LOOSE] = None
    """Return address of an undelivered parcel."""
    exchange_info: Annotated[IndiaReturnAddress | None, LOOSE] = None
    """Address to which the other parcel of an exchange goes."""
    reference_number: Code39
    """Unique per shipment, in characters of Code 39: letters, digits, space and - . $ / + %. At most 200; for Bluedart
    (5, 28) at most 20."""
    invoice_number: Filled
    """Number of the invoice, at most 50 characters."""
    delivery_type: OptDirection = "FORWARD"
    """FORWARD to the customer (the default), or RVP (reverse pickup)."""
    items: list[IndiaItem]
    """At least one item. With `shipment_type` MPS each is a piece with its own waybill."""
    order_creation_url: OptText = None
    """URL at which the courier takes orders, seen in an exchange with Delhivery."""
    cod_value: OptCod = None
    """Amount to collect, in rupees: above 0 for COD, 0 for PREPAID."""


class FlatOrder(_FlatForm):
    """An order in the flat form. Raises ValidationError with every invalid field."""

    gst_info: GstInfo | None = None
    """Indian tax."""


class B2BOrder(_FlatForm):
    """An order between businesses, in the flat form. If each item is a piece of its own, `shipment_type` is MPS."""

    gst_info: B2BGstInfo
    """Indian tax, with the GST number of the consignee."""
