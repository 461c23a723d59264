"""The JSON of actions: requests to ClickPost other than registration and cancellation."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from awbridge.web.v1.views import View


class ActionView(View):
    """A request to ClickPost, and its outcome."""

    id: str = Field(description="Its id.")
    kind: str = Field(description="edit, label, security_key, pickup, ndr, whatsapp, register or proof.")
    reference_number: str | None = Field(
        description="The reference number of its shipment; null for a pickup without one."
    )
    state: str = Field(description="due, waiting, done, refused, gave_up, unclear or overtaken.")
    tries: int = Field(description="Failed attempts.")
    next_try_at: datetime | None = Field(description="When it is made next; null if it is not.")
    problem: str | None = Field(description="Why it is in this state; null if nothing is wrong.")
    result: dict[str, Any] | None = Field(description="What ClickPost returned.")
    idempotency_key: str | None = Field(description="The Idempotency-Key of the request.")
    requested_at: datetime = Field(description="When it was requested.")
    done_at: datetime | None = Field(description="When ClickPost did it.")
    updated_at: datetime = Field(description="When it last changed.")


class RegistrationView(ActionView):
    """The registration of a waybill, as an action."""

    warnings: list[str] = Field(description="Accepted, but doubtful: a waybill that was used before.")


class ActionWithBody(ActionView):
    """An action with its request body."""

    body: dict[str, Any] = Field(description="The body of the request.")


class ActionPage(BaseModel):
    """A page of actions. Pass `next` as `cursor` to get the following page; null on the last."""

    actions: list[ActionView] = Field(description="The actions of the page.")
    next: str | None = Field(description="The cursor of the following page; null on the last.")
