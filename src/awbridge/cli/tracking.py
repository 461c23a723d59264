"""`awbridge webhook`, `catch-up` and `replay`: what ClickPost tells, and what it did not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from awbridge import service
from awbridge.cli.shared import (
    as_json_option,
    err,
    fail,
    print_json,
    print_table,
    read_settings,
    with_store,
    with_vendor,
)
from awbridge.clickpost.async_client import AsyncClickPost
from awbridge.domain.errors import AwbridgeError
from awbridge.steps import catch_up as catch_up_step
from awbridge.steps import replay as replay_step
from awbridge.steps.apply import apply_due
from awbridge.steps.clock import utc_now
from awbridge.store import Store, inbox, webhook_keys, windows


@click.group("webhook")
def webhook_group() -> None:
    """Register the webhook endpoint at ClickPost and test it."""


@webhook_group.command("register")
@click.argument("url")
@click.option("--show-key", is_flag=True, help="Print the key that ClickPost gave. awbridge keeps only its SHA-256.")
def register_webhook(url: str, show_key: bool) -> None:
    """Register your endpoint; changes the address where one is registered already.

    Example: awbridge webhook register https://ship.example.com/webhooks/clickpost
    """

    async def go(clickpost: AsyncClickPost, store: Store) -> None:
        registration = await clickpost.register_webhook(url)
        changed = registration.code == 305
        if changed:
            registration = await clickpost.change_webhook(url)
        if registration.code != 200:
            raise AwbridgeError(f"ClickPost refused ({registration.code}): {registration.message}")
        if registration.webhook_key:
            async with store.write() as session:
                await webhook_keys.add(session, registration.webhook_key, webhook_url=url, now=utc_now())
        click.echo(f"{'changed to' if changed else 'registered'} {url}")
        click.echo("the key is stored" if registration.webhook_key else "ClickPost gave no new key; the old one holds")
        if show_key and registration.webhook_key:
            click.echo(registration.webhook_key)

    if not url.startswith(("https://", "http://")):
        fail(f"{url!r} is not a URL; write https://your-host/webhooks/clickpost")
    with_vendor(go)


@webhook_group.command("test")
@click.argument("url")
def send_test_webhook(url: str) -> None:
    """Have ClickPost send a test delivery to your endpoint.

    Example: awbridge webhook test https://ship.example.com/webhooks/clickpost
    """

    async def go(clickpost: AsyncClickPost, _store: Store) -> None:
        now = datetime.now(UTC)
        await clickpost.test_webhook(
            url,
            {
                "waybill": "AWBRIDGE-TEST",
                "cp_id": 35,
                "clickpost_status_code": 28,
                "clickpost_status_description": "AwbRegistered",
                "status": "test",
                "timestamp": now.strftime("%Y-%m-%dT%H:%M:%S"),
                "additional": {},
            },
        )
        click.echo("ClickPost sent a test delivery")

    with_vendor(go)


@click.command("catch-up")
@click.option("--from", "start", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), help="Local to the account.")
@click.option("--to", "end", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), help="[default: now]")
@click.option("--everything", is_flag=True, help="Ask track-order for every shipment with a waybill, final ones too.")
@as_json_option
def catch_up(start: datetime | None, end: datetime | None, everything: bool, as_json: bool) -> None:
    """Fetch what webhooks missed. Without options: the uncovered minutes and the silent shipments, as serve does.

    Example: awbridge catch-up --from 2026-11-01 --to 2026-11-02
    """
    if end and not start:
        fail("--to needs --from")
    if everything and start:
        fail("--everything asks for all shipments; leave out --from and --to")
    settings = read_settings()
    policy = service.catch_up_policy(settings)

    async def go(clickpost: AsyncClickPost, store: Store) -> dict[str, Any]:
        world: dict[str, Any] = {"store": store, "clickpost": clickpost, "clock": utc_now, "policy": policy}
        if everything:
            told = await catch_up_step.ask_for_everything(**world)
            if told.failed:
                raise AwbridgeError(f"{told.failed} of {told.asked} shipments could not be asked for; try again")
            return {"asked": told.asked, "known": told.known}
        if start:
            since = start.replace(tzinfo=settings.zone)
            until = end.replace(tzinfo=settings.zone) if end else utc_now()
            if until <= since:
                raise AwbridgeError("--to must be later than --from")
            return {"items": await catch_up_step.cover_span(**world, start=since, end=until)}
        covered = asked = 0
        while await catch_up_step.cover_next_window(**world):
            covered += 1
        while more := await catch_up_step.ask_for_silent(**world):
            asked += more
        async with store.read() as session:
            failed = [w for w in await windows.recent(session, limit=50) if w.done_at is None and w.problem]
        if failed:
            raise AwbridgeError(f"{len(failed)} windows could not be fetched: {failed[0].problem}")
        return {"windows": covered, "asked": asked}

    result = with_vendor(go)
    if as_json:
        print_json(result)
    else:
        click.echo(", ".join(f"{name}: {value}" for name, value in result.items()))


@click.command()
@click.option("--list", "only_list", is_flag=True, help="Only show what was set aside.")
@click.option("--reference", help="Rebuild what tracking says of this shipment out of the inbox.")
@click.option("--all", "everything", is_flag=True, help="Rebuild that of all shipments; goes on where one stopped.")
@click.option("--anew", is_flag=True, help="With --all: from the first shipment again.")
@as_json_option
def replay(only_list: bool, reference: str | None, everything: bool, anew: bool, as_json: bool) -> None:
    """Give every delivery that was set aside another chance (after a fix), or tell shipments anew from the inbox.

    Example: awbridge replay --all
    """
    if sum((only_list, reference is not None, everything)) > 1:
        fail("--list, --reference and --all do different things; choose one")
    if anew and not everything:
        fail("--anew goes with --all")
    if reference is not None or everything:
        _rebuild(reference, anew, as_json)
    else:
        _replay_set_aside(only_list, as_json)


def _rebuild(reference: str | None, anew: bool, as_json: bool) -> None:
    policy = service.apply_policy(read_settings())

    async def go(store: Store) -> dict[str, Any]:
        world: dict[str, Any] = {"store": store, "clock": utc_now}
        if reference is not None:
            changed = await replay_step.rebuild_one(**world, reading=policy, reference_number=reference)
            return {"shipments": 1, "changed": int(changed)}
        begun = await replay_step.begin(**world, anew=anew)
        if begun.shipments:
            click.echo(f"going on after {begun.shipments} shipments (--anew begins again)", err=True)
        if await replay_step.prepare(**world):
            while await apply_due(**world, policy=policy):
                pass
        with Progress(TextColumn("rebuilt"), TextColumn("{task.completed}"), TimeElapsedColumn(), console=err) as bar:
            task = bar.add_task("", completed=begun.shipments, total=None)
            last = begun
            while more := await replay_step.rebuild_some(**world, reading=policy):
                last = more
                bar.update(task, completed=more.shipments)
                if more.done:
                    break
        return {"shipments": last.shipments, "changed": last.changed}

    result = with_store(go)
    if as_json:
        print_json(result)
    else:
        click.echo(f"{result['shipments']} shipments rebuilt, {result['changed']} of them differed")


def _replay_set_aside(only_list: bool, as_json: bool) -> None:
    async def go(store: Store) -> list[Any]:
        async with store.write() as session:
            aside = await inbox.problems(session, limit=1000)
            if not only_list:
                click.echo(f"{await inbox.replay(session, now=utc_now())} deliveries are due again", err=True)
        return aside

    aside = with_store(go)
    if as_json:
        print_json(aside)
    elif only_list:
        print_table(
            [{"received_at": a.received_at, "source": a.source, "problem": a.problem} for a in aside], empty="nothing"
        )
