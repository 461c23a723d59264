"""The JSON of transporters: their courier accounts, warnings, and moves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, Field, StrictBool

from awbridge.steps.couriers.couriers import Moved
from awbridge.steps.couriers.sync_couriers import CourierComparison
from awbridge.store.couriers.couriers import Comparison, CourierAccount, CourierWarning
from awbridge.web.v1.request_parsing import NO_NUL
from awbridge.web.v1.strict import OwnBody


class CourierView(BaseModel):
    """A transporter of the company and the courier account that carries it."""

    transporter: str
    courier_partner_id: int
    account_code: str | None
    name: str
    active: bool
    fallback: str | None = Field(description="The transporter that takes over where this one cannot.")
    warning: str | None = Field(None, description="What the last comparison with ClickPost found.")


class CourierBody(OwnBody):
    """What a transporter is mapped to."""

    courier_partner_id: int = Field(gt=0, lt=2**31, description="ClickPost's cp_id.")
    account_code: str | None = Field(
        None, max_length=200, pattern=NO_NUL, description="The account's code at ClickPost."
    )
    name: str = Field("", max_length=200, pattern=NO_NUL)
    active: StrictBool = True
    fallback: str | None = Field(None, max_length=200, pattern=NO_NUL, description="A transporter that takes over.")


class WarningView(BaseModel):
    """Something about an account in use that needs a person."""

    transporter: str = Field(description="Empty where only open shipments stand on the account.")
    courier_partner_id: int
    account_code: str
    kind: str = Field(description="inactive, vanished or renamed.")
    warning: str
    since_at: datetime


class WarningsView(BaseModel):
    """What the last comparison found, when it was made, and what was in the way since."""

    compared_at: datetime | None
    problem: str | None
    warnings: list[WarningView]


class ChangeView(BaseModel):
    """One difference between the mapping and ClickPost's accounts. `written` False: a person decides it."""

    change: str
    transporter: str
    courier_partner_id: int
    account_code: str | None
    name: str
    written: bool
    note: str


class SyncView(BaseModel):
    """The differences, whether they were written, and the warnings that hold."""

    applied: bool
    changes: list[ChangeView]
    warnings: list[WarningView]
    unread: int = Field(0, description="Accounts of ClickPost's that could not be read; with any, none vanished.")


class MoveBody(OwnBody):
    """Where shipments are moved to."""

    to: str = Field(min_length=1, max_length=200, pattern=NO_NUL)


class StayingView(BaseModel):
    """A shipment that was not moved."""

    reference_number: str
    state: str
    reason: str


class MovedView(BaseModel):
    """What was moved, by reference number, and what was not."""

    moved: list[str]
    stayed: list[StayingView]


def courier_view(account: CourierAccount, warning: str | None = None) -> CourierView:
    """A transporter as callers see it."""
    same = {name: getattr(account, name) for name in CourierView.model_fields if name != "warning"}
    return CourierView(**same, warning=warning)


def warning_view(warning: CourierWarning) -> WarningView:
    """A warning as callers see it."""
    return WarningView.model_validate(warning, from_attributes=True)


def warnings_view(found: Sequence[CourierWarning], state: Comparison | None) -> WarningsView:
    """All warnings, and how the comparing stands."""
    return WarningsView(
        compared_at=state.compared_at if state else None,
        problem=state.problem if state else None,
        warnings=[warning_view(w) for w in found],
    )


def sync_view(report: CourierComparison) -> SyncView:
    """A comparison as callers see it."""
    changes = [
        ChangeView(
            change=c.change,
            transporter=c.account.transporter,
            courier_partner_id=c.account.courier_partner_id,
            account_code=c.account.account_code,
            name=c.account.name,
            written=c.written and report.applied,
            note=c.note,
        )
        for c in report.changes
    ]
    warnings = [warning_view(w) for w in report.warnings]
    return SyncView(applied=report.applied, changes=changes, warnings=warnings, unread=report.unread)


def moved_view(moved: Moved) -> MovedView:
    """What was moved, as callers see it."""
    stayed = [StayingView(reference_number=s.reference_number, state=s.state, reason=s.reason) for s in moved.stayed]
    return MovedView(moved=moved.moved, stayed=stayed)
