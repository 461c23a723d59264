"""The demands about webhooks: numbers 17 to 25."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

from awbridge.app.doctor.guide.facts import GuideFacts
from awbridge.domain.guide.rows import Evidence, broken, met, not_yet, some
from awbridge.domain.orders.attention import NEEDS, Need
from awbridge.store.audit.guide import NEWEST_TIMELINES

PATIENCE_MS = 2000  # after which ClickPost hangs up
WELL_WITHIN_MS = 1000
UNSTORED_SHARE = 0.01
AHEAD_SHARE = 0.01
WORKED_WITHIN = timedelta(minutes=5)
_REGISTER = "awbridge webhook register https://your-host/webhooks/clickpost"
_TEST = "awbridge webhook test https://your-host/webhooks/clickpost"


def registered(facts: GuideFacts) -> Evidence:
    """17: an address is registered."""
    keys, own = facts.tracking.keys, facts.settings.webhook_keys
    if keys:
        newest = keys[0]
        host = urlsplit(newest.webhook_url).hostname or newest.webhook_url
        return met(f"registered for {host} at {facts.time(newest.created_at)}")
    if own:
        return met(f"{some(len(own), 'key')} in AWBRIDGE_WEBHOOK_KEYS; registered outside of awbridge")
    return broken("no key of a webhook is known: every delivery is refused with 401", _REGISTER)


def understood(facts: GuideFacts) -> Evidence:
    """18: all statuses and selected events."""
    dead = facts.figures.needs.get(Need.DEAD_LETTERED, 0)
    if dead:
        return broken(NEEDS[Need.DEAD_LETTERED].counted(dead), f"{NEEDS[Need.DEAD_LETTERED].command}, then replay them")
    if not facts.tracking.coverage.last_webhook_at:
        return not_yet("no webhook was received within 8 days", _TEST)
    return met(
        f"read in the last day: {some(facts.tracking.deliveries, 'webhook')}; not understood in the last week: none"
    )


def quick(facts: GuideFacts) -> Evidence:
    """19: answered in time."""
    serving = [process for process in facts.processes if process.kind == "serve"]
    if not serving:
        return not_yet(
            "unknown: no process that answers webhooks has reported within 2 minutes", "start awbridge serve"
        )
    times = [process.p99_ms for process in serving if process.p99_ms is not None]
    stored, unstored = sum(p.stored for p in serving), sum(p.unstored for p in serving)
    if not times:
        return not_yet("no webhook was answered since the processes started", _TEST)
    text = (
        f"99 of 100 of the newest committed within {max(times)} ms, ClickPost waits {PATIENCE_MS:,} ms (slowest of "
        f"{some(len(serving), 'process', 'processes')}); last hour: {stored:,} answered with 200, {unstored:,} with 503"
    )
    if unstored > UNSTORED_SHARE * (stored + unstored):
        return broken(text, "look for webhook.not_stored in the log: the database is slow or away")
    if max(times) >= WELL_WITHIN_MS:
        return broken(text, "ClickPost hangs up after 2 s: give the database faster disks, or processes of their own")
    return met(text)


def committed(facts: GuideFacts) -> Evidence:
    """20: 200 means committed."""
    if facts.tracking.durability.flushes and facts.tracking.durability.waits:
        stored = sum(process.stored for process in facts.processes)
        return met(
            f"0 of {stored:,} answers with 200 of the last hour came before the commit: the commit itself sends them, "
            "and in this database it waits for the disk"
        )
    text = "this database confirms commits before they are on the disk: a power cut loses answered webhooks"
    return broken(text, "set fsync = on and synchronous_commit = on (or stronger) in PostgreSQL")


def atomic(facts: GuideFacts) -> Evidence:
    """21: processed in one transaction."""
    due = facts.tracking.apply_due_at
    if due and facts.now - due > WORKED_WITHIN:
        text = f"a delivery has waited to be applied since {facts.time(due)}"
        return broken(text, "start awbridge serve or work; if it runs, look for the step apply in its log")
    if not facts.tracking.deliveries:
        return not_yet("no webhook was received within a day", _TEST)
    return met(
        f"applied in the last day: {some(facts.tracking.deliveries, 'webhook')}; waiting: {facts.figures.inbox['due']}"
    )


def idempotent(facts: GuideFacts) -> Evidence:
    """22: a delivery counts once."""
    if "shard,identity" not in facts.tracking.unique_keys:
        do = "remove the copies, then CREATE UNIQUE INDEX inbox_identity ON inbox (shard, identity)"
        return broken("the unique key of inbox on (shard, identity) is missing in this database", do)
    return met(
        "the unique key on the identity of a delivery is in force; last day: "
        f"{some(facts.tracking.deliveries, 'webhook')}, {some(facts.tracking.scans, 'new scan')}"
    )


def stored_once(facts: GuideFacts) -> Evidence:
    """23: a scan is stored once."""
    orders = min(facts.orders.retries.orders, NEWEST_TIMELINES)
    if facts.tracking.copies:
        text = f"{some(facts.tracking.copies, 'scan')} stored more than once, of the newest {some(orders, 'shipment')}"
        return broken(text, "awbridge replay --all rebuilds the timelines; report this as an error of awbridge")
    if not orders:
        return not_yet("no order was placed within 7 days", "the first scans of the next order show it")
    new = facts.tracking.scans, facts.tracking.polled_scans
    return met(
        f"no scan of the newest {some(orders, 'shipment')} is stored twice; new in the last day: "
        f"{new[0]:,} by webhook, {new[1]:,} by polling"
    )


def unordered(facts: GuideFacts) -> Evidence:
    """24: any order, by the scans' times."""
    ahead, scans = facts.figures.scans_ahead, facts.tracking.scans + facts.tracking.polled_scans
    if ahead > AHEAD_SHARE * max(scans, ahead):
        text = f"{ahead} of {some(max(scans, ahead), 'scan')} of the last day in the future when received"
        do = "check AWBRIDGE_TIME_ZONE, AWBRIDGE_WEBHOOK_Z_MEANS_UTC and this machine's clock"
        return broken(text, do)
    if not scans:
        return not_yet("no scan came within a day", "the next scan shows it")
    return met(f"the scans' times decide; last day: {some(scans, 'scan')}, in the future when received: {ahead}")


def recorded(facts: GuideFacts) -> Evidence:
    """25: the outer status is the record."""
    ambiguous, waiting = facts.figures.inbox["ambiguous"], facts.figures.inbox["waiting"]
    if ambiguous:
        text = f"{some(ambiguous, 'delivery', 'deliveries')} about one of several shipments, without saying which"
        return broken(text, "awbridge replay --list, then ask ClickPost for webhooks with reference_number or waybill")
    scans = facts.tracking.scans
    if not facts.tracking.deliveries:
        return not_yet("no webhook was received within a day", _TEST)
    return met(
        f"last day: {some(scans, 'new scan')} by webhook; kept for unknown shipments: "
        f"{some(waiting, 'delivery', 'deliveries')}"
    )
