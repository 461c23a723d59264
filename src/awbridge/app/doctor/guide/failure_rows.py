"""The demands about failed orders and their evidence: numbers 7 to 16."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from awbridge.app.doctor.guide.facts import GuideFacts
from awbridge.domain.guide.rows import Evidence, broken, met, not_yet, some
from awbridge.domain.orders.attention import NEEDS, Need
from awbridge.domain.reconciliation.differences import Compared
from awbridge.domain.retry import DEFAULT_RETRY_DELAYS
from awbridge.store.reconciliation.reconciliations import Reconciliation, Stage

FILED_WITHIN = timedelta(hours=1)
MAILED_WITHIN = timedelta(hours=1)
RECONCILED_WITHIN = timedelta(hours=36)  # of the end of its day
FILE_EVERY = timedelta(days=3)
UNPLACED_FOR = timedelta(days=1)
WORKED_WITHIN = timedelta(minutes=5)
LEAST_RETRIES = 3
_S3 = "set AWBRIDGE_ARCHIVE_URL to s3://bucket/prefix (docs/how-to/operate/evidence.md)"


def logged(facts: GuideFacts) -> Evidence:
    """7: failed calls are in files."""
    if not facts.settings.archives:
        return broken("AWBRIDGE_ARCHIVE_URL is none: failed calls are in no file", _S3)
    since = facts.records.unfiled_since
    if since and facts.now - since > FILED_WITHIN:
        text = f"the oldest call that is in no file is of {facts.time(since)}"
        return broken(text, "start awbridge serve or work; if it runs, look for the step archive in its log")
    return _archived(facts)


def stored_for_good(facts: GuideFacts) -> Evidence:
    """8: the files are on permanent storage."""
    if not facts.settings.archives:
        return broken("AWBRIDGE_ARCHIVE_URL is none: nothing is archived", _S3)
    if not facts.settings.archive_url or facts.settings.archive_url.startswith("file:"):
        return broken("files are in a folder of this machine only", _S3)
    if failing := facts.records.failing:
        text = f"{some(failing.files, 'file')} not uploaded: {failing.problem}"
        return broken(text, "correct AWBRIDGE_ARCHIVE_URL or its permissions; awbridge archive status")
    return _archived(facts)


def _archived(facts: GuideFacts) -> Evidence:
    last = facts.records.archived
    if last is None:
        return not_yet("no file was archived yet", "the first failed call shows it, a few minutes later")
    return met(f"last file archived at {facts.time(last.archived_at)}, with {some(last.calls, 'call')}")


def retried(facts: GuideFacts) -> Evidence:
    """9: at least three retries."""
    delays, retries = facts.settings.retry_delays, facts.orders.retries
    if retries.early:
        text = f"{some(retries.early, 'order')} given up with fewer than {LEAST_RETRIES} retries"
        return broken(text, f"{NEEDS[Need.GAVE_UP].command}, then awbridge shipments retry")
    default = ", the default" if tuple(delays) == DEFAULT_RETRY_DELAYS else ""
    text = f"up to {len(delays)} retries over {_span(sum(delays))}{default}"
    if not retries.orders:
        return met(f"{text}; no order was placed within 7 days")
    return met(
        f"{text}; needed by {retries.retried} of the newest {some(retries.orders, 'order')}, at most {retries.most}"
    )


def _span(seconds: float) -> str:
    units = ((3600, "h"), (60, "min"), (1, "s"))
    size, unit = next((one for one in units if seconds >= one[0]), units[-1])
    return f"{seconds / size:.1f} {unit}"


def counted(facts: GuideFacts) -> Evidence:
    """10: the retries are kept, and those given up are seen."""
    given_up = facts.figures.needs.get(Need.GAVE_UP, 0)
    if given_up:
        return broken(
            NEEDS[Need.GAVE_UP].counted(given_up), f"{NEEDS[Need.GAVE_UP].command}, then retry or cancel them"
        )
    retrying = facts.figures.shipments.get("retrying", 0)
    return met(f"between retries: {some(retrying, 'order')}; given up: none")


def shared(facts: GuideFacts) -> Evidence:
    """11: ClickPost receives what failed."""
    settings, report = facts.settings, facts.records.report
    if not settings.report_clickpost_to:
        text = "no address at ClickPost receives the failed calls"
        return broken(text, "set AWBRIDGE_REPORT_CLICKPOST_TO, AWBRIDGE_SMTP_URL and AWBRIDGE_MAIL_FROM")
    if report is None:
        return not_yet("no report was made yet", facts.next_run(settings.report_cron))
    text = f"report of {report.day}: {some(report.shipments, 'shipment')}, {some(report.calls, 'call')}"
    if report.mailed_at:
        return met(f"{text}, mailed at {facts.time(report.mailed_at)}")
    if not report.calls and not settings.report_empty_days:
        return met(f"{text}, so no mail")
    if facts.now - report.created_at > MAILED_WITHIN:
        return broken(f"{text}, not mailed", "check the mail server (awbridge doctor), then awbridge report failures")
    return not_yet(f"{text}, being mailed", "the mail is sent within minutes")


def matched(facts: GuideFacts) -> Evidence:
    """12: yesterday is compared."""
    run = facts.records.day_run
    if run is None or run.day is None:
        return not_yet("no day was compared yet", facts.next_run(facts.settings.reconcile_cron))
    text = f"{run.day}: {_counts(run)}"
    if run.state is Stage.FAILED:
        return broken(f"{text}; failed: {run.problem}", f"awbridge reconcile --date {run.day}")
    if facts.now - _end_of(run.day, facts) > RECONCILED_WITHIN:
        return broken(f"{text}; no later day was compared", "start awbridge serve or work, then awbridge schedules")
    if run.state is not Stage.DONE:
        return not_yet(f"{text}; still {run.state}", f"awbridge reconcile show {run.id}")
    if run.compared is Compared.PARTLY:
        return broken(f"{text}; compared only partly", f"awbridge reconcile show {run.id}")
    found = sum((run.found or {}).values())
    return met(f"{text}; found: {some(found, 'difference')}")


def _counts(run: Reconciliation) -> str:
    ours, theirs = ("unknown" if n is None else f"{n:,}" for n in (run.ours_placed, run.theirs_placed))
    return f"{ours} registered here, {theirs} at ClickPost"


def _end_of(day: date, facts: GuideFacts) -> datetime:
    return datetime.combine(day + timedelta(days=1), datetime.min.time(), facts.settings.zone)


def solved(facts: GuideFacts) -> Evidence:
    """13: differences are found and shared."""
    unsolved = facts.records.open_differences
    if unsolved:
        do = "awbridge reconcile list, then push again, decide, or send the evidence file to ClickPost"
        return broken(f"{some(unsolved, 'difference')} open for more than an hour", do)
    if facts.records.day_run is None:
        return not_yet("nothing was compared yet", facts.next_run(facts.settings.reconcile_cron))
    return met("no difference is open")


def failure_report(facts: GuideFacts) -> Evidence:
    """14: ClickPost's own report of failures."""
    run = facts.records.failure_file
    if run is None:
        do = "ask ClickPost to mail it daily; save it in AWBRIDGE_RECONCILE_DIR, or upload it at /reconciliation"
        return not_yet("no such report was read yet; whether ClickPost sends it is not visible from here", do)
    text = f"last one read: {run.name} at {facts.time(run.created_at)}"
    if run.state is Stage.FAILED:
        return broken(f"{text}; failed: {run.problem}", f"awbridge reconcile show {run.id}")
    if facts.now - run.created_at > FILE_EVERY:
        return broken(text, "ask ClickPost why none came since, or save the mailed files in AWBRIDGE_RECONCILE_DIR")
    return met(f"{text}, {some(run.line_count or 0, 'row')}")


def tabled(facts: GuideFacts) -> Evidence:
    """15: a table of what is to be registered."""
    since, counts = facts.orders.oldest_unplaced_at, facts.figures.shipments
    open_states = ("ready", "allocating", "waiting", "retrying", "held")
    text = ", ".join(f"{counts[state]:,} {state}" for state in open_states if counts.get(state)) or "none waits"
    if since and facts.now - since > UNPLACED_FOR:
        text = f"{text}; the oldest order waits since {facts.time(since)}"
        return broken(text, "awbridge shipments list --state held (and retrying, waiting) shows why")
    return met(text)


def picked_up(facts: GuideFacts) -> Evidence:
    """16: a job registers it."""
    due = facts.orders.push_due_at
    if due and facts.now - due > WORKED_WITHIN:
        text = f"an order has been due for registration since {facts.time(due)}"
        return broken(text, "start awbridge serve or work; if it runs, look for the step push in its log")
    if not facts.processes:
        return not_yet("no process of awbridge runs, and no order is due", "start awbridge serve")
    return met(f"{some(len(facts.processes), 'process', 'processes')} at work; no order is overdue")
