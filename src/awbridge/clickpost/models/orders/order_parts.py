"""The parts that the forms of an order share: places, items, taxes, shipment details, handling.

Fields without a default are required. Unknown fields, such as those of single couriers, pass through.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AliasChoices, Field

from awbridge.clickpost.models.orders.order_base import OrderPart
from awbridge.clickpost.models.orders.order_fields import (
    LOOSE,
    Centimetres,
    Count,
    Courier,
    Filled,
    Grams,
    InvoiceDay,
    Kind,
    Money,
    OptCod,
    OptDay,
    OptDirection,
    OptFlag,
    OptMoment,
    OptNumber,
    OptObjects,
    OptPriority,
    OptReason,
    OptText,
    OptTexts,
)
from awbridge.clickpost.wire.validation_codes import COURIER_WRONG, DELIVERY_TYPE_WRONG, ITEMS_WRONG, ORDER_TYPE_WRONG


class PickupFields(OrderPart):
    """The pickup address within India."""

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
    """Time at which the parcel is ready, ISO 8601. ClickPost's documentation calls it mandatory."""
    email: OptText = None
    """E-mail for the courier. ClickPost's documentation calls it mandatory."""
    tin: OptText = None
    """TIN or GST number of the seller. ClickPost's documentation calls it mandatory."""


class DropFields(OrderPart):
    """The delivery address within India."""

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


class PlaceDetails(OrderPart):
    """Fields that places without a prefix share."""

    state: OptText = None
    """State or province, at most 200 characters; "" in countries without one."""
    email: OptText = None
    """E-mail."""
    landmark: OptText = None
    """Landmark."""
    district: OptText = None
    """District."""
    lat: OptNumber = None
    """Latitude in degrees."""
    long: OptNumber = None
    """Longitude in degrees."""


class _Gst(OrderPart):
    seller_gstin: OptText = None
    """GST number of the seller; in marketplaces it differs from `enterprise_gstin`."""
    enterprise_gstin: OptText = None
    """GST number of the shipping enterprise."""
    is_seller_registered_under_gst: OptFlag = None
    """Whether the seller is registered under GST."""
    taxable_value: OptNumber = None
    """Taxable amount, in rupees; usually the invoice value."""
    gst_tax_base: OptNumber = None
    """Tax base, in rupees. Required by Fareye RVP (38)."""
    gst_discount: OptNumber = None
    """GST discount, in rupees."""
    gst_total_tax: OptNumber = None
    """Total tax of the shipment, in rupees."""
    sgst_tax_rate: OptNumber = None
    """State tax rate (SGST), in percent."""
    sgst_amount: OptNumber = None
    """State tax (SGST), in rupees."""
    cgst_tax_rate: OptNumber = None
    """Central tax rate (CGST), in percent."""
    cgst_amount: OptNumber = None
    """Central tax (CGST), in rupees."""
    igst_tax_rate: OptNumber = None
    """Integrated tax rate between states (IGST), in percent."""
    igst_amount: OptNumber = None
    """Integrated tax between states (IGST), in rupees."""
    hsn_code: OptText = None
    """HSN code of the product."""
    place_of_supply: OptText = None
    """Place of supply: a state, or its GST state code."""
    ewaybill_serial_number: OptText = None
    """Number of the e-way bill."""
    invoice_reference: OptText = None
    """Number of the invoice, at most 100 characters. Multi-seller orders of XpressBees RVP (41), Bluedart RVP (28)."""
    invoice_number: OptText = None
    """Number of the seller's invoice, for multi-seller shipments."""
    invoice_date: OptDay = None
    """Date of the seller's invoice."""
    invoice_value: OptNumber = None
    """Value of the seller's invoice, in rupees."""
    seller_name: OptText = None
    """Name of the seller, at most 100 characters. Required by EcomExpress (3) for multi-seller shipments."""
    seller_address: OptText = None
    """Street address of the seller."""
    seller_state: OptText = None
    """State of the seller."""
    seller_pincode: OptText = None
    """PIN code of the seller, 6 digits."""


class GstInfo(_Gst):
    """Indian goods and services tax of an order or, in multi-seller shipments, of one item."""

    consignee_gstin: OptText = None
    """GST number of the consignee."""


class B2BGstInfo(_Gst):
    """Indian goods and services tax of an order between businesses."""

    consignee_gstin: Filled
    """GST number of the consignee."""


class ItemTraits(OrderPart):
    """The appearance of an item, as shown by couriers and compared by a doorstep quality check."""

    brand: OptText = None
    """Brand, for the check BRAND."""
    color: OptText = None
    """Colour, for the check COLOR."""
    size: OptText = None
    """Size, for the check SIZE."""
    imei: OptText = None
    """IMEI of a mobile device, for the check IMEI; at most 100 characters."""
    serial_no: OptText = None
    """Serial number, for the check SERIAL_NUMBER; at most 20 characters."""
    ean: OptText = None
    """European article number, for the check EAN."""
    images: OptTexts = None
    """Image URLs, separated by commas, for the check IMAGES."""
    special_instructions: OptText = None
    """Instructions to the courier, for the check SPECIAL_INSTRUCTION."""
    return_reason: OptText = None
    """Reason of the return, for the check RETURN_REASON."""
    cat: OptText = None
    """Category, such as Footwear."""
    sub_category: OptText = None
    """Subcategory."""
    length: OptNumber = None
    """Length, in cm."""
    breadth: OptNumber = None
    """Breadth, in cm."""
    height: OptNumber = None
    """Height, in cm."""
    weight: OptNumber = None
    """Weight, in grams."""
    return_days: OptNumber = None
    """Return period, in days."""
    exchange_days: OptNumber = None
    """Exchange period, in days."""
    manufacture_country: OptText = None
    """Country of manufacture, full name."""
    manufacture_country_code: OptText = None
    """Country of manufacture, 2 letters."""
    product_url: OptText = None
    """URL of the product page."""


class OrderItem(ItemTraits):
    """One item of an order; in a multi-piece shipment (MPS) one piece with its own waybill."""

    missing_code: ClassVar[int | None] = ITEMS_WRONG
    wrong_code: ClassVar[int] = ITEMS_WRONG

    sku: Filled
    """Stock-keeping unit."""
    description: Filled
    """Short description."""
    quantity: Count
    """Quantity, a whole number of 1 or more."""
    price: Money
    """Unit price, 0 or more, in rupees or the order's currency."""
    hs_code: OptText = None
    """Harmonised System code. Required by DHL International (145, 159)."""
    inbound_hs_code: OptText = None
    """HS code in the destination country."""
    product_id: OptText = None
    """The seller's id of the product."""
    variant_id: OptText = None
    """The seller's id of the variant."""
    final_amount_paid: OptNumber = None
    """Amount that the customer paid for it."""
    store_credits_used: OptNumber = None
    """Amount paid in store credits."""
    image_urls: OptTexts = None
    """Image URLs for the doorstep quality check (older form)."""
    sub_cat: OptText = None
    """Subcategory (older form)."""
    qc_type: OptText = None
    """"doorstep" for a doorstep quality check of this item (older form; now in `additional` of the order)."""
    gst_info: Annotated[GstInfo | None, LOOSE] = None
    """Tax of this item, in multi-seller shipments (`additional.is_multi_seller`)."""
    additional: Annotated[ItemTraits | None, LOOSE] = None
    """The values and dimensions that a quality check compares; further checks as extra fields."""


class _EitherSection(OrderPart):
    """Fields that ClickPost takes in the shipment's details and in `additional`; given twice, they must agree."""

    delivery_type: OptDirection = None
    """FORWARD to the customer, or RVP (reverse pickup). Required in one of the two sections."""
    order_id: OptText = None
    """The seller's order id."""
    account_code: OptText = None
    """Name of the courier account in ClickPost's dashboard."""
    awb_number: OptText = None
    """A preassigned waybill, for couriers whose waybill series ClickPost does not hold."""
    rvp_reason: OptReason = None
    """Reason of the return, at most 500 characters. Required for RVP, except for EXCHANGE."""
    order_priority: OptPriority = None
    """NORMAL or URGENT."""
    vendor_code: OptText = None
    """The courier's code of the pickup place; ClickPost makes one if left out."""
    is_fragile: OptFlag = None
    """Whether the goods are fragile. Delhivery (4, 25), Ekart (55)."""
    is_dangerous: OptFlag = None
    """Whether the goods are dangerous. Delhivery (4, 25), Ekart (55), EcomExpress (3)."""


class OrderDetails(_EitherSection):
    """The parcel, its payment and its courier."""

    codes: ClassVar[dict[str, int]] = {
        "courier_partner": COURIER_WRONG,
        "order_type": ORDER_TYPE_WRONG,
        "delivery_type": DELIVERY_TYPE_WRONG,
    }

    courier_partner: Courier
    """ClickPost's id of the courier (cp_id), above 0."""
    reference_number: Filled
    """Unique per shipment: a repeated one returns the first shipment. At most 200 characters; for Bluedart (5, 28)
    at most 20."""
    order_type: Kind
    """PREPAID, COD (cash on delivery) or EXCHANGE."""
    invoice_value: Money
    """Value of the shipment, 0 or more, in rupees or the order's currency."""
    invoice_number: Filled
    """Number of the invoice, at most 50 characters."""
    invoice_date: InvoiceDay
    """Date of the invoice."""
    length: Centimetres
    """Length of the parcel, in cm, above 0."""
    breadth: Centimetres
    """Breadth of the parcel, in cm, above 0."""
    height: Centimetres
    """Height of the parcel, in cm, above 0."""
    weight: Grams
    """Weight of the parcel, in grams, above 0."""
    cod_value: OptCod = None
    """Amount to collect, in rupees or the order's currency: above 0 for COD, 0 for PREPAID."""
    currency_code: OptText = None
    """Currency of all amounts, 3 letters."""
    cod_currency_code: OptText = None
    """Currency of `cod_value`, if it differs. Aramex (2), DHL International (145, 159)."""
    shipment_type: OptText = None
    """MPS for a multi-piece shipment, in the flat form."""
    service_type: OptText = None
    """Bluedart's timed delivery: C critical, T by 10:30, N by 12:00."""
    reseller_name: OptText = None
    """Name of the reseller, at most 100 characters. Delhivery (4, 25), Loadshare (50)."""
    booking_id: OptText = None
    """Id of the booking, at most 100 characters. Delhivery (4, 25)."""


class Handling(_EitherSection):
    """Instructions to ClickPost and the courier, in `additional` or at the top of the flat form."""

    label: OptFlag = None
    """Whether to create a label; true if left out."""
    async_: OptFlag = Field(default=None, validation_alias=AliasChoices("async", "async_"), serialization_alias="async")
    """`async`: whether to place the order in the background; false if left out."""
    priority: OptPriority = None
    """The same as `order_priority`."""
    qc_type: OptText = None
    """"doorstep" for a doorstep quality check of an RVP."""
    qc_params: OptTexts = None
    """The checks to perform, such as BRAND, COLOR, IMAGES; if left out, those configured at ClickPost."""
    user_defined_field_array: OptObjects = None
    """User-defined fields: `[{"name": "udf_1", "type": "String", "value": ""}]`."""
    gst_number: OptText = None
    """GST number."""
    data_validation: OptFlag = None
    """Whether ClickPost validates the data before it calls the courier."""
    order_date: OptDay = None
    """Date of the order."""
    invoice_base_64: OptText = None
    """The invoice as a PDF in base64; international FedEx, DHL and Bluedart accounts require the commercial invoice."""
    estimated_delivery_date: OptDay = None
    """The date of delivery promised to the customer."""
    is_multi_seller: OptFlag = None
    """Whether the items have several sellers; then each item has its own `gst_info`."""
    channel_name: OptText = None
    """The sales channel."""
    insured: OptFlag = None
    """Whether the shipment is insured. DHL International (145, 159)."""
    insurance_amount: OptNumber = None
    """Insured amount, if `insured` is true."""
    customer_id_number: OptText = None
    """The courier's customer number, at most 100 characters. DHL International (145, 159)."""
    fareye_store_id: OptText = None
    """Fareye's (31) store id, at most 20 characters."""
    fareye_order_type: OptText = None
    """Fareye's (31) order type, at most 20 characters."""
