"""The HTTP API's evidence: reports, one shipment's zip, erasures, schedules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Body, Query, Response
from pydantic import BaseModel, Field

from awbridge.domain.errors import NotFound
from awbridge.domain.privacy import Privacy, read_privacy
from awbridge.sinks.objects import Objects
from awbridge.steps.audit.evidence import evidence_of
from awbridge.steps.privacy.erase import ask_erasure
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.schedule import schedules
from awbridge.store import Store
from awbridge.store.audit import archive, reports
from awbridge.store.audit.reports import Report
from awbridge.store.privacy import erasures
from awbridge.store.privacy.erasures import Erasure
from awbridge.web.v1.strict import OwnBody

For = Literal["own", "clickpost"]
ALL_MASKED = read_privacy("phone=mask,name=mask,email=mask,address=mask")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditContext:
    """What these routes need beside the database: where reports are, who may see what, which jobs there are."""

    reports_in: Objects | None = None
    privacy: Mapping[For, Privacy] = field(default_factory=lambda: {"own": ALL_MASKED, "clickpost": ALL_MASKED})
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Kolkata"))
    crons: tuple[tuple[str, str], ...] = ()
    privacy_key: str = field(default="", repr=False)


class ReportView(BaseModel):
    """A report: of which day, for whom, what was in it, and when it was mailed."""

    id: str
    kind: str
    day: str
    destination: str
    shipments: int
    calls: int
    bytes: int | None = Field(description="Size of the zip; null where the day was empty and there is none.")
    sha256: str | None
    mailed_at: datetime | None
    created_at: datetime


class ErasureBody(OwnBody):
    """Whose data are to be erased: one of the two."""

    phone: str | None = Field(None, max_length=50, pattern=r"^[^\x00]*$")
    reference_number: str | None = Field(None, max_length=200, pattern=r"^[^\x00]*$")


class ErasureView(BaseModel):
    """An erasure. `person` is a pseudonym or a mask, never the phone itself."""

    id: str
    kind: str
    person: str
    requested_at: datetime
    done_at: datetime | None
    counts: dict[str, int]
    problem: str | None


class RunView(BaseModel):
    """A scheduled run: what came of it, or why it failed."""

    due_at: datetime
    tries: int
    started_at: datetime | None
    finished_at: datetime | None
    result: str | None
    problem: str | None


class ScheduleView(BaseModel):
    """A scheduled job, with its newest runs first."""

    job: str
    cron: str
    next_due_at: datetime
    runs: list[RunView]


class ArchiveView(BaseModel):
    """The archive of failed calls: what lies in it, what waits, and why."""

    files: int
    archived: int
    open: int = Field(description="Files that are still to be uploaded.")
    emptied: int
    calls: int
    bytes: int
    unfiled: int = Field(description="Calls that were not looked at yet.")
    oldest_at: datetime | None
    problem: str | None = Field(description="Why a file could not be uploaded; null where none failed.")
    tries: int = Field(description="How often that file was tried.")
    next_try_at: datetime | None = Field(description="When it is tried again.")


def report_view(report: Report) -> ReportView:
    """A report as callers see it."""
    return ReportView(
        id=report.id,
        kind=report.kind,
        day=report.day,
        destination=report.destination,
        shipments=report.shipments,
        calls=report.calls,
        bytes=report.bytes,
        sha256=report.sha256,
        mailed_at=report.mailed_at,
        created_at=report.created_at,
    )


def erasure_view(erasure: Erasure) -> ErasureView:
    """An erasure as callers see it."""
    return ErasureView(
        id=str(erasure.id),
        kind=erasure.kind,
        person=erasure.pseudonym,
        requested_at=erasure.requested_at,
        done_at=erasure.done_at,
        counts=dict(erasure.counts),
        problem=erasure.problem,
    )


class ZipResponse(Response):
    """A zip."""

    media_type = "application/zip"


def _zip(content: bytes, name: str) -> Response:
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in name)
    headers = {"content-disposition": f'attachment; filename="{safe}.zip"', "cache-control": "no-store"}
    return ZipResponse(content, headers=headers)


async def report_file(store: Store, desk: AuditContext, report_id: str) -> bytes:
    """The zip of a report. Raises NotFound where there is no such report, or none of its files here."""
    async with store.read() as session:
        report = await reports.get(session, report_id) if "\x00" not in report_id else None
    if report is None:
        raise NotFound(f"there is no report {report_id}")
    if report.object_key is None:
        raise NotFound(f"{report_id}: nothing failed on that day, so there is no file")
    content = await desk.reports_in.get(report.object_key) if desk.reports_in else None
    if content is None:
        again = f"make it anew with awbridge report failures --date {report.day}"
        raise NotFound(f"the file of {report_id} is not here; {again}")
    return content


def add_routes(api: APIRouter, store: Store, clock: Clock, desk: AuditContext) -> None:
    """Add the routes to the API."""

    @api.get("/reports", tags=["evidence"])
    async def list_reports(limit: Annotated[int, Query(ge=1, le=500)] = 50) -> list[ReportView]:
        """Daily reports, the newest day first."""
        async with store.read() as session:
            return [report_view(report) for report in await reports.newest(session, limit=limit)]

    @api.get("/reports/{report_id}/download", tags=["evidence"], response_class=ZipResponse)
    async def download_report(report_id: str) -> Response:
        """The zip of a report: summary.html, a CSV for each API, calls.jsonl."""
        return _zip(await report_file(store, desk, report_id), report_id)

    @api.get("/shipments/{reference_number:path}/evidence", tags=["evidence"], response_class=ZipResponse)
    async def shipment_evidence(
        reference_number: str,
        for_: Annotated[For, Query(alias="for", description="Who will see it: what they may not is masked.")] = "own",
    ) -> Response:
        """The zip of one shipment: payload, every call with its URL and answer, the timeline."""
        if "\x00" in reference_number:
            raise NotFound("there is no shipment with a NUL in its reference number")
        seen = desk.privacy[for_]
        content = await evidence_of(store=store, clock=clock, reference_number=reference_number, privacy=seen)
        return _zip(content, f"evidence-{reference_number}")

    @api.post("/erasures", status_code=202, tags=["evidence"])
    async def create_erasure(body: Annotated[ErasureBody, Body()]) -> ErasureView:
        """Have one person's data erased, by phone or by reference number. 202: noted; the erase step does it."""
        asked = await ask_erasure(
            store=store, clock=clock, phone=body.phone, reference=body.reference_number, key=desk.privacy_key
        )
        return erasure_view(asked)

    @api.get("/erasures", tags=["evidence"])
    async def list_erasures(limit: Annotated[int, Query(ge=1, le=500)] = 50) -> list[ErasureView]:
        """Erasures, newest first: the record that they were done."""
        async with store.read() as session:
            return [erasure_view(erasure) for erasure in await erasures.newest(session, limit=limit)]

    @api.get("/archive", tags=["evidence"])
    async def show_archive() -> ArchiveView:
        """The archive of failed calls: what lies in it, what waits, why, and when it is tried again."""
        async with store.read() as session:
            counts = await archive.counts(session)
        return ArchiveView(**asdict(counts))

    @api.get("/schedules", tags=["evidence"])
    async def list_schedules(last: Annotated[int, Query(ge=1, le=100)] = 5) -> list[ScheduleView]:
        """Scheduled jobs: when they are due next, and what came of their last runs."""
        found = await schedules(store=store, clock=clock, zone=desk.zone, crons=desk.crons, last=last)
        return [
            ScheduleView(
                job=s.job,
                cron=s.cron,
                next_due_at=s.next_due_at,
                runs=[
                    RunView(
                        due_at=r.due_at,
                        tries=r.tries,
                        started_at=r.started_at,
                        finished_at=r.finished_at,
                        result=r.result,
                        problem=r.problem,
                    )
                    for r in s.runs
                ],
            )
            for s in found
        ]

    _ = (list_reports, download_report, shipment_evidence, create_erasure, list_erasures, show_archive, list_schedules)
