"""`awbridge shipments`: import, list, show, retry and cancel shipments."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from awbridge.app import policies
from awbridge.cli.actions import edit_shipment, fetch_label, instruct
from awbridge.cli.shared import (
    as_json_option,
    err,
    fail,
    places,
    plain,
    print_json,
    print_notes,
    print_table,
    read_settings,
    with_store,
)
from awbridge.cli.shipment_rows import (
    LINKS,
    cancellation_rows,
    listed,
    piece_rows,
    pieces_as_json,
    return_rows,
    scan_row,
    whole_summary,
)
from awbridge.clickpost.wire.tracking_codes import status_name
from awbridge.domain.orders.shipment import Shipment, State
from awbridge.steps.orders import import_file, intake, look_up
from awbridge.steps.polling.track_order import resume_polling
from awbridge.steps.runtime.clock import utc_now
from awbridge.steps.tracking.shipment_details import ShipmentDetails, shipment_details
from awbridge.store import Store
from awbridge.store.audit import attempts
from awbridge.store.couriers import accounts
from awbridge.store.orders import lists, waybills
from awbridge.store.polling import polls
from awbridge.store.registration import cancellations
from awbridge.store.tracking import scans


@click.group("shipments")
def shipments_group() -> None:
    """Bring shipments in, look at them, retry or cancel them."""


@shipments_group.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_json_option
def import_shipments(file: Path, as_json: bool) -> None:
    """Import orders from a table (CSV, XLSX, XLS, ODS) or a .json or .jsonl file. Good rows go in; every bad one is
    reported; then exit code 1.

    Example: awbridge shipments import orders.csv
    """

    allocation = read_settings().allocation
    orders = import_file.read_orders(file)

    async def go(store: Store) -> import_file.Imported:
        bar = Progress(TextColumn("importing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=err)
        with bar:
            task = bar.add_task("", total=orders.total)
            return await import_file.import_orders(
                store=store,
                clock=utc_now,
                orders=orders,
                on_row=lambda n: bar.advance(task, n),
                allocation=allocation,
            )

    result = with_store(go)
    if as_json:
        told = {"created": result.created, "known": result.known, "bad": result.bad, "warnings": result.warnings}
        print_json(told | {"passed_over": orders.passed_over, "notes": orders.notes})
    else:
        passed_over = [f"columns not understood: {', '.join(orders.passed_over)}"] if orders.passed_over else []
        print_notes(file.name, [*orders.notes, *passed_over])
        click.echo(f"{result.created} created, {result.known} known already, {_bad_lines(result)} bad")
        if result.bad:
            print_table(places(result.bad), empty="")
        if result.warnings:
            click.echo(f"\n{len(result.warnings)} warnings about orders that went in")
            print_table(places(result.warnings), empty="")
    if result.bad:
        sys.exit(1)


def _bad_lines(result: import_file.Imported) -> int:
    return len({(b.sheet, b.line) for b in result.bad})


@shipments_group.command("list")
@click.option("--state", type=click.Choice([s.value for s in State]), help="Only shipments in this state.")
@click.option("--stuck", is_flag=True, help="Only those without a scan for too long, the longest first.")
@click.option("--sla-breached", is_flag=True, help="Only open ones past their expected date, most overdue first.")
@click.option("--ndr", is_flag=True, help="Only those whose last delivery failed, the oldest failure first.")
@click.option("--piece-exception", is_flag=True, help="Only those with a piece lost, damaged or going back.")
@click.option("--not-cancelled", is_flag=True, help="Only those whose cancellation was refused or given up.")
@click.option("--waybill", help="Only those that this waybill belongs to: their own, of a piece, or RTO.")
@click.option("--order-id", help="Only those of this order.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@as_json_option
def list_shipments(
    state: str | None,
    stuck: bool,
    sla_breached: bool,
    ndr: bool,
    piece_exception: bool,
    not_cancelled: bool,
    waybill: str | None,
    order_id: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List shipments, newest first, or those that need a person.

    Example: awbridge shipments list --stuck
    """
    flags = (bool(state), stuck, sla_breached, ndr, piece_exception, not_cancelled)
    if sum((*flags, waybill is not None, order_id is not None)) > 1:
        options = (
            "--state, --stuck, --sla-breached, --ndr, --piece-exception, --not-cancelled, --waybill and --order-id"
        )
        fail(f"{options} are lists of their own; choose one")
    limits = policies.stuck_after(read_settings())

    async def go(store: Store) -> list[Shipment]:
        async with store.read() as session:
            if stuck:
                return await lists.stuck(session, limits, now=utc_now(), limit=limit)
            if sla_breached:
                return await lists.sla_breached(session, now=utc_now(), limit=limit)
            if ndr:
                return await lists.in_ndr(session, limit=limit)
            if not_cancelled:
                return [*await cancellations.need_a_person(session, limit=limit)]
            if piece_exception:
                return await lists.piece_exceptions(session, limit=limit)
            if waybill is not None:
                return (await look_up.of_waybill(session, waybill.strip()))[:limit]
            if order_id is not None:
                return await lists.newest_of_order(session, order_id.strip(), limit=limit)
            held = await accounts.held(session, now=utc_now())
            return await lists.newest(session, state=State(state) if state else None, limit=limit, held=held)

    rows = [listed(s) for s in with_store(go)]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, empty="no shipments")


async def _shipment(store: Store, name: str) -> Shipment:
    """By reference number or by waybill."""
    async with store.read() as session:
        return await look_up.named(session, name, now=utc_now())


@shipments_group.command("show")
@click.argument("name", metavar="REFERENCE_OR_AWB")
@as_json_option
def show_shipment(name: str, as_json: bool) -> None:
    """Show a shipment with its milestones, its timeline and every call made about it: by reference number or waybill.

    Example: awbridge shipments show ORDER-1001
    """

    limits = policies.stuck_after(read_settings())

    async def go(store: Store) -> tuple[Shipment, ShipmentDetails, list[Any], Sequence[Any], list[Any]]:
        shipment = await _shipment(store, name)
        reference = shipment.reference_number
        async with store.read() as session:
            timeline = await scans.timeline(session, reference)
            calls = await attempts.of_shipment(session, reference)
            pieces = await waybills.pieces(session, shipment)
            truth = await shipment_details(session, shipment, limits=limits, now=utc_now())
        return shipment, truth, timeline, calls, pieces

    shipment, truth, timeline, calls, pieces = with_store(go)
    if as_json:
        shown = {"shipment": shipment, **plain(truth), "pieces": pieces_as_json(pieces, truth.pieces)}
        print_json({**shown, "scans": timeline, "attempts": calls})
        return
    more = {name: value for name in LINKS if (value := getattr(shipment, name))} | cancellation_rows(shipment)
    print_table([{"field": k, "value": v} for k, v in (whole_summary(shipment, truth) | more).items()], empty="")
    if pieces:
        click.echo("\npieces")
        print_table(piece_rows(pieces, truth.pieces), empty="")
    if truth.npr:
        click.echo("\nfailed pickups")
        print_table([plain(failure) for failure in truth.npr], empty="")
    if truth.ndr:
        click.echo("\nfailed deliveries")
        print_table([plain(failure) for failure in truth.ndr], empty="")
    if len(truth.edd_history) > 1:
        click.echo("\nexpected dates")
        print_table([plain(promise) for promise in truth.edd_history], empty="")
    if truth.returns:
        click.echo("\nreturns that the customer asked for")
        print_table(return_rows(truth.returns), empty="")
    click.echo("\nscans")
    print_table([scan_row(s, shipment.children) for s in timeline], empty="none yet")
    click.echo("\ncalls")
    print_table(
        [
            {
                "made_at": a.made_at,
                "api": a.api,
                "HTTP": a.http_status,
                "business": a.business_status,
                "outcome": a.outcome,
            }
            for a in calls
        ],
        empty="none yet",
    )


@shipments_group.command("scans")
@click.argument("name", metavar="REFERENCE_OR_AWB")
@as_json_option
def show_scans(name: str, as_json: bool) -> None:
    """Show a shipment's timeline, oldest scan first.

    Example: awbridge shipments scans ORDER-1001
    """

    async def go(store: Store) -> list[Any]:
        shipment = await _shipment(store, name)
        async with store.read() as session:
            return await scans.timeline(session, shipment.reference_number)

    rows = [plain(s) for s in with_store(go)]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, empty="no scans yet")


@shipments_group.command("attempts")
@click.argument("name", metavar="REFERENCE_OR_AWB")
@as_json_option
def show_attempts(name: str, as_json: bool) -> None:
    """Show every call made to ClickPost about a shipment.

    Example: awbridge shipments attempts ORDER-1001 --json
    """

    async def go(store: Store) -> Sequence[Any]:
        shipment = await _shipment(store, name)
        async with store.read() as session:
            return await attempts.of_shipment(session, shipment.reference_number)

    rows = [plain(a) for a in with_store(go)]
    if as_json:
        print_json(rows)
    else:
        short = ("made_at", "api", "http_status", "business_status", "outcome", "error", "ms", "payload_version")
        print_table([{name: row[name] for name in short} for row in rows], empty="no calls yet")


@shipments_group.command("retry")
@click.argument("reference_numbers", nargs=-1, required=True)
def retry_shipments(reference_numbers: tuple[str, ...]) -> None:
    """Push shipments again at once, with all their tries.

    Example: awbridge shipments retry ORDER-1001 ORDER-1002
    """

    async def go(store: Store) -> None:
        for reference in reference_numbers:
            done = await intake.retry(store=store, clock=utc_now, reference_number=reference)
            click.echo(f"{reference}: {done.state}")

    with_store(go)


@shipments_group.command("cancel")
@click.argument("reference_numbers", nargs=-1, required=True)
def cancel_shipments(reference_numbers: tuple[str, ...]) -> None:
    """Cancel shipments, also at ClickPost where it holds them.

    Example: awbridge shipments cancel ORDER-1001
    """

    async def go(store: Store) -> None:
        for reference in reference_numbers:
            done = await intake.cancel(store=store, clock=utc_now, reference_number=reference)
            click.echo(f"{reference}: {done.state if done.state is State.CANCELLED else 'cancelling at ClickPost'}")

    with_store(go)


@shipments_group.command("silent")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@as_json_option
def list_silent(limit: int, as_json: bool) -> None:
    """List shipments that are no longer polled: no update for AWBRIDGE_POLL_SILENT_DAYS.

    Example: awbridge shipments silent
    """

    async def go(store: Store) -> list[Shipment]:
        async with store.read() as session:
            return await polls.aged_out(session, limit=limit)

    rows = [
        {
            "reference_number": s.reference_number,
            "AWB": s.waybill,
            "courier": s.courier_partner_id,
            "status": status_name(s.status_code, s.status_description),
            "status_at": s.status_at,
            "placed_at": s.placed_at,
            "aged_out_at": s.aged_out_at,
        }
        for s in with_store(go)
    ]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, empty="none")


@shipments_group.command("ask")
@click.argument("reference_numbers", nargs=-1, required=True)
def ask_shipments(reference_numbers: tuple[str, ...]) -> None:
    """Have shipments asked for at once, or when their last question is two hours old. Silent ones are back on schedule.

    Example: awbridge shipments ask ORDER-1001
    """
    again = timedelta(seconds=read_settings().poll_again_seconds)

    async def go(store: Store) -> list[str]:
        return await resume_polling(store=store, clock=utc_now, references=reference_numbers, ask_again=again)

    possible = with_store(go)
    for reference in reference_numbers:
        click.echo(
            f"{reference}: {'will be asked for' if reference in possible else 'unknown, not placed, or at its end'}"
        )
    if set(reference_numbers) - set(possible):
        sys.exit(1)


for command in (edit_shipment, fetch_label, instruct):
    shipments_group.add_command(command)
