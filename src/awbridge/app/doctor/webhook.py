"""Checks of webhooks: key, deliveries, and the proxies on the way."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

from awbridge.app.doctor.diagnosis import OK, PROBLEM, WARNING, CheckContext, Diagnosis
from awbridge.clickpost.client import probe
from awbridge.domain.notify.alarm_causes import AlarmCause
from awbridge.steps.polling.watch import Coverage, coverage
from awbridge.store import Store
from awbridge.store.polling import webhook_keys
from awbridge.store.polling.webhook_keys import NO_KEY, WRONG_KEY
from awbridge.web.webhook.endpoint import PATH, REFUSED, WRONG_ELSEWHERE

RECENT = timedelta(days=1)
CURES = """ClickPost's key comes in the header `webhook_key`. Many proxies drop header names with an underscore.

nginx, in the server block (of the default server of that address and port, if there are several):
    underscores_in_headers on;

Caddy up to 2.11.3 passes it; 2.11.4 drops it without a way to change that; later versions need, in the global options:
    {
        servers {
            expected_underscore_headers webhook_key
        }
    }

AWS ALB, where invalid header fields are dropped (off by default):
    aws elbv2 modify-load-balancer-attributes --load-balancer-arn ARN \\
        --attributes Key=routing.http.drop_invalid_header_fields.enabled,Value=false

If none of this is possible, register the URL with the key in it: /webhooks/clickpost/<key> or
/webhooks/clickpost?secret=<key>. On accounts that can send it, a key in the header Authorization passes proxies too."""


async def check_webhook(context: CheckContext) -> list[Diagnosis]:
    now = await coverage(store=context.store, clock=context.clock)
    found = [_registered(context, await _registered_url(context.store))]
    if now.last_webhook_at is None:
        found.append(Diagnosis("webhooks", WARNING, "no webhook received within 8 days", "awbridge webhook test URL"))
    elif AlarmCause.WEBHOOKS_SILENT in now.alarms:
        text = (
            f"no webhook received since {now.last_webhook_at:%Y-%m-%d %H:%M} UTC; "
            f"polling found at least {now.found_since_last_webhook} scans"
        )
        do = "see the webhook header check below, then awbridge webhook test URL"
        found.append(Diagnosis("webhooks", PROBLEM, text, do))
    else:
        found.append(Diagnosis("webhooks", OK, f"last one received {now.last_webhook_at:%Y-%m-%d %H:%M} UTC"))
    return [*found, *_refusals(now)]


def _registered(context: CheckContext, url: str) -> Diagnosis:
    if url:
        return Diagnosis("webhook key", OK, f"registered by awbridge for {urlsplit(url).hostname or url}")
    if context.settings.webhook_keys:
        return Diagnosis("webhook key", OK, "set in AWBRIDGE_WEBHOOK_KEYS")
    text = "not set: every delivery is refused with 401"
    do = "awbridge webhook register https://your-host/webhooks/clickpost"
    return Diagnosis("webhook key", PROBLEM, text, do)


def _refusals(now: Coverage) -> list[Diagnosis]:
    found: list[Diagnosis] = []
    for reason, text, do in (
        (NO_KEY, "came without a key: a proxy may drop the header webhook_key", CURES),
        (WRONG_KEY, "came with a wrong key", "awbridge webhook keys; register again, or set AWBRIDGE_WEBHOOK_KEYS"),
    ):
        refusal = now.refusals.get(reason)
        if refusal and now.at - refusal.last_at < RECENT:
            words = f"{refusal.refused} deliveries {text} (last {refusal.last_at:%Y-%m-%d %H:%M} UTC)"
            found.append(Diagnosis("webhook header", WARNING, words, do))
    return found


async def check_header(context: CheckContext) -> list[Diagnosis]:
    url = context.url or await _registered_url(context.store)
    if not url:
        text = "not checked: no URL is known"
        return [Diagnosis("webhook header", WARNING, text, "awbridge doctor --url https://...")]
    base, _, token = url.partition(PATH)
    if token.strip("/"):
        return [Diagnosis("webhook header", OK, "the key is in the URL; no header is needed")]
    return [judge_header(await probe.probe_webhook(base + PATH, header="webhook_key"), base + PATH)]


async def _registered_url(store: Store) -> str:
    async with store.read() as session:
        keys = await webhook_keys.listed(session)
    return keys[0].webhook_url if keys else ""


def judge_header(response: probe.Probe, url: str) -> Diagnosis:
    """Diagnose the proxies by the response of the webhook's public URL to a made-up key."""
    name = "webhook header"
    if response.error:
        text = f"{url} cannot be reached from here ({response.error})"
        do = "try from outside your network; ClickPost must reach it. The usual cause:\n" + CURES
        return Diagnosis(name, WARNING, text, do)
    if response.text.encode() == REFUSED[WRONG_KEY]:
        return Diagnosis(name, OK, "every proxy passes webhook_key")
    if response.text.encode() in (REFUSED[NO_KEY], REFUSED[WRONG_ELSEWHERE]):
        return Diagnosis(name, PROBLEM, f"a proxy in front of {url} drops the header webhook_key", CURES)
    text = f"{url} returned HTTP {response.status}, not awbridge's response"
    return Diagnosis(name, PROBLEM, text, f"pass {PATH} to awbridge serve unchanged")
