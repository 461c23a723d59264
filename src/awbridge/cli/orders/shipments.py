"""`awbridge shipments import`, `show`, `scans`, `attempts`, `retry`, `cancel`, `silent` and `ask`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from awbridge.cli import output
from awbridge.cli.orders.shipment_rows import (
    LINKS,
    cancellation_rows,
    piece_rows,
    pieces_as_json,
    return_rows,
    scan_row,
    whole_summary,
)
from awbridge.cli.shared import as_json_option, on_settings, on_store, read_settings, with_store
from awbridge.clickpost.wire.tracking_codes import status_name
from awbridge.domain.orders.shipment import Shipment, State
from awbridge.steps.orders import look_up
from awbridge.steps.runtime.clock import utc_now
from awbridge.steps.tracking.shipment_details import shipment_details
from awbridge.store.audit import attempts
from awbridge.store.orders import waybills
from awbridge.store.polling import polls
from awbridge.store.tracking import scans

if TYPE_CHECKING:
    from awbridge.app.settings import Settings
    from awbridge.steps.orders import import_file
    from awbridge.store import Store

_CALL = ("made_at", "api", "http_status", "business_status", "outcome", "error", "ms", "payload_version")
_CALLS_SHOWN = 50
_PLACES_SHOWN = 1000  # rows of a table on the terminal


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_json_option
def import_shipments(file: Path, as_json: bool) -> None:
    """Import orders from a table (CSV, XLSX, XLS, ODS) or a .json or .jsonl file. Valid rows are stored; each invalid
    one is reported, and the exit code is 1.

    Example: awbridge shipments import orders.csv
    """
    from awbridge.app.progress import Progress
    from awbridge.steps.orders import import_file

    allocation = read_settings().allocation
    orders = import_file.read_orders(file)

    async def go(store: Store) -> import_file.Imported:
        with Progress("orders imported", orders.total) as progress:
            return await import_file.import_orders(
                store=store, clock=utc_now, orders=orders, on_row=progress.advance, allocation=allocation
            )

    result = with_store(go)
    if as_json:
        counts = output.pick(result, ("created", "known", "bad", "warnings", "warning_count"))
        output.print_json(counts | {"passed_over": orders.passed_over, "notes": orders.notes})
    else:
        passed_over = [f"columns not understood: {', '.join(orders.passed_over)}"] if orders.passed_over else []
        output.print_notes(file.name, [*orders.notes, *passed_over])
        click.echo(f"{result.created} created, {result.known} known already, {_bad_lines(result)} bad")
        if result.bad:
            _print_places(result.bad, len(result.bad))
        if result.warnings:
            click.echo(f"\n{result.warning_count} warnings about orders that were stored")
            _print_places(result.warnings, result.warning_count)
    if result.bad:
        sys.exit(1)


def _print_places(rows: Sequence[import_file.BadRow], total: int) -> None:
    shown = rows[:_PLACES_SHOWN]
    output.print_table(output.places(shown))
    if total > len(shown):
        click.echo(f"and {total - len(shown)} more; see --json")


def _bad_lines(result: import_file.Imported) -> int:
    return len({(b.sheet, b.line) for b in result.bad})


async def _shipment(store: Store, name: str) -> Shipment:
    """By reference number or by waybill."""
    async with store.read() as session:
        return await look_up.named(session, name, now=utc_now())


@click.command("show")
@click.argument("name", metavar="REFERENCE_OR_AWB")
@as_json_option
@on_settings
async def show_shipment(settings: Settings, store: Store, name: str, as_json: bool) -> None:
    """Show a shipment with its milestones, its timeline and the newest calls about it: by reference number or waybill.

    Example: awbridge shipments show ORDER-1001
    """
    shipment = await _shipment(store, name)
    async with store.read() as session:
        timeline = await scans.timeline(session, shipment.reference_number)
        calls = await attempts.newest_of_shipment(session, shipment.reference_number, limit=_CALLS_SHOWN)
        pieces = await waybills.pieces(session, shipment)
        details = await shipment_details(session, shipment, limits=settings.stuck_after, now=utc_now())
    track_url = settings.track_links.url(shipment)
    if as_json:
        shown = {
            "shipment": shipment,
            "track_url": track_url,
            **output.plain(details),
            "pieces": pieces_as_json(pieces, details.pieces),
        }
        output.print_json({**shown, "scans": timeline, "attempts": calls})
        return
    links = {name: value for name in LINKS if (value := getattr(shipment, name))}
    output.print_fields(whole_summary(shipment, details, track_url) | links | cancellation_rows(shipment))
    promises = details.edd_history if len(details.edd_history) > 1 else []
    for title, rows in (
        ("pieces", piece_rows(pieces, details.pieces)),
        ("failed pickups", [output.plain(failure) for failure in details.npr]),
        ("failed deliveries", [output.plain(failure) for failure in details.ndr]),
        ("expected dates", [output.plain(promise) for promise in promises]),
        ("returns requested by the customer", return_rows(details.returns)),
    ):
        if rows:
            click.echo(f"\n{title}")
            output.print_table(rows)
    click.echo("\nscans")
    output.print_table([scan_row(s, shipment.children) for s in timeline], empty="none yet")
    click.echo("\ncalls")
    output.print_table([_call_row(a) for a in calls], empty="none yet")


def _call_row(call: attempts.Attempt) -> dict[str, Any]:
    status = {"HTTP": call.http_status, "business": call.business_status}
    return {"made_at": call.made_at, "api": call.api, **status, "outcome": call.outcome}


@click.command("scans")
@click.argument("name", metavar="REFERENCE_OR_AWB")
@as_json_option
@on_store
async def show_scans(store: Store, name: str, as_json: bool) -> None:
    """Show a shipment's timeline, oldest scan first.

    Example: awbridge shipments scans ORDER-1001
    """
    shipment = await _shipment(store, name)
    async with store.read() as session:
        timeline = await scans.timeline(session, shipment.reference_number)
    output.show([output.plain(s) for s in timeline], as_json=as_json, empty="no scans yet")


@click.command("attempts")
@click.argument("name", metavar="REFERENCE_OR_AWB")
@click.option("--limit", default=_CALLS_SHOWN, show_default=True, type=click.IntRange(1, 10_000))
@as_json_option
@on_store
async def show_attempts(store: Store, name: str, limit: int, as_json: bool) -> None:
    """Show the newest calls made to ClickPost about a shipment, oldest first.

    Example: awbridge shipments attempts ORDER-1001 --json
    """
    shipment = await _shipment(store, name)
    async with store.read() as session:
        calls = await attempts.newest_of_shipment(session, shipment.reference_number, limit=limit)
    output.show(calls, [output.pick(call, _CALL) for call in calls], as_json=as_json, empty="no calls yet")


@click.command("retry")
@click.argument("reference_numbers", nargs=-1, required=True)
@on_store
async def retry_shipments(store: Store, reference_numbers: tuple[str, ...]) -> None:
    """Push shipments again at once, with all their attempts.

    Example: awbridge shipments retry ORDER-1001 ORDER-1002
    """
    from awbridge.steps.orders import intake

    for reference in reference_numbers:
        done = await intake.retry(store=store, clock=utc_now, reference_number=reference)
        click.echo(f"{reference}: {done.state}")


@click.command("cancel")
@click.argument("reference_numbers", nargs=-1, required=True)
@on_store
async def cancel_shipments(store: Store, reference_numbers: tuple[str, ...]) -> None:
    """Cancel shipments, also at ClickPost if it holds them.

    Example: awbridge shipments cancel ORDER-1001
    """
    from awbridge.steps.orders import intake

    for reference in reference_numbers:
        done = await intake.cancel(store=store, clock=utc_now, reference_number=reference)
        click.echo(f"{reference}: {done.state if done.state is State.CANCELLED else 'cancelling at ClickPost'}")


@click.command("silent")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@as_json_option
@on_store
async def list_silent(store: Store, limit: int, as_json: bool) -> None:
    """List shipments that are no longer polled: no update for AWBRIDGE_POLL_SILENT_DAYS.

    Example: awbridge shipments silent
    """
    async with store.read() as session:
        found = await polls.aged_out(session, limit=limit)
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
        for s in found
    ]
    output.show(rows, as_json=as_json, empty="none")


@click.command("ask")
@click.argument("reference_numbers", nargs=-1, required=True)
@on_settings
async def ask_shipments(settings: Settings, store: Store, reference_numbers: tuple[str, ...]) -> None:
    """Poll shipments at once, or two hours after their last poll. Silent ones are back on schedule.

    Example: awbridge shipments ask ORDER-1001
    """
    from awbridge.steps.polling.track_order import resume_polling

    again = timedelta(seconds=settings.poll_again_seconds)
    possible = await resume_polling(store=store, clock=utc_now, references=reference_numbers, ask_again=again)
    for reference in reference_numbers:
        click.echo(
            f"{reference}: {'will be polled' if reference in possible else 'unknown, not placed, or at its end'}"
        )
    if set(reference_numbers) - set(possible):
        sys.exit(1)
