"""The JSON of calls to ClickPost."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from awbridge.web.v1.views import View


class AttemptView(View):
    """One call to ClickPost, with the key masked."""

    api: str = Field(description="The call, such as create-order.")
    method: str = Field(description="The HTTP method.")
    url: str = Field(description="The address, with the key masked.")
    request: str = Field(description="The body of the request.")
    http_status: int | None = Field(description="The HTTP status; null if no answer came.")
    business_status: int | None = Field(description="ClickPost's code in the body; null if it has none.")
    response: str = Field(description="The body of the response.")
    error: str = Field(description="Why no answer came; empty if one did.")
    outcome: str = Field(description="What the answer was taken for, such as placed or try_later.")
    ms: int = Field(description="How long the call took, in milliseconds.")
    made_at: datetime = Field(description="When it was made.")
    payload_version: int | None = Field(description="The version of the payload that was sent.")


class AttemptPage(BaseModel):
    """A page of calls. Pass `next` as `cursor` to get the following page; null on the last."""

    attempts: list[AttemptView] = Field(description="The calls of the page.")
    next: str | None = Field(description="The cursor of the following page; null on the last.")
