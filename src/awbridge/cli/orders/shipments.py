"""`awbridge shipments import`, `show`, `scans`, `attempts`, `retry`, `cancel`, `silent` and `ask`."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from awbridge.cli import output
from awbridge.cli.orders.shipment_rows import (
    LINKS,
    SHIPMENT,
    ShipmentResults,
    cancellation_rows,
    in_api,
    piece_rows,
    return_rows,
    scan_row,
    whole_summary,
)
from awbridge.cli.output import Form, Page, Results, form_options, page_options
from awbridge.cli.shared import on_settings, on_store, read_settings, with_store
from awbridge.clickpost.wire.tracking_codes import status_name
from awbridge.domain.cursors import make_cursor
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
    from awbridge.steps.orders.importing import import_file
    from awbridge.store import Store

_CALL = ("made_at", "api", "http_status", "business_status", "outcome", "error", "ms", "payload_version")
_SCAN, _ATTEMPT = "tracking:ScanView", "attempts:AttemptView"
_CALLS_SHOWN = 50


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@form_options
def import_shipments(file: Path, form: Form) -> None:
    """Import orders from a table (CSV, XLSX, XLS, ODS) or a .json or .jsonl file.

    Valid rows are stored; each invalid one is reported.

    Exit code 1: a row is invalid.

    Example: awbridge shipments import orders.csv
    """
    from awbridge.app.progress import Progress
    from awbridge.steps.orders.importing import import_file

    allocation = read_settings().allocation
    orders = import_file.read_orders(file)

    async def go(store: Store) -> import_file.Imported:
        async with Progress("orders imported", orders.total) as progress:
            return await import_file.import_orders(
                store=store, clock=utc_now, orders=orders, on_row=progress.advance, allocation=allocation
            )

    result = with_store(go)
    if form == "json":
        counts = output.pick(result, ("created", "known", "bad", "warnings", "warning_count"))
        output.print_json(counts | {"passed_over": orders.passed_over, "notes": orders.notes})
    elif form == "csv":  # what a person looks at: each row that is bad or doubtful
        levels = (("bad", result.bad), ("warning", result.warnings))
        rows = [{"level": level, **output.fields_of(row)} for level, found in levels for row in found]
        output.show_list(rows, form=form, view=("level", *output.PLACE))
    else:
        passed_over = [f"columns not understood: {', '.join(orders.passed_over)}"] if orders.passed_over else []
        output.print_notes(file.name, [*orders.notes, *passed_over])
        click.echo(f"{result.created} created, {result.known} known already, {_bad_lines(result)} bad")
        if result.bad:
            output.print_places(result.bad, len(result.bad))
        if result.warnings:
            click.echo(f"\n{result.warning_count} warnings about orders that were stored")
            output.print_places(result.warnings, result.warning_count)
    if result.bad:
        sys.exit(1)


def _bad_lines(result: import_file.Imported) -> int:
    return len({(b.sheet, b.line) for b in result.bad})


async def _shipment(store: Store, name: str) -> Shipment:
    """By reference number or by waybill."""
    async with store.read() as session:
        return await look_up.named(session, name, now=utc_now())


@click.command("show")
@click.argument("name", metavar="REFERENCE_OR_AWB")
@form_options
@on_settings
async def show_shipment(settings: Settings, store: Store, name: str, form: Form) -> None:
    """Show a shipment with its milestones, its timeline and the newest calls about it: by reference number or waybill.

    Example: awbridge shipments show ORDER-1001
    """
    shipment = await _shipment(store, name)
    async with store.read() as session:
        timeline = await scans.timeline(session, shipment.reference_number)
        calls = await attempts.newest_of_shipment(session, shipment.reference_number, limit=_CALLS_SHOWN)
        pieces = await waybills.pieces(session, shipment)
        details = await shipment_details(session, shipment, limits=settings.stuck_after, now=utc_now())
    if form != "text":
        from awbridge.web.v1.views.shipments import Viewing, shipment_with_payload
        from awbridge.web.v1.views.tracking import scan_view

        viewing = Viewing(limits=settings.stuck_after, now=utc_now(), links=settings.track_links)
        shown = shipment_with_payload(shipment, pieces, details, viewing)
        scanned, _ = output.as_view(_SCAN, [scan_view(s, shipment.children) for s in timeline])
        called, _ = output.as_view(_ATTEMPT, calls)
        more = {"scans": scanned, "attempts": called}
        output.show_one(shown, form=form, view="shipments:ShipmentWithPayload", more=more)
        return
    track_url = settings.track_links.url(shipment)
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
@page_options(None)
@form_options
@on_store
async def show_scans(store: Store, name: str, limit: int | None, cursor: str | None, form: Form) -> None:
    """Show a shipment's timeline, oldest scan first.

    Example: awbridge shipments scans ORDER-1001
    """
    shipment = await _shipment(store, name)
    async with store.read() as session:
        timeline = await scans.timeline(session, shipment.reference_number)
    part, page = output.whole(timeline, limit=limit, cursor=cursor)
    rows = [scan_row(s, shipment.children) for s in part]
    if form != "text":
        from awbridge.web.v1.views.tracking import scan_view

        part = [scan_view(s, shipment.children) for s in part]
    output.show_list(part, rows, form=form, view=_SCAN, empty="no scans yet", page=page)


@click.command("attempts")
@click.argument("name", metavar="REFERENCE_OR_AWB")
@page_options(_CALLS_SHOWN)
@form_options
@on_store
async def show_attempts(store: Store, name: str, limit: int, cursor: str | None, form: Form) -> None:
    """Show the newest calls made to ClickPost about a shipment, oldest first.

    Example: awbridge shipments attempts ORDER-1001 --json
    """
    shipment = await _shipment(store, name)
    async with store.read() as session:
        found = await attempts.newest_of_shipment(
            session, shipment.reference_number, before=output.number_of(cursor), limit=limit + 1
        )
    calls = found[-limit:]
    page = Page(next=str(calls[0].id) if len(found) > limit else None, name="attempts")
    rows = [output.pick(call, _CALL) for call in calls]
    output.show_list(calls, rows, form=form, view=_ATTEMPT, empty="no calls yet", page=page)


@click.command("retry")
@click.argument("reference_numbers", nargs=-1, required=True)
@form_options
@on_settings
async def retry_shipments(settings: Settings, store: Store, reference_numbers: tuple[str, ...], form: Form) -> None:
    """Push shipments again at once, with all their attempts.

    Example: awbridge shipments retry ORDER-1001 ORDER-1002
    """
    from awbridge.steps.orders import intake

    with ShipmentResults(form, settings) as results:
        for reference in reference_numbers:
            done = await intake.retry(store=store, clock=utc_now, reference_number=reference)
            results.add(done, f"{reference}: {done.state}")


@click.command("cancel")
@click.argument("reference_numbers", nargs=-1, required=True)
@form_options
@on_settings
async def cancel_shipments(settings: Settings, store: Store, reference_numbers: tuple[str, ...], form: Form) -> None:
    """Cancel shipments, also at ClickPost if it holds them.

    Example: awbridge shipments cancel ORDER-1001
    """
    from awbridge.steps.orders import intake

    with ShipmentResults(form, settings) as results:
        for reference in reference_numbers:
            done = await intake.cancel(store=store, clock=utc_now, reference_number=reference)
            how = done.state if done.state is State.CANCELLED else "cancelling at ClickPost"
            results.add(done, f"{reference}: {how}")


@click.command("silent")
@page_options(50)
@form_options
@on_settings
async def list_silent(settings: Settings, store: Store, limit: int, cursor: str | None, form: Form) -> None:
    """List shipments that are no longer polled: no update for AWBRIDGE_POLL_SILENT_DAYS.

    Example: awbridge shipments silent
    """
    async with store.read() as session:
        found = await polls.aged_out(session, before=output.position_of(cursor), limit=limit + 1)
    part, page = output.paged(found, limit, _aged_out_cursor, "shipments")
    if form != "text":
        output.show_list(in_api(settings, part), form=form, view=SHIPMENT, page=page)
        return
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
        for s in part
    ]
    output.show_list(part, rows, form=form, view=SHIPMENT, empty="none", page=page)


def _aged_out_cursor(last: Shipment) -> str:
    assert last.aged_out_at
    return make_cursor(last.aged_out_at, last.reference_number)


@click.command("ask")
@click.argument("reference_numbers", nargs=-1, required=True)
@form_options
@on_settings
async def ask_shipments(settings: Settings, store: Store, reference_numbers: tuple[str, ...], form: Form) -> None:
    """Poll shipments at once, or two hours after their last poll. Silent ones are back on schedule.

    Exit code 1: a shipment is unknown, not placed, or at its end.

    Example: awbridge shipments ask ORDER-1001
    """
    from awbridge.steps.polling.track_order import resume_polling

    again = timedelta(seconds=settings.poll_again_seconds)
    possible = await resume_polling(store=store, clock=utc_now, references=reference_numbers, ask_again=again)
    with Results(form, view=("reference_number", "polled")) as results:
        for reference in reference_numbers:
            polled = reference in possible
            line = f"{reference}: {'will be polled' if polled else 'unknown, not placed, or at its end'}"
            results.add({"reference_number": reference, "polled": polled}, line)
    if set(reference_numbers) - set(possible):
        sys.exit(1)
