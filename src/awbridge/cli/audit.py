"""`awbridge report`, `evidence`, `archive` and `schedules`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from awbridge.cli import output
from awbridge.cli.shared import as_json_option, confirm, fail, on_settings, with_settings, with_store, yes_option
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

_REPORT = ("id", "shipments", "calls", "object_key", "mailed_at")


@click.group("report")
def report_group() -> None:
    """Make reports by hand."""


@report_group.command("failures")
@click.option("--date", "day", type=DAY, help="The account's day.  [default: yesterday]")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="A folder to put the zips into.")
@click.option("--mail", is_flag=True, help="Mail it too, unless it was mailed.")
@as_json_option
@on_settings
async def report_of_failures(
    settings: Settings, store: Store, day: date | None, out: Path | None, mail: bool, as_json: bool
) -> None:
    """Make the failure reports of a day, for you and for ClickPost, and store them.

    Example: awbridge report failures --date 2026-11-22 --out reports
    """
    from awbridge.app import connections, policies
    from awbridge.steps.audit.report import report_failures

    yesterday = day_before(utc_now(), settings.zone)
    if mail and day and day > yesterday:
        raise AwbridgeError(f"{day} is not over yet; it is mailed when it is")
    made = await report_failures(
        store=store,
        objects=connections.report_objects(settings),
        clock=utc_now,
        policy=policies.report_policy(settings),
        day=day or yesterday,
        mail=mail,
    )
    for one in made:
        if out and one.content is not None:
            output.write_file(out / f"{one.report.id}.zip", one.content)
    reports = [output.plain(one.report) for one in made]
    output.show(reports, [output.pick(report, _REPORT) for report in reports], as_json=as_json, empty="nothing")


@click.command("evidence")
@click.argument("reference_number")
@click.option("--for", "for_", type=click.Choice(["own", "clickpost"]), default="own", show_default=True,
              help="Who will see it: personal data are masked accordingly.")  # fmt: skip
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The file.  [default: evidence-....zip]")
@on_settings
async def evidence(settings: Settings, store: Store, reference_number: str, for_: str, out: Path | None) -> None:
    """Put everything about a shipment into a zip: payload, calls, timeline.

    Example: awbridge evidence ORDER-1001 --for clickpost
    """
    from awbridge.steps.audit.evidence import evidence_of

    privacy = settings.privacy(settings.privacy_own if for_ == "own" else settings.privacy_clickpost)
    content = await evidence_of(store=store, clock=utc_now, reference_number=reference_number, privacy=privacy)
    safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in reference_number)
    path = out or Path(f"evidence-{safe}.zip")
    output.write_file(path, content)
    click.echo(str(path))


@click.group("archive")
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
@as_json_option
@on_settings
async def archive_status(settings: Settings, store: Store, as_json: bool) -> None:
    """Show how many files and calls are archived, and how many are waiting.

    Example: awbridge archive status --json
    """
    from awbridge.app import connections

    async with store.read() as session:
        status = {"url": connections.archive_place(settings), **output.plain(await archive.counts(session))}
    if as_json:
        output.print_json(status)
    else:
        output.print_table([{"what": name.replace("_", " "), "now": value} for name, value in status.items()])


async def _count_archive(store: Store) -> archive.ArchiveCounts:
    async with store.read() as session:
        return await archive.counts(session)


@archive_group.command("empty")
@yes_option
def archive_empty(yes: bool) -> None:
    """Delete every file of calls in the archive. They can be refilled as long as their calls are in the database.

    Example: awbridge archive empty --yes
    """
    if not yes:
        counted = with_store(_count_archive)
        click.echo(f"{counted.archived} files with {counted.calls} calls are in the archive", err=True)
    confirm("delete every file of calls in the archive", yes=yes)

    async def go(settings: Settings, store: Store) -> int:
        from awbridge.steps.audit import archive as archive_step

        return await archive_step.empty(store=store, objects=_objects(settings), clock=utc_now)

    click.echo(f"{with_settings(go)} files deleted")


@archive_group.command("refill")
@click.option("--everything", is_flag=True, help="Include calls that were left out because they had not failed.")
@on_settings
async def archive_refill(settings: Settings, store: Store, everything: bool) -> None:
    """Upload again every file that was emptied, or is missing or damaged in the archive.

    Example: awbridge archive refill
    """
    from awbridge.app import policies
    from awbridge.steps.audit import archive as archive_step

    objects, policy = _objects(settings), policies.archive_policy(settings)
    found = await archive_step.refill(store=store, objects=objects, clock=utc_now, everything=everything)
    while await archive_step.archive_due(store=store, objects=objects, clock=utc_now, policy=policy):
        pass
    async with store.read() as session:
        now = await archive.counts(session)
    click.echo(f"{found.reopened} files to upload again; {found.gone} files have no calls left in the database")
    if now.open:
        fail(f"{now.open} files are not uploaded yet: {now.problem or 'another process is working on it'}")


@click.command("schedules")
@click.option("--last", default=1, show_default=True, type=click.IntRange(1, 100), help="How many runs of each.")
@as_json_option
@on_settings
async def show_schedules(settings: Settings, store: Store, last: int, as_json: bool) -> None:
    """Show the scheduled jobs: when each is due next, and its last results.

    Example: awbridge schedules --last 7
    """
    found = await schedules(store=store, clock=utc_now, zone=settings.zone, crons=settings.crons, last=last)
    rows = [
        {
            "job": s.job,
            "cron": s.cron,
            "next_due": s.next_due_at,
            "last_due": run.due_at if run else None,
            "finished": run.finished_at if run else None,
            "result": (run.problem or run.result) if run else None,
        }
        for s in found
        for run in (s.runs or (None,))
    ]
    output.show(found, rows, as_json=as_json, empty="nothing is scheduled")
