"""The JSON of transporters and of their comparison with ClickPost's accounts."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict
from datetime import datetime

from pydantic import Field

from awbridge.store.couriers import couriers
from awbridge.store.engine.database import Session
from awbridge.web.v1.views import View


class CourierView(View):
    """A transporter, and the courier account that it is mapped to."""

    transporter: str
    courier_partner_id: int
    account_code: str | None
    name: str
    active: bool
    fallback: str | None = Field(description="The transporter that takes over what this one cannot carry.")
    warning: str | None = Field(None, description="What the last comparison with ClickPost found.")


class WarningView(View):
    """A problem of a courier account in use that needs a person."""

    transporter: str = Field(description="Empty if only open shipments use the account.")
    courier_partner_id: int
    account_code: str
    kind: str = Field(description="inactive, vanished or renamed.")
    warning: str
    since_at: datetime


class WarningsView(View):
    """The result of the last comparison, and the error if a later one failed."""

    compared_at: datetime | None
    problem: str | None
    warnings: list[WarningView]


class ChangeView(View):
    """One difference between the mapping and ClickPost's accounts. `written` is false if it is not applied."""

    change: str
    transporter: str
    courier_partner_id: int
    account_code: str | None
    name: str
    written: bool
    note: str


class SyncView(View):
    """The differences, whether they were applied, and the current warnings."""

    applied: bool
    changes: list[ChangeView]
    warnings: list[WarningView]
    unread: int = Field(
        0, description="Accounts of ClickPost that could not be read; if there are any, none is reported as vanished."
    )


async def courier_views(session: Session) -> list[CourierView]:
    texts: dict[str, list[str]] = defaultdict(list)
    for warning in await couriers.warnings(session):
        texts[warning.transporter].append(warning.warning)
    return [
        CourierView(**asdict(account), warning="; ".join(texts[account.transporter]) or None)
        for account in await couriers.every(session)
    ]
