"""`awbridge replay`: apply stored deliveries again."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from awbridge.cli import output
from awbridge.cli.output import Form, form_options, page_options
from awbridge.cli.shared import fail, read_settings, with_store
from awbridge.steps.runtime.clock import utc_now
from awbridge.steps.tracking import replay as replay_step
from awbridge.steps.tracking.apply import apply_due
from awbridge.steps.tracking.dead_letters import retry_dead_letters
from awbridge.steps.tracking.replay_report import Replayed, replay_report
from awbridge.store.tracking import inbox

if TYPE_CHECKING:
    from awbridge.store import Store

_ROW = ("received_at", "source", "problem", "next_try_at")
_DEAD_LETTER = ("id", "source", "identity", "body", "received_at", "problem", "reason", "next_try_at")
_REPORT = (
    *("understood", "passed_over", "notes", "rows", "deliveries", "known", "asked", "asked_already"),
    *("at_their_end", "unread_payloads", "bad"),
)
_LISTED = 50  # dead letters without --limit


@click.command()
@click.option("--list", "only_list", is_flag=True, help="Only show dead-lettered deliveries.")
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A report of failed webhooks from ClickPost (CSV, XLSX, XLS, ODS), instead of dead-lettered deliveries.",
)
@click.option("--reference", help="Rebuild this shipment's timeline from the inbox.")
@click.option("--all", "everything", is_flag=True, help="Rebuild all timelines; resumes where the last run stopped.")
@click.option("--restart", is_flag=True, help="With --all: start from the first shipment.")
@page_options(None)
@form_options
def replay(
    only_list: bool,
    file: Path | None,
    reference: str | None,
    everything: bool,
    restart: bool,
    limit: int | None,
    cursor: str | None,
    form: Form,
) -> None:
    """Retry dead letters, replay a report of failed webhooks, or rebuild timelines.

    Timelines are rebuilt from the inbox.

    Exit code 1: a row of the report cannot be used.

    Example: awbridge replay --all
    """
    if sum((only_list, file is not None, reference is not None, everything)) > 1:
        fail("--list, --file, --reference and --all do different things; choose one")
    if restart and not everything:
        fail("--restart needs --all")
    if (limit or cursor) and not only_list:
        fail("--limit and --cursor go with --list")
    if file:
        _replay_file(file, form)
    elif reference is not None or everything:
        _rebuild(reference, restart, form)
    elif only_list:
        _list_dead_letters(limit or _LISTED, cursor, form)
    else:
        due = with_store(lambda store: retry_dead_letters(store=store, clock=utc_now))
        output.show_one({"due": due}, f"{due} deliveries are due again", form=form, view=("due",))


def _rebuild(reference: str | None, restart: bool, form: Form) -> None:
    from awbridge.app import policies
    from awbridge.app.progress import Progress

    policy = policies.apply_policy(read_settings())

    async def go(store: Store) -> dict[str, Any]:
        world: dict[str, Any] = {"store": store, "clock": utc_now}
        if reference is not None:
            changed = await replay_step.rebuild_one(**world, reading=policy, reference_number=reference)
            return {"shipments": 1, "changed": int(changed)}
        begun = await replay_step.begin(**world, restart=restart)
        if begun.shipments:
            click.echo(f"resuming after {begun.shipments} shipments (--restart starts from the first)", err=True)
        if await replay_step.prepare(**world):
            async with Progress("deliveries applied") as progress:
                while more := await apply_due(**world, policy=policy):
                    progress.advance(more)
        total = await replay_step.count(store=store)
        async with Progress("shipments rebuilt", total, done=begun.shipments) as progress:
            last = begun
            while more := await replay_step.rebuild_some(**world, reading=policy):
                last = more
                progress.update(more.shipments)
                if more.done:
                    break
        return {"shipments": last.shipments, "changed": last.changed}

    result = with_store(go)
    text = f"{result['shipments']} shipments rebuilt, {result['changed']} of them differed"
    output.show_one(result, text, form=form, view=("shipments", "changed"))


def _list_dead_letters(limit: int, cursor: str | None, form: Form) -> None:
    async def go(store: Store) -> list[inbox.DeadLetter]:
        async with store.read() as session:
            return await inbox.problems(session, before=output.number_of(cursor), limit=limit + 1)

    part, page = output.paged(with_store(go), limit, lambda letter: letter.id, "dead_letters")
    rows = [output.pick(letter, _ROW) for letter in part]
    shown = [output.pick(letter, _DEAD_LETTER) | {"id": str(letter.id)} for letter in part]
    output.show_list(shown, rows, form=form, view=_DEAD_LETTER, empty="no dead letters", page=page)


def _replay_file(file: Path, form: Form) -> None:
    from awbridge.app.progress import Progress

    settings = read_settings()
    again = timedelta(seconds=settings.poll_again_seconds)

    async def go(store: Store) -> Replayed:
        async with Progress("rows replayed") as progress:
            return await replay_report(store=store, clock=utc_now, path=file, ask_again=again, on_done=progress.advance)

    report = with_store(go)
    if form != "text":
        output.show_one(report, form=form, view=_REPORT)
    else:
        click.echo("columns understood: " + ", ".join(f"{name} as {m}" for m, name in report.understood.items()))
        click.echo("unknown columns: " + (", ".join(report.passed_over) or "none"))
        output.print_notes(file.name, report.notes)
        click.echo(
            f"{report.rows} rows: {report.deliveries} new deliveries in the inbox, {report.known} known already; "
            f"{report.asked} shipments to be polled at once, {report.asked_already} due anyway or polled lately, "
            f"{report.at_their_end} at their end already; {len(report.bad)} rows not usable"
        )
        if report.unread_payloads:
            click.echo(f"{report.unread_payloads} rows have an unreadable payload; only their other columns were used")
        if report.bad:
            output.print_table(output.places(report.bad))
    if report.bad:
        sys.exit(1)
