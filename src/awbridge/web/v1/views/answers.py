"""The JSON of customers' answers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, Field

from awbridge.web.v1.views import View


class AnswerView(View):
    """What a customer answered on the page of a parcel, and what became of it."""

    id: str = Field(description="Its id.")
    reference_number: str = Field(description="The reference number of the shipment.")
    waybill: str = Field(description="The box of a multi-piece shipment; empty for the whole shipment.")
    kind: str = Field(description="deliver_again, new_phone, new_address, pick_up, refuse or not_received.")
    day: date | None = Field(description="The day that the customer chose for the next attempt.")
    body: dict[str, Any] = Field(description="The new phone number, address and landmark, as far as they were given.")
    state: str = Field(description="received, sent, done, refused, overtaken, dismissed or replaced.")
    why: str | None = Field(description="Why it ended, or the operator's note.")
    about_at: datetime = Field(description="The time of the failed delivery, or of the delivery, that it is about.")
    ndr_code: int | None = Field(description="Why that delivery failed.")
    action: str | None = Field(description="The id of its NDR action.")
    settled_by: str | None = Field(description="Who confirmed or dismissed it; rule: a rule of the settings.")
    received_at: datetime = Field(description="When the customer answered.")
    settled_at: datetime | None = Field(description="When it was confirmed, dismissed or ended.")
    updated_at: datetime = Field(description="When it last changed.")


class AnswerPage(BaseModel):
    """A page of answers. Pass `next` as `cursor` to get the following page; null on the last."""

    answers: list[AnswerView] = Field(description="The answers of the page.")
    next: str | None = Field(description="The cursor of the following page; null on the last.")


class AnswerList(BaseModel):
    """All answers to one shipment, the oldest first."""

    answers: list[AnswerView] = Field(description="The answers.")
