"""The parts of a consignment: places, goods, money, taxes.

Sizes are in cm, weights in grams, amounts are Decimals. `extra` of a part takes further fields under ClickPost's own
names: they are sent unchanged and override built fields.
"""

from __future__ import annotations

import math
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from awbridge.clickpost.models.orders.place_rules import WORLD, place_problems
from awbridge.clickpost.wire.plain_json import as_number, decimal_text, text_problem
from awbridge.domain.json import JsonObject


def _plain(text: str) -> str:
    text = text.strip()
    if problem := text_problem(text):
        raise ValueError(problem)
    return text


def _filled(text: str) -> str:
    if not (text := _plain(text)):
        raise ValueError("must not be empty")
    return text


def _amount(value: Decimal) -> Decimal:
    if as_number(decimal_text(value)) is None:
        raise ValueError("may have at most 15 digits before and after the point")
    return value


def _measure(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("must be a finite number")
    return value


PlainText = Annotated[str, AfterValidator(_plain)]
Filled = Annotated[str, AfterValidator(_filled)]
Amount = Annotated[Decimal, Field(ge=0), AfterValidator(_amount)]
Measure = Annotated[int | float, Field(gt=0, le=1_000_000_000), AfterValidator(_measure)]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class NeutralPart(BaseModel):
    """A frozen part of a consignment. Unknown field names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)


class Party(NeutralPart):
    """A person or company with an address: the sender, the receiver, or the return address."""

    name: Filled
    """Name of the person or company."""
    phone: Filled
    """Phone number, without the country calling code."""
    address: Filled
    """Street address."""
    city: Filled
    """City."""
    state: PlainText = ""
    """State or province. Required in India."""
    postal_code: PlainText = ""
    """Postal code. Required in India, 6 digits."""
    country: Country = "IN"
    """Country, 2 capital letters (ISO 3166)."""
    email: PlainText = ""
    """E-mail."""
    phone_code: PlainText = ""
    """Country calling code, such as +91."""
    company: PlainText = ""
    """Company, if `name` is a person."""
    district: PlainText = ""
    """District."""
    landmark: PlainText = ""
    """Landmark."""
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    """Latitude, in degrees."""
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    """Longitude, in degrees."""
    address_type: Literal["OFFICE", "RESIDENTIAL"] | None = None
    """Type of the address."""
    tax_number: PlainText = ""
    """TIN or GST number of a sender within India."""
    extra: JsonObject = Field(default_factory=dict[str, Any])
    """Further fields under ClickPost's own names: with prefix for India (`pickup_...`), without for the world."""

    @model_validator(mode="after")
    def _check_place(self) -> Self:
        if self.country == "IN" and not self.state:
            raise PydanticCustomError("state", "state is required in India")
        fields = {"country_code": self.country, **self.model_dump(exclude={"extra", "country"})}
        if self.country == "IN" and not self.postal_code:
            raise PydanticCustomError("postal_code", "postal_code must have 6 digits in India")
        if problems := [f"{found.loc[0]} {found.problem}" for found in place_problems(fields, WORLD)]:
            raise PydanticCustomError("place", "{problems}", {"problems": "; ".join(problems)})
        return self


class Parcel(NeutralPart):
    """Size and weight of a shipment or of one piece."""

    length_cm: Measure
    """Length, in cm, above 0."""
    breadth_cm: Measure
    """Breadth, in cm, above 0."""
    height_cm: Measure
    """Height, in cm, above 0."""
    weight_g: Measure
    """Weight, in grams, above 0."""


class Gst(NeutralPart):
    """Indian goods and services tax. Amounts are in rupees, rates in percent."""

    seller_gstin: PlainText = ""
    """GST number of the seller."""
    enterprise_gstin: PlainText = ""
    """GST number of the shipping enterprise."""
    consignee_gstin: PlainText = ""
    """GST number of the consignee; required between businesses."""
    seller_registered: bool | None = None
    """Whether the seller is registered under GST."""
    taxable_value: Amount | None = None
    """Taxable amount."""
    tax_base: Amount | None = None
    """Tax base."""
    discount: Amount | None = None
    """GST discount."""
    total_tax: Amount | None = None
    """Total tax."""
    sgst_rate: Amount | None = None
    """State tax rate (SGST), in percent."""
    sgst_amount: Amount | None = None
    """State tax (SGST)."""
    cgst_rate: Amount | None = None
    """Central tax rate (CGST), in percent."""
    cgst_amount: Amount | None = None
    """Central tax (CGST)."""
    igst_rate: Amount | None = None
    """Integrated tax rate between states (IGST), in percent."""
    igst_amount: Amount | None = None
    """Integrated tax between states (IGST)."""
    hsn_code: PlainText = ""
    """HSN code of the goods."""
    place_of_supply: PlainText = ""
    """Place of supply: a state, or its GST state code."""
    eway_bill: PlainText = ""
    """Number of the e-way bill."""
    invoice_reference: PlainText = ""
    """Number of the invoice."""
    extra: JsonObject = Field(default_factory=dict[str, Any])
    """Further fields of `gst_info` under ClickPost's own names."""


class Goods(NeutralPart):
    """One item of the goods; in a multi-piece shipment one piece."""

    sku: Filled
    """Stock-keeping unit."""
    description: Filled
    """Short description."""
    price: Amount
    """Unit price, 0 or more, in the invoice's currency."""
    quantity: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """Quantity."""
    parcel: Parcel | None = None
    """Size and weight of the piece; required in a multi-piece shipment."""
    brand: PlainText = ""
    """Brand; a quality check compares it."""
    color: PlainText = ""
    """Colour; a quality check compares it."""
    size: PlainText = ""
    """Size, such as XL; a quality check compares it."""
    category: PlainText = ""
    """Category, such as Footwear."""
    images: tuple[Filled, ...] = ()
    """Image URLs; a quality check shows the images."""
    serial_number: PlainText = ""
    """Serial number; a quality check compares it."""
    imei: PlainText = ""
    """IMEI of a mobile device; a quality check compares it."""
    check_instructions: PlainText = ""
    """Instructions for a quality check."""
    hs_code: PlainText = ""
    """Harmonised System code, for customs."""
    made_in: Country | None = None
    """Country of manufacture, for customs."""
    gst: Gst | None = None
    """Tax of this item, in multi-seller shipments."""
    extra: JsonObject = Field(default_factory=dict[str, Any])
    """Further fields of the item under ClickPost's own names."""


class Invoice(NeutralPart):
    """The invoice of the goods."""

    number: Filled
    """Number of the invoice."""
    day: date
    """Date of the invoice."""
    value: Amount
    """Value of the goods."""
    currency: Currency = "INR"
    """Currency of the value and all prices, 3 capital letters (ISO 4217)."""


class Payment(NeutralPart):
    """How the receiver pays."""

    method: Literal["PREPAID", "COD"] = "PREPAID"
    """PREPAID, or COD (cash on delivery)."""
    amount: Amount = Decimal(0)
    """Amount to collect: above 0 for COD, else 0."""
    currency: Currency | None = None
    """Currency of the amount, if it differs from the invoice's."""

    @classmethod
    def prepaid(cls) -> Self:
        """A prepaid order: the courier collects no money."""
        return cls()

    @classmethod
    def cod(cls, amount: Decimal | int | str, currency: str | None = None) -> Self:
        """Cash on delivery: the courier collects this amount."""
        return cls(method="COD", amount=Decimal(amount), currency=currency)

    @model_validator(mode="after")
    def _check_amount(self) -> Self:
        if self.method == "COD" and not float(self.amount):
            raise PydanticCustomError("amount", "amount must be above 0 for COD")
        if self.method == "PREPAID" and self.amount:
            raise PydanticCustomError("amount", "amount must be 0 for PREPAID")
        return self


class Exchange(NeutralPart):
    """An exchange: the courier delivers new goods and collects the old ones."""

    old_goods_to: Party | None = None
    """Address to which the old goods go; the sender if left out."""
    description: PlainText = ""
    """Description of the old goods, at most 100 characters."""
    return_waybill: PlainText = ""
    """Waybill of the exchange's return."""


class QualityCheck(NeutralPart):
    """A doorstep quality check of returned goods."""

    questions: tuple[Filled, ...] = ()
    """The checks to perform, such as BRAND, COLOR, IMAGES; if left out, those configured at ClickPost."""
    template: PlainText = ""
    """Id of the courier's template."""
    template_category: PlainText = ""
    """Category of that template."""


class Customs(NeutralPart):
    """The customs declaration of a cross-border shipment."""

    tax_paid: bool | None = None
    """Whether the tax is paid."""
    tax_amount: Amount | None = None
    """Tax amount, in the invoice's currency."""
    sender_tax_id: PlainText = ""
    """Tax number of the sender."""
    receiver_tax_id: PlainText = ""
    """Tax number of the consignee."""
    receiver_tax_type: PlainText = ""
    """Type of that number, such as VAT."""
    exporter_type: PlainText = ""
    """Exporter type, such as UT."""
    exporter_tax_id: PlainText = ""
    """Tax number of the exporter."""
    lut_bond_number: PlainText = ""
    """Letter of undertaking or bond of an export from India."""
    duty_paid_by: Literal["SENDER", "RECEIVER"] | None = None
    """The payer of duty."""
    extra: JsonObject = Field(default_factory=dict[str, Any])
    """Further fields of `tax_info` under ClickPost's own names."""
