"""The JSON of reconciliations and their differences."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from awbridge.domain.reconciliation.differences import NotUnderstood
from awbridge.steps.reconciliation.differences import Undecided
from awbridge.web.v1.views import Id, View


class ReconciliationView(View):
    """A reconciliation: its progress and its result."""

    id: Id
    source: str = Field(description="schedule, hand, upload, folder or command.")
    kind: str = Field(description="What was compared: registered shipments, failures or failed webhooks.")
    name: str
    day: date | None
    state: str = Field(description="counting, reporting, matching, done or failed.")
    ours_placed: int | None = Field(description="Shipments placed on the day, according to awbridge.")
    theirs_placed: int | None = Field(description="The same according to ClickPost (manifestation).")
    theirs_tracked: int | None = Field(description="Shipments that ClickPost tracks.")
    columns_read: dict[str, Any] | None = Field(description="Recognised columns, ignored columns, and notes.")
    line_count: int | None
    matched: int | None = Field(description="Rows that are equal in every compared column.")
    partly: int | None = Field(description="Rows without a difference that could be compared only in part.")
    compared: str | None = Field(description="fully, or partly: not_understood then says what could not be read.")
    not_understood: Annotated[list[str], BeforeValidator(NotUnderstood.sentences)] = Field(
        description="Values of ClickPost that could not be read, with their number of rows."
    )
    repeated: int | None = Field(description="Rows about a shipment that also has a newer row.")
    spoilt: int | None = Field(description="Rows whose waybill was rounded by a spreadsheet.")
    unreadable: int | None
    found: dict[str, int] | None = Field(description="Differences found, by kind.")
    open: dict[str, int] | None = Field(None, description="Differences that are still open, by kind.")
    problem: str | None
    created_at: datetime
    finished_at: datetime | None


class DifferenceView(View):
    """A difference, with both sides as they were when it was found."""

    id: Id
    kind: str
    item: str
    reference_number: str | None
    waybill: str | None
    courier_partner_id: int | None
    ours: dict[str, Any] | None
    theirs: dict[str, Any] | None
    state: str = Field(description="open or solved.")
    solved_how: str | None
    pushed_at: datetime | None
    found_at: datetime
    solved_at: datetime | None


class ReconciliationPage(BaseModel):
    """A page of reconciliations. Pass `next` as `cursor` to get the following page; null on the last."""

    reconciliations: list[ReconciliationView]
    next: str | None


class DifferencePage(BaseModel):
    """A page of differences. Pass `next` as `cursor` to get the following page; null on the last."""

    differences: list[DifferenceView]
    next: str | None


class PushedView(View):
    """The result of pushing again."""

    pushed: int
    passed_over: int = Field(description="Shipments that have changed since the difference was found.")
    undecided: list[Undecided] = Field(description="Shipments that need a decision by a person, and why.")


class DecidedView(View):
    """The result of a decision on one difference."""

    id: Id
    item: str = Field(description="The shipment; empty if the reconciliation has no such difference.")
    done: bool
    text: str
