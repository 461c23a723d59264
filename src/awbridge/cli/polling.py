"""`awbridge webhook` and `catch-up`: register and test the webhook, fetch what it missed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from awbridge.cli import output
from awbridge.cli.group import Group
from awbridge.cli.output import Form, form_options, page_options
from awbridge.cli.shared import confirm, fail, on_store, read_settings, run, with_settings, with_vendor, yes_option
from awbridge.cli.times import MOMENT, in_zone
from awbridge.clickpost.wire.masking import mask_url
from awbridge.domain.errors import AwbridgeError, VendorError
from awbridge.steps.polling import policy as polling_policy
from awbridge.steps.polling import track_order, updated_order
from awbridge.steps.polling.register_webhook import register_webhook as register
from awbridge.steps.polling.try_webhook import GRACE, WebhookTrial, try_webhook
from awbridge.steps.polling.watch import coverage
from awbridge.steps.runtime.clock import utc_now
from awbridge.store.polling import webhook_keys, windows
from awbridge.web.accounts.sites import endpoint_path, other_endpoint
from awbridge.web.webhook.endpoint import PATH

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from awbridge.app.settings import Settings
    from awbridge.clickpost.client.async_client import AsyncClickPost
    from awbridge.store import Store

A_ROUND = timedelta(minutes=1)  # within which a step handles what is due


@click.group("webhook", cls=Group)
def webhook_group() -> None:
    """Register the webhook endpoint at ClickPost and test it."""


@webhook_group.command("register")
@click.argument("url")
@click.option("--show-key", is_flag=True, help="Print the key that ClickPost issued. awbridge stores only its SHA-256.")
@click.option("--wait", default=30.0, show_default=True, help="Seconds to wait for the test delivery; 0 sends none.")
@form_options
def register_webhook(url: str, show_key: bool, wait: float, form: Form) -> None:
    """Register your endpoint, request a test delivery, and wait for it. Changes the URL if one is registered.

    Example: awbridge webhook register https://ship.example.com/webhooks/clickpost
    """

    async def go(clickpost: AsyncClickPost, store: Store) -> tuple[dict[str, Any], WebhookTrial | None]:
        registered = await register(store=store, clickpost=clickpost, clock=utc_now, url=url)
        if form == "text":
            click.echo(f"{'changed to' if registered.changed else 'registered'} {registered.url}")
            click.echo("the key is stored" if registered.key else "no new key; the old one stays valid")
            if show_key and registered.key:
                click.echo(registered.key)
        shown = {"webhook_url": registered.url, "changed": registered.changed, "new_key": bool(registered.key)}
        if show_key:
            shown["key"] = registered.key
        return shown, await _try(clickpost, store, url, wait)

    url = _completed(url)
    _show_verdict(*with_vendor(go), url, form)


@webhook_group.command("test")
@click.argument("url")
@click.option("--wait", default=30.0, show_default=True, help="Seconds to wait for the test delivery.")
@form_options
def send_test_webhook(url: str, wait: float, form: Form) -> None:
    """Request a test delivery from ClickPost to your endpoint, and wait for it.

    Example: awbridge webhook test https://ship.example.com/webhooks/clickpost
    """
    url = _completed(url)
    tried = with_vendor(lambda clickpost, store: _try(clickpost, store, url, max(wait, 1.0)))
    _show_verdict({"webhook_url": _shown_url(url)}, tried, url, form)


def _completed(url: str) -> str:
    """The URL, with the path of the account's endpoint where it has none. Fails for the endpoint of another."""
    account = read_settings().account
    path = endpoint_path(account)
    if not url.startswith(("https://", "http://")):
        fail(f"{url!r} is not a URL; write https://your-host{path}")
    if account and urlsplit(url).path in ("", "/"):
        url = urlsplit(url)._replace(path=path).geturl()
    if wrong := other_endpoint(url, account):
        fail(wrong)
    if PATH not in url:
        click.echo(f"note: the endpoint is {path}; a proxy must forward {_shown_url(url)} to it", err=True)
    return url


async def _try(clickpost: AsyncClickPost, store: Store, url: str, wait: float) -> WebhookTrial | None:
    from awbridge.app.progress import Progress

    if wait <= 0:
        return None
    grace = GRACE + read_settings().steps_idle_seconds  # a sleeping step records nothing
    async with Progress("waiting for the test delivery"):
        return await try_webhook(store=store, clickpost=clickpost, clock=utc_now, url=url, timeout=wait, grace=grace)


def _show_verdict(shown: dict[str, Any], tried: WebhookTrial | None, url: str, form: Form) -> None:
    """What was registered, and whether the test delivery arrived; exit code 1 if it did not."""
    if form != "text":
        shown |= {"arrived": tried and tried.arrived, "verdict": tried and tried.verdict}
        output.show_one(shown, form=form, view=tuple(shown))
    if tried is None:
        return
    if not tried.arrived:
        fail("\n\n".join([tried.verdict, *_causes(tried, url)]))
    if form == "text":
        click.echo(tried.verdict)


def _causes(tried: WebhookTrial, url: str) -> list[str]:
    """What the proxies on the way do to the key, as far as it can be seen from here."""
    from awbridge.app.doctor.diagnosis import PROBLEM
    from awbridge.app.doctor.webhook_header import CURES, key_is_in, knock

    if key_is_in(url) or (tried.refused and not tried.header_missing):
        return []
    found = run(knock(url))
    if found.level == PROBLEM:
        return [found.found, found.do]
    return [CURES] if tried.header_missing else []


@webhook_group.command("keys")
@click.option("--revoke", metavar="ID", help="Accept this key no longer; every process follows within seconds.")
@yes_option
@page_options(None)
@form_options
@on_store
async def list_keys(
    store: Store, revoke: str | None, yes: bool, limit: int | None, cursor: str | None, form: Form
) -> None:
    """List the keys that webhooks may carry, or revoke one. Only their SHA-256 is stored: none can be shown.

    Example: awbridge webhook keys --revoke 3f7a9c0d21be
    """
    async with store.read() as session:
        keys = await webhook_keys.listed(session)
    if revoke:
        found = [key for key in keys if key.sha256.startswith(revoke)]
        if len(found) != 1:
            raise AwbridgeError(f"{len(found)} keys begin with {revoke}; name one as `awbridge webhook keys` does")
        confirm(f"revoke the key {found[0].id} of {_shown_url(found[0].webhook_url)} for good", yes=yes)
        async with store.write() as session:
            await webhook_keys.remove(session, found[0].sha256)
        click.echo(f"revoked {found[0].id}", err=True)
        keys.remove(found[0])
    part, page = output.whole(keys, limit=limit, cursor=cursor)
    rows = [{"id": k.id, "webhook_url": _shown_url(k.webhook_url), "created_at": k.created_at} for k in part]
    empty = "no keys stored; AWBRIDGE_WEBHOOK_KEYS may hold some"
    output.show_list(rows, form=form, view=("id", "webhook_url", "created_at"), empty=empty, page=page)


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
@click.option("--everything", is_flag=True, help="Poll track-order for every shipment with a waybill, final ones too.")
@click.option("--status", "only_status", is_flag=True, help="Fetch nothing; show which minutes are covered.")
@form_options
def catch_up(start: datetime | None, end: datetime | None, everything: bool, only_status: bool, form: Form) -> None:
    """Fetch what webhooks missed. Without options: the uncovered minutes and the silent shipments, as serve does.

    Example: awbridge catch-up --from 2026-11-01 --to 2026-11-02
    """
    if end and not start:
        fail("--to needs --from")
    if everything and start:
        fail("--everything polls all shipments; leave out --from and --to")
    if only_status:
        with_settings(lambda settings, store: _show_coverage(settings, store, form))
        return
    from awbridge.app import policies

    settings = read_settings()
    policy = policies.catch_up_policy(settings)

    async def go(clickpost: AsyncClickPost, store: Store) -> dict[str, Any]:
        world: dict[str, Any] = {"store": store, "clickpost": clickpost, "clock": utc_now, "policy": policy}
        if everything:
            return await _poll_everything(store, world)
        if start:
            since = in_zone(start, settings.zone)
            return await _cover_span(world, since, in_zone(end, settings.zone) if end else utc_now(), settings.zone)
        return await _cover_what_is_due(store, world)

    result = with_vendor(go)
    text = ", ".join(f"{name}: {value}" for name, value in result.items())
    output.show_one(result, text, form=form, view=tuple(result))


async def _poll_everything(store: Store, world: Mapping[str, Any]) -> dict[str, Any]:
    """Poll every shipment that has a waybill."""
    from awbridge.app.progress import Progress

    async with Progress("shipments polled", await track_order.count_placed(store)) as progress:
        polled = await track_order.poll_all(**world, on_done=progress.advance)
    if polled.failed:
        raise AwbridgeError(f"{polled.failed} of {polled.asked} shipments could not be polled; try again")
    return {"asked": polled.asked, "known": polled.known}


async def _cover_span(world: Mapping[str, Any], since: datetime, until: datetime, zone: ZoneInfo) -> dict[str, Any]:
    """Fetch the minutes of a span. An error says where to resume."""
    from awbridge.app.progress import Progress

    if until <= since:
        raise AwbridgeError("--to must be later than --from")
    reached = [since]
    try:
        span: dict[str, Any] = {"start": since, "end": until, "pauses": polling_policy.PAUSES}
        async with Progress("minutes fetched", _minutes(until - since)) as progress:

            def on_window(at: datetime) -> None:
                reached.append(at)
                progress.update(_minutes(at - since))

            return {"items": await updated_order.cover_span(**world, **span, on_window=on_window)}
    except VendorError as error:
        at = reached[-1].astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S")
        raise AwbridgeError(f"{error} All before {at} is stored; resume with --from {at}") from None


async def _cover_what_is_due(store: Store, world: Mapping[str, Any]) -> dict[str, Any]:
    """Fetch the uncovered minutes and poll the silent shipments, as serve does."""
    from awbridge.app.progress import Progress

    covered = asked = 0
    async with Progress("windows fetched") as progress:
        while await updated_order.cover_next_window(**world):
            covered += 1
            progress.update(covered)
        progress.rename("silent shipments polled")
        while more := await track_order.poll_due(**world):
            asked += more
            progress.update(asked)
    async with store.read() as session:
        failed = [w for w in await windows.recent(session, limit=50) if w.done_at is None and w.problem]
    if failed:
        raise AwbridgeError(f"{len(failed)} windows could not be fetched: {failed[0].problem}")
    return {"windows": covered, "asked": asked}


def _minutes(span: timedelta) -> int:
    return round(span.total_seconds() / 60)


async def _show_coverage(settings: Settings, store: Store, form: Form) -> None:
    covered = await coverage(store=store, clock=utc_now)
    if form == "json":
        output.show_one(covered, form=form, view="tracking:CoverageView")
        return
    if form == "csv":
        output.show_list(covered.spans, form=form, view="tracking:SpanView")
        return
    young = covered.at - timedelta(seconds=settings.catch_up_window_seconds + settings.catch_up_lag_seconds) - A_ROUND
    output.print_table(
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
        until = output.in_words(covered.covered_until) if covered.covered_until else None
        click.echo(f"\nevery minute up to {until} is covered; {_ago(covered.lag)} behind now")
    silence = covered.webhook_silence
    # Counts are kept by ten minutes: scans in the rest of the last webhook's ten minutes are not among them.
    found = f"; polling found at least {covered.found_since_last_webhook} scans since" if silence is not None else ""
    click.echo(f"last webhook: {'none in 8 days' if silence is None else _ago(silence) + ' ago'}{found}")
    output.print_table(
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
    click.echo(f"{covered.silent_shipments} shipments are no longer polled (awbridge shipments silent)")


def _ago(span: timedelta) -> str:
    minutes, seconds = divmod(round(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"
