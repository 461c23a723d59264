"""The JSON of API keys and the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from awbridge.domain.people.role import Role
from awbridge.web.v1.views import Id, View


class KeyView(View):
    """An API key, without its secret."""

    id: Id = Field(description="Its id.")
    name: str = Field(description="The name of the program that has it.")
    role: Role = Field(description="What it may do.")
    created_by: str = Field(description="Who made it.")
    created_at: datetime = Field(description="When it was stored.")
    last_used_at: datetime | None = Field(description="To within an hour.")
    revoked_at: datetime | None = Field(description="When it was revoked; null if it is valid.")


class KeyWithSecret(KeyView):
    """A new API key with its secret, which is shown only once."""

    secret: str = Field(description="The secret; only this response has it.")


class AuditView(View):
    """Who did what."""

    id: Id = Field(description="Its id.")
    at: datetime = Field(validation_alias="recorded_at", description="When.")
    actor_kind: str = Field(description="person, key, command, or local (this machine, without keys and people).")
    actor: str = Field(description="The name of the person or key, or the user of the command line.")
    action: str = Field(description="What was done.")
    subject: str = Field(description="Such as a reference number; empty if the action has none.")
    before: dict[str, Any] | None = Field(description="The value before; null if there was none.")
    after: dict[str, Any] | None = Field(description="The value after; null if there is none.")


class AuditPage(BaseModel):
    """A page of the audit log. Pass `next` as `cursor` to get the following page; null on the last."""

    entries: list[AuditView] = Field(description="The entries of the page.")
    next: str | None = Field(description="The cursor of the following page; null on the last.")
