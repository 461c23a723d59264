"""The parts of a shipment in neutral terms: places, goods, money, taxes.

Sizes are in cm, weights in grams, amounts are Decimals. `extra` of a part takes fields that have no name here, in
ClickPost's own names: they are sent as they are and override built fields.
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
    """A frozen part of a consignment. An unknown name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Party(NeutralPart):
    """Someone at a place: the sender, the receiver, or where undelivered parcels go back to."""

    name: Filled
    """Name of the person or company."""
    phone: Filled
    """Phone number, without the code of the country."""
    address: Filled
    """Street address."""
    city: Filled
    """City."""
    state: PlainText = ""
    """State or province. India has one everywhere; other countries may not."""
    postal_code: PlainText = ""
    """Postal code; in India 6 digits. Other countries may have none."""
    country: Country = "IN"
    """Country, 2 capital letters (ISO 3166)."""
    email: PlainText = ""
    """E-mail."""
    phone_code: PlainText = ""
    """Country code of the phone, such as +91."""
    company: PlainText = ""
    """Company, where `name` is a person."""
    district: PlainText = ""
    """District."""
    landmark: PlainText = ""
    """Something near that is easy to find."""
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    """In degrees."""
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    """In degrees."""
    address_type: Literal["OFFICE", "RESIDENTIAL"] | None = None
    """What is there."""
    tax_number: PlainText = ""
    """TIN or GST number of a sender within India."""
    extra: JsonObject = Field(default_factory=dict[str, Any])
    """Fields of the place in ClickPost's own names: with prefix for India (`pickup_...`), without for the world."""

    @model_validator(mode="after")
    def _check_place(self) -> Self:
        if self.country == "IN" and not self.state:
            raise PydanticCustomError("state", "state is required in India")
        named = {"country_code": self.country, **self.model_dump(exclude={"extra", "country"})}
        if self.country == "IN" and not self.postal_code:
            raise PydanticCustomError("postal_code", "postal_code must have 6 digits in India")
        if problems := [f"{found.loc[0]} {found.problem}" for found in place_problems(named, WORLD)]:
            raise PydanticCustomError("place", "{problems}", {"problems": "; ".join(problems)})
        return self


class Parcel(NeutralPart):
    """Size and weight of the whole shipment, or of one piece of it."""

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
    """GST number of the enterprise that ships."""
    consignee_gstin: PlainText = ""
    """GST number of the receiver; needed between businesses."""
    seller_registered: bool | None = None
    """Whether the seller is registered under GST."""
    taxable_value: Amount | None = None
    """The amount that is taxed."""
    tax_base: Amount | None = None
    """The base of the tax."""
    discount: Amount | None = None
    """Discount under GST."""
    total_tax: Amount | None = None
    """All tax."""
    sgst_rate: Amount | None = None
    """State tax, in percent."""
    sgst_amount: Amount | None = None
    """State tax."""
    cgst_rate: Amount | None = None
    """Central tax, in percent."""
    cgst_amount: Amount | None = None
    """Central tax."""
    igst_rate: Amount | None = None
    """Tax between states, in percent."""
    igst_amount: Amount | None = None
    """Tax between states."""
    hsn_code: PlainText = ""
    """HSN code of the goods."""
    place_of_supply: PlainText = ""
    """State, or its GST state code."""
    eway_bill: PlainText = ""
    """Number of the e-way bill."""
    invoice_reference: PlainText = ""
    """Number of the invoice."""
    extra: JsonObject = Field(default_factory=dict[str, Any])
    """Further fields of `gst_info` in ClickPost's own names."""


class Goods(NeutralPart):
    """One line of what is inside; in a multi-piece shipment one piece."""

    sku: Filled
    """Stock-keeping unit."""
    description: Filled
    """What it is, in a few words."""
    price: Amount
    """Price of one, 0 or more, in the invoice's currency."""
    quantity: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """How many."""
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
    """Links of pictures; a quality check shows them."""
    serial_number: PlainText = ""
    """Serial number; a quality check compares it."""
    imei: PlainText = ""
    """IMEI of a mobile device; a quality check compares it."""
    check_instructions: PlainText = ""
    """What a quality check should look at."""
    hs_code: PlainText = ""
    """Harmonised System code, for customs."""
    made_in: Country | None = None
    """Country of manufacture, for customs."""
    gst: Gst | None = None
    """Tax of this line, where lines have other sellers."""
    extra: JsonObject = Field(default_factory=dict[str, Any])
    """Further fields of the item in ClickPost's own names."""


class Invoice(NeutralPart):
    """The invoice of the goods."""

    number: Filled
    """Its number."""
    day: date
    """Its day."""
    value: Amount
    """What the goods are worth."""
    currency: Currency = "INR"
    """Currency of the value and of all prices, 3 capital letters (ISO 4217)."""


class Payment(NeutralPart):
    """How the receiver pays."""

    method: Literal["PREPAID", "COD"] = "PREPAID"
    """PREPAID, or COD (cash on delivery)."""
    amount: Amount = Decimal(0)
    """What is collected at the door: above 0 for COD, else 0."""
    currency: Currency | None = None
    """Currency of the amount, where it is not that of the invoice."""

    @classmethod
    def prepaid(cls) -> Self:
        """Nothing is collected."""
        return cls()

    @classmethod
    def cod(cls, amount: Decimal | int | str, currency: str | None = None) -> Self:
        """This amount is collected at the door."""
        return cls(method="COD", amount=Decimal(amount), currency=currency)

    @model_validator(mode="after")
    def _check_amount(self) -> Self:
        if self.method == "COD" and not float(self.amount):
            raise PydanticCustomError("amount", "amount must be above 0 for COD")
        if self.method == "PREPAID" and self.amount:
            raise PydanticCustomError("amount", "amount must be 0 for PREPAID")
        return self


class Exchange(NeutralPart):
    """Something is brought and something else taken along. Where the old goods go, and what they are, if known."""

    old_goods_to: Party | None = None
    """Where the old goods go; the sender if left out."""
    description: PlainText = ""
    """What is taken along, at most 100 characters."""
    return_waybill: PlainText = ""
    """Waybill of the return that belongs to it."""


class QualityCheck(NeutralPart):
    """A check of returned goods at the customer's door."""

    questions: tuple[Filled, ...] = ()
    """What is checked, such as BRAND, COLOR, IMAGES; what was agreed with ClickPost for the account if left out."""
    template: PlainText = ""
    """Id of the courier's template."""
    template_category: PlainText = ""
    """Category of that template."""


class Customs(NeutralPart):
    """What a shipment across borders declares."""

    tax_paid: bool | None = None
    """Whether the tax is paid."""
    tax_amount: Amount | None = None
    """The tax, in the invoice's currency."""
    sender_tax_id: PlainText = ""
    """Tax number of the sender."""
    receiver_tax_id: PlainText = ""
    """Tax number of the receiver."""
    receiver_tax_type: PlainText = ""
    """What kind of number that is, such as VAT."""
    exporter_type: PlainText = ""
    """Kind of exporter, such as UT."""
    exporter_tax_id: PlainText = ""
    """Tax number of the exporter."""
    lut_bond_number: PlainText = ""
    """Letter of undertaking or bond of an export from India."""
    duty_paid_by: Literal["SENDER", "RECEIVER"] | None = None
    """Who pays duty."""
    extra: JsonObject = Field(default_factory=dict[str, Any])
    """Further fields of `tax_info` in ClickPost's own names."""
