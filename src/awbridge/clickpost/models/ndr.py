"""The body of ndr-update: what a courier is to do after a failed delivery. Source: ClickPost's API reference."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from awbridge.clickpost.models.base import RequestModel
from awbridge.clickpost.models.parts import CourierId, DayField, Filled, TextField, kept, problem


class NdrAction(StrEnum):
    """What a courier can be instructed to do after a failed delivery."""

    REATTEMPT = "REATTEMPT"
    INITIATE_RTO = "INITIATE_RTO"


class NdrUpdate(RequestModel):
    """Deliver a parcel again, or return it to origin.

    For REATTEMPT ClickPost's reference names address, landmark, pincode and phone as mandatory in one column and as
    optional in the other: they are left to ClickPost to judge, only the date is checked.
    """

    action: Annotated[NdrAction | Literal["REATTEMPT", "INITIATE_RTO"], kept("must be REATTEMPT or INITIATE_RTO")]
    """REATTEMPT: try again. INITIATE_RTO: return to origin."""
    waybill: Filled
    """The waybill of the parcel."""
    cp_id: CourierId
    """The courier that has it."""
    account_code: Filled
    """The account with that courier under which it was booked."""
    address: TextField | None = None
    """The new address, for REATTEMPT."""
    landmark: TextField | None = None
    """What is near it, for REATTEMPT."""
    drop_pincode: TextField | None = None
    """The new pincode, 6 digits, for REATTEMPT."""
    phone_number: TextField | None = None
    """The customer's new phone, 10 or 11 digits, for REATTEMPT."""
    preferred_date: DayField | None = Field(default=None, validate_default=True)
    """The day to try again, as YYYY-MM-DD. REATTEMPT needs it."""

    @field_validator("preferred_date")
    @classmethod
    def _needed(cls, day: Any, info: ValidationInfo) -> Any:
        if not day and info.data.get("action") == NdrAction.REATTEMPT:
            raise problem("is needed where action is REATTEMPT")
        return day
