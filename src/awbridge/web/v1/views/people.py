"""The JSON of API keys and the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from awbridge.domain.people.role import Role
from awbridge.web.v1.views import Id, View


class KeyView(View):
    """An API key, without its secret."""

    id: Id
    name: str
    role: Role
    created_by: str
    created_at: datetime
    last_used_at: datetime | None = Field(description="To within an hour.")
    revoked_at: datetime | None


class KeyWithSecret(KeyView):
    """A new API key with its secret, which is shown only once."""

    secret: str


class AuditView(View):
    """Who did what."""

    id: Id
    at: datetime = Field(validation_alias="recorded_at")
    actor_kind: str = Field(description="person, key, command, or local (this machine, without keys and people).")
    actor: str
    action: str
    subject: str = Field(description="Such as a reference number; empty if the action has none.")
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class AuditPage(BaseModel):
    """A page of the audit log. Pass `next` as `cursor` to get the following page; null on the last."""

    entries: list[AuditView]
    next: str | None
