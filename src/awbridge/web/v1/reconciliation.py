"""The routes of reconciliations and their differences."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Body, Query, Request, Response
from pydantic import Field
from starlette.exceptions import HTTPException

from awbridge.domain.orders.bulk import MOST_AT_ONCE
from awbridge.domain.reconciliation.decisions import Decision
from awbridge.domain.reconciliation.differences import DifferenceKind, DifferenceTable
from awbridge.steps.audit.bundle import bundle_of
from awbridge.steps.reconciliation.decide import LONGEST_REASON, Decided, decide
from awbridge.steps.reconciliation.differences import PushedAgain, push_again
from awbridge.steps.reconciliation.reconcile import begin_day
from awbridge.steps.reconciliation.report_files import day_of_file, kind_of_file, take_file
from awbridge.steps.records.reconciliation_run import known_run
from awbridge.store.reconciliation import differences, reconciliations
from awbridge.store.reconciliation.reconciliations import Reconciliation
from awbridge.web.dependencies import ApiDep, ClockDep, StoreDep
from awbridge.web.requested import parse_id
from awbridge.web.v1.request_parsing import NO_NUL, Day, Limit, Number
from awbridge.web.v1.strict import OwnBody, v1_router
from awbridge.web.v1.views.reconciliation import (
    DecidedView,
    DifferencePage,
    DifferenceView,
    PushedView,
    ReconciliationPage,
    ReconciliationView,
)
from awbridge.web.zip_response import ZipResponse, zip_response

FILE_TYPES = (
    "text/csv",
    "application/octet-stream",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.ms-excel",
    "application/vnd.oasis.opendocument.spreadsheet",
)

_FILE_BODY = {
    "requestBody": {
        "required": False,
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in FILE_TYPES},
    }
}

router = v1_router("/reconciliations", tags=["reconciliations"])


@router.get("")
async def list_reconciliations(store: StoreDep, limit: Limit = 50, cursor: Number | None = None) -> ReconciliationPage:
    """Reconciliations, newest first."""
    async with store.read() as session:
        found = await reconciliations.newest(session, before=cursor, limit=limit + 1)
    page = found[:limit]
    after = str(page[-1].id) if len(found) > limit else None
    return ReconciliationPage(reconciliations=[ReconciliationView.model_validate(run) for run in page], next=after)


@router.post("", status_code=202, response_model=ReconciliationView, openapi_extra=_FILE_BODY)
async def begin_reconciliation(
    request: Request,
    api: ApiDep,
    day: Annotated[Day | None, Query(alias="date", description="The day, in the account's zone.")] = None,
    kind: Annotated[
        DifferenceTable | None, Query(description="What the file lists; by default its name decides.")
    ] = None,
    name: Annotated[str, Query(max_length=200, pattern=NO_NUL, description="The file's name.")] = "upload.csv",
) -> Reconciliation:
    """Reconcile with a file, sent as the body (CSV, XLSX, XLS or ODS), or without a file a day (`date`)."""
    if request.headers.get("content-type", "").lower().startswith("application/json"):
        raise HTTPException(422, "the body is the file itself; put a day into the URL: ?date=2026-11-22")
    parts = request.stream()
    first = await _first_part(parts)
    if day and not first:
        return await begin_day(store=api.store, clock=api.clock, zone=api.zone, day=day)
    if not first:
        raise HTTPException(422, "send a file as the body, or a date in the URL")
    return await take_file(
        store=api.store,
        clock=api.clock,
        parts=_joined(first, parts),
        name=name,
        source="upload",
        kind=kind or kind_of_file(name),
        day=day or day_of_file(name),
    )


@router.get("/{reconciliation_id}")
async def show_reconciliation(reconciliation_id: int, store: StoreDep) -> ReconciliationView:
    """One reconciliation, with the number of its open differences."""
    run = await known_run(store, reconciliation_id)
    async with store.read() as session:
        open_now = await differences.count_open(session, run.id)
    return ReconciliationView.model_validate(run).model_copy(update={"open": open_now})


@router.get("/{reconciliation_id}/differences")
async def list_differences(
    reconciliation_id: int,
    store: StoreDep,
    kind: DifferenceKind | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Number = 0,
) -> DifferencePage:
    """The differences of a reconciliation, open and solved."""
    run = await known_run(store, reconciliation_id)
    async with store.read() as session:
        found = await differences.listed(session, run.id, kind=kind, after=cursor, limit=limit + 1)
    page = found[:limit]
    after = str(page[-1].id) if len(found) > limit else None
    return DifferencePage(differences=[DifferenceView.model_validate(difference) for difference in page], next=after)


@router.get("/{reconciliation_id}/differences/{difference_id}/evidence", response_class=ZipResponse)
async def show_evidence(reconciliation_id: int, difference_id: int, api: ApiDep) -> Response:
    """A zip of one difference with payload, calls and timeline, to be sent to ClickPost."""
    content = await bundle_of(
        store=api.store,
        clock=api.clock,
        reconciliation_id=reconciliation_id,
        difference_id=difference_id,
        privacy=api.audit.privacy["clickpost"],
    )
    return zip_response(content, f"difference-{difference_id}")


@router.post("/{reconciliation_id}/push-again", response_model=PushedView)
async def push_missing_again(reconciliation_id: int, store: StoreDep, clock: ClockDep) -> PushedAgain:
    """Push every shipment again that ClickPost lacks, according to the open differences."""
    return await push_again(store=store, clock=clock, reconciliation_id=reconciliation_id)


class DecideBody(OwnBody):
    """What to do about some differences of a reconciliation."""

    decision: Decision = Field(description="recheck, push-again, or solve: close it without a change.")
    differences: list[str] = Field(min_length=1, max_length=MOST_AT_ONCE, description="Their ids.")
    reason: str = Field("", max_length=LONGEST_REASON, pattern=NO_NUL, description="Stored with `solve`.")


@router.post("/{reconciliation_id}/decide", response_model=list[DecidedView])
async def decide_differences(
    reconciliation_id: int, body: Annotated[DecideBody, Body()], store: StoreDep, clock: ClockDep
) -> list[Decided]:
    """Recheck differences at once, push their shipments again, or mark them as solved; a result for each."""
    return await decide(
        store=store,
        clock=clock,
        reconciliation_id=reconciliation_id,
        difference_ids=[parse_id(number) for number in body.differences],
        decision=body.decision,
        reason=body.reason,
    )


async def _first_part(parts: AsyncIterator[bytes]) -> bytes:
    async for part in parts:
        if part:
            return part
    return b""


async def _joined(first: bytes, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for part in parts:
        yield part
