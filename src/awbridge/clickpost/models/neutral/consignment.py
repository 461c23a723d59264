"""One shipment in neutral terms, whichever form ClickPost takes it in.

    consignment = Consignment(
        courier_partner_id=4,
        reference_number="ORDER-1001",
        sender=Party(name="Kanda Warehouse", phone="8000000001", address="Plot 4", city="Pune", ...),
        receiver=Party(name="A Customer", ...),
        goods=(Goods(sku="TEA-1", description="Tea", price=Decimal("249.75"), quantity=2),),
        parcel=Parcel(length_cm=10, breadth_cm=12, height_cm=4, weight_g=350),
        invoice=Invoice(number="INV-1", day=date(2026, 11, 2), value=Decimal("499.50")),
        payment=Payment.cod("499.50"),
    )
    consignment.to_india()  # an IndiaOrder (v3)
    consignment.to_world()  # a WorldOrder (v4)

Sizes are in cm, weights in grams, amounts are Decimals. `extra` of each part takes fields that have no name here, in
ClickPost's own names: they are sent as they are and override built fields.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from awbridge.clickpost.models.neutral import sections as sections
from awbridge.clickpost.models.neutral.parts import (
    Customs,
    Exchange,
    Filled,
    Goods,
    Gst,
    Invoice,
    NeutralPart,
    Parcel,
    Party,
    Payment,
    PlainText,
    QualityCheck,
)
from awbridge.clickpost.models.orders.india import IndiaOrder
from awbridge.clickpost.models.orders.order_rules import COURIER_RULES, LONGEST_REFERENCE, LONGEST_RVP_REASON
from awbridge.clickpost.models.orders.world import WorldOrder
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.shipment import Region


class Consignment(NeutralPart):
    """One shipment from a sender to a receiver. For a return the sender is the customer."""

    courier_partner_id: Annotated[int, Field(gt=0, lt=2**31)]
    """The courier's id at ClickPost."""
    reference_number: Annotated[Filled, Field(max_length=LONGEST_REFERENCE)]
    """Unique for each shipment, at most 200 characters; some couriers take fewer."""
    sender: Party
    """Where the courier picks up."""
    receiver: Party
    """Where the courier brings it."""
    goods: Annotated[tuple[Goods, ...], Field(min_length=1)]
    """What is inside."""
    parcel: Parcel
    """Size and weight of the whole."""
    invoice: Invoice
    """The invoice of the goods."""
    payment: Payment = Payment()
    """How the receiver pays; prepaid if left out."""
    account_code: PlainText = ""
    """The account with the courier, as it is named in ClickPost's dashboard."""
    order_id: PlainText = ""
    """The shop's own id of the order."""
    return_to: Party | None = None
    """Where an undelivered parcel goes back to; the sender if left out."""
    return_reason: Annotated[PlainText, Field(max_length=LONGEST_RVP_REASON)] = ""
    """Why the goods come back, at most 500 characters; this makes it a return (RVP)."""
    exchange: Exchange | None = None
    """Set where something is brought and something else taken along."""
    reverse: bool = False
    """True for a return (RVP). Only an exchange needs it: a `return_reason` implies it."""
    quality_check: QualityCheck | None = None
    """A check at the door, of returns only."""
    multi_piece: bool = False
    """Whether each of the goods is a piece with a waybill of its own (MPS)."""
    gst: Gst | None = None
    """Indian tax of the whole."""
    customs: Customs | None = None
    """What a shipment across borders declares."""
    preassigned_waybill: PlainText = ""
    """A waybill that was assigned before."""
    pickup_at: datetime | None = None
    """When the parcel is ready."""
    vendor_code: PlainText = ""
    """Code of the pickup place at the courier."""
    label: bool = True
    """Whether a label is made."""
    in_background: bool = False
    """Whether ClickPost places it in the background (`async`)."""
    courier_fields: JsonObject = Field(default_factory=dict[str, Any])
    """`courier_custom_fields`, which only the form for the world has."""
    extra: JsonObject = Field(default_factory=dict[str, Any])
    """Further fields of `shipment_details` in ClickPost's own names."""
    extra_additional: JsonObject = Field(default_factory=dict[str, Any])
    """Further fields of `additional` in ClickPost's own names."""

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        problems = [text for text, is_so in self._doubts() if is_so]
        if problems:
            raise PydanticCustomError("consignment", "{problems}", {"problems": "; ".join(problems)})
        return self

    def _doubts(self) -> tuple[tuple[str, bool], ...]:
        rule = COURIER_RULES.get(self.courier_partner_id)
        longest = rule.longest_reference if rule else LONGEST_REFERENCE
        customs = bool(rule and rule.item_fields)
        unmeasured = any(line.parcel is None for line in self.goods)
        undeclared = any(not line.hs_code or line.made_in is None for line in self.goods)
        return (
            (f"reference_number may have at most {longest} characters", len(self.reference_number) > longest),
            ("return_reason is required for a return", self.is_return and not (self.return_reason or self.exchange)),
            ("quality_check is for returns only", self.quality_check is not None and not self.is_return),
            ("multi_piece needs a parcel for each of the goods", self.multi_piece and unmeasured),
            ("goods need hs_code and made_in for this courier", customs and undeclared),
        )

    @property
    def is_return(self) -> bool:
        """Whether it comes back from a customer (RVP)."""
        return self.reverse or bool(self.return_reason)

    @property
    def crosses_border(self) -> bool:
        """Whether sender and receiver are in different countries."""
        return self.sender.country != self.receiver.country

    def to_india(self) -> IndiaOrder:
        """The order in create-order v3, for shipments within India. Rupees are not stated there.

        Raises ValidationError where that form cannot be filled: it needs a state and a postal code everywhere.
        """
        return IndiaOrder.model_validate(
            {
                "pickup_info": sections.indian_place(self.sender, "pickup_", time=self.pickup_at),
                "drop_info": sections.indian_place(self.receiver, "drop_"),
                "shipment_details": self._details(
                    currency=None if self.invoice.currency == "INR" else self.invoice.currency
                ),
                "additional": self._additional(sections.indian_return(self.return_to)),
                **sections.given(gst_info=sections.gst_info(self.gst)),
            }
        )

    def to_world(self) -> WorldOrder:
        """The order in create-order v4, for the rest of the world and across borders."""
        return WorldOrder.model_validate(
            {
                "pickup_info": sections.world_place(self.sender, time=self.pickup_at),
                "drop_info": sections.world_place(self.receiver),
                "shipment_details": self._details(currency=self.invoice.currency),
                "additional": self._additional(sections.world_return(self.return_to)),
                **sections.given(
                    gst_info=sections.gst_info(self.gst),
                    tax_info=sections.tax_info(self.customs),
                    courier_custom_fields=self.courier_fields,
                ),
            }
        )

    def to_payload(self, region: Region) -> JsonObject:
        """The JSON of the order in the region's form. Raises ValidationError as `to_india` does."""
        return (self.to_india() if region is Region.INDIA else self.to_world()).payload()

    def _details(self, *, currency: str | None) -> JsonObject:
        cod_currency = self.payment.currency if self.payment.currency != self.invoice.currency else None
        return {
            "courier_partner": self.courier_partner_id,
            "reference_number": self.reference_number,
            "order_type": "EXCHANGE" if self.exchange else self.payment.method,
            "delivery_type": "RVP" if self.is_return else "FORWARD",
            "cod_value": sections.money(self.payment.amount),
            **sections.invoice(self.invoice),
            **sections.parcel(self.parcel),
            "items": [sections.item(line, checked=self.quality_check is not None) for line in self.goods],
            **sections.given(
                account_code=self.account_code,
                order_id=self.order_id,
                rvp_reason=self.return_reason,
                awb_number=self.preassigned_waybill,
                vendor_code=self.vendor_code,
                currency_code=currency,
                cod_currency_code=cod_currency,
            ),
            **self.extra,
        }

    def _additional(self, return_info: JsonObject) -> JsonObject:
        return {
            "label": self.label,
            **sections.given(return_info=return_info, vendor_code=self.vendor_code),
            **({"async": True} if self.in_background else {}),
            **sections.quality_check(self.quality_check),
            **sections.exchange(self.exchange),
            **sections.duty(self.customs),
            **self.extra_additional,
        }
