"""`awbridge replay`: apply stored deliveries again."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from awbridge.cli import output
from awbridge.cli.shared import as_json_option, fail, read_settings, with_store
from awbridge.steps.runtime.clock import utc_now
from awbridge.steps.tracking import replay as replay_step
from awbridge.steps.tracking.apply import apply_due
from awbridge.steps.tracking.dead_letters import retry_dead_letters
from awbridge.steps.tracking.replay_report import Replayed, replay_report
from awbridge.store.tracking import inbox

if TYPE_CHECKING:
    from awbridge.store import Store


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
@as_json_option
def replay(
    only_list: bool, file: Path | None, reference: str | None, everything: bool, restart: bool, as_json: bool
) -> None:
    """Retry dead letters, replay a report of failed webhooks, or rebuild timelines.

    Timelines are rebuilt from the inbox.

    Example: awbridge replay --all
    """
    if sum((only_list, file is not None, reference is not None, everything)) > 1:
        fail("--list, --file, --reference and --all do different things; choose one")
    if restart and not everything:
        fail("--restart needs --all")
    if file:
        _replay_file(file, as_json)
    elif reference is not None or everything:
        _rebuild(reference, restart, as_json)
    else:
        _replay_dead_letters(only_list, as_json)


def _rebuild(reference: str | None, restart: bool, as_json: bool) -> None:
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
            while await apply_due(**world, policy=policy):
                pass
        total = await replay_step.count(store=store)
        with Progress("shipments rebuilt", total, done=begun.shipments) as progress:
            last = begun
            while more := await replay_step.rebuild_some(**world, reading=policy):
                last = more
                progress.update(more.shipments)
                if more.done:
                    break
        return {"shipments": last.shipments, "changed": last.changed}

    result = with_store(go)
    if as_json:
        output.print_json(result)
    else:
        click.echo(f"{result['shipments']} shipments rebuilt, {result['changed']} of them differed")


def _replay_dead_letters(only_list: bool, as_json: bool) -> None:
    async def go(store: Store) -> list[Any]:
        async with store.read() as session:
            dead_letters = await inbox.problems(session, limit=1000)
        if not only_list:
            due = await retry_dead_letters(store=store, clock=utc_now)
            click.echo(f"{due} deliveries are due again", err=True)
        return dead_letters

    dead_letters = with_store(go)
    if as_json or only_list:
        rows = [output.pick(letter, ("received_at", "source", "problem", "next_try_at")) for letter in dead_letters]
        output.show(dead_letters, rows, as_json=as_json, empty="nothing")


def _replay_file(file: Path, as_json: bool) -> None:
    settings = read_settings()
    again = timedelta(seconds=settings.poll_again_seconds)

    async def go(store: Store) -> Replayed:
        return await replay_report(store=store, clock=utc_now, path=file, ask_again=again)

    report = with_store(go)
    if as_json:
        output.print_json(report)
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
