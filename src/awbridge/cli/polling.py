"""`awbridge webhook` and `catch-up`: register and test the webhook, fetch what it missed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import click

from awbridge.app import policies
from awbridge.app.doctor.webhook import CURES
from awbridge.cli.shared import (
    as_json_option,
    fail,
    plain,
    print_json,
    print_table,
    read_settings,
    with_store,
    with_vendor,
)
from awbridge.cli.times import MOMENT, in_zone
from awbridge.clickpost.client.async_client import AsyncClickPost
from awbridge.clickpost.tracking.webhook_registration import secret_in
from awbridge.clickpost.wire.masking import mask_url
from awbridge.domain.errors import AwbridgeError, VendorError
from awbridge.steps.polling import policy as polling_policy
from awbridge.steps.polling import track_order, updated_order
from awbridge.steps.polling.try_webhook import GRACE, WebhookTrial, try_webhook
from awbridge.steps.polling.watch import Coverage, coverage
from awbridge.steps.runtime.clock import utc_now
from awbridge.store import Store
from awbridge.store.polling import webhook_keys, windows
from awbridge.web.v1.tracking_views import CoverageView
from awbridge.web.webhook.endpoint import PATH

A_ROUND = timedelta(minutes=1)  # within which a step comes round to what is due


@click.group("webhook")
def webhook_group() -> None:
    """Register the webhook endpoint at ClickPost and test it."""


@webhook_group.command("register")
@click.argument("url")
@click.option("--show-key", is_flag=True, help="Print the key that ClickPost gave. awbridge keeps only its SHA-256.")
@click.option("--wait", default=30.0, show_default=True, help="Seconds to wait for the test delivery; 0 sends none.")
def register_webhook(url: str, show_key: bool, wait: float) -> None:
    """Register your endpoint, have a test sent, and wait until it arrived. Changes the address if there is one already.

    Example: awbridge webhook register https://ship.example.com/webhooks/clickpost
    """

    async def go(clickpost: AsyncClickPost, store: Store) -> WebhookTrial | None:
        registration = await clickpost.register_webhook(url)
        changed = registration.already
        if changed:
            registration = await clickpost.change_webhook(url)
        if not registration.registered:
            raise AwbridgeError(f"ClickPost refused ({registration.code}): {registration.message}")
        async with store.write() as session:
            for key in filter(None, (registration.webhook_key, secret_in(url))):
                await webhook_keys.add(session, key, webhook_url=mask_url(url), now=utc_now())
        click.echo(f"{'changed to' if changed else 'registered'} {mask_url(url)}")
        click.echo("the key is stored" if registration.webhook_key else "ClickPost gave no new key; the old one holds")
        if show_key and registration.webhook_key:
            click.echo(registration.webhook_key)
        return await _try(clickpost, store, url, wait)

    _check_url(url)
    _tell(with_vendor(go))


@webhook_group.command("test")
@click.argument("url")
@click.option("--wait", default=30.0, show_default=True, help="Seconds to wait for the test delivery.")
def send_test_webhook(url: str, wait: float) -> None:
    """Have ClickPost send a test delivery to your endpoint, and wait until it arrived.

    Example: awbridge webhook test https://ship.example.com/webhooks/clickpost
    """

    async def go(clickpost: AsyncClickPost, store: Store) -> WebhookTrial | None:
        return await _try(clickpost, store, url, max(wait, 1.0))

    _check_url(url)
    _tell(with_vendor(go))


def _check_url(url: str) -> None:
    if not url.startswith(("https://", "http://")):
        fail(f"{url!r} is not a URL; write https://your-host{PATH}")
    if PATH not in url:
        click.echo(f"note: the endpoint is {PATH}; some proxy has to lead {_shown_url(url)} there", err=True)


async def _try(clickpost: AsyncClickPost, store: Store, url: str, wait: float) -> WebhookTrial | None:
    if wait <= 0:
        return None
    grace = GRACE + read_settings().steps_idle_seconds  # a step that sleeps writes nothing down
    return await try_webhook(store=store, clickpost=clickpost, clock=utc_now, url=url, timeout=wait, grace=grace)


def _tell(tried: WebhookTrial | None) -> None:
    if tried is None:
        return
    if not tried.arrived:
        fail(f"{tried.verdict}\n\n{CURES}" if tried.header_missing else tried.verdict)
    click.echo(tried.verdict)


@webhook_group.command("keys")
@click.option("--revoke", metavar="ID", help="Accept this key no more; every process follows within seconds.")
@as_json_option
def list_keys(revoke: str | None, as_json: bool) -> None:
    """List the keys that webhooks may carry, or take one back. Only their SHA-256 is kept: none can be shown.

    Example: awbridge webhook keys --revoke 3f7a9c0d21be
    """

    async def go(store: Store) -> list[dict[str, Any]]:
        async with store.read() as session:
            keys = await webhook_keys.listed(session)
        if revoke:
            found = [key for key in keys if key.sha256.startswith(revoke)]
            if len(found) != 1:
                raise AwbridgeError(f"{len(found)} keys begin with {revoke}; name one as `awbridge webhook keys` does")
            async with store.write() as session:
                await webhook_keys.remove(session, found[0].sha256)
            click.echo(f"revoked {found[0].id}", err=True)
            keys.remove(found[0])
        return [{"id": k.id, "webhook_url": _shown_url(k.webhook_url), "created_at": k.created_at} for k in keys]

    rows = with_store(go)
    if as_json:
        print_json(rows)
    else:
        print_table(rows, empty="no keys stored; AWBRIDGE_WEBHOOK_KEYS may hold some")


def _shown_url(url: str) -> str:
    """The address, without a key at its end."""
    head, ending, token = url.partition(f"{PATH}/")
    return f"{head}{ending}***" if token else mask_url(url)


@click.command("catch-up")
@click.option(
    "--from",
    "start",
    type=MOMENT,
    help='Like 2026-11-29 or "2026-11-29 07:06", in the account\'s zone unless it names one.',
)
@click.option("--to", "end", type=MOMENT, help="[default: now]")
@click.option("--everything", is_flag=True, help="Ask track-order for every shipment with a waybill, final ones too.")
@click.option("--status", "only_status", is_flag=True, help="Fetch nothing; show what is covered and what is not.")
@as_json_option
def catch_up(start: datetime | None, end: datetime | None, everything: bool, only_status: bool, as_json: bool) -> None:
    """Fetch what webhooks missed. Without options: the uncovered minutes and the silent shipments, as serve does.

    Example: awbridge catch-up --from 2026-11-01 --to 2026-11-02
    """
    if end and not start:
        fail("--to needs --from")
    if everything and start:
        fail("--everything asks for all shipments; leave out --from and --to")
    if only_status:
        _show_coverage(as_json)
        return
    settings = read_settings()
    policy = policies.catch_up_policy(settings)

    async def go(clickpost: AsyncClickPost, store: Store) -> dict[str, Any]:
        world: dict[str, Any] = {"store": store, "clickpost": clickpost, "clock": utc_now, "policy": policy}
        if everything:
            told = await track_order.poll_all(**world)
            if told.failed:
                raise AwbridgeError(f"{told.failed} of {told.asked} shipments could not be asked for; try again")
            return {"asked": told.asked, "known": told.known}
        if start:
            since = in_zone(start, settings.zone)
            until = in_zone(end, settings.zone) if end else utc_now()
            if until <= since:
                raise AwbridgeError("--to must be later than --from")
            reached = [since]
            try:
                span: dict[str, Any] = {"start": since, "end": until, "pauses": polling_policy.PAUSES}
                return {"items": await updated_order.cover_span(**world, **span, on_window=reached.append)}
            except VendorError as error:
                at = reached[-1].astimezone(settings.zone).strftime("%Y-%m-%dT%H:%M:%S")
                raise AwbridgeError(f"{error} All before {at} is stored; go on with --from {at}") from None
        covered = asked = 0
        while await updated_order.cover_next_window(**world):
            covered += 1
        while more := await track_order.poll_due(**world):
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


def _show_coverage(as_json: bool) -> None:
    async def go(store: Store) -> Coverage:
        return await coverage(store=store, clock=utc_now)

    covered = with_store(go)
    policy = policies.catch_up_policy(read_settings())
    young = covered.at - policy.window - policy.lag - A_ROUND
    view = CoverageView.model_validate(covered)
    if as_json:
        click.echo(view.model_dump_json(indent=2))
        return
    print_table(
        [
            {
                "from": s.from_at,
                "to": s.to_at,
                "covered": "yes" if s.covered else "not yet" if s.from_at > young and not s.problem else "NO",
                "items": s.items,
                "why": s.problem,
            }
            for s in covered.spans
        ],
        empty="nothing is covered yet: start awbridge serve",
    )
    if covered.lag is not None:
        click.echo(f"\nevery minute up to {plain(covered.covered_until)} is covered; {_ago(covered.lag)} behind now")
    silence = covered.webhook_silence
    # Counts are kept by ten minutes: what came in the rest of the webhook's own is not among them.
    found = f"; polling found at least {covered.found_since_last_webhook} scans since" if silence is not None else ""
    click.echo(f"last webhook: {'none in 8 days' if silence is None else _ago(silence) + ' ago'}{found}")
    print_table(
        [
            {
                "courier": courier,
                "by webhook": t.by_webhook,
                "by polling": t.by_polling,
                "share": "" if t.share is None else f"{t.share:.1%}",
            }
            for courier, t in sorted(covered.day.items())
        ],
        empty="no new scans within a day",
    )
    click.echo(f"{covered.silent_shipments} shipments are asked for no more (awbridge shipments silent)")


def _ago(span: timedelta) -> str:
    minutes, seconds = divmod(round(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"
