"""`awbridge notices`, `endpoints`, `opt-outs` and `alarms`."""

from __future__ import annotations

import sys
from typing import Any

import click

from awbridge.app import connections
from awbridge.cli.shared import as_json_option, fail, print_json, print_table, read_settings, with_store
from awbridge.domain.notify.events import EventKind
from awbridge.domain.notify.notices import Channel, NoticeState
from awbridge.domain.notify.phones import reachable
from awbridge.domain.tracking.milestones import Milestone
from awbridge.sinks.addresses import find_target, read_networks
from awbridge.sinks.templates import EXAMPLE
from awbridge.steps.notify import endpoints as subscribers
from awbridge.steps.runtime.clock import utc_now
from awbridge.store import Store
from awbridge.store.notify import alarms, endpoints, events, notices, opt_outs

_channel_option = click.option(
    "--channel",
    type=click.Choice([c.value for c in Channel if c.reaches_customer]),
    help="Only this one.  [default: all]",
)

_kinds_option = click.option(
    "--kind", "kinds", multiple=True, type=click.Choice([k.value for k in EventKind]), help="Repeatable. [default: all]"
)


@click.group("notices")
def notices_group() -> None:
    """Messages to customers: what was sent, what was not, and why."""


@notices_group.command("list")
@click.option("--state", type=click.Choice([s.value for s in NoticeState]), help="Only notices in this state.")
@click.option("--shipment", help="Only this reference number's, with what no notice was made of.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@as_json_option
def list_notices(state: str | None, shipment: str | None, limit: int, as_json: bool) -> None:
    """Show notices, newest first, with the reason why each was sent, delayed or suppressed.

    Example: awbridge notices list --shipment ORDER-1001
    """

    async def go(store: Store) -> list[dict[str, Any]]:
        async with store.read() as session:
            if shipment is None:
                found = await notices.newest(session, state=NoticeState(state) if state else None, limit=limit)
                return [_shown(n) for n in found]
            made = await notices.of_shipment(session, shipment)
            reached = await notices.milestones_of(session, shipment)
        silent = [r for r in reached if r.milestone not in {n.milestone for n in made}]
        rows = [_shown(n) for n in made if state in (None, n.state.value)]
        if state is None:
            rows += [{**dict.fromkeys(_COLUMNS), **_silent(r)} for r in silent]
        return rows

    rows = with_store(go)
    if as_json:
        print_json(rows)
    else:
        shown = ("reference_number", "milestone", "channel", "state", "why")
        print_table([{name: row[name] for name in shown} for row in rows], empty="no notices")


_COLUMNS = ("reference_number", "milestone", "channel", "state", "why", "due_at", "settled_at", "tries", "id")


def _shown(notice: notices.Notice) -> dict[str, Any]:
    return {name: getattr(notice, name) for name in _COLUMNS}


def _silent(reached: notices.NoticeMilestone) -> dict[str, Any]:
    why = reached.why or "its notices are about to be made"
    return {"reference_number": reached.reference_number, "milestone": reached.milestone, "why": why}


@notices_group.command("preview")
@click.argument("milestone", type=click.Choice([m.value for m in Milestone]))
@click.option("--channel", type=click.Choice([c.value for c in Channel]), default="sms", show_default=True)
@click.option("--language", default="en", show_default=True)
@click.option("--return", "is_return", is_flag=True, help="As for a return.")
@click.option("--another-day", is_flag=True, help="As it reads on another day than that of the scan.")
@click.option("--html", "as_html", is_flag=True, help="Print the HTML of a mail.")
def preview(milestone: str, channel: str, language: str, is_return: bool, another_day: bool, as_html: bool) -> None:
    """Print a message with made-up values.

    Example: awbridge notices preview out_for_delivery --channel mail --language hi
    """
    settings = read_settings()
    brand = {"brand": settings.notice_brand} if settings.notice_brand else {}
    values = {**EXAMPLE, "is_return": is_return, "is_today": not another_day, **brand}
    words = connections.templates(settings).render(Milestone(milestone), Channel(channel), language, values)
    if as_html:
        click.echo(words.html or fail("only mails have HTML"))
        return
    for name, value in (("subject", words.subject), ("dlt_template_id", words.dlt_template_id)):
        if value:
            click.echo(f"{name}: {value}")
    click.echo(words.text)


@notices_group.command("lint")
@as_json_option
def lint(as_json: bool) -> None:
    """Check every template, yours and the shipped ones; exit code 1 where a message could not be made.

    Example: awbridge notices lint
    """
    findings = connections.templates(read_settings()).lint()
    if as_json:
        print_json(findings)
    else:
        rows = [{"file": f.file, "level": "error" if f.wrong else "hint", "text": f.text} for f in findings]
        print_table(rows, empty="all templates ok")
    if any(f.wrong for f in findings):
        sys.exit(1)


@click.group("endpoints")
def endpoints_group() -> None:
    """Webhook subscribers: systems that receive events as signed webhooks."""


@endpoints_group.command("add")
@click.argument("url")
@_kinds_option
def add_endpoint(url: str, kinds: tuple[str, ...]) -> None:
    """Send events to a URL from now on. Prints the signing secret.

    Example: awbridge endpoints add https://erp.example.com/hooks/awbridge --kind delivered --kind rto.started
    """

    async def go(store: Store) -> endpoints.Endpoint:
        await find_target(url, read_networks(read_settings().endpoint_networks))
        async with store.write() as session:
            return await endpoints.add(session, url, kinds=[EventKind(k) for k in kinds], now=utc_now())

    added = with_store(go)
    click.echo(f"endpoint {added.id}\nsecret {added.secret}")


@endpoints_group.command("list")
@click.option("--deliveries", "of_endpoint", type=int, help="The newest deliveries of this endpoint instead.")
@as_json_option
def list_endpoints(of_endpoint: int | None, as_json: bool) -> None:
    """Show the endpoints, and why one is disabled; or what became of an endpoint's events.

    Example: awbridge endpoints list
    """

    async def go(store: Store) -> list[dict[str, Any]]:
        async with store.read() as session:
            if of_endpoint is not None:
                found = await events.newest(session, of_endpoint, limit=100)
                return [{name: getattr(d, name) for name in _DELIVERY} for d in found]
            return [{name: getattr(e, name) for name in _ENDPOINT} for e in await endpoints.every(session)]

    rows = with_store(go)
    if as_json:
        print_json(rows)
    else:
        print_table([_told(row) if "kinds" in row else row for row in rows], empty="none")


_ENDPOINT = ("id", "url", "kinds", "enabled", "problem", "last_success_at", "failing_since_at")


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """An endpoint in a table: one column says what is wrong with it."""
    since = row["failing_since_at"]
    problem = row["problem"] or (f"failing since {since:%Y-%m-%d %H:%M} UTC" if since else None)
    shown = {**row, "kinds": ", ".join(row["kinds"]) or "all", "problem": problem}
    del shown["failing_since_at"]
    return shown


_DELIVERY = ("event_id", "kind", "reference_number", "state", "tries", "http_status", "problem", "next_try_at")


@endpoints_group.command("rotate")
@click.argument("endpoint_id", type=int)
def rotate(endpoint_id: int) -> None:
    """Give an endpoint a new secret, and print it. The old one signs too for a day.

    Example: awbridge endpoints rotate 1790000000000000000
    """

    async def go(store: Store) -> endpoints.Endpoint:
        return await subscribers.rotate(store=store, clock=utc_now, endpoint_id=endpoint_id)

    click.echo(f"secret {with_store(go).secret}")


@endpoints_group.command("enable")
@click.argument("endpoint_id", type=int)
def enable(endpoint_id: int) -> None:
    """Deliver to an endpoint again, also what has waited.

    Example: awbridge endpoints enable 1790000000000000000
    """

    async def go(store: Store) -> endpoints.Endpoint:
        return await subscribers.enable(store=store, clock=utc_now, endpoint_id=endpoint_id)

    with_store(go)
    click.echo("enabled")


@endpoints_group.command("disable")
@click.argument("endpoint_id", type=int)
def disable(endpoint_id: int) -> None:
    """Deliver nothing to an endpoint until it is enabled. What happens meanwhile waits.

    Example: awbridge endpoints disable 1790000000000000000
    """

    async def go(store: Store) -> endpoints.Endpoint:
        return await subscribers.disable(store=store, clock=utc_now, endpoint_id=endpoint_id)

    with_store(go)
    click.echo("disabled")


@endpoints_group.command("remove")
@click.argument("endpoint_id", type=int)
def remove(endpoint_id: int) -> None:
    """Forget an endpoint, and what was on its way to it.

    Example: awbridge endpoints remove 1790000000000000000
    """

    async def go(store: Store) -> None:
        await subscribers.remove(store=store, clock=utc_now, endpoint_id=endpoint_id)

    with_store(go)
    click.echo("removed")


@endpoints_group.command("redeliver")
@click.argument("endpoint_id", type=int)
@click.option("--event", "event_ids", multiple=True, type=int, help="Repeatable.  [default: all that failed]")
def redeliver(endpoint_id: int, event_ids: tuple[int, ...]) -> None:
    """Send events to an endpoint again, whatever came of them. They keep their webhook-id.

    Example: awbridge endpoints redeliver 1790000000000000000 --event 1790000000000000001
    """

    async def go(store: Store) -> int:
        return await subscribers.redeliver(store=store, clock=utc_now, endpoint_id=endpoint_id, event_ids=event_ids)

    click.echo(f"{with_store(go)} events are due again")


@click.group("opt-outs")
def opt_outs_group() -> None:
    """Addresses that receive no messages. Only hashes are stored."""


def _address(text: str) -> str:
    try:
        return reachable(text, country=read_settings().notice_country)
    except ValueError as error:
        fail(str(error))


@opt_outs_group.command("add")
@click.argument("address")
@_channel_option
def add_opt_out(address: str, channel: str | None) -> None:
    """No more messages to a phone number or mail address.

    Example: awbridge opt-outs add +919000000001 --channel sms
    """

    async def go(store: Store) -> bool:
        async with store.write() as session:
            chosen = Channel(channel) if channel else None
            return await opt_outs.add(session, _address(address), channel=chosen, now=utc_now())

    click.echo("added" if with_store(go) else "known already")


@opt_outs_group.command("remove")
@click.argument("address")
@_channel_option
def remove_opt_out(address: str, channel: str | None) -> None:
    """Messages to a phone number or mail address are welcome again.

    Example: awbridge opt-outs remove asha@example.com
    """

    async def go(store: Store) -> bool:
        async with store.write() as session:
            return await opt_outs.remove(session, _address(address), channel=Channel(channel) if channel else None)

    if not with_store(go):
        fail("this address had not opted out of that")
    click.echo("removed")


@opt_outs_group.command("list")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000))
@as_json_option
def list_opt_outs(limit: int, as_json: bool) -> None:
    """Show the newest opt-outs: hashes, for no list of people is kept.

    Example: awbridge opt-outs list
    """

    async def go(store: Store) -> list[opt_outs.OptOut]:
        async with store.read() as session:
            return await opt_outs.newest(session, limit=limit)

    found = with_store(go)
    if as_json:
        print_json(found)
    else:
        rows = [{"hash": o.address_hash[:16], "channel": o.channel or "all", "since": o.created_at} for o in found]
        print_table(rows, empty="no opt-outs")


@click.group("alarms")
def alarms_group() -> None:
    """Alarms to operators."""


@alarms_group.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that are over.")
@as_json_option
def list_alarms(everything: bool, as_json: bool) -> None:
    """Show the alarms that are raised.

    Example: awbridge alarms list --all
    """

    async def go(store: Store) -> list[alarms.Alarm]:
        async with store.read() as session:
            return await (alarms.every(session) if everything else alarms.open_now(session))

    found = with_store(go)
    if as_json:
        print_json(found)
    else:
        names = ("cause", "text", "raised_at", "cleared_at", "notified_at")
        print_table([{name: getattr(a, name) for name in names} for a in found], empty="no alarm is raised")
