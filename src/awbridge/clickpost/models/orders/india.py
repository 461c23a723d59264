"""An order within India: create-order v3. `POST /api/v3/create-order/`.

order = IndiaOrder(
    pickup_info=IndiaPickup(pickup_name="Kanda Warehouse", pickup_phone="8000000001", ...),
    drop_info=IndiaDrop(drop_name="A Customer", ...),
    shipment_details=IndiaShipment(courier_partner=4, reference_number="ORDER-1001", ...),
)
order.payload()
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from awbridge.clickpost.models.orders.order_base import Order, PlacePart
from awbridge.clickpost.models.orders.order_fields import (
    LOOSE,
    Filled,
    OptFlag,
    OptMoment,
    OptNumber,
    OptObject,
    OptText,
)
from awbridge.clickpost.models.orders.order_parts import GstInfo, Handling, OrderDetails, OrderItem
from awbridge.clickpost.models.orders.order_rules import FieldLayout
from awbridge.clickpost.models.orders.place_rules import DROP, PICKUP, RETURN, PlaceForm


class IndiaPickup(PlacePart):
    """Where the courier picks up: a warehouse, or for an RVP the customer."""

    form: ClassVar[PlaceForm] = PICKUP

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
    """PIN code, 6 digits unless `pickup_country` is another country."""
    pickup_country: OptText = None
    """IN or India."""
    pickup_time: OptMoment = None
    """When the parcel is ready, ISO 8601. ClickPost's documentation calls it mandatory."""
    email: OptText = None
    """E-mail for the courier. ClickPost's documentation calls it mandatory."""
    pickup_email: OptText = None
    """The same under its other name, as in ClickPost's examples."""
    tin: OptText = None
    """TIN or GST number of the seller. ClickPost's documentation calls it mandatory."""
    pickup_organisation: OptText = None
    """Company."""
    pickup_landmark: OptText = None
    """Something near that is easy to find."""
    pickup_district: OptText = None
    """District."""
    pickup_lat: OptNumber = None
    """Latitude in degrees. Fareye RVP (38) wants it."""
    pickup_long: OptNumber = None
    """Longitude in degrees. Fareye RVP (38) wants it."""
    pickup_address_type: OptText = None
    """OFFICE or RESIDENTIAL."""
    pickup_phone_code: OptText = None
    """Country code of the phone, such as +91."""
    vendor_code: OptText = None
    """Code of the place at the courier."""


class IndiaDrop(PlacePart):
    """Where the courier brings it: a customer, or for an RVP the warehouse."""

    form: ClassVar[PlaceForm] = DROP

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
    """PIN code, 6 digits unless `drop_country` is another country."""
    drop_country: OptText = None
    """IN or India."""
    drop_email: OptText = None
    """E-mail of the customer."""
    drop_alternate_phone: OptText = None
    """A second phone, at most 12 characters. XpressBees RVP (41)."""
    drop_phone_code: OptText = None
    """Country code of the phone, such as +91."""
    drop_organisation: OptText = None
    """Company."""
    drop_landmark: OptText = None
    """Something near that is easy to find."""
    drop_district: OptText = None
    """District."""
    drop_lat: OptNumber = None
    """Latitude in degrees. Fareye RVP (38) wants it."""
    drop_long: OptNumber = None
    """Longitude in degrees. Fareye RVP (38) wants it."""
    drop_address_type: OptText = None
    """OFFICE or RESIDENTIAL."""
    drop_start_time: OptMoment = None
    """From when on it can be delivered, ISO 8601."""
    drop_end_time: OptMoment = None
    """Until when it can be delivered, ISO 8601."""
    drop_vendor_code: OptText = None
    """Code of the place at the courier."""
    location_type: OptText = None
    """How `location_value` names the place, such as What3Words."""
    location_value: OptText = None
    """The place in the terms of `location_type`."""


class IndiaReturnAddress(PlacePart):
    """Where an undelivered parcel goes back to (RTO); the pickup place if left out."""

    form: ClassVar[PlaceForm] = RETURN

    name: OptText = None
    """Name of the person or place, at most 100 characters."""
    phone: OptText = None
    """Phone number, 10 or 11 digits."""
    address: OptText = None
    """Street address, at most 500 characters."""
    city: OptText = None
    """City, at most 200 characters."""
    state: OptText = None
    """State, at most 200 characters."""
    pincode: OptText = None
    """PIN code, 6 digits."""
    country: OptText = None
    """IN or India."""
    email: OptText = None
    """E-mail."""
    landmark: OptText = None
    """Something near that is easy to find."""
    district: OptText = None
    """District."""
    lat: OptNumber = None
    """Latitude in degrees."""
    long: OptNumber = None
    """Longitude in degrees."""


class IndiaItem(OrderItem):
    """One item; in a multi-piece shipment one piece, with its own weight (grams) and measures (cm)."""


class IndiaShipment(OrderDetails):
    """`shipment_details`: what is shipped, how it is paid for, and by whom it goes."""

    items: list[IndiaItem]
    """What is in it: at least one. Several make a multi-piece shipment (MPS) with couriers that know it."""


class IndiaAdditional(Handling):
    """`additional`: how to treat the order, and extras of single couriers."""

    return_info: Annotated[IndiaReturnAddress | None, LOOSE] = None
    """Where an undelivered parcel goes back to."""
    min_edd: OptText = None
    """Fewest days until delivery."""
    max_edd: OptText = None
    """Most days until delivery."""
    zone: OptText = None
    """The delivery zone."""
    store_code: OptText = None
    """Code of the store."""
    enable_whatsapp: OptFlag = None
    """Whether the customer is notified by WhatsApp."""
    otp_based_delivery: OptFlag = None
    """Whether the customer proves the delivery by a one-time password. Delhivery (4), Shipsy (150), XpressBees (6),
    EcomExpress (3), Smartr (250)."""
    otp_code: OptText = None
    """The one-time password, at most 10 characters. Bluedart (5, 28)."""
    categories: OptText = None
    """Categories of the items, separated by commas, at most 100 characters. Bluedart (5, 28)."""
    exchange_address: OptText = None
    """Where the old item of an exchange goes, at most 500 characters. Delhivery (4)."""
    exchange_city: OptText = None
    """Its city, at most 100 characters."""
    exchange_state: OptText = None
    """Its state, at most 100 characters."""
    exchange_pincode: OptText = None
    """Its PIN code, at most 10 characters."""
    exchange_country: OptText = None
    """Its country, 2 letters."""
    exchange_shipment_description: OptText = None
    """What is exchanged, at most 100 characters. Delhivery (4)."""
    exchange_rvp_awb: OptText = None
    """Waybill of the return that belongs to an exchange, at most 100 characters. Bluedart RVP (28)."""
    invoice_reference: OptText = None
    """Number of the invoice."""
    inv_url: OptText = None
    """Link of the invoice. EcomExpress (3)."""
    pickup_type: OptText = None
    """WH warehouse or SL seller. EcomExpress (3)."""
    template_id: OptText = None
    """Template of the quality check, at most 100 characters. XpressBees RVP (41)."""
    template_category: OptText = None
    """Category of that template, at most 100 characters. XpressBees RVP (41)."""
    from_wh: OptText = None
    """The warehouse it leaves."""
    to_wh: OptText = None
    """The warehouse it goes to."""
    multi_modal: OptObject = None
    """A second courier for the last mile: `last_mile_courier_partner`, `last_mile_pickup_time`, `transit_info` ..."""


class IndiaOrder(Order):
    """A create-order v3 request. A wrong one raises ValidationError that names every wrong field."""

    layout: ClassVar[FieldLayout] = FieldLayout()

    pickup_info: IndiaPickup
    """Where the courier picks up."""
    drop_info: IndiaDrop
    """Where the courier brings it."""
    shipment_details: IndiaShipment
    """What is shipped."""
    gst_info: GstInfo | None = None
    """Indian tax."""
    additional: IndiaAdditional | None = None
    """How to treat the order; ClickPost's integration guide calls it `additional_info`."""
