"""Bodies of awb-register and awb-unregister: waybills that were booked elsewhere. Source: ClickPost's API reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ConfigDict, Field, ValidationInfo, field_validator

from awbridge.clickpost.models.base import RequestModel
from awbridge.clickpost.models.parts import (
    Amount,
    CourierId,
    DayField,
    DayOrMoment,
    DeliveryType,
    Filled,
    FlagField,
    OrderType,
    Package,
    Place,
    ShippedItem,
    TextField,
    check_cod,
)


class ConsumerDetails(RequestModel):
    """The customer, where ClickPost is to write to them."""

    name: TextField | None = None
    """Name, at most 250 characters."""
    phone: TextField | None = None
    """Phone, 10 or 11 digits."""
    email: TextField | None = None
    """E-mail address, at most 150 characters."""


class WaybillAdditional(RequestModel):
    """What the tracking page and the delivery promise need."""

    order_id: TextField | None = None
    """The shop's order, as the customer knows it."""
    order_date: DayOrMoment | None = None
    """When the customer ordered: YYYY-MM-DD, or ISO 8601 with the time."""
    ship_date: DayOrMoment | None = None
    """When the parcel was ready: YYYY-MM-DD, or ISO 8601 with the time."""
    min_edd: Amount | None = None
    """Fewest days of delivery that were promised."""
    max_edd: Amount | None = None
    """Most days of delivery that were promised."""
    estimated_delivery_date: DayOrMoment | None = None
    """The day of delivery that was promised; ClickPost measures the courier by it."""
    enable_whatsapp: FlagField | None = None
    """Whether ClickPost may send WhatsApp messages about it."""
    language_code: TextField | None = None
    """The customer's language, three letters as in ISO 639-2 ("eng")."""


class _ShipmentInfo(Package):
    """What both versions say of the parcel."""

    reference_number: TextField | None = None
    """The shop's reference, unique for each shipment, at most 100 characters."""
    order_type: OrderType | None = None
    """PREPAID, COD or EXCHANGE."""
    invoice_value: Amount | None = None
    """Value on the invoice, in its currency (rupees in India)."""
    cod_amount: Amount | None = None
    """What the courier collects, in the currency of the invoice: above 0 for COD, 0 or nothing for PREPAID."""

    @field_validator("cod_amount")
    @classmethod
    def _fits(cls, amount: Any, info: ValidationInfo) -> Any:
        check_cod(info.data.get("order_type"), amount)
        return amount


class ShipmentItemsV2(RequestModel):
    """The contents of a parcel, where v2 wants them."""

    items: Sequence[ShippedItem] | None = None
    """What is in it. The size of an item goes in its `additional`."""


class ShipmentInfoV2(_ShipmentInfo):
    """The parcel, as awb-register v2 takes it."""

    item: TextField | None = None
    """What is in it, in words, at most 500 characters."""
    delivery_type: DeliveryType | None = None
    """FORWARD or RVP."""
    pickup_pincode: TextField | None = None
    """Where it starts: pincode, 6 digits."""
    drop_pincode: TextField | None = None
    """Where it goes: pincode, 6 digits."""
    drop_address: TextField | None = None
    """Where it goes: street and house, at most 500 characters."""
    additional: ShipmentItemsV2 | None = None
    """The contents, one by one, for returns."""


class WaybillV2(RequestModel):
    """awb-register v2: track a waybill within India."""

    # The body carries the key, and an error must not print it.
    model_config = ConfigDict(hide_input_in_errors=True)

    waybill: Filled
    """The waybill, at most 100 characters."""
    cp_id: CourierId
    """The courier that booked it."""
    account_code: TextField | None = None
    """The account with that courier, as named in the dashboard. Newer accounts must give it."""
    key: TextField | None = Field(default=None, repr=False)
    """The account's key. Leave it out: the client puts in its own."""
    consumer_details: ConsumerDetails | None = None
    """The customer."""
    shipment_info: ShipmentInfoV2 | None = None
    """The parcel."""
    additional: WaybillAdditional | None = None
    """What the tracking page needs."""


class ShipmentInfoV3(_ShipmentInfo):
    """The parcel, as awb-register v3 takes it."""

    order_id: TextField | None = None
    """The shop's order, at most 100 characters."""
    invoice_date: DayField | None = None
    """The day of the invoice, as YYYY-MM-DD."""
    currency_code: TextField | None = None
    """Currency of the amounts, three letters as in ISO 4217."""
    cod_value: Amount | None = None
    """The same as `cod_amount`, under the name in ClickPost's tables."""
    items: Sequence[ShippedItem] | None = None
    """What is in it. The size of an item goes in the item itself."""

    @field_validator("cod_value")
    @classmethod
    def _value_fits(cls, amount: Any, info: ValidationInfo) -> Any:
        check_cod(info.data.get("order_type"), amount)
        return amount


class WaybillV3(RequestModel):
    """awb-register v3, recommended by ClickPost: track a waybill anywhere."""

    waybill: Filled
    """The waybill, at most 100 characters."""
    courier_partner: CourierId
    """The courier that booked it."""
    account_code: Filled
    """The account with that courier, as named in the dashboard, at most 100 characters."""
    consumer_details: ConsumerDetails | None = None
    """The customer."""
    shipment_info: ShipmentInfoV3 | None = None
    """The parcel."""
    pickup_info: Place | None = None
    """Where it starts."""
    drop_info: Place | None = None
    """Where it goes. `time`: when it is expected there."""
    additional: WaybillAdditional | None = None
    """What the tracking page needs. The days go without time here."""


class WaybillRemoval(RequestModel):
    """awb-unregister: stop the tracking of a waybill, which then counts as expired."""

    model_config = ConfigDict(hide_input_in_errors=True)

    waybill: Filled
    """The waybill."""
    cp_id: CourierId
    """The courier that booked it."""
    key: TextField | None = Field(default=None, repr=False)
    """The account's key. Leave it out: the client puts in its own."""
