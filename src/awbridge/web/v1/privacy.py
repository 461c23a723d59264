"""The routes that erase one person's data."""

from __future__ import annotations

from typing import Annotated

from fastapi import Body
from pydantic import Field

from awbridge.steps.privacy.erase import ask_erasure
from awbridge.store.privacy import erasures
from awbridge.store.privacy.erasures import Erasure
from awbridge.web.dependencies import ApiDep, StoreDep
from awbridge.web.v1.request_parsing import NO_NUL, Limit
from awbridge.web.v1.strict import OwnBody, v1_router
from awbridge.web.v1.views.privacy import ErasureView

router = v1_router("/erasures", tags=["evidence"])


class ErasureBody(OwnBody):
    """The person whose data is erased: set one of the two."""

    phone: str | None = Field(None, max_length=50, pattern=NO_NUL)
    reference_number: str | None = Field(None, max_length=200, pattern=NO_NUL)


@router.post("", status_code=202, response_model=ErasureView)
async def create_erasure(body: Annotated[ErasureBody, Body()], api: ApiDep) -> Erasure:
    """Request the erasure of one person's data, by phone or by reference number. 202: the erase step carries it out."""
    return await ask_erasure(
        store=api.store,
        clock=api.clock,
        phone=body.phone,
        reference=body.reference_number,
        key=api.audit.privacy_key,
    )


@router.get("", response_model=list[ErasureView])
async def list_erasures(store: StoreDep, limit: Limit = 50) -> list[Erasure]:
    """Erasures, newest first: the record that they were carried out."""
    async with store.read() as session:
        return await erasures.newest(session, limit=limit)
