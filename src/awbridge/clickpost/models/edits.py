"""The body of edit-order: fields of an order that the courier already has. Source: ClickPost's API reference."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from awbridge.clickpost.models.base import RequestModel
from awbridge.clickpost.models.parts import Amount, CourierId, DayField, Filled, TextField, check_cod


class OrderEdit(RequestModel):
    """One change of a booked order: how it is paid, whether it is checked at the door, or its e-waybill.

    Which courier takes which change, and until when, is the courier's: most stop at out for delivery.
    """

    awb_number: Filled | None = None
    """The waybill. ClickPost needs it; the client's edit_order puts it in."""
    courier_partner: CourierId | None = None
    """The courier that has the order. ClickPost needs it; the client's edit_order puts it in."""
    order_type: Literal["PREPAID", "COD"] | None = None
    """How the customer pays from now on."""
    cod_value: Amount | None = Field(default=None, validate_default=True)
    """What the courier collects, in rupees: above 0 where order_type becomes COD, else nothing or 0."""
    qc_type: Literal["doorstep"] | None = None
    """"doorstep": goods are checked when they are fetched. None: no longer."""
    sku: TextField | None = None
    """The item that is checked; left out, the whole shipment is."""
    edit_order_service: TextField | None = None
    """Which kind of edit this is, where ClickPost asks for it: 2 is the e-waybill."""
    ewaybill_serial_number: TextField | None = None
    """Number of the e-waybill, which goods above 50 000 rupees need."""
    invoice_number: TextField | None = None
    """Number of the invoice that the e-waybill belongs to."""
    invoice_date: DayField | None = None
    """Day of that invoice, as YYYY-MM-DD."""

    @field_validator("cod_value")
    @classmethod
    def _fits(cls, amount: Any, info: ValidationInfo) -> Any:
        check_cod(info.data.get("order_type"), amount, needed=True)
        return amount
