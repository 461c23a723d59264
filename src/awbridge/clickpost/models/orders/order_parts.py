"""The parts that every form of an order shares: items, taxes, the shipment's own data, how it is to be handled.

Fields without a default are required; what ClickPost takes beside these (couriers have extras) passes through.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AliasChoices, Field

from awbridge.clickpost.models.orders.order_base import OrderPart
from awbridge.clickpost.models.orders.order_fields import (
    KEPT,
    LOOSE,
    Centimetres,
    Count,
    Courier,
    Filled,
    Grams,
    InvoiceDay,
    Kind,
    Money,
    OptDay,
    OptDirection,
    OptFlag,
    OptNumber,
    OptText,
    OptTexts,
)
from awbridge.clickpost.wire.validation_codes import COURIER_WRONG, DELIVERY_TYPE_WRONG, ITEMS_WRONG, ORDER_TYPE_WRONG
from awbridge.domain.json import JsonObject


class _Gst(OrderPart):
    seller_gstin: OptText = None
    """GST number of the seller; for marketplaces other than `enterprise_gstin`."""
    enterprise_gstin: OptText = None
    """GST number of the enterprise that ships."""
    is_seller_registered_under_gst: OptFlag = None
    """Whether the seller is registered."""
    taxable_value: OptNumber = None
    """The amount that is taxed, in rupees; mostly the invoice value."""
    gst_tax_base: OptNumber = None
    """The base of the tax, in rupees. Fareye RVP (38) wants it."""
    gst_discount: OptNumber = None
    """Discount under GST, in rupees."""
    gst_total_tax: OptNumber = None
    """All tax of the shipment, in rupees."""
    sgst_tax_rate: OptNumber = None
    """State tax, in percent."""
    sgst_amount: OptNumber = None
    """State tax, in rupees."""
    cgst_tax_rate: OptNumber = None
    """Central tax, in percent."""
    cgst_amount: OptNumber = None
    """Central tax, in rupees."""
    igst_tax_rate: OptNumber = None
    """Integrated tax (between states), in percent."""
    igst_amount: OptNumber = None
    """Integrated tax, in rupees."""
    hsn_code: OptText = None
    """HSN code of the product."""
    place_of_supply: OptText = None
    """Place of supply: a state, or its GST state code."""
    ewaybill_serial_number: OptText = None
    """Number of the e-way bill."""
    invoice_reference: OptText = None
    """Number of the invoice, at most 100 characters. XpressBees RVP (41), Bluedart RVP (28): for multi-seller."""
    invoice_number: OptText = None
    """Number of the seller's invoice (multi-seller shipments)."""
    invoice_date: OptDay = None
    """Day of the seller's invoice."""
    invoice_value: OptNumber = None
    """Value of the seller's invoice, in rupees."""
    seller_name: OptText = None
    """Name of the seller, at most 100 characters. EcomExpress (3) wants it for multi-seller."""
    seller_address: OptText = None
    """Street address of the seller."""
    seller_state: OptText = None
    """State of the seller."""
    seller_pincode: OptText = None
    """PIN code of the seller, 6 digits."""


class GstInfo(_Gst):
    """Indian goods and services tax, of a whole order or (multi-seller shipments) of one item."""

    consignee_gstin: OptText = None
    """GST number of the receiver."""


class B2BGstInfo(_Gst):
    """Indian goods and services tax of an order between businesses."""

    consignee_gstin: Filled
    """GST number of the receiver."""


class ItemTraits(OrderPart):
    """What an item looks like: for couriers that show it, and the values that a quality check at the door compares."""

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
    """Links of pictures, separated by commas, for the check IMAGES."""
    special_instructions: OptText = None
    """What the courier's person should look at, for the check SPECIAL_INSTRUCTION."""
    return_reason: OptText = None
    """Why it comes back, for the check RETURN_REASON."""
    cat: OptText = None
    """Category, such as Footwear."""
    sub_category: OptText = None
    """Category within the category."""
    length: OptNumber = None
    """In cm."""
    breadth: OptNumber = None
    """In cm."""
    height: OptNumber = None
    """In cm."""
    weight: OptNumber = None
    """In grams."""
    return_days: OptNumber = None
    """Days within which it may be returned."""
    exchange_days: OptNumber = None
    """Days within which it may be exchanged."""
    manufacture_country: OptText = None
    """Country of manufacture, its full name."""
    manufacture_country_code: OptText = None
    """Country of manufacture, 2 letters."""
    product_url: OptText = None
    """Link of the product's page."""


class OrderItem(ItemTraits):
    """One item of an order; in a multi-piece shipment (MPS) one piece, which gets its own waybill."""

    missing_code: ClassVar[int | None] = ITEMS_WRONG
    wrong_code: ClassVar[int] = ITEMS_WRONG

    sku: Filled
    """Stock-keeping unit."""
    description: Filled
    """What it is, in a few words."""
    quantity: Count
    """How many, a whole number of 1 or more."""
    price: Money
    """Price of one, 0 or more, in rupees or the order's currency."""
    hs_code: OptText = None
    """Harmonised System code. DHL International (145, 159) requires it."""
    inbound_hs_code: OptText = None
    """HS code in the country of import."""
    product_id: OptText = None
    """Id of the product in the shop."""
    variant_id: OptText = None
    """Id of its variant in the shop."""
    final_amount_paid: OptNumber = None
    """What the customer paid for it in the end."""
    store_credits_used: OptNumber = None
    """What was paid in store credits."""
    image_urls: OptTexts = None
    """Links of pictures for the check at the door (older form)."""
    sub_cat: OptText = None
    """Category within the category (older form)."""
    qc_type: OptText = None
    """"doorstep" for a check of this item at the door (older form; else it is in `additional` of the order)."""
    gst_info: Annotated[GstInfo | None, LOOSE] = None
    """Tax of this item, where items have other sellers (`additional.is_multi_seller`)."""
    additional: Annotated[ItemTraits | None, LOOSE] = None
    """What a quality check compares, and measures; any further name of a check as an extra."""


class OrderDetails(OrderPart):
    """What is shipped, how it is paid for, and by whom it goes."""

    codes: ClassVar[dict[str, int]] = {
        "courier_partner": COURIER_WRONG,
        "order_type": ORDER_TYPE_WRONG,
        "delivery_type": DELIVERY_TYPE_WRONG,
    }

    courier_partner: Courier
    """Id of the courier at ClickPost (cp_id), above 0."""
    reference_number: Filled
    """Unique for each shipment: the same one again gives back the first shipment. At most 200 characters; Bluedart (5,
    28) takes 20."""
    order_type: Kind
    """PREPAID, COD (cash on delivery) or EXCHANGE."""
    invoice_value: Money
    """Value of the shipment, 0 or more, in rupees or the order's currency."""
    invoice_number: Filled
    """Number of the invoice."""
    invoice_date: InvoiceDay
    """Day of the invoice."""
    length: Centimetres
    """Length of the parcel, in cm, above 0."""
    breadth: Centimetres
    """Breadth of the parcel, in cm, above 0."""
    height: Centimetres
    """Height of the parcel, in cm, above 0."""
    weight: Grams
    """Weight of the parcel, in grams, above 0."""
    delivery_type: OptDirection = None
    """FORWARD to the customer, RVP (reverse pickup) back from there. Required, here or in `additional`."""
    cod_value: OptNumber = None
    """What is collected at the door, in rupees or the order's currency: above 0 for COD, 0 for PREPAID."""
    order_id: OptText = None
    """The shop's own id of the order."""
    account_code: OptText = None
    """Name of the courier's account in ClickPost's dashboard."""
    awb_number: OptText = None
    """A waybill that was assigned before, for couriers that work so and have no series of waybills at ClickPost."""
    rvp_reason: OptText = None
    """Why it comes back, at most 500 characters; required for RVP, unless an EXCHANGE. May be in `additional`."""
    order_priority: Annotated[str | None, KEPT] = None
    """NORMAL or URGENT."""
    currency_code: OptText = None
    """Currency of all amounts, 3 letters."""
    cod_currency_code: OptText = None
    """Currency of `cod_value`, where it is another one. Aramex (2), DHL International (145, 159)."""
    vendor_code: OptText = None
    """Code of the pickup place at the courier; ClickPost makes one where it is left out."""
    shipment_type: OptText = None
    """MPS for a multi-piece shipment, where the form asks for it."""
    service_type: OptText = None
    """Bluedart's timed delivery: C critical, T by 10:30, N by 12:00."""
    reseller_name: OptText = None
    """Name of the reseller, at most 100 characters. Delhivery (4, 25), Loadshare (50)."""
    booking_id: OptText = None
    """Id of the booking, at most 100 characters. Delhivery (4, 25)."""
    is_fragile: OptFlag = None
    """Whether something in it breaks easily. Delhivery (4, 25), Ekart (55)."""
    is_dangerous: OptFlag = None
    """Whether something in it burns or reacts. Delhivery (4, 25), Ekart (55), EcomExpress (3)."""


class Handling(OrderPart):
    """How ClickPost and the courier are to treat an order; in `additional`, or at the top of the flat form."""

    label: OptFlag = None
    """Whether a label is made; true if left out."""
    async_: OptFlag = Field(default=None, validation_alias=AliasChoices("async", "async_"), serialization_alias="async")
    """`async`: whether the order is placed in the background; false if left out."""
    delivery_type: OptDirection = None
    """FORWARD or RVP; also seen in the shipment's details. Where both say it, they must agree."""
    account_code: OptText = None
    """Name of the courier's account in ClickPost's dashboard; also seen in the shipment's details."""
    awb_number: OptText = None
    """A waybill that was assigned before; also seen in the shipment's details."""
    order_id: OptText = None
    """The shop's own id of the order; also seen in the shipment's details."""
    vendor_code: OptText = None
    """Code of the pickup place at the courier."""
    priority: Annotated[str | None, KEPT] = None
    """NORMAL or URGENT."""
    order_priority: Annotated[str | None, KEPT] = None
    """The same under its other name."""
    rvp_reason: OptText = None
    """Why it comes back, at most 500 characters; also seen in the shipment's details."""
    qc_type: OptText = None
    """"doorstep" for a quality check at the door of an RVP."""
    qc_params: OptTexts = None
    """The checks to make, such as BRAND, COLOR, IMAGES; those agreed with ClickPost if left out."""
    user_defined_field_array: Annotated[list[JsonObject] | None, KEPT] = None
    """Fields of one's own: `[{"name": "udf_1", "type": "String", "value": ""}]`."""
    gst_number: OptText = None
    """GST number for tax purposes."""
    data_validation: OptFlag = None
    """Whether ClickPost checks the data before it asks the courier."""
    order_date: OptDay = None
    """Day of the order."""
    invoice_base_64: OptText = None
    """The invoice as a PDF in base64; international FedEx, DHL and Bluedart accounts want the commercial invoice."""
    estimated_delivery_date: OptDay = None
    """The delivery day that the customer was given."""
    is_multi_seller: OptFlag = None
    """Whether items have other sellers; then each item carries its own `gst_info`."""
    channel_name: OptText = None
    """The sales channel."""
    is_fragile: OptFlag = None
    """Whether something in it breaks easily."""
    is_dangerous: OptFlag = None
    """Whether something in it burns or reacts."""
    insured: OptFlag = None
    """Whether it is insured. DHL International (145, 159)."""
    insurance_amount: OptNumber = None
    """For how much, where `insured` is true."""
    customer_id_number: OptText = None
    """Number of the customer at the courier, at most 100 characters. DHL International (145, 159)."""
    fareye_store_id: OptText = None
    """Id of the store at Fareye (31), at most 20 characters."""
    fareye_order_type: OptText = None
    """Type of the order at Fareye (31), at most 20 characters."""
