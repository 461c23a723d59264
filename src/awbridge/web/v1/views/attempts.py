"""The JSON of calls to ClickPost."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from awbridge.web.v1.views import View


class AttemptView(View):
    """One call to ClickPost, with the key masked."""

    api: str
    method: str
    url: str
    request: str
    http_status: int | None
    business_status: int | None
    response: str
    error: str
    outcome: str
    ms: int
    made_at: datetime
    payload_version: int | None = Field(description="The version of the payload that was sent.")


class AttemptPage(BaseModel):
    """A page of calls. Pass `next` as `cursor` to get the following page; null on the last."""

    attempts: list[AttemptView]
    next: str | None
