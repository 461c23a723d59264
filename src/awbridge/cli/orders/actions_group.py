"""`awbridge actions`: list, show, retry and settle requests to ClickPost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from awbridge.cli import output
from awbridge.cli.group import Group
from awbridge.cli.output import Form, Results, form_options, page_options
from awbridge.cli.shared import fail, on_store, operator, with_store
from awbridge.domain.cursors import make_cursor
from awbridge.domain.orders.action import ActionState
from awbridge.steps.runtime.clock import utc_now
from awbridge.store.orders import actions

if TYPE_CHECKING:
    from awbridge.store import Store

_VIEW = "actions:ActionView"
_SUMMARY = ("id", "kind", "reference_number", "state", "tries", "problem", "requested_at")


@click.group("actions", cls=Group)
def actions_group() -> None:
    """Requests to ClickPost: edits, labels, pickups, NDR, registrations."""


@actions_group.command("list")
@click.option("--state", type=click.Choice([s.value for s in ActionState]), help="Only actions in this state.")
@page_options(50)
@form_options
@on_store
async def list_actions(store: Store, state: str | None, limit: int, cursor: str | None, form: Form) -> None:
    """List actions, newest first.

    Example: awbridge actions list --state unclear
    """
    chosen, before = ActionState(state) if state else None, output.position_of(cursor)
    async with store.read() as session:
        found = await actions.newest(session, state=chosen, before=before, limit=limit + 1)
    part, page = output.paged(found, limit, lambda a: make_cursor(a.requested_at, a.id), "actions")
    rows = [output.pick(a, _SUMMARY) for a in part]
    output.show_list(part, rows, form=form, view=_VIEW, empty="no actions", page=page)


@actions_group.command("show")
@click.argument("action_id")
@form_options
@on_store
async def show_action(store: Store, action_id: str, form: Form) -> None:
    """Show an action: the request, its state and the result.

    Example: awbridge actions show 2f0c1d4e5a6b7c8d9e0f1a2b
    """
    from awbridge.steps.orders import actions as requests

    action = await requests.show(store=store, action_id=action_id)
    objects = {"asked_for": action.body, "result": action.result}
    texts = {name: json.dumps(value, ensure_ascii=False) for name, value in objects.items()}
    fields = output.pick(action, (*_SUMMARY, "next_try_at", "done_at")) | texts
    output.show_one(action, fields, form=form, view="actions:ActionWithBody")


@actions_group.command("retry")
@click.argument("action_ids", nargs=-1, required=True)
@form_options
@on_store
async def retry_actions(store: Store, action_ids: tuple[str, ...], form: Form) -> None:
    """Retry actions at once, with all their attempts. Check first whether an unclear pickup was scheduled.

    Example: awbridge actions retry 2f0c1d4e5a6b7c8d9e0f1a2b
    """
    from awbridge.steps.orders import actions as requests

    with Results(form, view=_VIEW) as results:
        for action_id in action_ids:
            action = await requests.retry(store=store, clock=utc_now, action_id=action_id)
            results.add(action, f"{action_id}: {action.state}")


@actions_group.command("settle")
@click.argument("action_ids", nargs=-1, required=True)
@click.option("--held/--not-held", default=None, help="Whether ClickPost or the courier holds it.")
@form_options
def settle_actions(action_ids: tuple[str, ...], held: bool | None, form: Form) -> None:
    """Settle actions that need a person (unclear, refused, gave_up): state whether they were done.

    Example: awbridge actions settle 2f0c1d4e5a6b7c8d9e0f1a2b --held
    """
    if held is None:
        fail("say either --held or --not-held")
    from awbridge.steps.orders import actions as requests

    async def go(store: Store) -> None:
        with Results(form, view=_VIEW) as results:
            for action_id in action_ids:
                done = await requests.settle(store=store, clock=utc_now, action_id=action_id, held=held, by=operator())
                results.add(done, f"{action_id}: {done.state}")

    with_store(go)
