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

    id: Id = Field(description="Its id.")
    source: str = Field(description="schedule, hand, upload, folder or command.")
    kind: str = Field(description="What was compared: registered shipments, failures or failed webhooks.")
    name: str = Field(description="The name of the file, or of what was compared.")
    day: date | None = Field(description="The day that was compared; null for a file.")
    state: str = Field(description="counting, reporting, matching, done or failed.")
    ours_placed: int | None = Field(description="Shipments placed on the day, according to awbridge.")
    theirs_placed: int | None = Field(description="The same according to ClickPost (manifestation).")
    theirs_tracked: int | None = Field(description="Shipments that ClickPost tracks.")
    columns_read: dict[str, Any] | None = Field(description="Recognised columns, ignored columns, and notes.")
    line_count: int | None = Field(description="Rows of the file or report.")
    matched: int | None = Field(description="Rows that are equal in every compared column.")
    partly: int | None = Field(description="Rows without a difference that could be compared only in part.")
    compared: str | None = Field(description="fully, or partly: not_understood then says what could not be read.")
    not_understood: Annotated[list[str], BeforeValidator(NotUnderstood.sentences)] = Field(
        description="Values of ClickPost that could not be read, with their number of rows."
    )
    repeated: int | None = Field(description="Rows about a shipment that also has a newer row.")
    spoilt: int | None = Field(description="Rows whose waybill was rounded by a spreadsheet.")
    unreadable: int | None = Field(description="Rows that could not be read.")
    found: dict[str, int] | None = Field(description="Differences found, by kind.")
    open: dict[str, int] | None = Field(None, description="Differences that are still open, by kind.")
    problem: str | None = Field(description="Why it ended without a result; null if it did not.")
    created_at: datetime = Field(description="When it was requested.")
    finished_at: datetime | None = Field(description="When it ended; null until then.")


class DifferenceView(View):
    """A difference, with both sides as they were when it was found."""

    id: Id = Field(description="Its id.")
    kind: str = Field(description="missing_there, missing_here, status_differs, courier_differs or waybill_differs.")
    item: str = Field(
        description="What it is about: our reference number, else the waybill, else ClickPost's reference number."
    )
    reference_number: str | None = Field(description="The reference number, if it is known.")
    waybill: str | None = Field(description="The waybill, if it is known.")
    courier_partner_id: int | None = Field(description="ClickPost's id of the courier, if it is known.")
    ours: dict[str, Any] | None = Field(description="What awbridge had; null if nothing.")
    theirs: dict[str, Any] | None = Field(description="What ClickPost had; null if nothing.")
    state: str = Field(description="open or solved.")
    solved_how: str | None = Field(description="How it was solved; null while it is open.")
    pushed_at: datetime | None = Field(description="When its shipment was pushed again.")
    found_at: datetime = Field(description="When it was found.")
    solved_at: datetime | None = Field(description="When it was solved; null while it is open.")


class ReconciliationPage(BaseModel):
    """A page of reconciliations. Pass `next` as `cursor` to get the following page; null on the last."""

    reconciliations: list[ReconciliationView] = Field(description="The reconciliations of the page.")
    next: str | None = Field(description="The cursor of the following page; null on the last.")


class DifferencePage(BaseModel):
    """A page of differences. Pass `next` as `cursor` to get the following page; null on the last."""

    differences: list[DifferenceView] = Field(description="The differences of the page.")
    next: str | None = Field(description="The cursor of the following page; null on the last.")


class PushedView(View):
    """The result of pushing again."""

    pushed: int = Field(description="How many shipments are pushed again.")
    passed_over: int = Field(description="Shipments that have changed since the difference was found.")
    undecided: list[Undecided] = Field(description="Shipments that need a decision by a person, and why.")


class DecidedView(View):
    """The result of a decision on one difference."""

    id: Id = Field(description="The id of the difference.")
    item: str = Field(description="The shipment; empty if the reconciliation has no such difference.")
    done: bool = Field(description="Whether it was done.")
    text: str = Field(description="What was done, or why it was not.")
