"""`awbridge notices`, `endpoints`, `opt-outs` and `alarms`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from awbridge.cli import output
from awbridge.cli.shared import (
    as_json_option,
    confirm,
    fail,
    on_settings,
    on_store,
    read_settings,
    with_store,
    yes_option,
)
from awbridge.cli.times import MOMENT, in_zone
from awbridge.domain.notify.events import EventKind
from awbridge.domain.notify.notices import Channel, NoticeState
from awbridge.domain.tracking.milestones import Milestone
from awbridge.steps.notify import endpoints as subscribers
from awbridge.steps.notify import opt_outs as opt_out_steps
from awbridge.steps.runtime.clock import utc_now
from awbridge.store.notify import alarms, endpoints, events, notices, opt_outs

if TYPE_CHECKING:
    from awbridge.app.settings import Settings
    from awbridge.store import Store

_NOTICE = ("reference_number", "milestone", "channel", "state", "why")
_NOTICE_IN_FULL = (*_NOTICE, "due_at", "settled_at", "tries", "id")
_ENDPOINT = ("id", "url", "kinds", "enabled", "problem", "last_success_at", "failing_since_at")
_DELIVERY = ("event_id", "kind", "reference_number", "state", "tries", "http_status", "problem", "next_try_at")
_ALARM = ("cause", "text", "raised_at", "cleared_at", "notified_at")

_channel_option = click.option(
    "--channel",
    type=click.Choice([c.value for c in Channel if c.reaches_customer]),
    help="Only this one.  [default: all]",
)
_endpoint_argument = click.argument("endpoint_id", type=int)


@click.group("notices")
def notices_group() -> None:
    """Messages to customers: what was sent, what was not, and why."""


@notices_group.command("list")
@click.option("--state", type=click.Choice([s.value for s in NoticeState]), help="Only notices in this state.")
@click.option("--shipment", help="Only this reference number's, with the milestones that have no notice.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@as_json_option
@on_store
async def list_notices(store: Store, state: str | None, shipment: str | None, limit: int, as_json: bool) -> None:
    """Show notices, newest first, with the reason why each was sent, delayed or suppressed.

    Example: awbridge notices list --shipment ORDER-1001
    """
    async with store.read() as session:
        if shipment is None:
            found = await notices.newest(session, state=NoticeState(state) if state else None, limit=limit)
            reached = []
        else:
            found = await notices.of_shipment(session, shipment)
            reached = await notices.milestones_of(session, shipment)
    rows = [output.pick(n, _NOTICE_IN_FULL) for n in found if state in (None, n.state.value)]
    if state is None:
        with_notice = {n.milestone for n in found}
        rows += [_without_notice(r) for r in reached if r.milestone not in with_notice]
    output.show(rows, [output.pick(row, _NOTICE) for row in rows], as_json=as_json, empty="no notices")


def _without_notice(reached: notices.NoticeMilestone) -> dict[str, Any]:
    why = reached.why or "its notices are about to be created"
    return dict.fromkeys(_NOTICE_IN_FULL) | output.pick(reached, ("reference_number", "milestone")) | {"why": why}


@notices_group.command("preview")
@click.argument("milestone", type=click.Choice([m.value for m in Milestone]))
@click.option("--channel", type=click.Choice([c.value for c in Channel]), default="sms", show_default=True)
@click.option("--language", default="", help="en, hi, ...  [default: the shipment's, or AWBRIDGE_NOTICE_LANGUAGE]")
@click.option("--shipment", help="With the values of this shipment, by its reference number.")
@click.option("--return", "is_return", is_flag=True, help="As for a return.")
@click.option("--another-day", is_flag=True, help="As it reads on another day than that of the scan.")
@click.option("--html", "as_html", is_flag=True, help="Print the HTML of a mail.")
def preview(
    milestone: str,
    channel: str,
    language: str,
    shipment: str | None,
    is_return: bool,
    another_day: bool,
    as_html: bool,
) -> None:
    """Print a message with made-up values, or with those of a shipment.

    Example: awbridge notices preview out_for_delivery --channel mail --language hi
    """
    from awbridge.app.connections import templates
    from awbridge.app.policies import notify_policy
    from awbridge.steps.notify.preview import MessageChoice, preview_example, preview_for

    settings = read_settings()
    texts, policy = templates(settings), notify_policy(settings)
    choice = MessageChoice(
        milestone=Milestone(milestone),
        channel=Channel(channel),
        language=language,
        is_return=is_return,
        another_day=another_day,
    )
    if shipment is None:
        seen = preview_example(texts, policy, choice)
    else:
        reference = shipment
        seen = with_store(
            lambda store: preview_for(
                store=store, clock=utc_now, templates=texts, policy=policy, reference_number=reference, choice=choice
            )
        )
    message = seen.message or fail(seen.problem)
    if seen.missing_language:
        text = f"There is no template of this message in {seen.missing_language!r}; it is sent in {message.language!r}."
        click.echo(text, err=True)
    if as_html:
        click.echo(message.html or fail("only mails have HTML"))
        return
    for name, value in (("subject", message.subject), ("dlt_template_id", message.dlt_template_id)):
        if value:
            click.echo(f"{name}: {value}")
    click.echo(message.text)


@notices_group.command("lint")
@as_json_option
def lint(as_json: bool) -> None:
    """Check every template, yours and the shipped ones; exit code 1 if a message cannot be rendered.

    Example: awbridge notices lint
    """
    from awbridge.app.connections import templates

    findings = templates(read_settings()).lint()
    rows = [{"file": f.file, "level": "error" if f.wrong else "hint", "text": f.text} for f in findings]
    output.show(findings, rows, as_json=as_json, empty="all templates ok")
    if any(f.wrong for f in findings):
        sys.exit(1)


@click.group("endpoints")
def endpoints_group() -> None:
    """Webhook subscribers: systems that receive events as signed webhooks."""


@endpoints_group.command("add")
@click.argument("url")
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice([k.value for k in EventKind]), help="Repeatable. [default: all]"
)
@on_settings
async def add_endpoint(settings: Settings, store: Store, url: str, kinds: tuple[str, ...]) -> None:
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
    click.echo(f"endpoint {added.id}\nsecret {added.secret}")


@endpoints_group.command("list")
@click.option("--deliveries", "of_endpoint", type=int, help="The newest deliveries of this endpoint instead.")
@as_json_option
@on_store
async def list_endpoints(store: Store, of_endpoint: int | None, as_json: bool) -> None:
    """Show the endpoints, and why one is disabled; or the newest deliveries of one endpoint.

    Example: awbridge endpoints list
    """
    async with store.read() as session:
        if of_endpoint is not None:
            values = rows = [output.pick(d, _DELIVERY) for d in await events.newest(session, of_endpoint, limit=100)]
        else:
            found = await endpoints.every(session)
            values, rows = [output.pick(e, _ENDPOINT) for e in found], [_endpoint_row(e) for e in found]
    output.show(values, rows, as_json=as_json, empty="none")


def _endpoint_row(endpoint: endpoints.Endpoint) -> dict[str, Any]:
    """An endpoint in a table: one column states its problem."""
    since = endpoint.failing_since_at
    problem = endpoint.problem or (f"failing since {since:%Y-%m-%d %H:%M} UTC" if since else None)
    return {**output.pick(endpoint, _ENDPOINT[:-1]), "kinds": ", ".join(endpoint.kinds) or "all", "problem": problem}


@endpoints_group.command("rotate")
@_endpoint_argument
@on_store
async def rotate(store: Store, endpoint_id: int) -> None:
    """Give an endpoint a new secret, and print it. The old one signs too for a day.

    Example: awbridge endpoints rotate 1790000000000000000
    """
    rotated = await subscribers.rotate(store=store, clock=utc_now, endpoint_id=endpoint_id)
    click.echo(f"secret {rotated.secret}")


@endpoints_group.command("enable")
@_endpoint_argument
@on_store
async def enable(store: Store, endpoint_id: int) -> None:
    """Deliver to an endpoint again, also the events that have waited.

    Example: awbridge endpoints enable 1790000000000000000
    """
    await subscribers.enable(store=store, clock=utc_now, endpoint_id=endpoint_id)
    click.echo("enabled")


@endpoints_group.command("disable")
@_endpoint_argument
@on_store
async def disable(store: Store, endpoint_id: int) -> None:
    """Deliver nothing to an endpoint until it is enabled. Events wait meanwhile.

    Example: awbridge endpoints disable 1790000000000000000
    """
    await subscribers.disable(store=store, clock=utc_now, endpoint_id=endpoint_id)
    click.echo("disabled")


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
@on_store
async def redeliver(store: Store, endpoint_id: int, event_ids: tuple[int, ...]) -> None:
    """Send events to an endpoint again, even if delivered. They keep their webhook-id.

    Example: awbridge endpoints redeliver 1790000000000000000 --event 1790000000000000001
    """
    due = await subscribers.redeliver(store=store, clock=utc_now, endpoint_id=endpoint_id, event_ids=event_ids)
    click.echo(f"{due} events are due again")


@endpoints_group.command("set")
@_endpoint_argument
@click.argument("url")
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice([k.value for k in EventKind]), help="Repeatable. [default: all]"
)
@on_settings
async def change_endpoint(settings: Settings, store: Store, endpoint_id: int, url: str, kinds: tuple[str, ...]) -> None:
    """Change the address and the events of an endpoint. Its secret stays.

    Example: awbridge endpoints set 1790000000000000000 https://erp.example.com/hooks/new --kind delivered
    """
    from awbridge.sinks.addresses import read_networks

    await subscribers.change(
        store=store,
        clock=utc_now,
        endpoint_id=endpoint_id,
        url=url,
        kinds=[EventKind(k) for k in kinds],
        networks=read_networks(settings.endpoint_networks),
    )
    click.echo("changed")


@endpoints_group.command("replay")
@_endpoint_argument
@click.option("--since", required=True, type=MOMENT, help="A day or a time, in the account's zone.")
@on_settings
async def replay(settings: Settings, store: Store, endpoint_id: int, since: datetime) -> None:
    """Send every event again since a time, delivered or not. They keep their webhook-id.

    Example: awbridge endpoints replay 1790000000000000000 --since 2026-11-28
    """
    start = in_zone(since, settings.zone).astimezone(UTC)
    due = await subscribers.replay(store=store, clock=utc_now, endpoint_id=endpoint_id, since=start)
    click.echo(f"{due} events are due again")


@click.group("opt-outs")
def opt_outs_group() -> None:
    """Addresses that receive no messages. Only hashes are stored."""


@opt_outs_group.command("add")
@click.argument("address")
@_channel_option
@on_settings
async def add_opt_out(settings: Settings, store: Store, address: str, channel: str | None) -> None:
    """Send no more messages to a phone number or mail address.

    Example: awbridge opt-outs add +919000000001 --channel sms
    """
    chosen, country = Channel(channel) if channel else None, settings.notice_country
    added = await opt_out_steps.add_opt_out(
        store=store, clock=utc_now, address=address, country=country, channel=chosen
    )
    click.echo("added" if added else "known already")


@opt_outs_group.command("remove")
@click.argument("address")
@_channel_option
@on_settings
async def remove_opt_out(settings: Settings, store: Store, address: str, channel: str | None) -> None:
    """Send messages to a phone number or mail address again.

    Example: awbridge opt-outs remove asha@example.com
    """
    chosen, country = Channel(channel) if channel else None, settings.notice_country
    await opt_out_steps.remove_opt_out(store=store, address=address, country=country, channel=chosen)
    click.echo("removed")


@opt_outs_group.command("list")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000))
@as_json_option
@on_store
async def list_opt_outs(store: Store, limit: int, as_json: bool) -> None:
    """Show the newest opt-outs: hashes, because no list of people is kept.

    Example: awbridge opt-outs list
    """
    async with store.read() as session:
        found = await opt_outs.newest(session, limit=limit)
    rows = [{"hash": o.address_hash[:16], "channel": o.channel or "all", "since": o.created_at} for o in found]
    output.show(found, rows, as_json=as_json, empty="no opt-outs")


@click.group("alarms")
def alarms_group() -> None:
    """Alarms to operators."""


@alarms_group.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that are over.")
@as_json_option
@on_store
async def list_alarms(store: Store, everything: bool, as_json: bool) -> None:
    """Show the alarms that are raised.

    Example: awbridge alarms list --all
    """
    async with store.read() as session:
        found = await (alarms.every(session) if everything else alarms.open_now(session))
    output.show(found, [output.pick(a, _ALARM) for a in found], as_json=as_json, empty="no alarm is raised")
