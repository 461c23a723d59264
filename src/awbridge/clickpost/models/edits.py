"""The body of edit-order: changes to a booked order. Source: ClickPost's API reference."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from awbridge.clickpost.models.base import RequestModel
from awbridge.clickpost.models.parts import Amount, CourierId, DayField, Filled, TextField, check_cod


class OrderEdit(RequestModel):
    """A change to a booked order: its payment, its quality check or its e-way bill.

    Each courier decides which changes it accepts and until when: most accept none once out for delivery.
    """

    awb_number: Filled | None = None
    """The waybill. ClickPost requires it; the client's edit_order sets it."""
    courier_partner: CourierId | None = None
    """The order's courier. ClickPost requires it; the client's edit_order sets it."""
    order_type: Literal["PREPAID", "COD"] | None = None
    """The new payment type."""
    cod_value: Amount | None = Field(default=None, validate_default=True)
    """Amount to collect, in rupees: above 0 if order_type becomes COD, else 0 or left out."""
    qc_type: Literal["doorstep"] | None = None
    """"doorstep": the courier checks the goods at pickup. None: it no longer does."""
    sku: TextField | None = None
    """The item to check; the whole shipment if left out."""
    edit_order_service: TextField | None = None
    """The kind of edit, where ClickPost requires it: 2 is the e-way bill."""
    ewaybill_serial_number: TextField | None = None
    """Number of the e-way bill, required for goods above 50,000 rupees."""
    invoice_number: TextField | None = None
    """Number of the e-way bill's invoice."""
    invoice_date: DayField | None = None
    """Date of that invoice, as YYYY-MM-DD."""

    @field_validator("cod_value")
    @classmethod
    def _fits(cls, amount: Any, info: ValidationInfo) -> Any:
        check_cod(info.data.get("order_type"), amount, needed=True)
        return amount
