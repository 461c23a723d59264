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
    """A transporter, and the courier account that it is mapped to."""

    transporter: str
    courier_partner_id: int
    account_code: str | None
    name: str
    active: bool
    fallback: str | None = Field(description="The transporter that takes over what this one cannot carry.")
    warning: str | None = Field(None, description="What the last comparison with ClickPost found.")


class CourierBody(OwnBody):
    """The courier account that a transporter is mapped to."""

    courier_partner_id: int = Field(gt=0, lt=2**31, description="ClickPost's cp_id.")
    account_code: str | None = Field(
        None, max_length=200, pattern=NO_NUL, description="The account's code at ClickPost."
    )
    name: str = Field("", max_length=200, pattern=NO_NUL)
    active: StrictBool = True
    fallback: str | None = Field(None, max_length=200, pattern=NO_NUL, description="A transporter that takes over.")


class WarningView(BaseModel):
    """A problem of a courier account in use that needs a person."""

    transporter: str = Field(description="Empty if only open shipments use the account.")
    courier_partner_id: int
    account_code: str
    kind: str = Field(description="inactive, vanished or renamed.")
    warning: str
    since_at: datetime


class WarningsView(BaseModel):
    """The result of the last comparison, and the error if a later one failed."""

    compared_at: datetime | None
    problem: str | None
    warnings: list[WarningView]


class ChangeView(BaseModel):
    """One difference between the mapping and ClickPost's accounts. `written` is false if it is not applied."""

    change: str
    transporter: str
    courier_partner_id: int
    account_code: str | None
    name: str
    written: bool
    note: str


class SyncView(BaseModel):
    """The differences, whether they were applied, and the current warnings."""

    applied: bool
    changes: list[ChangeView]
    warnings: list[WarningView]
    unread: int = Field(
        0, description="Accounts of ClickPost that could not be read; if there are any, none is reported as vanished."
    )


class MoveBody(OwnBody):
    """The transporter that shipments are moved to."""

    to: str = Field(min_length=1, max_length=200, pattern=NO_NUL)


class StayingView(BaseModel):
    """A shipment that was not moved."""

    reference_number: str
    state: str
    reason: str


class MovedView(BaseModel):
    """The reference numbers of the moved shipments, and the shipments that were not moved."""

    moved: list[str]
    stayed: list[StayingView]


def courier_view(account: CourierAccount, warning: str | None = None) -> CourierView:
    """The view of a transporter."""
    copied = {name: getattr(account, name) for name in CourierView.model_fields if name != "warning"}
    return CourierView(**copied, warning=warning)


def warning_view(warning: CourierWarning) -> WarningView:
    """The view of a warning."""
    return WarningView.model_validate(warning, from_attributes=True)


def warnings_view(warnings: Sequence[CourierWarning], state: Comparison | None) -> WarningsView:
    """The warnings, and the state of the comparison."""
    return WarningsView(
        compared_at=state.compared_at if state else None,
        problem=state.problem if state else None,
        warnings=[warning_view(w) for w in warnings],
    )


def sync_view(comparison: CourierComparison) -> SyncView:
    """The view of a comparison."""
    changes = [
        ChangeView(
            change=c.change,
            transporter=c.account.transporter,
            courier_partner_id=c.account.courier_partner_id,
            account_code=c.account.account_code,
            name=c.account.name,
            written=c.written and comparison.applied,
            note=c.note,
        )
        for c in comparison.changes
    ]
    warnings = [warning_view(w) for w in comparison.warnings]
    return SyncView(applied=comparison.applied, changes=changes, warnings=warnings, unread=comparison.unread)


def moved_view(moved: Moved) -> MovedView:
    """The view of a move."""
    stayed = [StayingView(reference_number=s.reference_number, state=s.state, reason=s.reason) for s in moved.stayed]
    return MovedView(moved=moved.moved, stayed=stayed)
