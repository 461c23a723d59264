"""The demands about messages, polling and operation: numbers 26 to 33."""

from __future__ import annotations

from datetime import timedelta

from awbridge.app.connections import customer_channels
from awbridge.app.doctor.guide.facts import GuideFacts
from awbridge.domain.errors import SettingsError
from awbridge.domain.guide.rows import Evidence, broken, met, not_yet, some
from awbridge.domain.notify.alarm_causes import AlarmCause
from awbridge.domain.orders.attention import NEEDS, Need
from awbridge.domain.tracking.polling_mode import PollingMode

DAY = timedelta(days=1)
POLL_LATE = timedelta(hours=12)
LONGEST_LAG = timedelta(minutes=30)
COURIERS_POLLED_EVERY = timedelta(hours=2)  # by ClickPost
BACKUP_EVERY = timedelta(hours=26)
LEAST_SERVING = 2


def by_latest_status(facts: GuideFacts) -> Evidence:
    """26: messages follow latest_status."""
    counts = facts.tracking.notices
    if counts.unwell:
        text = f"{some(counts.unwell, 'message')} of the last day failed or perhaps not sent"
        return broken(text, f"{NEEDS[Need.MESSAGES].command}, and check the channel (awbridge doctor)")
    try:
        channels = list(customer_channels(facts.settings))
    except SettingsError as error:
        return broken(str(error), "correct it (docs/how-to/operate/notices.md)")
    if not channels:
        do = "set one if it should (docs/how-to/operate/notices.md)"
        return not_yet("no channel is set: awbridge sends no messages", do)
    text = (
        f"last day: {some(counts.sent, 'message')} sent, {counts.suppressed:,} suppressed, over {', '.join(channels)}"
    )
    return met(text) if counts.sent else not_yet(text, "the next milestone of a shipment shows it")


def fresh(facts: GuideFacts) -> Evidence:
    """27: no message about an old status."""
    limit = timedelta(seconds=facts.settings.notice_fresh_seconds)
    if limit > DAY:
        return broken(f"messages go out up to {limit / DAY:.1f} days late", "set AWBRIDGE_NOTICE_FRESH_SECONDS=86400")
    stale = facts.tracking.notices.stale
    return met(f"limit {limit / timedelta(hours=1):g} h; suppressed for it in the last day: {some(stale, 'message')}")


def losses_noticed(facts: GuideFacts) -> Evidence:
    """28: lost webhooks are noticed."""
    covered = facts.tracking.coverage
    last = covered.last_webhook_at
    if AlarmCause.WEBHOOKS_SILENT in covered.alarms:
        text = f"no webhook since {facts.time(last) if last else 'ever'}, while polling finds scans"
        return broken(text, "awbridge doctor names what a proxy drops; then awbridge webhook test URL")
    recent = [refusal for refusal in covered.refusals.values() if facts.now - refusal.last_at < DAY]
    if recent:
        text = ", ".join(f"{some(refusal.refused, 'webhook')} refused ({refusal.reason})" for refusal in recent)
        return broken(f"{text}, the last within a day", "awbridge doctor; register the address again if a key is wrong")
    if last is None:
        return not_yet("no webhook was received within 8 days", "awbridge webhook test URL")
    share = facts.tracking.scans / max(facts.tracking.scans + facts.tracking.polled_scans, 1)
    return met(
        f"last webhook at {facts.time(last)}; {share:.0%} of the new scans of the last day came by webhook first"
    )


def polled_daily(facts: GuideFacts) -> Evidence:
    """29: every open shipment is polled daily."""
    settings = facts.settings
    if settings.polling is not PollingMode.GUIDE:
        text = f"AWBRIDGE_POLLING is {settings.polling}: a shipment with updates is not polled"
        return broken(text, "set AWBRIDGE_POLLING=guide")
    if settings.poll_after_seconds > DAY.total_seconds():
        text = f"a shipment is polled every {settings.poll_after_seconds / 3600:g} h"
        return broken(text, "set AWBRIDGE_POLL_AFTER_SECONDS=86400")
    due = facts.tracking.poll_due_at
    if due and facts.now - due > POLL_LATE:
        text = f"a shipment has been due for its daily poll since {facts.time(due)}"
        return broken(text, "start awbridge serve or work; if it runs, raise AWBRIDGE_POLLING_CALLS_PER_SECOND")
    open_ones, silent = facts.figures.on_their_way, facts.tracking.coverage.silent_shipments
    text = f"open: {some(open_ones, 'shipment')}, every poll is on time; silent for long, for a person: {silent}"
    return met(text) if open_ones else not_yet("no shipment is open", "the next placed order shows it")


def caught_up(facts: GuideFacts) -> Evidence:
    """30: outages are caught up."""
    covered = facts.tracking.coverage
    if covered.lag is None or covered.covered_until is None:
        return not_yet("updated-order has not been polled yet", "start awbridge serve or work")
    gaps = sum(not span.covered for span in covered.spans if facts.now - span.to_at > LONGEST_LAG)
    text = f"covered up to {facts.time(covered.covered_until)}; gaps of the last 7 days: {gaps}"
    if covered.lag > LONGEST_LAG:
        problem = next((span.problem for span in covered.spans if span.problem), "")
        return broken(
            f"{text}{f'; {problem}' if problem else ''}", "start awbridge serve or work, or awbridge catch-up"
        )
    return met(text)


def no_calls_by_customers(facts: GuideFacts) -> Evidence:
    """31: customers' pages call nobody."""
    again = timedelta(seconds=facts.settings.poll_again_seconds)
    if again < COURIERS_POLLED_EVERY:
        text = f"a shipment may be polled again after {again.total_seconds() / 60:g} min"
        do = "set AWBRIDGE_POLL_AGAIN_SECONDS=7200: ClickPost itself polls couriers every 2 hours"
        return broken(text, do)
    page = "is on" if facts.settings.track_url else "is off"
    return met(
        f"the customer's page {page} and has no client for ClickPost; a shipment is polled at most every "
        f"{again / timedelta(hours=1):g} h"
    )


def available(facts: GuideFacts) -> Evidence:
    """32: several processes serve the webhook."""
    serving = [process for process in facts.processes if process.kind == "serve"]
    hosts = sorted({process.host for process in serving})
    on = f" on {', '.join(hosts)}" if hosts else ""
    text = f"answering webhooks: {some(len(serving), 'process', 'processes')}{on}"
    if len(serving) >= LEAST_SERVING:
        return met(f"{text}; for the steps alone: {len(facts.processes) - len(serving)}")
    page = "docs/how-to/operate/operations.md"
    do = f"run awbridge serve on two machines, on one PostgreSQL, behind a load balancer ({page})"
    return broken(f"{text}; a restart or a crash is an outage", do)


def backed_up(facts: GuideFacts) -> Evidence:
    """33: a daily backup."""
    run = facts.records.backup
    if run.taken_at is None:
        text = f"no backup is known{f'; the last one failed: {run.problem}' if run.problem else ''}"
        return broken(text, "back up the database every day, and try a restore (docs/how-to/deploy/backup.md)")
    age = facts.now - run.taken_at
    text = f"last backup taken at {facts.time(run.taken_at)}"
    if run.problem:
        return broken(f"{text}; the newest failed: {run.problem}", "correct that: docs/how-to/deploy/backup.md")
    if age > BACKUP_EVERY:
        return broken(f"{text}, {age / DAY:.1f} days ago", "find out why none was taken since: awbridge schedules")
    return met(text)
