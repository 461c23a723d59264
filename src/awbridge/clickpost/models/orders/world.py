"""An order outside India or across borders: create-order v4. `POST /api/v4/create-order/`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from awbridge.clickpost.models.orders.order_base import Order, OrderPart, PlacePart
from awbridge.clickpost.models.orders.order_fields import KEPT, LOOSE, Filled, OptFlag, OptMoment, OptNumber, OptText
from awbridge.clickpost.models.orders.order_parts import GstInfo, Handling, OrderDetails, OrderItem
from awbridge.clickpost.models.orders.order_rules import FieldLayout
from awbridge.clickpost.models.orders.place_rules import WORLD, PlaceForm


class _WorldPlace(PlacePart):
    form: ClassVar[PlaceForm] = WORLD

    phone_code: OptText = None
    """Country code of the phone, such as +971."""
    state: OptText = None
    """State or province; "" where the country has none."""
    postal_code: OptText = None
    """Postal code; "" where the country has none."""
    email: OptText = None
    """E-mail. ClickPost's documentation calls it mandatory for the pickup."""
    time: OptMoment = None
    """When it is ready or expected, YYYY-MM-DDTHH:MM:SS. ClickPost's documentation wants it for the pickup."""
    organisation: OptText = None
    """Company."""
    district: OptText = None
    """District."""
    landmark: OptText = None
    """Something near that is easy to find."""
    lat: OptNumber = None
    """Latitude in degrees."""
    long: OptNumber = None
    """Longitude in degrees."""
    address_type: OptText = None
    """OFFICE or RESIDENTIAL."""
    delivery_instructions: OptText = None
    """What the courier's person should know."""


class WorldPlace(_WorldPlace):
    """Where the courier picks up or brings it."""

    name: Filled
    """Name of the person or place, at most 100 characters."""
    phone: Filled
    """Phone number, at most 15 digits, without the code of the country."""
    address: Filled
    """Street address, at most 500 characters."""
    city: Filled
    """City, or the code that the courier has for it."""
    country_code: Filled
    """Country, 2 letters."""


class WorldReturnAddress(_WorldPlace):
    """Where an undelivered parcel goes back to (RTO); the pickup place if left out."""

    name: OptText = None
    """Name of the person or place, at most 100 characters."""
    phone: OptText = None
    """Phone number, at most 15 digits, without the code of the country."""
    address: OptText = None
    """Street address, at most 500 characters."""
    city: OptText = None
    """City, or the code that the courier has for it."""
    country_code: OptText = None
    """Country, 2 letters."""


class CartaPorte(OrderPart):
    """Bill of lading of an item, for couriers in Mexico."""

    bienesTransp: OptText = None
    """The government's number of the kind of goods."""
    descripcion: OptText = None
    """What it is."""
    materialPeligroso: OptFlag = None
    """Whether it is dangerous."""
    cveMaterialPeligroso: OptText = None
    """Id of the dangerous material."""
    embalaje: OptText = None
    """Kind of packing."""
    claveUnidad: OptText = None
    """Key of the unit."""


class WorldItem(OrderItem):
    """One item; in a multi-piece shipment one piece, with its own weight (grams) and measures (cm)."""

    width: OptNumber = None
    """In cm; ClickPost's page has it in one example instead of `breadth`."""
    carta_porte: Annotated[CartaPorte | None, LOOSE] = None
    """Bill of lading, for couriers in Mexico."""


class WorldShipment(OrderDetails):
    """`shipment_details`: what is shipped, how it is paid for, and by whom it goes."""

    items: list[WorldItem]
    """What is in it: at least one. Several make a multi-piece shipment (MPS) with couriers that know it."""


class TaxInfo(OrderPart):
    """Tax and customs of a shipment across borders."""

    tax_paid: OptFlag = None
    """Whether the tax is paid."""
    tax_amount: OptNumber = None
    """The tax, in the order's currency."""
    shipper_tax_id: OptText = None
    """Tax number of the sender."""
    consignee_tax_id: OptText = None
    """Tax number of the receiver."""
    consignee_tax_type: OptText = None
    """What kind of number that is, such as VAT or GST."""
    consignee_tax_country_code: OptText = None
    """Country of that number, 2 letters."""
    exporter_type: OptText = None
    """Kind of exporter, such as UT."""
    exporter_tax_id: OptText = None
    """Tax number of the exporter."""
    exporter_tax_type: OptText = None
    """What kind of number that is."""
    exporter_tax_country_code: OptText = None
    """Country of that number, 2 letters."""
    lut_bond_number: OptText = None
    """Number of the letter of undertaking or bond (exports from India without tax)."""


class CourierCustomFields(OrderPart):
    """What one courier wants beside all else; any name passes."""

    payor_fedex_account_number: OptText = None
    """Account that pays. FedEx MPS cross-border (330) wants it."""


class WorldAdditional(Handling):
    """`additional`: how to treat the order, and extras of single couriers."""

    return_info: Annotated[WorldReturnAddress | None, LOOSE] = None
    """Where an undelivered parcel goes back to."""
    duty_fee_paid_by: Annotated[str | None, KEPT] = None
    """Who pays duty: R the receiver (so if left out), S the shipper. Aramex (2)."""
    is_restricted: OptText = None
    """Y or N, as Naqel (138) has it."""
    isConsolidated: OptText = None
    """Y or N, as Naqel (138) has it."""
    drop_city_postal_code: OptText = None
    """City and postal code in one, as Naqel (138) has it."""


class WorldOrder(Order):
    """A create-order v4 request. A wrong one raises ValidationError that names every wrong field."""

    layout: ClassVar[FieldLayout] = FieldLayout()

    pickup_info: WorldPlace
    """Where the courier picks up."""
    drop_info: WorldPlace
    """Where the courier brings it."""
    shipment_details: WorldShipment
    """What is shipped."""
    tax_info: TaxInfo | None = None
    """Tax and customs, for shipments across borders."""
    gst_info: GstInfo | None = None
    """Indian tax, for exports from India."""
    return_info: Annotated[WorldReturnAddress | None, LOOSE] = None
    """Where an undelivered parcel goes back to; seen here and in `additional`."""
    courier_custom_fields: Annotated[CourierCustomFields | None, LOOSE] = None
    """What one courier wants beside all else."""
    additional: WorldAdditional | None = None
    """How to treat the order."""
