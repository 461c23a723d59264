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

    transporter: str = Field(description="Your name of the courier account.")
    courier_partner_id: int = Field(description="ClickPost's id of the courier.")
    account_code: str | None = Field(description="The account code at ClickPost; null for an account without one.")
    name: str = Field(description="A name for people.")
    active: bool = Field(description="Whether new orders may use it.")
    fallback: str | None = Field(description="The transporter that takes over what this one cannot carry.")
    warning: str | None = Field(None, description="What the last comparison with ClickPost found.")


class WarningView(View):
    """A problem of a courier account in use that needs a person."""

    transporter: str = Field(description="Empty if only open shipments use the account.")
    courier_partner_id: int = Field(description="ClickPost's id of the courier.")
    account_code: str = Field(description="The account code at ClickPost; empty for an account without one.")
    kind: str = Field(description="inactive, vanished or renamed.")
    warning: str = Field(description="What is wrong, for people.")
    since_at: datetime = Field(description="When it was found first.")


class WarningsView(View):
    """The result of the last comparison, and the error if a later one failed."""

    compared_at: datetime | None = Field(description="When the last comparison was made; null if none was.")
    problem: str | None = Field(description="Why a later comparison failed; null if none did.")
    warnings: list[WarningView] = Field(description="What it found.")


class ChangeView(View):
    """One difference between the mapping and ClickPost's accounts. `written` is false if it is not applied."""

    change: str = Field(
        description="new, switched off at ClickPost, vanished at ClickPost, or active at ClickPost, switched off here."
    )
    transporter: str = Field(description="Your name of the courier account.")
    courier_partner_id: int = Field(description="ClickPost's id of the courier.")
    account_code: str | None = Field(description="The account code at ClickPost; null for an account without one.")
    name: str = Field(description="The name of the account at ClickPost.")
    written: bool = Field(description="Whether it was applied.")
    note: str = Field(description="What to know about it.")


class SyncView(View):
    """The differences, whether they were applied, and the current warnings."""

    applied: bool = Field(description="Whether the changes were applied.")
    changes: list[ChangeView] = Field(description="The differences.")
    warnings: list[WarningView] = Field(description="The problems of accounts in use.")
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
