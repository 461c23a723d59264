"""`awbridge actions`: list, show, retry and settle requests to ClickPost."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from awbridge.cli import output
from awbridge.cli.group import Group
from awbridge.cli.shared import as_json_option, fail, on_store, operator, with_store
from awbridge.domain.orders.action import ActionState
from awbridge.steps.runtime.clock import utc_now
from awbridge.store.orders import actions

if TYPE_CHECKING:
    from awbridge.store import Store

_SUMMARY = ("id", "kind", "reference_number", "state", "tries", "problem", "requested_at")


@click.group("actions", cls=Group)
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
    from awbridge.steps.orders import actions as requests

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
    from awbridge.steps.orders import actions as requests

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
    from awbridge.steps.orders import actions as requests

    async def go(store: Store) -> None:
        for action_id in action_ids:
            action = await requests.settle(store=store, clock=utc_now, action_id=action_id, held=held, by=operator())
            click.echo(f"{action_id}: {action.state}")

    with_store(go)
