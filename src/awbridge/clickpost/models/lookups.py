"""Bodies of the questions before booking: which courier, does one go there, how long it takes.

Source: ClickPost's API reference of recommendation, serviceability and predicted delivery date.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationInfo, field_validator

from awbridge.clickpost.models.base import RequestModel
from awbridge.clickpost.models.parts import (
    Amount,
    CourierId,
    CustomFields,
    DayField,
    DeliveryType,
    Filled,
    FlagField,
    OrderType,
    Package,
    Place,
    ServiceType,
    ShippedItem,
    TextField,
    check_cod,
)


class RecommendationRequest(Package):
    """recommendation v1: one parcel within India. The endpoint takes a list of these.

    Without its size no shipping charge is computed, and price rules do not count.
    """

    pickup_pincode: Filled
    """Where it starts: pincode, 6 digits."""
    drop_pincode: Filled
    """Where it goes: pincode, 6 digits."""
    order_type: OrderType
    """PREPAID, COD or EXCHANGE."""
    delivery_type: DeliveryType
    """FORWARD or RVP."""
    reference_number: Filled
    """The shop's reference. The answer names it, and the dashboard's log is searched by it."""
    item: TextField | None = None
    """What is in it, in words."""
    item_count: Amount | None = None
    """How many items."""
    invoice_value: Amount | None = None
    """Value on the invoice, in rupees."""
    additional: CustomFields | None = None
    """Values for the rules in the dashboard."""


class WorldRecommendationDetails(Package):
    """The parcel of a recommendation outside India."""

    reference_number: Filled
    """The shop's reference."""
    order_type: OrderType
    """PREPAID, COD or EXCHANGE."""
    delivery_type: DeliveryType
    """FORWARD or RVP."""
    cod_value: Amount | None = None
    """What the courier collects, in `currency_code`: above 0 for COD, 0 or nothing for PREPAID."""
    invoice_value: Amount | None = None
    """Value on the invoice, in `currency_code`."""
    invoice_number: TextField | None = None
    """Number of the invoice."""
    invoice_date: DayField | None = None
    """Day of the invoice, as YYYY-MM-DD."""
    currency_code: TextField | None = None
    """Currency of the amounts, three letters as in ISO 4217."""
    items: Sequence[ShippedItem] | None = None
    """What is in it."""
    additional: CustomFields | None = None
    """Values for the rules in the dashboard."""

    @field_validator("cod_value")
    @classmethod
    def _fits(cls, amount: Any, info: ValidationInfo) -> Any:
        check_cod(info.data.get("order_type"), amount)
        return amount


class WorldRecommendationRequest(RequestModel):
    """recommendation v2: one parcel outside India or across borders."""

    pickup_info: Place
    """Where it starts."""
    drop_info: Place
    """Where it goes."""
    shipment_details: WorldRecommendationDetails
    """What it is."""


class ServiceabilityOptions(Package):
    """What narrows the question, and lets the shipping charge be computed."""

    weight: Amount | None = None
    """Weight. ClickPost's page of this one endpoint says kilograms, everywhere else it counts grams."""
    invoice_value: Amount | None = None
    """Value on the invoice, in rupees."""
    service_type: ServiceType | None = None
    """FORWARD, RVP or EXCHANGE; ClickPost takes FORWARD where it is left out."""
    cp_id: CourierId | None = None
    """Only this courier."""


class ServiceabilityRequest(RequestModel):
    """serviceability v1: which accounts go from one pincode to another. The endpoint takes a list of these."""

    pickup_pincode: Filled
    """Where it starts: pincode, 6 digits."""
    drop_pincode: Filled
    """Where it goes: pincode, 6 digits."""
    optional: ServiceabilityOptions | None = None
    """What narrows the question."""


class DropServiceabilityRequest(RequestModel):
    """serviceability v3: whether any active account delivers there. The endpoint takes a list of these."""

    drop_pincode: Filled
    """Where it goes: pincode, 6 digits."""
    pickup_pincode: TextField | None = None
    """Where it starts: pincode, 6 digits, for shops with several warehouses."""
    order_type: OrderType | None = None
    """Only for this kind of payment."""
    service_type: ServiceType | None = None
    """FORWARD, RVP or EXCHANGE; ClickPost takes FORWARD where it is left out."""


class EddOptions(RequestModel):
    """What narrows a prediction."""

    cp_id: CourierId | None = None
    """Only this courier."""
    account_code: TextField | None = None
    """Only this account with that courier."""
    awb: TextField | None = None
    """The waybill of a shipment that exists already."""


class EddRequest(RequestModel):
    """predicted_sla: how long one journey within India takes. The endpoint takes a list of these."""

    pickup_pincode: Filled
    """Where it starts: pincode, 6 digits."""
    drop_pincode: Filled
    """Where it goes: pincode, 6 digits."""
    optional: EddOptions | None = None
    """What narrows the question."""


class WorldEddPlace(RequestModel):
    """One end of a journey across borders."""

    pincode: TextField
    """Postal code; "" in countries without one."""
    country: Filled
    """Country as ISO 3166 alpha-2 code."""
    city: TextField | None = None
    """City, or ""."""
    state: TextField | None = None
    """State or province, or ""."""


class WorldEddOptions(EddOptions):
    """What narrows a prediction across borders."""

    is_pudo: FlagField | None = None
    """Whether the customer fetches it at a pickup point."""


class WorldEddRequest(RequestModel):
    """global_edd: how long one journey across borders takes."""

    pickup_details: WorldEddPlace
    """Where it starts."""
    drop_details: WorldEddPlace
    """Where it goes."""
    optional: WorldEddOptions | None = None
    """What narrows the question."""
