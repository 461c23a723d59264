"""The JSON of courier accounts and downtimes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time
from typing import Annotated

from pydantic import BaseModel, Field, WithJsonSchema

from awbridge.domain.couriers.downtime import DAYS, Downtime
from awbridge.store.couriers import accounts


class AccountView(BaseModel):
    """A courier account that has or had shipments."""

    courier_partner_id: int = Field(description="ClickPost's id of the courier.")
    account_code: str | None = Field(description="The account code at ClickPost; null for an account without one.")
    held: str | None = Field(description="Why nothing is sent: account, breaker or downtime; null if nothing is held.")
    problem: str | None = Field(description="What is wrong with it; null if nothing is.")
    since_at: datetime | None = Field(description="When the incident began.")
    until: datetime | None = Field(description="When the next probe is due, or when the downtime ends.")
    waiting: int = Field(description="Shipments that wait to be placed; counted only for held accounts.")
    rate_per_second: float | None = Field(description="The most orders a second; null for no limit.")


_LocalTime = Annotated[time, WithJsonSchema({"type": "string", "examples": ["22:30"]})]


class DowntimeView(BaseModel):
    """A declared downtime: either `from_at` to `to_at`, or `starts` to `ends` on `weekdays`, local to the zone."""

    id: str = Field(description="Its id.")
    courier_partner_id: int = Field(description="ClickPost's id of the courier.")
    account_code: str | None = Field(description="Null for every account.")
    from_at: datetime | None = Field(description="A single downtime: its beginning.")
    to_at: datetime | None = Field(description="A single downtime: its end.")
    weekdays: list[str] = Field(description="mon, tue, ...: the days on which it begins. Empty for every day.")
    starts: _LocalTime | None = Field(description="A weekly downtime: its beginning.")
    ends: _LocalTime | None = Field(description="At or before `starts`, it is on the next day.")
    zone: str = Field(description="The time zone of starts and ends.")
    reason: str = Field(description="Why, for operators.")


def account_view(account: accounts.Account, held: accounts.Held | None, numbers: Mapping[str, int]) -> AccountView:
    return AccountView(
        courier_partner_id=account.courier_partner_id,
        account_code=account.account_code,
        held=held.kind if held else None,
        problem=held.problem if held else None,
        since_at=account.state.since_at,
        until=held.until if held else None,
        waiting=numbers.get(account.state.account, 0),
        rate_per_second=account.state.rate_per_second,
    )


def downtime_view(downtime: Downtime) -> DowntimeView:
    code = downtime.account.partition(":")[2] if downtime.account is not None else None
    return DowntimeView(
        id=str(downtime.id),
        courier_partner_id=downtime.courier_partner_id,
        account_code=code,
        from_at=downtime.from_at,
        to_at=downtime.to_at,
        weekdays=[DAYS[day] for day in sorted(downtime.weekdays)],
        starts=downtime.starts,
        ends=downtime.ends,
        zone=downtime.zone,
        reason=downtime.reason,
    )
