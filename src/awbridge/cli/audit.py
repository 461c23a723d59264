"""`awbridge report`, `evidence`, `archive` and `schedules`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from awbridge.cli import output
from awbridge.cli.group import Group
from awbridge.cli.output import Form, form_options, page_options
from awbridge.cli.shared import confirm, fail, on_settings, with_settings, with_store, yes_option
from awbridge.cli.times import DAY
from awbridge.domain.errors import AwbridgeError
from awbridge.domain.schedule import day_before
from awbridge.steps.runtime.clock import utc_now
from awbridge.steps.runtime.schedule import schedules
from awbridge.store.audit import archive

if TYPE_CHECKING:
    from awbridge.app.settings import Settings
    from awbridge.sinks.objects import Objects
    from awbridge.store import Store

_RUN = ("job", "cron", "next_due_at", "due_at", "finished_at", "result")
_REPORT = ("id", "shipments", "calls", "object_key", "mailed_at")


@click.group("report", cls=Group)
def report_group() -> None:
    """Make reports by hand."""


@report_group.command("failures")
@click.option("--date", "day", type=DAY, help="The account's day.  [default: yesterday]")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="A folder to put the zips into.")
@click.option("--mail", is_flag=True, help="Mail it too, unless it was mailed.")
@form_options
@on_settings
async def report_of_failures(
    settings: Settings, store: Store, day: date | None, out: Path | None, mail: bool, form: Form
) -> None:
    """Make the failure reports of a day, for you and for ClickPost, and store them.

    Example: awbridge report failures --date 2026-11-22 --out reports
    """
    from awbridge.app import connections, policies
    from awbridge.app.progress import Progress
    from awbridge.steps.audit.report import report_failures

    yesterday = day_before(utc_now(), settings.zone)
    if mail and day and day > yesterday:
        raise AwbridgeError(f"{day} is not over yet; it is mailed when it is")
    async with Progress("calls examined") as progress:
        made = await report_failures(
            store=store,
            objects=connections.report_objects(settings),
            clock=utc_now,
            policy=policies.report_policy(settings),
            day=day or yesterday,
            mail=mail,
            on_done=progress.advance,
        )
    for one in made:
        if out and one.content is not None:
            output.write_file(out / f"{one.report.id}.zip", one.content)
    reports = [one.report for one in made]
    rows = [output.pick(report, _REPORT) for report in reports]
    output.show_list(reports, rows, form=form, view="audit:ReportView", empty="nothing failed on that day")


@click.command("evidence")
@click.argument("reference_number")
@click.option("--for", "for_", type=click.Choice(["own", "clickpost"]), default="own", show_default=True,
              help="Who will see it: personal data are masked accordingly.")  # fmt: skip
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The file.  [default: evidence-....zip]")
@form_options
@on_settings
async def evidence(
    settings: Settings, store: Store, reference_number: str, for_: str, out: Path | None, form: Form
) -> None:
    """Put everything about a shipment into a zip: payload, calls, timeline.

    Example: awbridge evidence ORDER-1001 --for clickpost
    """
    from awbridge.app.progress import Progress
    from awbridge.steps.audit.evidence import evidence_of

    privacy = settings.privacy(settings.privacy_own if for_ == "own" else settings.privacy_clickpost)
    async with Progress("collecting evidence"):
        content = await evidence_of(store=store, clock=utc_now, reference_number=reference_number, privacy=privacy)
    safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in reference_number)
    path = out or Path(f"evidence-{safe}.zip")
    output.write_file(path, content)
    output.show_one({"file": str(path)}, str(path), form=form, view=("file",))


@click.group("archive", cls=Group)
def archive_group() -> None:
    """The archive of failed calls in object storage."""


def _objects(settings: Settings) -> Objects:
    from awbridge.app import connections

    objects = connections.archive_objects(settings)
    if objects is None:
        raise AwbridgeError(
            "there is no archive: AWBRIDGE_ARCHIVE_URL is none; set it to a URL like s3://bucket/prefix"
        )
    return objects


@archive_group.command("status")
@form_options
@on_settings
async def archive_status(settings: Settings, store: Store, form: Form) -> None:
    """Show how many files and calls are archived, and how many are waiting.

    Example: awbridge archive status --json
    """
    from awbridge.app import connections

    async with store.read() as session:
        counts = await archive.counts(session)
    place = {"url": connections.archive_place(settings)}
    status = place | output.fields_of(counts)
    rows = {name.replace("_", " "): value for name, value in status.items()}
    output.show_one(counts, rows, form=form, view="audit:ArchiveView", more=place)


async def _count_archive(store: Store) -> archive.ArchiveCounts:
    async with store.read() as session:
        return await archive.counts(session)


@archive_group.command("empty")
@yes_option
@form_options
def archive_empty(yes: bool, form: Form) -> None:
    """Delete every file of calls in the archive. They can be refilled as long as their calls are in the database.

    Example: awbridge archive empty --yes
    """
    if not yes:
        counted = with_store(_count_archive)
        click.echo(f"{counted.archived} files with {counted.calls} calls are in the archive", err=True)
    confirm("delete every file of calls in the archive", yes=yes)

    async def go(settings: Settings, store: Store) -> int:
        from awbridge.app.progress import Progress
        from awbridge.steps.audit import archive as archive_step

        async with store.read() as session:
            total = (await archive.counts(session)).archived
        objects = _objects(settings)
        async with Progress("files deleted", total) as progress:
            return await archive_step.empty(store=store, objects=objects, clock=utc_now, on_done=progress.advance)

    deleted = with_settings(go)
    output.show_one({"deleted": deleted}, f"{deleted} files deleted", form=form, view=("deleted",))


@archive_group.command("refill")
@click.option("--everything", is_flag=True, help="Include calls that were left out because they had not failed.")
@form_options
@on_settings
async def archive_refill(settings: Settings, store: Store, everything: bool, form: Form) -> None:
    """Upload again every file that was emptied, or is missing or damaged in the archive.

    Example: awbridge archive refill
    """
    from awbridge.app import policies
    from awbridge.app.progress import Progress
    from awbridge.steps.audit import archive as archive_step

    objects, policy = _objects(settings), policies.archive_policy(settings)
    async with store.read() as session:
        files = (await archive.counts(session)).files
    async with Progress("files checked", files) as progress:
        found = await archive_step.refill(
            store=store, objects=objects, clock=utc_now, everything=everything, on_done=progress.advance
        )
        progress.rename("calls and files archived")
        while done := await archive_step.archive_due(store=store, objects=objects, clock=utc_now, policy=policy):
            progress.advance(done)
    async with store.read() as session:
        now = await archive.counts(session)
    text = f"{found.reopened} files to upload again; {found.gone} files have no calls left in the database"
    done = {"reopened": found.reopened, "gone": found.gone, "open": now.open}
    output.show_one(done, text, form=form, view=tuple(done))
    if now.open:
        fail(f"{now.open} files are not uploaded yet: {now.problem or 'another process is working on it'}")


@click.command("schedules")
@click.option("--last", default=1, show_default=True, type=click.IntRange(1, 100), help="How many runs of each.")
@page_options(None)
@form_options
@on_settings
async def show_schedules(
    settings: Settings, store: Store, last: int, limit: int | None, cursor: str | None, form: Form
) -> None:
    """Show the scheduled jobs: when each is due next, and its last results.

    Example: awbridge schedules --last 7
    """
    found = await schedules(store=store, clock=utc_now, zone=settings.zone, crons=settings.crons, last=last)
    part, page = output.whole(found, limit=limit, cursor=cursor)
    rows = [
        {
            "job": s.job,
            "cron": s.cron,
            "next_due_at": s.next_due_at,
            "due_at": run.due_at if run else None,
            "finished_at": run.finished_at if run else None,
            "result": (run.problem or run.result) if run else None,
        }
        for s in part
        for run in (s.runs or (None,))
    ]
    if form == "csv":  # a row for each run
        output.show_list(rows, form=form, view=_RUN, page=page)
    else:
        output.show_list(part, rows, form=form, view="audit:ScheduleView", empty="nothing is scheduled", page=page)
