"""A shipment in awbridge's own terms, independent of ClickPost's forms.

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

Sizes are in cm, weights in grams, amounts are Decimals. `extra` of each part takes further fields under ClickPost's own
names: they are sent unchanged and override built fields.
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
    """ClickPost's id of the courier."""
    reference_number: Annotated[Filled, Field(max_length=LONGEST_REFERENCE)]
    """Unique per shipment, at most 200 characters; fewer for some couriers."""
    sender: Party
    """Pickup address."""
    receiver: Party
    """Delivery address."""
    goods: Annotated[tuple[Goods, ...], Field(min_length=1)]
    """The items."""
    parcel: Parcel
    """Size and weight of the whole shipment."""
    invoice: Invoice
    """Invoice of the goods."""
    payment: Payment = Payment()
    """How the receiver pays; prepaid if left out."""
    account_code: PlainText = ""
    """The courier account, as named in ClickPost's dashboard."""
    order_id: PlainText = ""
    """The seller's order id."""
    return_to: Party | None = None
    """Return address of an undelivered parcel; the sender if left out."""
    return_reason: Annotated[PlainText, Field(max_length=LONGEST_RVP_REASON)] = ""
    """Reason of the return, at most 500 characters; makes the shipment a return (RVP)."""
    exchange: Exchange | None = None
    """Set if the courier delivers new goods and collects old ones."""
    reverse: bool = False
    """True for a return (RVP). Only needed for an exchange: a `return_reason` implies it."""
    quality_check: QualityCheck | None = None
    """A doorstep quality check, for returns only."""
    multi_piece: bool = False
    """Whether each of the goods is a piece with a waybill of its own (MPS)."""
    gst: Gst | None = None
    """Indian tax of the whole shipment."""
    customs: Customs | None = None
    """Customs declaration of a cross-border shipment."""
    preassigned_waybill: PlainText = ""
    """A preassigned waybill."""
    pickup_at: datetime | None = None
    """Time at which the parcel is ready."""
    vendor_code: PlainText = ""
    """The courier's code of the pickup place."""
    label: bool = True
    """Whether to create a label."""
    in_background: bool = False
    """Whether ClickPost places the order in the background (`async`)."""
    courier_fields: JsonObject = Field(default_factory=dict[str, Any])
    """`courier_custom_fields`, which only v4 has."""
    extra: JsonObject = Field(default_factory=dict[str, Any])
    """Further fields of `shipment_details` under ClickPost's own names."""
    extra_additional: JsonObject = Field(default_factory=dict[str, Any])
    """Further fields of `additional` under ClickPost's own names."""

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        problems = [text for text, applies in self._rules() if applies]
        if problems:
            raise PydanticCustomError("consignment", "{problems}", {"problems": "; ".join(problems)})
        return self

    def _rules(self) -> tuple[tuple[str, bool], ...]:
        rule = COURIER_RULES.get(self.courier_partner_id)
        longest = rule.longest_reference if rule else LONGEST_REFERENCE
        customs = bool(rule and rule.item_fields)
        unmeasured = any(item.parcel is None for item in self.goods)
        undeclared = any(not item.hs_code or item.made_in is None for item in self.goods)
        return (
            (f"reference_number may have at most {longest} characters", len(self.reference_number) > longest),
            ("return_reason is required for a return", self.is_return and not (self.return_reason or self.exchange)),
            ("quality_check is for returns only", self.quality_check is not None and not self.is_return),
            ("multi_piece needs a parcel for each of the goods", self.multi_piece and unmeasured),
            ("goods need hs_code and made_in for this courier", customs and undeclared),
        )

    @property
    def is_return(self) -> bool:
        """Whether it is a return from a customer (RVP)."""
        return self.reverse or bool(self.return_reason)

    @property
    def crosses_border(self) -> bool:
        """Whether sender and receiver are in different countries."""
        return self.sender.country != self.receiver.country

    def to_india(self) -> IndiaOrder:
        """The order for create-order v3, for shipments within India. v3 implies rupees.

        Raises ValidationError if a place has no state or no postal code: v3 requires both.
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
        """The order for create-order v4, outside India and across borders."""
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
            "items": [sections.item(goods, checked=self.quality_check is not None) for goods in self.goods],
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
