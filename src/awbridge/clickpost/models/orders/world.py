"""An order outside India or across borders: create-order v4. `POST /api/v4/create-order/`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from awbridge.clickpost.models.orders.order_base import Order, OrderPart, PlacePart
from awbridge.clickpost.models.orders.order_fields import LOOSE, Filled, OptFlag, OptMoment, OptNumber, OptText, OptWord
from awbridge.clickpost.models.orders.order_parts import GstInfo, Handling, OrderDetails, OrderItem, PlaceDetails
from awbridge.clickpost.models.orders.order_rules import FieldLayout
from awbridge.clickpost.models.orders.place_rules import WORLD, PlaceForm


class _WorldPlace(PlaceDetails, PlacePart):
    form: ClassVar[PlaceForm] = WORLD

    phone_code: OptText = None
    """Country calling code, such as +971."""
    postal_code: OptText = None
    """Postal code; "" in countries without postal codes."""
    time: OptMoment = None
    """Pickup or expected delivery, YYYY-MM-DDTHH:MM:SS. Mandatory for the pickup in ClickPost's documentation."""
    organisation: OptText = None
    """Company."""
    address_type: OptText = None
    """OFFICE or RESIDENTIAL."""
    delivery_instructions: OptText = None
    """Instructions to the courier."""


class WorldPlace(_WorldPlace):
    """A pickup or delivery address. ClickPost's documentation calls `email` mandatory for the pickup."""

    name: Filled
    """Name of the person or place, at most 100 characters."""
    phone: Filled
    """Phone number, at most 15 digits, without the country calling code."""
    address: Filled
    """Street address, at most 500 characters."""
    city: Filled
    """City, or the courier's code of it, at most 200 characters."""
    country_code: Filled
    """Country, 2 letters."""


class WorldReturnAddress(_WorldPlace):
    """The return address of an undelivered parcel (RTO); the pickup address if left out."""

    name: OptText = None
    """Name of the person or place, at most 100 characters."""
    phone: OptText = None
    """Phone number, at most 15 digits, without the country calling code."""
    address: OptText = None
    """Street address, at most 500 characters."""
    city: OptText = None
    """City, or the courier's code of it, at most 200 characters."""
    country_code: OptText = None
    """Country, 2 letters."""


class CartaPorte(OrderPart):
    """The bill of lading of an item, for couriers in Mexico."""

    bienesTransp: OptText = None
    """The government's code of the goods."""
    descripcion: OptText = None
    """Description."""
    materialPeligroso: OptFlag = None
    """Whether the goods are dangerous."""
    cveMaterialPeligroso: OptText = None
    """Code of the dangerous material."""
    embalaje: OptText = None
    """Packaging type."""
    claveUnidad: OptText = None
    """Unit code."""


class WorldItem(OrderItem):
    """One item; in a multi-piece shipment one piece, with its own weight (grams) and dimensions (cm)."""

    width: OptNumber = None
    """Width, in cm; one of ClickPost's examples has it in place of `breadth`."""
    carta_porte: Annotated[CartaPorte | None, LOOSE] = None
    """Bill of lading, for couriers in Mexico."""


class WorldShipment(OrderDetails):
    """`shipment_details`: the parcel, its payment and its courier."""

    items: list[WorldItem]
    """At least one item. Several make a multi-piece shipment (MPS) with couriers that support it."""


class TaxInfo(OrderPart):
    """Tax and customs of a cross-border shipment."""

    tax_paid: OptFlag = None
    """Whether the tax is paid."""
    tax_amount: OptNumber = None
    """Tax amount, in the order's currency."""
    shipper_tax_id: OptText = None
    """Tax number of the sender."""
    consignee_tax_id: OptText = None
    """Tax number of the consignee."""
    consignee_tax_type: OptText = None
    """Type of that number, such as VAT or GST."""
    consignee_tax_country_code: OptText = None
    """Country that issued that number, 2 letters."""
    exporter_type: OptText = None
    """Exporter type, such as UT."""
    exporter_tax_id: OptText = None
    """Tax number of the exporter."""
    exporter_tax_type: OptText = None
    """Type of that number."""
    exporter_tax_country_code: OptText = None
    """Country that issued that number, 2 letters."""
    lut_bond_number: OptText = None
    """Number of the letter of undertaking or bond (exports from India without tax)."""


class CourierCustomFields(OrderPart):
    """Fields of one courier; any name passes."""

    payor_fedex_account_number: OptText = None
    """The paying account. Required by FedEx MPS cross-border (330)."""


class WorldAdditional(Handling):
    """`additional`: instructions, and fields of single couriers."""

    return_info: Annotated[WorldReturnAddress | None, LOOSE] = None
    """Return address of an undelivered parcel."""
    duty_fee_paid_by: OptWord = None
    """The payer of duty: R the receiver (the default), S the shipper. Aramex (2)."""
    is_restricted: OptText = None
    """Y or N, for Naqel (138)."""
    isConsolidated: OptText = None
    """Y or N, for Naqel (138)."""
    drop_city_postal_code: OptText = None
    """City and postal code in one, for Naqel (138)."""


class WorldOrder(Order):
    """A create-order v4 request. Raises ValidationError with every invalid field."""

    layout: ClassVar[FieldLayout] = FieldLayout()

    pickup_info: WorldPlace
    """Pickup address."""
    drop_info: WorldPlace
    """Delivery address."""
    shipment_details: WorldShipment
    """The parcel, its payment and its courier."""
    tax_info: TaxInfo | None = None
    """Tax and customs, for cross-border shipments."""
    gst_info: GstInfo | None = None
    """Indian tax, for exports from India."""
    return_info: Annotated[WorldReturnAddress | None, LOOSE] = None
    """Return address of an undelivered parcel; seen here and in `additional`."""
    courier_custom_fields: Annotated[CourierCustomFields | None, LOOSE] = None
    """Fields of one courier."""
    additional: WorldAdditional | None = None
    """Instructions."""
