"""The routes of transporters and allocation rules."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Body, Path, Query
from pydantic import Field, StrictBool

from awbridge.domain.couriers.allocation import rule_fields
from awbridge.domain.errors import NotFound, NotPossible
from awbridge.steps.couriers import couriers as courier_steps
from awbridge.steps.couriers import moving
from awbridge.steps.couriers.moving import Moved
from awbridge.steps.couriers.sync_couriers import sync_couriers
from awbridge.store.couriers import couriers, rules
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.web.dependencies import ApiDep, ClockDep, StoreDep
from awbridge.web.v1.request_parsing import NO_NUL
from awbridge.web.v1.strict import OwnBody, v1_router
from awbridge.web.v1.views.couriers import ChangeView, CourierView, SyncView, WarningsView, WarningView, courier_views

router = v1_router(tags=["couriers"])


class CourierBody(OwnBody):
    """The courier account that a transporter is mapped to."""

    courier_partner_id: int = Field(gt=0, lt=2**31, description="ClickPost's cp_id.")
    account_code: str | None = Field(
        None, max_length=200, pattern=NO_NUL, description="The account's code at ClickPost."
    )
    name: str = Field("", max_length=200, pattern=NO_NUL)
    active: StrictBool = True
    fallback: str | None = Field(None, max_length=200, pattern=NO_NUL, description="A transporter that takes over.")


class MoveBody(OwnBody):
    """The transporter that shipments are moved to."""

    to: str = Field(min_length=1, max_length=200, pattern=NO_NUL)


@router.get("/couriers")
async def list_couriers(store: StoreDep) -> list[CourierView]:
    """Every transporter, the courier account that it is mapped to, and its warning."""
    async with store.read() as session:
        return await courier_views(session)


@router.get("/couriers/warnings")
async def list_warnings(store: StoreDep) -> WarningsView:
    """What the last comparison with ClickPost found about accounts in use."""
    async with store.read() as session:
        found = await couriers.warnings(session)
        state = await couriers.comparison(session)
    return WarningsView(
        compared_at=state.compared_at if state else None,
        problem=state.problem if state else None,
        warnings=[WarningView.model_validate(warning) for warning in found],
    )


@router.post("/couriers/sync")
async def sync(
    api: ApiDep,
    apply: Annotated[bool, Query(description="Apply the differences; otherwise only show them.")] = False,
) -> SyncView:
    """Compare the mapping with your accounts at ClickPost."""
    if api.clickpost is None:
        raise NotPossible("this process does not call ClickPost; use awbridge couriers sync")
    compared = await sync_couriers(store=api.store, clickpost=api.clickpost, clock=api.clock, apply=apply)
    changes = [
        ChangeView(**asdict(c.account), change=c.change, written=c.written and compared.applied, note=c.note)
        for c in compared.changes
    ]
    warnings = [WarningView.model_validate(warning) for warning in compared.warnings]
    return SyncView(applied=compared.applied, changes=changes, warnings=warnings, unread=compared.unread)


# A transporter's name may contain a slash, so the longer path comes first.
@router.post("/couriers/{transporter:path}/move")
async def move(transporter: str, body: Annotated[MoveBody, Body()], store: StoreDep, clock: ClockDep) -> Moved:
    """Move the unplaced shipments of a transporter to another. Shipments that may be placed at ClickPost stay."""
    return await moving.move_shipments(
        store=store, clock=clock, from_transporter=_name(transporter), to_transporter=body.to
    )


@router.put("/couriers/{transporter:path}", response_model=CourierView)
async def put_courier(
    transporter: Annotated[str, Path(max_length=200)],
    body: Annotated[CourierBody, Body()],
    store: StoreDep,
    clock: ClockDep,
) -> CourierAccount:
    """Add a transporter, or change its mapping."""
    account = CourierAccount(transporter=_name(transporter), **body.model_dump())
    await courier_steps.put_couriers(store=store, clock=clock, accounts=[account])
    return account


@router.delete("/couriers/{transporter:path}", status_code=204)
async def remove_courier(transporter: str, store: StoreDep) -> None:
    """Remove a transporter. Its shipments keep the courier account that they were given."""
    await courier_steps.remove_courier(store=store, transporter=_name(transporter))


@router.get("/allocation-rules")
async def list_rules(store: StoreDep) -> list[dict[str, Any]]:
    """The allocation rules, in the order in which they are tried."""
    async with store.read() as session:
        return [rule_fields(rule) for rule in await rules.every(session)]


@router.put("/allocation-rules")
async def put_rules(
    body: Annotated[list[dict[str, Any]], Body(max_length=1000)], store: StoreDep, clock: ClockDep
) -> list[dict[str, Any]]:
    """Replace all allocation rules, in this order; all or none."""
    return [rule_fields(rule) for rule in await courier_steps.put_rules(store=store, clock=clock, rows=body)]


def _name(transporter: str) -> str:
    if "\x00" in transporter:
        raise NotFound("there is no transporter with a NUL in its name")
    return transporter
