"""The commands that request an action: edit, label, ndr, pickups, waybills."""

from __future__ import annotations

import json
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from awbridge.cli import output
from awbridge.cli.group import Group
from awbridge.cli.output import Form, form_options
from awbridge.cli.shared import fail, with_store
from awbridge.clickpost.models.ndr import NdrAction
from awbridge.domain.orders.action import ActionKind
from awbridge.steps.orders import actions as requests
from awbridge.steps.runtime.clock import utc_now

if TYPE_CHECKING:
    from awbridge.steps.orders.importing.import_registrations import ImportedWaybills
    from awbridge.steps.records.requested_actions import Asked
    from awbridge.store import Store

key_option = click.option("--key", help="An idempotency key: a repeated request with it is the same action.")


def _show_requested(requested: Asked, *, form: Form) -> None:
    known = "" if requested.created else " (requested before under this key)"
    text = f"action {requested.action.id}: {requested.action.state.value}{known}"
    more = {"warnings": list(requested.warnings)} if requested.action.kind is ActionKind.REGISTER else None
    output.show_one(requested.action, text, form=form, view="actions:ActionView", more=more)
    for warning in requested.warnings:
        click.echo(f"warning: {warning}", err=True)


def _request(kind: ActionKind, reference_number: str, body: dict[str, Any], key: str | None, *, form: Form) -> None:
    def ask(store: Store) -> Coroutine[Any, Any, Asked]:
        return requests.ask(
            store=store, clock=utc_now, kind=kind, reference_number=reference_number, body=body, idempotency_key=key
        )

    _show_requested(with_store(ask), form=form)


def _value(text: str) -> Any:
    """A value as typed: JSON if it is a number, true, false or null; else text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, int | float) or value is None else text


def _fields(pairs: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not (name and equals):
            fail(f"{pair!r} is not NAME=VALUE, such as order_type=PREPAID")
        found[name] = _value(text)
    return found


def _read(file: IO[str]) -> Any:
    try:
        return json.load(file)
    except ValueError as error:
        fail(f"{file.name} is not JSON: {error}")


@click.command("edit")
@click.argument("reference_number")
@click.argument("fields", nargs=-1, required=True, metavar="NAME=VALUE...")
@key_option
@form_options
def edit_shipment(reference_number: str, fields: tuple[str, ...], key: str | None, form: Form) -> None:
    """Edit an order that the courier has: order_type, cod_value, and others.

    The others are qc_type and e-waybill.

    Example: awbridge shipments edit ORDER-1001 order_type=COD cod_value=499
    """
    _request(ActionKind.EDIT, reference_number, _fields(fields), key, form=form)


@click.command("label")
@click.argument("reference_number")
@click.option("--regenerate", is_flag=True, help="Request a new one from the courier.")
@key_option
@form_options
def fetch_label(reference_number: str, regenerate: bool, key: str | None, form: Form) -> None:
    """Fetch a shipment's label; its URL is stored with the shipment.

    Example: awbridge shipments label ORDER-1001 --regenerate
    """
    _request(ActionKind.LABEL, reference_number, {"regenerate": regenerate}, key, form=form)


@click.command("ndr")
@click.argument("reference_number")
@click.argument("instruction", type=click.Choice([a.value for a in NdrAction]))
@click.option("--date", "preferred_date", metavar="YYYY-MM-DD", help="The day of the next attempt; REATTEMPT needs it.")
@click.option("--waybill", help="The waybill of one box, if only that failed.")
@click.option("--address", help="The new address.")
@click.option("--landmark", help="What is near it.")
@click.option("--pincode", "drop_pincode", help="The new pincode.")
@click.option("--phone", "phone_number", help="The customer's new phone.")
@key_option
@form_options
def instruct(reference_number: str, instruction: str, key: str | None, form: Form, **fields: str | None) -> None:
    """Instruct the courier after a failed delivery (NDR).

    Example: awbridge shipments ndr ORDER-1001 REATTEMPT --date "$(date -d tomorrow +%F)"
    """
    body = {"action": instruction, **{name: value for name, value in fields.items() if value}}
    _request(ActionKind.NDR, reference_number, body, key, form=form)


@click.group("pickups", cls=Group)
def pickups_group() -> None:
    """Schedule pickups."""


@pickups_group.command("ask")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@key_option
@form_options
def ask_pickup(file: IO[str], key: str | None, form: Form) -> None:
    """Schedule a pickup: a JSON file with ClickPost's create-pickup body (- for standard input).

    It may contain `region` and `transporter`.

    Example: awbridge pickups ask pickup.json --key monday-morning
    """
    body = _read(file)
    requested = with_store(
        lambda store: requests.ask_pickup(store=store, clock=utc_now, body=body, idempotency_key=key)
    )
    _show_requested(requested, form=form)


@click.group("waybills", cls=Group)
def waybills_group() -> None:
    """Waybills that were booked elsewhere."""


@waybills_group.command("register")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@key_option
@form_options
def register_waybill(file: IO[str], key: str | None, form: Form) -> None:
    """Register a waybill for tracking: a JSON file with ClickPost's awb-register v3 body (- for standard input).

    Example: awbridge waybills register waybill.json
    """
    body = _read(file)
    requested = with_store(
        lambda store: requests.ask_registration(store=store, clock=utc_now, body=body, idempotency_key=key)
    )
    _show_requested(requested, form=form)


@waybills_group.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@form_options
def import_waybills(file: Path, form: Form) -> None:
    """Register many waybills for tracking: a file of orders, as for `shipments import`, with the column `awb_number`.

    Nothing is booked again. Each row is requested once, however often the file is imported; the service registers it.

    Example: awbridge waybills import in-transit.csv
    """
    from awbridge.app.progress import Progress
    from awbridge.steps.orders.importing.import_file import read_orders
    from awbridge.steps.orders.importing.import_registrations import import_registrations

    rows = read_orders(file)

    async def go(store: Store) -> ImportedWaybills:
        async with Progress("waybills read", rows.total) as progress:
            return await import_registrations(store=store, clock=utc_now, rows=rows, on_row=progress.advance)

    result = with_store(go)
    _show_import(file.name, rows.notes, rows.passed_over, result, form=form)
    if result.bad:
        sys.exit(1)


def _show_import(name: str, notes: list[str], passed_over: list[str], result: ImportedWaybills, *, form: Form) -> None:
    if form == "json":
        counts = output.pick(result, ("requested", "known", "bad", "warnings"))
        output.print_json(counts | {"passed_over": passed_over, "notes": notes})
        return
    levels = (("bad", result.bad), ("warning", result.warnings))
    rows = [{"level": level, **output.fields_of(row)} for level, found in levels for row in found]
    if form == "csv":
        output.show_list(rows, form=form, view=("level", *output.PLACE))
        return
    ignored = [f"columns not understood: {', '.join(passed_over)}"] if passed_over else []
    output.print_notes(name, [*notes, *ignored])
    bad = len({(row.sheet, row.line) for row in result.bad})
    click.echo(f"{result.requested} requested, {result.known} known already, {bad} bad")
    for title, found in (("bad", result.bad), ("warnings", result.warnings)):
        if found:
            click.echo(f"\n{title}")
            output.print_places(found, len(found))
