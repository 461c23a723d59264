"""The routes that erase one person's data."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, Field

from awbridge.steps.privacy.erase import ask_erasure
from awbridge.store.privacy import erasures
from awbridge.store.privacy.erasures import Erasure
from awbridge.web.dependencies import ApiDep, StoreDep
from awbridge.web.v1.request_parsing import NO_NUL
from awbridge.web.v1.strict import OwnBody

router = APIRouter(prefix="/erasures", tags=["evidence"])


class ErasureBody(OwnBody):
    """The person whose data is erased: set one of the two."""

    phone: str | None = Field(None, max_length=50, pattern=NO_NUL)
    reference_number: str | None = Field(None, max_length=200, pattern=NO_NUL)


class ErasureView(BaseModel):
    """An erasure. `person` is a pseudonym or a mask, never the phone number."""

    id: str
    kind: str
    person: str
    requested_at: datetime
    done_at: datetime | None
    counts: dict[str, int]
    problem: str | None


@router.post("", status_code=202)
async def create_erasure(body: Annotated[ErasureBody, Body()], api: ApiDep) -> ErasureView:
    """Request the erasure of one person's data, by phone or by reference number. 202: the erase step carries it out."""
    requested = await ask_erasure(
        store=api.store,
        clock=api.clock,
        phone=body.phone,
        reference=body.reference_number,
        key=api.audit.privacy_key,
    )
    return _view(requested)


@router.get("")
async def list_erasures(store: StoreDep, limit: Annotated[int, Query(ge=1, le=500)] = 50) -> list[ErasureView]:
    """Erasures, newest first: the record that they were carried out."""
    async with store.read() as session:
        return [_view(erasure) for erasure in await erasures.newest(session, limit=limit)]


def _view(erasure: Erasure) -> ErasureView:
    """The view of an erasure."""
    return ErasureView(
        id=str(erasure.id),
        kind=erasure.kind,
        person=erasure.pseudonym,
        requested_at=erasure.requested_at,
        done_at=erasure.done_at,
        counts=dict(erasure.counts),
        problem=erasure.problem,
    )
