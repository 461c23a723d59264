"""The routes of failure reports, evidence, the archive and scheduled jobs."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response

from awbridge.steps.audit.evidence import evidence_of
from awbridge.steps.runtime.schedule import Schedule, schedules
from awbridge.store.audit import archive, reports
from awbridge.web.contexts import Audience
from awbridge.web.dependencies import ApiDep, StoreDep
from awbridge.web.requested import no_nul, report_file
from awbridge.web.v1.request_parsing import Limit
from awbridge.web.v1.strict import v1_router
from awbridge.web.v1.views.audit import ArchiveView, ReportView, ScheduleView
from awbridge.web.zip_response import ZipResponse, zip_response

router = v1_router(tags=["evidence"])


@router.get("/reports", response_model=list[ReportView])
async def list_reports(store: StoreDep, limit: Limit = 50) -> list[reports.Report]:
    """Daily reports, newest day first."""
    async with store.read() as session:
        return await reports.newest(session, limit=limit)


@router.get("/reports/{report_id}/download", response_class=ZipResponse)
async def download_report(report_id: str, api: ApiDep) -> Response:
    """The zip of a report: summary.html, a CSV for each API, calls.jsonl."""
    return zip_response(await report_file(api.store, api.audit, report_id), report_id)


@router.get("/shipments/{reference_number:path}/evidence", response_class=ZipResponse)
async def shipment_evidence(
    reference_number: str,
    api: ApiDep,
    for_: Annotated[
        Audience, Query(alias="for", description="The reader; data that the reader may not see is masked.")
    ] = "own",
) -> Response:
    """The zip of one shipment: payload, every call with its URL and response, and the timeline."""
    content = await evidence_of(
        store=api.store, clock=api.clock, reference_number=no_nul(reference_number), privacy=api.audit.privacy[for_]
    )
    return zip_response(content, f"evidence-{reference_number}")


@router.get("/archive", response_model=ArchiveView)
async def show_archive(store: StoreDep) -> archive.ArchiveCounts:
    """The archive of failed calls: its contents, its backlog, and the next attempt."""
    async with store.read() as session:
        return await archive.counts(session)


@router.get("/schedules", response_model=list[ScheduleView])
async def list_schedules(api: ApiDep, last: Annotated[int, Query(ge=1, le=100)] = 5) -> list[Schedule]:
    """Scheduled jobs: when each is due next, and the outcome of its last runs."""
    return await schedules(store=api.store, clock=api.clock, zone=api.audit.zone, crons=api.audit.crons, last=last)
