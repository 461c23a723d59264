"""`awbridge endpoints`: webhook subscribers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from awbridge.cli import output
from awbridge.cli.group import Group
from awbridge.cli.output import Form, form_options, page_options
from awbridge.cli.shared import confirm, on_settings, on_store, yes_option
from awbridge.cli.times import MOMENT, in_zone
from awbridge.domain.notify.events import EventKind
from awbridge.steps.notify import endpoints as subscribers
from awbridge.steps.runtime.clock import utc_now
from awbridge.store.notify import endpoints, events

if TYPE_CHECKING:
    from awbridge.app.settings import Settings
    from awbridge.store import Store

_ENDPOINT = ("id", "url", "kinds", "enabled", "problem", "last_success_at", "failing_since_at")
_DELIVERY = ("event_id", "kind", "reference_number", "state", "tries", "http_status", "problem", "next_try_at")

_DELIVERIES = 100  # that are listed without --limit

_endpoint_argument = click.argument("endpoint_id", type=int)


@click.group("endpoints", cls=Group)
def endpoints_group() -> None:
    """Webhook subscribers: systems that receive events as signed webhooks."""


@endpoints_group.command("add")
@click.argument("url")
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice([k.value for k in EventKind]), help="Repeatable. [default: all]"
)
@form_options
@on_settings
async def add_endpoint(settings: Settings, store: Store, url: str, kinds: tuple[str, ...], form: Form) -> None:
    """Send events to a URL from now on. Prints the signing secret.

    Example: awbridge endpoints add https://erp.example.com/hooks/awbridge --kind delivered --kind rto.started
    """
    from awbridge.sinks.addresses import read_networks

    added = await subscribers.subscribe(
        store=store,
        clock=utc_now,
        url=url,
        kinds=[EventKind(k) for k in kinds],
        networks=read_networks(settings.endpoint_networks),
    )
    text = f"endpoint {added.id}\nsecret {added.secret}"
    output.show_one(added, text, form=form, view="notify:EndpointWithSecret")


@endpoints_group.command("list")
@click.option("--deliveries", "of_endpoint", type=int, help="Its newest deliveries instead.")
@page_options(None)
@form_options
@on_store
async def list_endpoints(
    store: Store, of_endpoint: int | None, limit: int | None, cursor: str | None, form: Form
) -> None:
    """Show the endpoints, and why one is disabled; or the newest deliveries of one endpoint.

    Example: awbridge endpoints list
    """
    if of_endpoint is not None:
        await _list_deliveries(store, of_endpoint, limit or _DELIVERIES, cursor, form)
        return
    async with store.read() as session:
        found = await endpoints.every(session)
    part, page = output.whole(found, limit=limit, cursor=cursor)
    rows = [_endpoint_row(e) for e in part]
    output.show_list(part, rows, form=form, view="notify:EndpointView", empty="no endpoints", page=page)


async def _list_deliveries(store: Store, endpoint_id: int, limit: int, cursor: str | None, form: Form) -> None:
    async with store.read() as session:
        found = await events.newest(session, endpoint_id, before=output.number_of(cursor), limit=limit + 1)
    part, page = output.paged(found, limit, lambda d: d.event_id, None)
    rows = [output.pick(d, _DELIVERY) for d in part]
    output.show_list(part, rows, form=form, view="notify:EventDeliveryView", empty="no deliveries", page=page)


def _endpoint_row(endpoint: endpoints.Endpoint) -> dict[str, Any]:
    """An endpoint in a table: one column states its problem."""
    since = endpoint.failing_since_at
    problem = endpoint.problem or (f"failing since {output.in_words(since)}" if since else None)
    return {**output.pick(endpoint, _ENDPOINT[:-1]), "kinds": ", ".join(endpoint.kinds) or "all", "problem": problem}


@endpoints_group.command("rotate")
@_endpoint_argument
@form_options
@on_store
async def rotate(store: Store, endpoint_id: int, form: Form) -> None:
    """Give an endpoint a new secret, and print it. The old one signs too for a day.

    Example: awbridge endpoints rotate 1790000000000000000
    """
    rotated = await subscribers.rotate(store=store, clock=utc_now, endpoint_id=endpoint_id)
    output.show_one(rotated, f"secret {rotated.secret}", form=form, view="notify:EndpointWithSecret")


@endpoints_group.command("enable")
@_endpoint_argument
@form_options
@on_store
async def enable(store: Store, endpoint_id: int, form: Form) -> None:
    """Deliver to an endpoint again, also the events that have waited.

    Example: awbridge endpoints enable 1790000000000000000
    """
    done = await subscribers.enable(store=store, clock=utc_now, endpoint_id=endpoint_id)
    output.show_one(done, "enabled", form=form, view="notify:EndpointView")


@endpoints_group.command("disable")
@_endpoint_argument
@form_options
@on_store
async def disable(store: Store, endpoint_id: int, form: Form) -> None:
    """Deliver nothing to an endpoint until it is enabled. Events wait meanwhile.

    Example: awbridge endpoints disable 1790000000000000000
    """
    done = await subscribers.disable(store=store, clock=utc_now, endpoint_id=endpoint_id)
    output.show_one(done, "disabled", form=form, view="notify:EndpointView")


@endpoints_group.command("remove")
@_endpoint_argument
@yes_option
@on_store
async def remove(store: Store, endpoint_id: int, yes: bool) -> None:
    """Delete an endpoint with its pending deliveries.

    Example: awbridge endpoints remove 1790000000000000000
    """
    confirm(f"delete endpoint {endpoint_id} with its pending deliveries for good", yes=yes)
    await subscribers.remove(store=store, clock=utc_now, endpoint_id=endpoint_id)
    click.echo("removed")


@endpoints_group.command("redeliver")
@_endpoint_argument
@click.option("--event", "event_ids", multiple=True, type=int, help="Repeatable.  [default: all that failed]")
@form_options
@on_store
async def redeliver(store: Store, endpoint_id: int, event_ids: tuple[int, ...], form: Form) -> None:
    """Send events to an endpoint again, even if delivered. They keep their webhook-id.

    Example: awbridge endpoints redeliver 1790000000000000000 --event 1790000000000000001
    """
    due = await subscribers.redeliver(store=store, clock=utc_now, endpoint_id=endpoint_id, event_ids=event_ids)
    output.show_one({"due": due}, f"{due} events are due again", form=form, view=("due",))


@endpoints_group.command("set")
@_endpoint_argument
@click.argument("url")
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice([k.value for k in EventKind]), help="Repeatable. [default: all]"
)
@form_options
@on_settings
async def change_endpoint(
    settings: Settings, store: Store, endpoint_id: int, url: str, kinds: tuple[str, ...], form: Form
) -> None:
    """Change the address and the events of an endpoint. Its secret stays.

    Example: awbridge endpoints set 1790000000000000000 https://erp.example.com/hooks/new --kind delivered
    """
    from awbridge.sinks.addresses import read_networks

    changed = await subscribers.change(
        store=store,
        clock=utc_now,
        endpoint_id=endpoint_id,
        url=url,
        kinds=[EventKind(k) for k in kinds],
        networks=read_networks(settings.endpoint_networks),
    )
    output.show_one(changed, "changed", form=form, view="notify:EndpointView")


@endpoints_group.command("replay")
@_endpoint_argument
@click.option("--since", required=True, type=MOMENT, help="A day or a time, in the account's zone.")
@form_options
@on_settings
async def replay(settings: Settings, store: Store, endpoint_id: int, since: datetime, form: Form) -> None:
    """Send every event again since a time, delivered or not. They keep their webhook-id.

    Example: awbridge endpoints replay 1790000000000000000 --since 2026-11-28
    """
    start = in_zone(since, settings.zone).astimezone(UTC)
    due = await subscribers.replay(store=store, clock=utc_now, endpoint_id=endpoint_id, since=start)
    output.show_one({"due": due}, f"{due} events are due again", form=form, view=("due",))
