"""`awbridge reconcile`: compare our shipments with ClickPost's, by a day's counts or from a file of theirs."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from awbridge.cli import output
from awbridge.cli.group import Group
from awbridge.cli.output import Form, form_options, page_options
from awbridge.cli.shared import fail, on_settings, on_store, read_settings, with_store, with_vendor
from awbridge.cli.times import DAY
from awbridge.clickpost.wire.tracking_codes import status_name
from awbridge.domain.reconciliation.decisions import Decision
from awbridge.domain.reconciliation.differences import DifferenceKind, DifferenceTable
from awbridge.domain.schedule import day_before
from awbridge.steps.reconciliation.decide import decide
from awbridge.steps.reconciliation.differences import push_again
from awbridge.steps.reconciliation.reconcile import ReconcilePolicy, begin_day, reconcile_due
from awbridge.steps.reconciliation.report_files import day_of_file, kind_of_file, read_parts, take_file
from awbridge.steps.records.reconciliation_run import known_run
from awbridge.steps.runtime.clock import utc_now
from awbridge.store.reconciliation import differences, reconciliations
from awbridge.store.reconciliation.reconciliations import Reconciliation, Stage

if TYPE_CHECKING:
    from awbridge.app.settings import Settings
    from awbridge.clickpost.client.async_client import AsyncClickPost
    from awbridge.store import Store
    from awbridge.store.reconciliation.differences import Seen

_VIEW, _DIFFERENCE = "reconciliation:ReconciliationView", "reconciliation:DifferenceView"
RECHECK_EVERY = 0.5  # seconds, while a report is awaited or another process works on the run


@click.group("reconcile", cls=Group, invoke_without_command=True)
@click.option("--date", "day", type=DAY, help="The account's day.  [default: yesterday]")
@click.option(
    "--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="CSV, XLSX, XLS or ODS of ClickPost's."
)
@click.option(
    "--kind", type=click.Choice([t.value for t in DifferenceTable]), help="What the file lists. [default: by its name]"
)
@form_options
@click.pass_context
def reconcile(context: click.Context, day: date | None, file: Path | None, kind: str | None, form: Form) -> None:
    """Compare our shipments with ClickPost's, by day or from a file.

    A day is compared by ClickPost's counts and report; a file is one that ClickPost mailed.

    Exit code 1: the comparison ended without a result. Differences are no failure.

    Example: awbridge reconcile --date 2026-11-22
    """
    if context.invoked_subcommand:
        return
    if kind and not file:
        fail("--kind goes with --file")
    from awbridge.app import policies

    policy = policies.reconcile_policy(read_settings())
    run = _with_file(policy, file, kind, day) if file else _with_clickpost(policy, day)
    _show(run, form)
    if run.state is Stage.FAILED:
        sys.exit(1)


def _with_file(policy: ReconcilePolicy, file: Path, kind: str | None, day: date | None) -> Reconciliation:
    async def go(store: Store) -> Reconciliation:
        run = await take_file(
            store=store,
            clock=utc_now,
            parts=read_parts(file),
            name=file.name,
            source="command",
            kind=DifferenceTable(kind) if kind else kind_of_file(file.name),
            day=day or day_of_file(file.name),
        )
        return await _to_the_end(store, None, policy, run.id)

    return with_store(go)


def _with_clickpost(policy: ReconcilePolicy, day: date | None) -> Reconciliation:
    async def go(clickpost: AsyncClickPost, store: Store) -> Reconciliation:
        chosen = day or day_before(utc_now(), policy.zone)
        run = await begin_day(store=store, clock=utc_now, zone=policy.zone, day=chosen)
        return await _to_the_end(store, clickpost, policy, run.id)

    return with_vendor(go)


async def _to_the_end(
    store: Store, clickpost: AsyncClickPost | None, policy: ReconcilePolicy, number: int
) -> Reconciliation:
    """The finished run, whichever process works on it."""
    from awbridge.app.progress import Progress

    async with Progress("") as progress:

        def on_rows(more: int) -> None:
            progress.rename("rows compared")
            progress.advance(more)

        policy = dataclasses.replace(policy, on_rows=on_rows)
        stage = None
        while not (run := await known_run(store, number)).state.over:
            if run.state is not stage:
                stage = run.state
                progress.rename(_WORK[stage])
            done = await reconcile_due(store=store, clickpost=clickpost, clock=utc_now, policy=policy, only=number)
            await asyncio.sleep(0 if done else RECHECK_EVERY)
    return run


_WORK = {
    Stage.COUNTING: "counting shipments",
    Stage.REPORTING: "waiting for ClickPost's report",
    Stage.MATCHING: "comparing",
}


def _summary(run: Reconciliation) -> dict[str, Any]:
    return {
        "id": run.id,
        "name": run.name,
        "state": run.state.value,
        "compared": run.compared,
        "ours": run.ours_placed,
        "ClickPost's": run.theirs_placed,
        "tracked": run.theirs_tracked,
        "rows": run.line_count,
        "matched": run.matched,
        "partly compared": run.partly,
        **{kind.value: (run.found or {}).get(kind.value, 0) for kind in DifferenceKind},
        "problem": run.problem,
    }


def _show(run: Reconciliation, form: Form) -> None:
    if form != "text":
        output.show_one(run, form=form, view=_VIEW)
        return
    output.print_fields(_summary(run))
    if run.columns_read:
        understood = ", ".join(f"{title} as {meaning}" for meaning, title in run.columns_read["understood"].items())
        click.echo(f"columns understood: {understood}")
        click.echo(f"unknown columns: {', '.join(run.columns_read['passed_over']) or 'none'}")
        output.print_notes(run.name, run.columns_read.get("notes", []))
    for sentence in run.not_understood.sentences():
        click.echo(f"not compared: {sentence}")
    if run.spoilt:
        click.echo(f"{run.spoilt} rows had waybills that a spreadsheet has rounded")
    if run.unreadable:
        click.echo(f"{run.unreadable} rows name neither waybill nor reference number")


@reconcile.command("list")
@page_options(20)
@form_options
@on_store
async def list_runs(store: Store, limit: int, cursor: str | None, form: Form) -> None:
    """List reconciliations, newest first.

    Example: awbridge reconcile list
    """
    async with store.read() as session:
        found = await reconciliations.newest(session, before=output.number_of(cursor), limit=limit + 1)
    part, page = output.paged(found, limit, lambda run: run.id, "reconciliations")
    rows = [
        {
            "id": run.id,
            "created_at": run.created_at,
            "name": run.name,
            "state": run.state.value,
            "compared": run.compared,
            "matched": run.matched,
            "differences": sum((run.found or {}).values()),
            "problem": run.problem,
        }
        for run in part
    ]
    output.show_list(part, rows, form=form, view=_VIEW, empty="no reconciliations", page=page)


@reconcile.command("show")
@click.argument("reconciliation", type=click.IntRange(0, 2**63 - 1))
@click.option("--kind", type=click.Choice([k.value for k in DifferenceKind]), help="Only differences of this kind.")
@page_options(50, 100_000)
@click.option("--evidence", type=click.Path(file_okay=False, path_type=Path), help="A folder for a zip of each.")
@form_options
@on_settings
async def show_run(
    settings: Settings,
    store: Store,
    reconciliation: int,
    kind: str | None,
    limit: int,
    cursor: str | None,
    evidence: Path | None,
    form: Form,
) -> None:
    """Show a reconciliation and its differences; with --evidence, write a zip for each, ready for ClickPost.

    Example: awbridge reconcile show 1811111111111111111 --kind missing_there --evidence for-clickpost
    """
    run = await known_run(store, reconciliation)
    async with store.read() as session:
        chosen, after = DifferenceKind(kind) if kind else None, output.number_of(cursor) or 0
        found = await differences.listed(session, run.id, kind=chosen, after=after, limit=limit + 1)
        is_open = await differences.count_open(session, run.id)
    part, page = output.paged(found, limit, lambda d: d.id, None)
    if evidence:
        await _write_evidence(settings, store, run, part, evidence)
    if form == "json":
        shown, _ = output.as_view(_DIFFERENCE, part)
        more: dict[str, Any] = {"open": is_open, "differences": shown, "next": page.next}
        output.show_one(run, form=form, view=_VIEW, more=more)
        return
    if form == "text":
        _show(run, form)
    rows = [
        {
            "kind": one.kind.value,
            "item": one.item,
            "ours": side_in_words(one.ours),
            "ClickPost's": side_in_words(one.theirs),
            "state": one.solved_how or one.state,
        }
        for one in part
    ]
    output.show_list(part, rows, form=form, view=_DIFFERENCE, empty="no differences", page=page)


async def _write_evidence(
    settings: Settings, store: Store, run: Reconciliation, found: Sequence[differences.Difference], folder: Path
) -> None:
    from awbridge.app.progress import Progress
    from awbridge.steps.audit.bundle import bundle_of

    privacy = settings.privacy(settings.privacy_clickpost)
    async with Progress("zips written", len(found)) as progress:
        for one in found:
            content = await bundle_of(
                store=store, clock=utc_now, reconciliation_id=run.id, difference_id=one.id, privacy=privacy
            )
            output.write_file(folder / f"{one.kind.value}-{one.id}.zip", content)
            progress.advance(1)


def side_in_words(seen: Seen | None) -> str:
    """One side of a difference in a few words."""
    if seen is None:
        return "nothing"
    code, courier = seen.get("status_code"), seen.get("courier_partner_id")
    status = status_name(code, seen.get("status_description")) or seen.get("state")
    return ", ".join(str(part) for part in (seen.get("waybill"), courier and f"courier {courier}", status) if part)


@reconcile.command("push-again")
@click.argument("reconciliation", type=click.IntRange(0, 2**63 - 1))
@form_options
@on_store
async def push_missing_again(store: Store, reconciliation: int, form: Form) -> None:
    """Push every shipment again that a reconciliation found missing at ClickPost.

    Example: awbridge reconcile push-again 1811111111111111111
    """
    from awbridge.app.progress import Progress

    async with Progress("shipments examined") as progress:
        done = await push_again(store=store, clock=utc_now, reconciliation_id=reconciliation, on_done=progress.advance)
    if form != "text":
        output.show_one(done, form=form, view="reconciliation:PushedView")
    else:
        click.echo(f"{done.pushed} are pushed again, {done.passed_over} have changed since and were skipped")
        for one in done.undecided:
            click.echo(f"{one.reference_number} is not pushed again until you decide: {one.why}")


@reconcile.command("decide")
@click.argument("reconciliation", type=click.IntRange(0, 2**63 - 1))
@click.argument("decision", type=click.Choice([d.value for d in Decision]))
@click.argument("differences_", metavar="DIFFERENCE...", nargs=-1, required=True, type=click.IntRange(0, 2**63 - 1))
@click.option("--reason", default="", help="Stored with differences that are marked as solved.")
@form_options
@on_store
async def decide_differences(
    store: Store, reconciliation: int, decision: str, differences_: tuple[int, ...], reason: str, form: Form
) -> None:
    """Recheck differences at once, push their shipments again, or mark them as solved.

    Example: awbridge reconcile decide 1811111111111111111 solve 1811111111111111112 --reason "booked by hand"
    """
    results = await decide(
        store=store,
        clock=utc_now,
        reconciliation_id=reconciliation,
        difference_ids=differences_,
        decision=Decision(decision),
        reason=reason,
    )
    rows = [output.pick(r, ("item", "done", "text")) for r in results]
    output.show_list(results, rows, form=form, view="reconciliation:DecidedView", empty="none")
