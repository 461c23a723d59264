"""The JSON of reports, scheduled jobs and the archive."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from awbridge.web.v1.views import View


class ReportView(View):
    """A daily report: its day, recipient, contents, and when it was mailed."""

    id: str = Field(description="Its id.")
    kind: str = Field(description="failures: the calls that failed.")
    day: str = Field(description="The day, in the account's zone.")
    destination: str = Field(description="own, or clickpost: masked for them.")
    shipments: int = Field(description="Shipments with failed calls.")
    calls: int = Field(description="Failed calls.")
    bytes: int | None = Field(description="The size of the zip; null if nothing failed on that day.")
    sha256: str | None = Field(description="The SHA-256 of the zip.")
    mailed_at: datetime | None = Field(description="When it was mailed; null if it was not.")
    created_at: datetime = Field(description="When it was stored.")


class RunView(View):
    """A scheduled run and its outcome."""

    due_at: datetime = Field(description="When it was due.")
    tries: int = Field(description="Failed attempts.")
    started_at: datetime | None = Field(description="When it began.")
    finished_at: datetime | None = Field(description="When it ended.")
    result: str | None = Field(description="What it did.")
    problem: str | None = Field(description="Why it failed; null if it did not.")


class ScheduleView(View):
    """A scheduled job and its runs, newest first."""

    job: str = Field(description="The name of the job.")
    cron: str = Field(description="When it is due, as five fields.")
    next_due_at: datetime = Field(description="When it is due next.")
    runs: list[RunView] = Field(description="Its runs, newest first.")


class ArchiveView(View):
    """The archive of failed calls: its contents, its backlog, and the reason for it."""

    files: int = Field(description="Files of calls.")
    archived: int = Field(description="Files that are in the archive.")
    open: int = Field(description="Files to be uploaded.")
    emptied: int = Field(description="Files whose content was deleted from the archive.")
    calls: int = Field(description="Calls in the files of the archive.")
    bytes: int = Field(description="The size of those files.")
    unfiled: int = Field(description="Calls that are not in a file yet.")
    oldest_at: datetime | None = Field(description="When the oldest of those calls was made.")
    problem: str | None = Field(description="Why an upload failed; null if none did.")
    tries: int = Field(description="Upload attempts of that file.")
    next_try_at: datetime | None = Field(description="When it is retried.")
