"""Bodies of create-pickup: schedule a pickup. Source: ClickPost's API reference."""

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
    """create-pickup v1: a pickup within India. Only some couriers take it."""

    courier_partner: CourierId
    """The courier that picks up."""
    account_code: TextField | None = None
    """The account with that courier, as named in the dashboard."""
    pickup_date: MomentField
    """When to come, as YYYY-MM-DDTHH:MM:SS."""
    pickup_name: Filled
    """The person to meet, at most 100 characters."""
    pickup_phone: Filled
    """Phone, 10 or 11 digits."""
    pickup_email: Filled
    """E-mail address, at most 50 characters."""
    pickup_address: Filled
    """Street and house, at most 500 characters."""
    pickup_city: Filled
    """City, at most 100 characters."""
    pickup_state: Filled
    """State, at most 100 characters."""
    pickup_pincode: Filled
    """Pincode, 6 digits."""
    pickup_country: Filled
    """Country as ISO 3166 alpha-2 code: IN."""
    items: Filled
    """What is to be fetched, in words, at most 500 characters."""


class PickupShipment(Package):
    """The booked shipment that a courier is to fetch."""

    awb_number: Filled
    """Its waybill."""
    courier_partner_id: CourierId
    """The courier that booked it."""
    account_code: Filled
    """The account with that courier under which the waybill was booked."""
    reference_number: TextField | None = None
    """The shop's reference, for ClickPost's logs, at most 100 characters."""
    items: Sequence[ShippedItem] | None = None
    """What is in it."""


class PickupPlace(Place):
    """Where and in which hours a courier is to come."""

    date: DayField
    """The day, as YYYY-MM-DD."""
    start_time: TextField | None = None
    """From when on, as HH:MM of the place."""
    end_time: TextField | None = None
    """Until when, as HH:MM of the place."""


class WorldPickupRequest(RequestModel):
    """create-pickup v2: a pickup outside India or across borders. Only some couriers take it."""

    shipment_details: PickupShipment
    """What is to be fetched."""
    pickup_info: PickupPlace
    """Where and when."""
