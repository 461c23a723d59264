"""Bodies of awb-register and awb-unregister: waybills booked outside ClickPost. Source: ClickPost's API reference."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from awbridge.clickpost.models.base import RequestModel
from awbridge.clickpost.models.parts import (
    Amount,
    CodAmount,
    CourierId,
    DayOrMoment,
    DeliveryType,
    Filled,
    FlagField,
    InvoicedGoods,
    OrderType,
    Package,
    Place,
    ShippedItem,
    TextField,
)


class ConsumerDetails(RequestModel):
    """The customer, for ClickPost's messages."""

    name: TextField | None = None
    """Name, at most 250 characters."""
    phone: TextField | None = None
    """Phone number, 10 or 11 digits."""
    email: TextField | None = None
    """E-mail address, at most 150 characters."""


class WaybillAdditional(RequestModel):
    """Data for the tracking page and the delivery promise."""

    order_id: TextField | None = None
    """The seller's order id, as shown to the customer."""
    order_date: DayOrMoment | None = None
    """Date of the order: YYYY-MM-DD, or ISO 8601 with the time."""
    ship_date: DayOrMoment | None = None
    """Date on which the parcel was ready: YYYY-MM-DD, or ISO 8601 with the time."""
    min_edd: Amount | None = None
    """Minimum promised transit time, in days."""
    max_edd: Amount | None = None
    """Maximum promised transit time, in days."""
    estimated_delivery_date: DayOrMoment | None = None
    """The promised date of delivery; ClickPost measures the courier by it."""
    enable_whatsapp: FlagField | None = None
    """Whether ClickPost may send WhatsApp messages about the shipment."""
    language_code: TextField | None = None
    """The customer's language, as an ISO 639-2 code ("eng")."""


class _ShipmentInfo(Package):
    reference_number: TextField | None = None
    """The seller's reference, unique per shipment, at most 100 characters."""
    order_type: OrderType | None = None
    """PREPAID, COD or EXCHANGE."""
    invoice_value: Amount | None = None
    """Invoice value, in the invoice's currency (rupees in India)."""
    cod_amount: CodAmount | None = None
    """Amount to collect, in the invoice's currency: above 0 for COD, 0 or left out for PREPAID."""


class ShipmentItemsV2(RequestModel):
    """The items of a parcel, as v2 takes them."""

    items: Sequence[ShippedItem] | None = None
    """The items. The size of an item goes in its `additional`."""


class ShipmentInfoV2(_ShipmentInfo):
    """The parcel, as awb-register v2 takes it."""

    item: TextField | None = None
    """Description of the goods, at most 500 characters."""
    delivery_type: DeliveryType | None = None
    """FORWARD or RVP."""
    pickup_pincode: TextField | None = None
    """Pincode of the origin, 6 digits."""
    drop_pincode: TextField | None = None
    """Pincode of the destination, 6 digits."""
    drop_address: TextField | None = None
    """Street address of the destination, at most 500 characters."""
    additional: ShipmentItemsV2 | None = None
    """The single items, for returns."""


class _Registration(RequestModel):
    waybill: Filled
    """The waybill, at most 100 characters."""
    consumer_details: ConsumerDetails | None = None
    """The customer."""
    additional: WaybillAdditional | None = None
    """Data for the tracking page. v3 takes dates without a time."""


class WaybillV2(_Registration):
    """awb-register v2: track a waybill within India."""

    cp_id: CourierId
    """The courier that booked it."""
    account_code: TextField | None = None
    """The courier account, as named in the dashboard. Required for newer ClickPost accounts."""
    key: TextField | None = Field(default=None, repr=False)
    """The account's key. Leave it out: the client sets its own."""
    shipment_info: ShipmentInfoV2 | None = None
    """The parcel."""


class ShipmentInfoV3(InvoicedGoods, _ShipmentInfo):
    """The parcel, as awb-register v3 takes it. `cod_amount` is called `cod_value` in ClickPost's tables."""

    order_id: TextField | None = None
    """The seller's order id, at most 100 characters."""


class WaybillV3(_Registration):
    """awb-register v3, recommended by ClickPost: track a waybill anywhere."""

    courier_partner: CourierId
    """The courier that booked it."""
    account_code: Filled
    """The courier account, as named in the dashboard, at most 100 characters."""
    shipment_info: ShipmentInfoV3 | None = None
    """The parcel."""
    pickup_info: Place | None = None
    """Origin."""
    drop_info: Place | None = None
    """Destination. `time`: the expected time of delivery."""


class WaybillRemoval(RequestModel):
    """awb-unregister: stop tracking a waybill, which then counts as expired."""

    waybill: Filled
    """The waybill."""
    cp_id: CourierId
    """The courier that booked it."""
    key: TextField | None = Field(default=None, repr=False)
    """The account's key. Leave it out: the client sets its own."""
