"""The routes of courier accounts: their holds, rate limits, and declared downtimes."""

from __future__ import annotations

from typing import Annotated

from fastapi import Body
from pydantic import Field
from starlette.exceptions import HTTPException

from awbridge.domain.couriers.downtime import declare
from awbridge.steps.couriers import downtimes as downtime_steps
from awbridge.store.audit import samples
from awbridge.store.couriers import accounts, downtimes
from awbridge.web.dependencies import ApiDep, ClockDep, StoreDep
from awbridge.web.requested import parse_id
from awbridge.web.v1.request_parsing import NO_NUL, LocalTime, Moment
from awbridge.web.v1.strict import OwnBody, v1_router
from awbridge.web.v1.views.courier_accounts import AccountView, DowntimeView, account_view, downtime_view

router = v1_router(tags=["couriers"])


class RateBody(OwnBody):
    """The limit of orders per second of one account, over all processes."""

    courier_partner_id: int = Field(gt=0, lt=2**31)
    account_code: str | None = Field(None, max_length=200, pattern=NO_NUL)
    rate_per_second: float | None = Field(ge=0.001, le=10_000, description="Null removes the limit.")


class DowntimeBody(OwnBody):
    """A downtime: either `from_at` to `to_at`, or `starts` to `ends` on `weekdays`. Times are local to the zone."""

    courier_partner_id: int = Field(gt=0, lt=2**31)
    account_code: str | None = Field(None, max_length=200, pattern=NO_NUL, description="Null for every account.")
    from_at: Moment | None = Field(None, description="A single downtime: a day or a time, in `zone` if it names none.")
    to_at: Moment | None = Field(None, description="A single downtime: its end.")
    weekdays: list[str] = Field([], description="mon, tue, ...: the days on which it begins. Empty for every day.")
    starts: LocalTime | None = Field(None, description="HH:MM")
    ends: LocalTime | None = Field(None, description="HH:MM. At or before `starts`, it is on the next day.")
    zone: str | None = Field(None, max_length=100, description="Such as Asia/Kolkata. Null for the account's zone.")
    reason: str = Field("", max_length=500, pattern=NO_NUL)


@router.get("/accounts")
async def list_accounts(store: StoreDep, clock: ClockDep) -> list[AccountView]:
    """Every courier account that has or had shipments, and why it is held."""
    async with store.read() as session:
        every = await accounts.every(session)
        held = await accounts.held(session, now=clock())
        sample = await samples.large(session, now=clock())
        counted = {} if sample else accounts.held_numbers(await accounts.count_unplaced(session, list(held)))
        numbers = sample.figures.waiting if sample else counted
    return [account_view(account, held.get(account.state.account), numbers) for account in every]


@router.put("/accounts/rate")
async def set_rate(body: Annotated[RateBody, Body()], store: StoreDep) -> RateBody:
    """Limit the orders per second of one account. Effective at once."""
    async with store.write() as session:
        await accounts.set_rate(session, body.courier_partner_id, body.account_code, body.rate_per_second)
    return body


class AccountBody(OwnBody):
    """A courier account."""

    courier_partner_id: int = Field(gt=0, lt=2**31)
    account_code: str | None = Field(None, max_length=200, pattern=NO_NUL)


@router.post("/accounts/reset", status_code=204)
async def reset_account(body: Annotated[AccountBody, Body()], store: StoreDep, clock: ClockDep) -> None:
    """End the incident of an account by hand. Its shipments go out 1, 2, 4, ... at a time."""
    await downtime_steps.reset_account(
        store=store, clock=clock, courier_partner_id=body.courier_partner_id, account_code=body.account_code
    )


@router.get("/downtimes")
async def list_downtimes(store: StoreDep, clock: ClockDep) -> list[DowntimeView]:
    """The declared downtimes that have not ended."""
    async with store.read() as session:
        return [downtime_view(d) for d in await downtimes.open_ones(session, now=clock())]


@router.post("/downtimes", status_code=201)
async def add_downtime(body: Annotated[DowntimeBody, Body()], api: ApiDep) -> DowntimeView:
    """Declare a downtime. Shipments due during it are held and sent afterwards, oldest first."""
    try:
        fields = body.model_dump(exclude={"weekdays", "zone"})
        declared = declare(**fields, days=body.weekdays, zone=body.zone or api.zone.key)
    except (ValueError, OverflowError) as error:
        raise HTTPException(422, str(error)) from None
    return downtime_view(await downtime_steps.add_downtime(store=api.store, clock=api.clock, declared=declared))


@router.delete("/downtimes/{number}", status_code=204)
async def remove_downtime(number: str, store: StoreDep) -> None:
    """Remove a downtime. Its held shipments are sent."""
    await downtime_steps.remove_downtime(store=store, number=parse_id(number))
