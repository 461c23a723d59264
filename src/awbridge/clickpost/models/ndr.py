"""The body of ndr-update: an instruction after a failed delivery. Source: ClickPost's API reference."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from awbridge.clickpost.models.base import RequestModel
from awbridge.clickpost.models.parts import CourierId, DayField, Filled, TextField, kept, problem


class NdrAction(StrEnum):
    """The instructions that a courier takes after a failed delivery."""

    REATTEMPT = "REATTEMPT"
    INITIATE_RTO = "INITIATE_RTO"


class NdrUpdate(RequestModel):
    """Reattempt the delivery of a parcel, or return it to origin.

    For REATTEMPT, ClickPost's reference lists address, landmark, pincode and phone as mandatory in one column and as
    optional in another. Only the date is checked here; the rest is left to ClickPost.
    """

    action: Annotated[NdrAction | Literal["REATTEMPT", "INITIATE_RTO"], kept("must be REATTEMPT or INITIATE_RTO")]
    """REATTEMPT: deliver again. INITIATE_RTO: return to origin."""
    waybill: Filled
    """The waybill."""
    cp_id: CourierId
    """The parcel's courier."""
    account_code: Filled
    """The courier account under which it was booked."""
    address: TextField | None = None
    """The new address, for REATTEMPT."""
    landmark: TextField | None = None
    """The new landmark, for REATTEMPT."""
    drop_pincode: TextField | None = None
    """The new pincode, 6 digits, for REATTEMPT."""
    phone_number: TextField | None = None
    """The customer's new phone number, 10 or 11 digits, for REATTEMPT."""
    preferred_date: DayField | None = Field(default=None, validate_default=True)
    """The date of the next attempt, as YYYY-MM-DD. Required for REATTEMPT."""

    @field_validator("preferred_date")
    @classmethod
    def _needed(cls, day: Any, info: ValidationInfo) -> Any:
        if not day and info.data.get("action") == NdrAction.REATTEMPT:
            raise problem("is required if action is REATTEMPT")
        return day
