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
    OptFlag,
    OptMoment,
    OptNumber,
    OptObject,
    OptText,
)
from awbridge.clickpost.models.orders.order_parts import (
    DropFields,
    GstInfo,
    Handling,
    OrderDetails,
    OrderItem,
    PickupFields,
    PlaceDetails,
)
from awbridge.clickpost.models.orders.order_rules import FieldLayout
from awbridge.clickpost.models.orders.place_rules import DROP, PICKUP, RETURN, PlaceForm


class IndiaPickup(PickupFields, PlacePart):
    """The pickup address: a warehouse, or the customer of an RVP."""

    form: ClassVar[PlaceForm] = PICKUP

    pickup_email: OptText = None
    """The same as `email`, under its name in ClickPost's examples."""
    pickup_organisation: OptText = None
    """Company."""
    pickup_landmark: OptText = None
    """Landmark."""
    pickup_district: OptText = None
    """District."""
    pickup_lat: OptNumber = None
    """Latitude in degrees. Required by Fareye RVP (38)."""
    pickup_long: OptNumber = None
    """Longitude in degrees. Required by Fareye RVP (38)."""
    pickup_address_type: OptText = None
    """OFFICE or RESIDENTIAL."""
    pickup_phone_code: OptText = None
    """Country calling code, such as +91."""
    vendor_code: OptText = None
    """The courier's code of the place."""


class IndiaDrop(DropFields, PlacePart):
    """The delivery address: a customer, or the warehouse of an RVP."""

    form: ClassVar[PlaceForm] = DROP

    drop_alternate_phone: OptText = None
    """Alternate phone number, at most 12 characters. XpressBees RVP (41)."""
    drop_phone_code: OptText = None
    """Country calling code, such as +91."""
    drop_organisation: OptText = None
    """Company."""
    drop_landmark: OptText = None
    """Landmark."""
    drop_district: OptText = None
    """District."""
    drop_lat: OptNumber = None
    """Latitude in degrees. Required by Fareye RVP (38)."""
    drop_long: OptNumber = None
    """Longitude in degrees. Required by Fareye RVP (38)."""
    drop_address_type: OptText = None
    """OFFICE or RESIDENTIAL."""
    drop_start_time: OptMoment = None
    """Earliest delivery time, ISO 8601."""
    drop_end_time: OptMoment = None
    """Latest delivery time, ISO 8601."""
    drop_vendor_code: OptText = None
    """The courier's code of the place."""
    location_type: OptText = None
    """The addressing system of `location_value`, such as What3Words."""
    location_value: OptText = None
    """The address in that system."""


class IndiaReturnAddress(PlaceDetails, PlacePart):
    """The return address of an undelivered parcel (RTO); the pickup address if left out."""

    form: ClassVar[PlaceForm] = RETURN

    name: OptText = None
    """Name of the person or place, at most 100 characters."""
    phone: OptText = None
    """Phone number, 10 or 11 digits."""
    address: OptText = None
    """Street address, at most 500 characters."""
    city: OptText = None
    """City, at most 200 characters."""
    pincode: OptText = None
    """PIN code, 6 digits."""
    country: OptText = None
    """IN or India."""


class IndiaItem(OrderItem):
    """One item; in a multi-piece shipment one piece, with its own weight (grams) and dimensions (cm)."""


class IndiaShipment(OrderDetails):
    """`shipment_details`: the parcel, its payment and its courier."""

    items: list[IndiaItem]
    """At least one item. Several make a multi-piece shipment (MPS) with couriers that support it."""


class IndiaAdditional(Handling):
    """`additional`: instructions, and fields of single couriers."""

    return_info: Annotated[IndiaReturnAddress | None, LOOSE] = None
    """Return address of an undelivered parcel."""
    min_edd: OptText = None
    """Minimum days until delivery."""
    max_edd: OptText = None
    """Maximum days until delivery."""
    zone: OptText = None
    """Delivery zone."""
    store_code: OptText = None
    """Store code."""
    enable_whatsapp: OptFlag = None
    """Whether the customer is notified by WhatsApp."""
    otp_based_delivery: OptFlag = None
    """Whether the customer confirms the delivery with a one-time password. Delhivery (4), Shipsy (150), XpressBees (6),
    EcomExpress (3), Smartr (250)."""
    otp_code: OptText = None
    """The one-time password, at most 10 characters. Bluedart (5, 28)."""
    categories: OptText = None
    """Categories of the items, separated by commas, at most 100 characters. Bluedart (5, 28)."""
    exchange_address: OptText = None
    """Address to which the old item of an exchange goes, at most 500 characters. Delhivery (4)."""
    exchange_city: OptText = None
    """City of that address, at most 100 characters."""
    exchange_state: OptText = None
    """State of that address, at most 100 characters."""
    exchange_pincode: OptText = None
    """PIN code of that address, at most 10 characters."""
    exchange_country: OptText = None
    """Country of that address, 2 letters."""
    exchange_shipment_description: OptText = None
    """Description of the exchanged goods, at most 100 characters. Delhivery (4)."""
    exchange_rvp_awb: OptText = None
    """Waybill of the return of an exchange, at most 100 characters. Bluedart RVP (28)."""
    invoice_reference: OptText = None
    """Number of the invoice."""
    inv_url: OptText = None
    """URL of the invoice. EcomExpress (3)."""
    pickup_type: OptText = None
    """WH (warehouse) or SL (seller). EcomExpress (3)."""
    template_id: OptText = None
    """Id of the quality check template, at most 100 characters. XpressBees RVP (41)."""
    template_category: OptText = None
    """Category of that template, at most 100 characters. XpressBees RVP (41)."""
    from_wh: OptText = None
    """Origin warehouse."""
    to_wh: OptText = None
    """Destination warehouse."""
    multi_modal: OptObject = None
    """A second courier, for the last mile: `last_mile_courier_partner`, `last_mile_pickup_time`, `transit_info` ..."""


class IndiaOrder(Order):
    """A create-order v3 request. Raises ValidationError with every invalid field."""

    layout: ClassVar[FieldLayout] = FieldLayout()

    pickup_info: IndiaPickup
    """Pickup address."""
    drop_info: IndiaDrop
    """Delivery address."""
    shipment_details: IndiaShipment
    """The parcel, its payment and its courier."""
    gst_info: GstInfo | None = None
    """Indian tax."""
    additional: IndiaAdditional | None = None
    """Instructions; ClickPost's integration guide calls the section `additional_info`."""
