"""The commands that request an action: edit, label, ndr, pickups, waybills."""

from __future__ import annotations

import json
from collections.abc import Coroutine
from dataclasses import asdict
from typing import IO, TYPE_CHECKING, Any

import click

from awbridge.cli import output
from awbridge.cli.group import Group
from awbridge.cli.shared import as_json_option, fail, with_store
from awbridge.clickpost.models.ndr import NdrAction
from awbridge.domain.orders.action import ActionKind
from awbridge.steps.orders import actions as requests
from awbridge.steps.runtime.clock import utc_now

if TYPE_CHECKING:
    from awbridge.steps.records.requested_actions import Asked
    from awbridge.store import Store

key_option = click.option("--key", help="An idempotency key: a repeated request with it is the same action.")


def _show_requested(requested: Asked, *, as_json: bool) -> None:
    if as_json:
        output.print_json(asdict(requested.action))
    else:
        known = "" if requested.created else " (requested before under this key)"
        click.echo(f"action {requested.action.id}: {requested.action.state.value}{known}")
    for warning in requested.warnings:
        click.echo(f"warning: {warning}", err=True)


def _request(kind: ActionKind, reference_number: str, body: dict[str, Any], key: str | None, *, as_json: bool) -> None:
    def ask(store: Store) -> Coroutine[Any, Any, Asked]:
        return requests.ask(
            store=store, clock=utc_now, kind=kind, reference_number=reference_number, body=body, idempotency_key=key
        )

    _show_requested(with_store(ask), as_json=as_json)


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
@as_json_option
def edit_shipment(reference_number: str, fields: tuple[str, ...], key: str | None, as_json: bool) -> None:
    """Edit an order that the courier has: order_type, cod_value, and others.

    The others are qc_type and e-waybill.

    Example: awbridge shipments edit ORDER-1001 order_type=COD cod_value=499
    """
    _request(ActionKind.EDIT, reference_number, _fields(fields), key, as_json=as_json)


@click.command("label")
@click.argument("reference_number")
@click.option("--regenerate", is_flag=True, help="Request a new one from the courier.")
@key_option
@as_json_option
def fetch_label(reference_number: str, regenerate: bool, key: str | None, as_json: bool) -> None:
    """Fetch a shipment's label; its URL is stored with the shipment.

    Example: awbridge shipments label ORDER-1001 --regenerate
    """
    _request(ActionKind.LABEL, reference_number, {"regenerate": regenerate}, key, as_json=as_json)


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
@as_json_option
def instruct(reference_number: str, instruction: str, key: str | None, as_json: bool, **fields: str | None) -> None:
    """Instruct the courier after a failed delivery (NDR).

    Example: awbridge shipments ndr ORDER-1001 REATTEMPT --date 2026-11-05
    """
    body = {"action": instruction, **{name: value for name, value in fields.items() if value}}
    _request(ActionKind.NDR, reference_number, body, key, as_json=as_json)


@click.group("pickups", cls=Group)
def pickups_group() -> None:
    """Schedule pickups."""


@pickups_group.command("ask")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@key_option
@as_json_option
def ask_pickup(file: IO[str], key: str | None, as_json: bool) -> None:
    """Schedule a pickup: a JSON file with ClickPost's create-pickup body (- for standard input).

    It may contain `region` and `transporter`.

    Example: awbridge pickups ask pickup.json --key monday-morning
    """
    body = _read(file)
    requested = with_store(
        lambda store: requests.ask_pickup(store=store, clock=utc_now, body=body, idempotency_key=key)
    )
    _show_requested(requested, as_json=as_json)


@click.group("waybills", cls=Group)
def waybills_group() -> None:
    """Waybills that were booked elsewhere."""


@waybills_group.command("register")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@key_option
@as_json_option
def register_waybill(file: IO[str], key: str | None, as_json: bool) -> None:
    """Register a waybill for tracking: a JSON file with ClickPost's awb-register v3 body (- for standard input).

    Example: awbridge waybills register waybill.json
    """
    body = _read(file)
    requested = with_store(
        lambda store: requests.ask_registration(store=store, clock=utc_now, body=body, idempotency_key=key)
    )
    _show_requested(requested, as_json=as_json)
