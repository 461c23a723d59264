"""The bodies of create-pickup. Source: ClickPost's API reference."""

from __future__ import annotations

from collections.abc import Sequence

from awbridge.clickpost.models.base import RequestModel
from awbridge.clickpost.models.parts import (
    CourierId,
    DayField,
    Filled,
    MomentField,
    Package,
    Place,
    ShippedItem,
    TextField,
)


class IndiaPickupRequest(RequestModel):
    """create-pickup v1: a pickup within India. Only some couriers support it."""

    courier_partner: CourierId
    """The courier that picks up."""
    account_code: TextField | None = None
    """The courier account, as named in the dashboard."""
    pickup_date: MomentField
    """Pickup time, as YYYY-MM-DDTHH:MM:SS."""
    pickup_name: Filled
    """Contact person, at most 100 characters."""
    pickup_phone: Filled
    """Phone number, 10 or 11 digits."""
    pickup_email: Filled
    """E-mail address, at most 50 characters."""
    pickup_address: Filled
    """Street address, at most 500 characters."""
    pickup_city: Filled
    """City, at most 100 characters."""
    pickup_state: Filled
    """State, at most 100 characters."""
    pickup_pincode: Filled
    """Pincode, 6 digits."""
    pickup_country: Filled
    """Country, as an ISO 3166 alpha-2 code: IN."""
    items: Filled
    """Description of the goods, at most 500 characters."""


class PickupShipment(Package):
    """The booked shipment to pick up."""

    awb_number: Filled
    """The waybill."""
    courier_partner_id: CourierId
    """The courier that booked it."""
    account_code: Filled
    """The courier account under which it was booked."""
    reference_number: TextField | None = None
    """The seller's reference, for ClickPost's logs, at most 100 characters."""
    items: Sequence[ShippedItem] | None = None
    """The items."""


class PickupPlace(Place):
    """The place and time window of a pickup."""

    date: DayField
    """Date, as YYYY-MM-DD."""
    start_time: TextField | None = None
    """Earliest time, as HH:MM local time."""
    end_time: TextField | None = None
    """Latest time, as HH:MM local time."""


class WorldPickupRequest(RequestModel):
    """create-pickup v2: a pickup outside India or across borders. Only some couriers support it."""

    shipment_details: PickupShipment
    """The shipment to pick up."""
    pickup_info: PickupPlace
    """Place and time window."""
