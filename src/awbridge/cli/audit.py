"""`awbridge report`, `evidence`, `archive` and `schedules`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import click

from awbridge.app import connections, jobs, policies
from awbridge.app.settings import Settings
from awbridge.cli.shared import as_json_option, fail, plain, print_json, print_table, with_settings
from awbridge.cli.times import DAY
from awbridge.domain.errors import AwbridgeError
from awbridge.domain.schedule import day_before
from awbridge.sinks.objects import Objects
from awbridge.steps.audit import archive as archive_step
from awbridge.steps.audit.evidence import evidence_of
from awbridge.steps.audit.report import PublishedReport, report_failures
from awbridge.steps.runtime.clock import utc_now
from awbridge.steps.runtime.schedule import Schedule, schedules
from awbridge.store import Store
from awbridge.store.audit import archive


@click.group("report")
def report_group() -> None:
    """Make reports by hand."""


@report_group.command("failures")
@click.option("--date", "day", type=DAY, help="The account's day.  [default: yesterday]")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="A folder to put the zips into.")
@click.option("--mail", is_flag=True, help="Mail it too, unless it was mailed.")
@as_json_option
def report_of_failures(day: date | None, out: Path | None, mail: bool, as_json: bool) -> None:
    """Make the failure reports of a day, for you and for ClickPost, and store them.

    Example: awbridge report failures --date 2026-11-22 --out reports
    """

    async def go(settings: Settings, store: Store) -> list[PublishedReport]:
        over = day_before(utc_now(), settings.zone)
        chosen = day or over
        if mail and chosen > over:
            raise AwbridgeError(f"{chosen} is not over yet; it is mailed when it is")
        return await report_failures(
            store=store,
            objects=connections.report_objects(settings),
            clock=utc_now,
            policy=policies.report_policy(settings),
            day=chosen,
            mail=mail,
        )

    made = with_settings(go)
    for one in made:
        if out and one.content is not None:
            out.mkdir(parents=True, exist_ok=True)
            (out / f"{one.report.id}.zip").write_bytes(one.content)
    rows = [plain(one.report) for one in made]
    if as_json:
        print_json(rows)
    else:
        short = ("id", "shipments", "calls", "object_key", "mailed_at")
        print_table([{name: row[name] for name in short} for row in rows], empty="nothing")


@click.command("evidence")
@click.argument("reference_number")
@click.option("--for", "for_", type=click.Choice(["own", "clickpost"]), default="own", show_default=True,
              help="Who will see it: what they may not is masked.")  # fmt: skip
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The file.  [default: evidence-....zip]")
def evidence_of_shipment(reference_number: str, for_: str, out: Path | None) -> None:
    """Put everything about one shipment into a zip: payload, calls with URLs and answers, timeline.

    Example: awbridge evidence ORDER-1001 --for clickpost
    """

    async def go(settings: Settings, store: Store) -> bytes:
        written = settings.privacy_own if for_ == "own" else settings.privacy_clickpost
        seen = policies.privacy(settings, written)
        return await evidence_of(store=store, clock=utc_now, reference_number=reference_number, privacy=seen)

    content = with_settings(go)
    safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in reference_number)
    path = out or Path(f"evidence-{safe}.zip")
    path.write_bytes(content)
    click.echo(str(path))


@click.group("archive")
def archive_group() -> None:
    """The archive of failed calls in object storage."""


def _objects(settings: Settings) -> Objects:
    objects = connections.archive_objects(settings)
    if objects is None:
        raise AwbridgeError(
            "there is no archive: AWBRIDGE_ARCHIVE_URL is none; give it a place, like s3://bucket/prefix"
        )
    return objects


@archive_group.command("status")
@as_json_option
def archive_status(as_json: bool) -> None:
    """Show how many files and calls are archived, and what waits.

    Example: awbridge archive status --json
    """

    async def go(settings: Settings, store: Store) -> dict[str, Any]:
        async with store.read() as session:
            return {"url": connections.archive_place(settings), **plain(await archive.counts(session))}

    told = with_settings(go)
    if as_json:
        print_json(told)
    else:
        print_table([{"what": name.replace("_", " "), "now": value} for name, value in told.items()], empty="")


@archive_group.command("empty")
@click.option("--yes", is_flag=True, help="Really do it.")
def archive_empty(yes: bool) -> None:
    """Take every file of calls out of the archive. They can be refilled as long as their calls are in the database.

    Example: awbridge archive empty --yes
    """
    if not yes:
        fail("this deletes every file of calls in the archive; add --yes")

    async def go(settings: Settings, store: Store) -> int:
        return await archive_step.empty(store=store, objects=_objects(settings), clock=utc_now)

    click.echo(f"{with_settings(go)} files deleted")


@archive_group.command("refill")
@click.option("--everything", is_flag=True, help="Look again at calls that were left out because they had not failed.")
def archive_refill(everything: bool) -> None:
    """Upload again every file that was emptied, or is missing or damaged in the archive.

    Example: awbridge archive refill
    """

    async def go(settings: Settings, store: Store) -> tuple[archive_step.Refilled, archive.ArchiveCounts]:
        objects, policy = _objects(settings), policies.archive_policy(settings)
        found = await archive_step.refill(store=store, objects=objects, clock=utc_now, everything=everything)
        while await archive_step.archive_due(store=store, objects=objects, clock=utc_now, policy=policy):
            pass
        async with store.read() as session:
            return found, await archive.counts(session)

    found, now = with_settings(go)
    click.echo(f"{found.reopened} files to upload again; {found.gone} files have no calls left in the database")
    if now.open:
        fail(f"{now.open} files are not uploaded yet: {now.problem or 'another process is working on it'}")


@click.command("schedules")
@click.option("--last", default=1, show_default=True, type=click.IntRange(1, 100), help="How many runs of each.")
@as_json_option
def show_schedules(last: int, as_json: bool) -> None:
    """Show the scheduled jobs: when they are due next, and what came of their last runs.

    Example: awbridge schedules --last 7
    """

    async def go(settings: Settings, store: Store) -> list[Schedule]:
        crons = jobs.crons(settings)
        return await schedules(store=store, clock=utc_now, zone=settings.zone, crons=crons, last=last)

    found = with_settings(go)
    if as_json:
        print_json([plain(schedule) for schedule in found])
        return
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
    print_table(rows, empty="nothing is scheduled")
