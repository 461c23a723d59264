"""Bodies of the lookups before booking: recommended courier, serviceability, transit time.

Source: ClickPost's API reference of recommendation, serviceability and predicted delivery date.
"""

from __future__ import annotations

from awbridge.clickpost.models.base import RequestModel
from awbridge.clickpost.models.parts import (
    Amount,
    CourierId,
    CustomFields,
    DeliveryType,
    Filled,
    FlagField,
    InvoicedGoods,
    OrderType,
    Package,
    Place,
    ServiceType,
    TextField,
)


class _Route(RequestModel):
    pickup_pincode: Filled
    """Pincode of the origin, 6 digits."""
    drop_pincode: Filled
    """Pincode of the destination, 6 digits."""


class _RecommendedParcel(Package):
    reference_number: Filled
    """The seller's reference. The answer repeats it, and the dashboard's log is searched by it."""
    order_type: OrderType
    """PREPAID, COD or EXCHANGE."""
    delivery_type: DeliveryType
    """FORWARD or RVP."""
    invoice_value: Amount | None = None
    """Invoice value, in rupees or in `currency_code`."""
    additional: CustomFields | None = None
    """Values for rules in the dashboard."""


class RecommendationRequest(_Route, _RecommendedParcel):
    """recommendation v1: one parcel within India. The endpoint takes a list of these.

    Without a size, no shipping charge is computed and price rules are ignored.
    """

    item: TextField | None = None
    """Description of the goods."""
    item_count: Amount | None = None
    """Number of items."""


class WorldRecommendationDetails(InvoicedGoods, _RecommendedParcel):
    """The parcel of a recommendation outside India."""

    invoice_number: TextField | None = None
    """Number of the invoice."""


class WorldRecommendationRequest(RequestModel):
    """recommendation v2: one parcel outside India or across borders."""

    pickup_info: Place
    """Origin."""
    drop_info: Place
    """Destination."""
    shipment_details: WorldRecommendationDetails
    """The parcel."""


class ServiceabilityOptions(Package):
    """Filters of a serviceability lookup, and the size that a shipping charge is computed from."""

    weight: Amount | None = None
    """Weight. ClickPost documents kilograms for this endpoint alone, and grams for all others."""
    invoice_value: Amount | None = None
    """Invoice value, in rupees."""
    service_type: ServiceType | None = None
    """FORWARD, RVP or EXCHANGE; FORWARD if left out."""
    cp_id: CourierId | None = None
    """Only this courier."""


class ServiceabilityRequest(_Route):
    """serviceability v1: the accounts that serve a route. The endpoint takes a list of these."""

    optional: ServiceabilityOptions | None = None
    """Filters and size."""


class DropServiceabilityRequest(RequestModel):
    """serviceability v3: whether any active account delivers to a pincode. The endpoint takes a list of these."""

    drop_pincode: Filled
    """Pincode of the destination, 6 digits."""
    pickup_pincode: TextField | None = None
    """Pincode of the origin, 6 digits, for sellers with several warehouses."""
    order_type: OrderType | None = None
    """Only this payment type."""
    service_type: ServiceType | None = None
    """FORWARD, RVP or EXCHANGE; FORWARD if left out."""


class EddOptions(RequestModel):
    """Filters of a prediction."""

    cp_id: CourierId | None = None
    """Only this courier."""
    account_code: TextField | None = None
    """Only this courier account."""
    awb: TextField | None = None
    """The waybill of an existing shipment."""


class EddRequest(_Route):
    """predicted_sla: the transit time of one journey within India. The endpoint takes a list of these."""

    optional: EddOptions | None = None
    """Filters."""


class WorldEddPlace(RequestModel):
    """The origin or destination of a cross-border journey."""

    pincode: TextField
    """Postal code; "" in countries without postal codes."""
    country: Filled
    """Country, as an ISO 3166 alpha-2 code."""
    city: TextField | None = None
    """City, or ""."""
    state: TextField | None = None
    """State or province, or ""."""


class WorldEddOptions(EddOptions):
    """Filters of a cross-border prediction."""

    is_pudo: FlagField | None = None
    """Whether the customer collects the parcel at a pickup point."""


class WorldEddRequest(RequestModel):
    """global_edd: the transit time of one cross-border journey."""

    pickup_details: WorldEddPlace
    """Origin."""
    drop_details: WorldEddPlace
    """Destination."""
    optional: WorldEddOptions | None = None
    """Filters."""
