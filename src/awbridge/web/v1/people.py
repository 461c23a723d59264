"""The routes of API keys and the audit log."""

from __future__ import annotations

from typing import Annotated

from fastapi import Body, Query
from pydantic import Field

from awbridge.domain.people.audited import AuditAction
from awbridge.domain.people.role import Role
from awbridge.steps.people import keys as key_steps
from awbridge.store.people import audit_log
from awbridge.store.people.api_keys import ApiKey
from awbridge.store.people.audit_log import NEWEST
from awbridge.web.dependencies import ApiDep, ProcessDep, StoreDep
from awbridge.web.requested import parse_id
from awbridge.web.v1.request_parsing import NO_NUL, Limit, Number
from awbridge.web.v1.strict import OwnBody, v1_router
from awbridge.web.v1.views.people import AuditPage, AuditView, KeyView, KeyWithSecret

router = v1_router(tags=["people"])


class KeyBody(OwnBody):
    """A key to make: the program that uses it, and what it may do."""

    name: str = Field(min_length=1, max_length=key_steps.LONGEST_NAME, pattern=NO_NUL)
    role: Role


@router.get("/keys", response_model=list[KeyView])
async def list_keys(store: StoreDep) -> list[ApiKey]:
    """The stored API keys, newest first, revoked ones too. Needs an admin."""
    return await key_steps.every_key(store)


@router.post("/keys", status_code=201)
async def add_key(body: Annotated[KeyBody, Body()], api: ApiDep, process: ProcessDep) -> KeyWithSecret:
    """Make an API key. Its secret is shown in this response only. Needs an admin."""
    made = await key_steps.add_key(store=api.store, clock=api.clock, name=body.name, role=body.role)
    process.access.forget()
    return KeyWithSecret(**KeyView.model_validate(made.key).model_dump(), secret=made.secret)


@router.delete("/keys/{key_id}", status_code=204)
async def revoke_key(key_id: str, api: ApiDep, process: ProcessDep) -> None:
    """Revoke an API key. Every process refuses it within 5 seconds. Needs an admin."""
    await key_steps.revoke_key(store=api.store, clock=api.clock, key_id=parse_id(key_id))
    process.access.forget()


@router.get("/audit")
async def list_audit(
    store: StoreDep,
    actor: Annotated[str, Query(max_length=200, pattern=NO_NUL)] = "",
    action: AuditAction | None = None,
    subject: Annotated[str, Query(max_length=300, pattern=NO_NUL)] = "",
    limit: Limit = 50,
    cursor: Number = NEWEST,
) -> AuditPage:
    """Who did what, newest first: of one actor, one action, one subject, or all. Needs an admin."""
    async with store.read() as session:
        found = await audit_log.page(
            session, actor=actor, action=action or "", subject=subject, before_id=cursor, limit=limit + 1
        )
    page = found[:limit]
    after = str(page[-1].id) if len(found) > limit else None
    return AuditPage(entries=[AuditView.model_validate(entry) for entry in page], next=after)
