"""The JSON of actions: requests to ClickPost other than registration and cancellation."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from awbridge.web.v1.views import View


class ActionView(View):
    """A request to ClickPost, and its outcome."""

    id: str
    kind: str = Field(description="edit, label, security_key, pickup, ndr, whatsapp, register or proof.")
    reference_number: str | None
    state: str = Field(description="due, waiting, done, refused, gave_up, unclear or overtaken.")
    tries: int = Field(description="Failed attempts.")
    next_try_at: datetime | None
    problem: str | None
    result: dict[str, Any] | None = Field(description="What ClickPost returned.")
    idempotency_key: str | None
    requested_at: datetime
    done_at: datetime | None
    updated_at: datetime


class RegistrationView(ActionView):
    """The registration of a waybill, as an action."""

    warnings: list[str] = Field(description="Accepted, but doubtful: a waybill that was used before.")


class ActionWithBody(ActionView):
    """An action with its request body."""

    body: dict[str, Any]


class ActionPage(BaseModel):
    """A page of actions. Pass `next` as `cursor` to get the following page; null on the last."""

    actions: list[ActionView]
    next: str | None
