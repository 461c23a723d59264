"""The JSON of reports, scheduled jobs and the archive."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from awbridge.web.v1.views import View


class ReportView(View):
    """A daily report: its day, recipient, contents, and when it was mailed."""

    id: str
    kind: str
    day: str
    destination: str
    shipments: int
    calls: int
    bytes: int | None = Field(description="The size of the zip; null if nothing failed on that day.")
    sha256: str | None
    mailed_at: datetime | None
    created_at: datetime


class RunView(View):
    """A scheduled run and its outcome."""

    due_at: datetime
    tries: int
    started_at: datetime | None
    finished_at: datetime | None
    result: str | None
    problem: str | None


class ScheduleView(View):
    """A scheduled job and its runs, newest first."""

    job: str
    cron: str
    next_due_at: datetime
    runs: list[RunView]


class ArchiveView(View):
    """The archive of failed calls: its contents, its backlog, and the reason for it."""

    files: int
    archived: int
    open: int = Field(description="Files to be uploaded.")
    emptied: int
    calls: int
    bytes: int
    unfiled: int = Field(description="Calls that are not in a file yet.")
    oldest_at: datetime | None
    problem: str | None = Field(description="Why an upload failed; null if none did.")
    tries: int = Field(description="Upload attempts of that file.")
    next_try_at: datetime | None = Field(description="When it is retried.")
