"""Checks of webhooks: key, deliveries, refusals."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypeGuard
from urllib.parse import urlsplit

from awbridge.app.doctor.diagnosis import OK, PROBLEM, WARNING, CheckContext, Diagnosis
from awbridge.app.doctor.webhook_header import CURES, key_is_in, knock
from awbridge.domain.notify.alarm_causes import AlarmCause
from awbridge.steps.polling.watch import Coverage, coverage
from awbridge.store import Store
from awbridge.store.polling import webhook_keys
from awbridge.store.polling.webhook_keys import NO_KEY, WRONG_KEY, Refusal

RECENT = timedelta(days=1)


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
    refusal = now.refusals.get(WRONG_KEY)
    if not _is_recent(refusal, now.at):
        return []
    text = f"{refusal.refused} deliveries came with a wrong key (last {refusal.last_at:%Y-%m-%d %H:%M} UTC)"
    do = "awbridge webhook keys; register again, or set AWBRIDGE_WEBHOOK_KEYS"
    return [Diagnosis("webhook header", WARNING, text, do)]


def _is_recent(refusal: Refusal | None, now: datetime) -> TypeGuard[Refusal]:
    return refusal is not None and now - refusal.last_at < RECENT


async def check_header(context: CheckContext) -> list[Diagnosis]:
    found, arrives = await _header(context)
    async with context.store.read() as session:
        refusal = (await webhook_keys.refusals(session)).get(NO_KEY)
    if not _is_recent(refusal, context.clock()):
        return [found]
    text = f"{refusal.refused} deliveries came without a key (last {refusal.last_at:%Y-%m-%d %H:%M} UTC)"
    if arrives:
        text += ": that is old, or of another sender, for the header webhook_key arrives now"
        return [found, Diagnosis("webhook header", WARNING, text, "nothing, unless the number grows")]
    return [found, Diagnosis("webhook header", WARNING, f"{text}: a proxy may drop the header webhook_key", CURES)]


async def _header(context: CheckContext) -> tuple[Diagnosis, bool]:
    """The diagnosis, and whether the header was seen to arrive."""
    url = context.url or await _registered_url(context.store)
    if not url:
        text = "not checked: no URL is known"
        return Diagnosis("webhook header", WARNING, text, "awbridge doctor --url https://..."), False
    if key_is_in(url):
        return Diagnosis("webhook header", OK, "the key is in the URL; no header is needed"), False
    found = await knock(url)
    return found, found.level == OK


async def _registered_url(store: Store) -> str:
    async with store.read() as session:
        keys = await webhook_keys.listed(session)
    return keys[0].webhook_url if keys else ""
