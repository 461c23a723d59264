"""`awbridge actions`, and the commands that request one: edit, label, ndr, pickups, waybills."""

from __future__ import annotations

import json
from collections.abc import Coroutine
from dataclasses import asdict
from typing import IO, Any

import click

from awbridge.cli import output
from awbridge.cli.shared import as_json_option, fail, on_store, operator, with_store
from awbridge.clickpost.models.ndr import NdrAction
from awbridge.domain.orders.action import ActionKind, ActionState
from awbridge.steps.orders import actions as requests
from awbridge.steps.records.requested_actions import Asked
from awbridge.steps.runtime.clock import utc_now
from awbridge.store import Store
from awbridge.store.orders import actions

_SUMMARY = ("id", "kind", "reference_number", "state", "tries", "problem", "requested_at")

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


@click.group("pickups")
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


@click.group("waybills")
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


@click.group("actions")
def actions_group() -> None:
    """Requests to ClickPost: edits, labels, pickups, NDR, registrations."""


@actions_group.command("list")
@click.option("--state", type=click.Choice([s.value for s in ActionState]), help="Only actions in this state.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@as_json_option
@on_store
async def list_actions(store: Store, state: str | None, limit: int, as_json: bool) -> None:
    """List actions, newest first.

    Example: awbridge actions list --state unclear
    """
    async with store.read() as session:
        found = await actions.newest(session, state=ActionState(state) if state else None, limit=limit)
    output.show([output.pick(a, _SUMMARY) for a in found], as_json=as_json, empty="no actions")


@actions_group.command("show")
@click.argument("action_id")
@as_json_option
@on_store
async def show_action(store: Store, action_id: str, as_json: bool) -> None:
    """Show an action: the request, its state and the result.

    Example: awbridge actions show 2f0c1d4e5a6b7c8d9e0f1a2b
    """
    action = await requests.show(store=store, action_id=action_id)
    if as_json:
        output.print_json(asdict(action))
        return
    objects = {"asked_for": action.body, "result": action.result}
    texts = {name: json.dumps(value, ensure_ascii=False) for name, value in objects.items()}
    output.print_fields(output.pick(action, (*_SUMMARY, "next_try_at", "done_at")) | texts)


@actions_group.command("retry")
@click.argument("action_ids", nargs=-1, required=True)
@on_store
async def retry_actions(store: Store, action_ids: tuple[str, ...]) -> None:
    """Retry actions at once, with all their attempts. Check first whether an unclear pickup was scheduled.

    Example: awbridge actions retry 2f0c1d4e5a6b7c8d9e0f1a2b
    """
    for action_id in action_ids:
        action = await requests.retry(store=store, clock=utc_now, action_id=action_id)
        click.echo(f"{action_id}: {action.state}")


@actions_group.command("settle")
@click.argument("action_ids", nargs=-1, required=True)
@click.option("--held/--not-held", default=None, help="Whether ClickPost or the courier holds it.")
def settle_actions(action_ids: tuple[str, ...], held: bool | None) -> None:
    """Settle actions that need a person (unclear, refused, gave_up): state whether they were done.

    Example: awbridge actions settle 2f0c1d4e5a6b7c8d9e0f1a2b --held
    """
    if held is None:
        fail("say either --held or --not-held")

    async def go(store: Store) -> None:
        for action_id in action_ids:
            action = await requests.settle(store=store, clock=utc_now, action_id=action_id, held=held, by=operator())
            click.echo(f"{action_id}: {action.state}")

    with_store(go)
