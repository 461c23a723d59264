"""Reconcile: compares a day's counts with ClickPost's; if they differ, requests, awaits, downloads and matches its
report. Uploaded files are matched the same way.

A run is a row. Every round moves it one stage further and stores that. The row holds ClickPost's reference of a
requested report, so a killed run resumes with the same report.
"""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

import structlog

from awbridge.clickpost.reports.reports import ShipmentCounts, VendorReport
from awbridge.domain.attempt import AttemptOutcome
from awbridge.domain.errors import NotPossible, TableUnreadable, VendorError
from awbridge.domain.people.audited import AuditAction
from awbridge.domain.reconciliation.differences import DayCounts, DifferenceTable, report_windows
from awbridge.domain.retry import backoff
from awbridge.domain.schedule import day_before, day_span
from awbridge.private_files import open_private
from awbridge.steps.reconciliation.match import Task, match
from awbridge.steps.reconciliation.report_files import fetch_file
from awbridge.steps.records.unrecorded import Unrecorded, keep_call
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.lease import RENEWED, LeaseLost, renewed
from awbridge.store import Store
from awbridge.store.audit.attempts import NewAttempt
from awbridge.store.people import audit_log
from awbridge.store.reconciliation import reconciliations
from awbridge.store.reconciliation.reconciliations import NewRun, Outcome, Reconciliation, ReportWindow, Stage

log = structlog.get_logger()

MOST_TRIES = 20
FIRST_PAUSE = timedelta(seconds=30)  # after a failed call; doubles
LONGEST_PAUSE = timedelta(minutes=30)
MOST_WINDOWS = 31
ORPHANED = timedelta(days=1)  # an incomplete upload is deleted after this
LONGEST_WAIT = timedelta(hours=6)  # for a report


class MakesReports(Protocol):
    """The vendor calls that reconciling needs."""

    async def fetch_shipment_count(self, start: date, end: date) -> ShipmentCounts:
        """Shipments per day."""
        ...

    async def request_report(self, start: datetime, end: datetime) -> VendorReport:
        """Request a report of what changed within at most 24 hours."""
        ...

    async def fetch_report(self, reference: str) -> VendorReport:
        """The progress of a report."""
        ...

    async def download_report_into(self, report: VendorReport, write: Callable[[bytes], object]) -> None:
        """The file of a report that is ready, part by part."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcilePolicy:
    """The account's zone, and how often a report that is not ready is checked."""

    zone: ZoneInfo
    ask_every: timedelta = timedelta(seconds=30)


async def begin_day(
    *, store: Store, clock: Clock, zone: ZoneInfo, day: date, identity: str | None = None
) -> Reconciliation:
    """Begin the run of a day in the account's zone; the steps do the rest. Raises NotPossible for a future day.

    The same `identity` is one run; without one, every call begins another.
    """
    if day > clock().astimezone(zone).date():
        raise NotPossible(f"{day} has not begun yet")
    number = reconciliations.new_id()
    new = NewRun(
        identity=identity or f"day:{day}:{number}",
        source="schedule" if identity else "hand",
        kind=DifferenceTable.REGISTERED,
        name=f"placed on {day}",
        day=day,
        state=Stage.COUNTING,
    )
    async with store.write() as session:
        await reconciliations.drop_orphans(session, before=clock() - ORPHANED)
        run = await reconciliations.begin(session, number, new, now=clock())
        after = {"day": day, "run": run.id}
        await audit_log.record(session, AuditAction.RECONCILIATION_BEGUN, new.name, after=after, now=clock())
        return run


async def begin_scheduled(*, store: Store, clock: Clock, zone: ZoneInfo, due_at: datetime) -> str:
    """Begin the run of the day that ended at a scheduled moment, once however often it is called; what was done."""
    day = day_before(due_at, zone)
    await begin_day(store=store, clock=clock, zone=zone, day=day, identity=f"day:{day}")
    return f"reconciliation of {day} begun"


async def reconcile_due(
    *,
    store: Store,
    clickpost: MakesReports | None,
    clock: Clock,
    policy: ReconcilePolicy,
    only: int | None = None,
    unrecorded: Unrecorded | None = None,
) -> int:
    """Take one due run (with `only`, that one) a stage further; 1 when there was one. Without a vendor, files only.

    Failed calls that cannot be stored are kept as `unrecorded`.
    """
    now = clock()
    async with store.write() as session:
        run = await reconciliations.claim(session, owner=uuid.uuid4().hex, now=now, until=now + RENEWED, only=only)
    if run is None:
        return 0
    claimed = run

    async def renew() -> bool:
        async with store.write() as session:
            return await reconciliations.renew(session, claimed, until=clock() + RENEWED)

    try:
        async with renewed(renew):
            await _advance(store, clickpost, clock, policy, run)
    except LeaseLost:
        log.warning("lease.lost", work=f"reconciliation {run.id}")
    except VendorError as error:
        await _vendor_failed(store, clock, run, error, unrecorded)
    except TableUnreadable as problem:
        await _fail(store, clock, run, str(problem))
    return 1


async def _advance(
    store: Store, clickpost: MakesReports | None, clock: Clock, policy: ReconcilePolicy, run: Reconciliation
) -> None:
    if run.tries > MOST_TRIES:
        await _fail(store, clock, run, run.problem or f"it was started {MOST_TRIES} times and never finished")
    elif run.state is Stage.MATCHING:
        await _match_file(store, clock, policy, run)
    elif clickpost is None:
        raise NotPossible("this run needs ClickPost; set AWBRIDGE_CLICKPOST_USERNAME and AWBRIDGE_CLICKPOST_KEY")
    elif run.state is Stage.COUNTING:
        await _count(store, clickpost, clock, policy, run)
    else:
        await _report(store, clickpost, clock, policy, run)


async def _count(
    store: Store, clickpost: MakesReports, clock: Clock, policy: ReconcilePolicy, run: Reconciliation
) -> None:
    assert run.day
    counted = await clickpost.fetch_shipment_count(run.day, run.day)
    theirs = next((count for count in counted.days if count.day == run.day), None)
    start, end = day_span(run.day, policy.zone)
    async with store.write() as session:
        ours = await reconciliations.count_placed(session, start, end)
        placed, tracked = (theirs.manifestation, theirs.tracking) if theirs else (None, None)
        counts = DayCounts(ours=ours, placed=placed, tracked=tracked)
        await reconciliations.keep_counts(session, run, counts)
        if counts.agree:
            await reconciliations.finish(session, run, Outcome(matched=ours), now=clock())
        else:
            spans = report_windows(start, clock(), most=MOST_WINDOWS)
            windows = [ReportWindow(start=first, end=last) for first, last in spans]
            await reconciliations.go_on(session, run, state=Stage.REPORTING, windows=windows, at=clock())
    log.info("reconcile.counted", day=str(run.day), ours=ours, theirs=placed, tracked=tracked, agree=counts.agree)


async def _report(
    store: Store, clickpost: MakesReports, clock: Clock, policy: ReconcilePolicy, run: Reconciliation
) -> None:
    """Request the missing reports, one a round; wait until all are ready; then match."""
    place = next((place for place, window in enumerate(run.windows) if not window.reference), None)
    if place is not None:
        window = run.windows[place]
        asked = await clickpost.request_report(window.start, window.end)
        known = replace(window, reference=asked.reference, requested_at=clock())
        windows = (*run.windows[:place], known, *run.windows[place + 1 :])
        await _resume_later(store, run, windows, at=clock())
        return
    reports: list[VendorReport] = []
    for window in run.windows:
        report = await clickpost.fetch_report(window.reference)
        if report.failed or (not report.ready and _waited_too_long(window, clock())):
            await _request_again(store, clock, run, window, report)
            return
        if not report.ready:
            await _resume_later(store, run, run.windows, at=clock() + policy.ask_every)
            return
        reports.append(report)
    await _match_reports(store, clickpost, clock, policy, run, reports)


def _waited_too_long(window: ReportWindow, now: datetime) -> bool:
    return window.requested_at is not None and now - window.requested_at > LONGEST_WAIT


async def _request_again(
    store: Store, clock: Clock, run: Reconciliation, window: ReportWindow, report: VendorReport
) -> None:
    problem = f"report {window.reference} was not completed (status {report.status!r}); another was requested"
    log.warning("reconcile.report_failed", day=str(run.day), problem=problem)
    windows = tuple(replace(w, reference="") if w is window else w for w in run.windows)
    await _resume_later(store, run, windows, at=clock() + _pause(run.tries), problem=problem)


async def _match_reports(
    store: Store,
    clickpost: MakesReports,
    clock: Clock,
    policy: ReconcilePolicy,
    run: Reconciliation,
    reports: list[VendorReport],
) -> None:
    with tempfile.TemporaryDirectory(prefix="awbridge-reports-") as folder:
        files: list[tuple[Path, str]] = []
        for report in reports:
            path = Path(folder) / f"{len(files)}.csv"
            with open_private(path) as file:
                await clickpost.download_report_into(report, file.write)
            files.append((path, f"report {report.reference}"))
        requested = [window.requested_at for window in run.windows if window.requested_at]
        task = _task(run, policy, files)
        task = replace(task, made_at=min(requested, default=None), counted=run.theirs_placed is not None)
        await _finish(store, clock, run, await match(store, task, now=clock()))


def _task(run: Reconciliation, policy: ReconcilePolicy, files: Sequence[tuple[Path, str]]) -> Task:
    return Task(reconciliation_id=run.id, files=files, table=run.kind, zone=policy.zone, day=run.day)


async def _match_file(store: Store, clock: Clock, policy: ReconcilePolicy, run: Reconciliation) -> None:
    with tempfile.TemporaryDirectory(prefix="awbridge-reports-") as folder:
        path = Path(folder) / "table"
        await fetch_file(store, run.id, path)
        task = replace(_task(run, policy, [(path, run.name)]), may_be_empty=False)
        await _finish(store, clock, run, await match(store, task, now=clock()))


async def _finish(store: Store, clock: Clock, run: Reconciliation, outcome: Outcome) -> None:
    async with store.write() as session:
        if await reconciliations.finish(session, run, outcome, now=clock()):
            await reconciliations.drop_file(session, run.id)
    counts = {"matched": outcome.matched, "partly": outcome.partly, "found": outcome.found}
    log.info("reconcile.done", reconciliation=run.id, name=run.name, **counts)
    if sentences := outcome.not_understood.sentences():
        log.warning("reconcile.partly_compared", reconciliation=run.id, name=run.name, not_understood=sentences)


async def _fail(store: Store, clock: Clock, run: Reconciliation, problem: str) -> None:
    log.warning("reconcile.failed", reconciliation=run.id, name=run.name, problem=problem)
    async with store.write() as session:
        if await reconciliations.finish(session, run, None, problem=problem, now=clock()):
            await reconciliations.drop_file(session, run.id)


async def _resume_later(
    store: Store, run: Reconciliation, windows: tuple[ReportWindow, ...], *, at: datetime, problem: str | None = None
) -> None:
    """Continue at this stage then. With a `problem`, the tries count on."""
    async with store.write() as session:
        await reconciliations.go_on(
            session, run, state=run.state, windows=windows, at=at, problem=problem, tries=run.tries if problem else 0
        )


async def _vendor_failed(
    store: Store, clock: Clock, run: Reconciliation, error: VendorError, unrecorded: Unrecorded | None
) -> None:
    """Retry later if that may help."""
    failed = NewAttempt(call=error.call, reference_number=None, outcome=AttemptOutcome.FAILED, made_at=clock())
    await keep_call(store, unrecorded, failed)
    if not error.again and error.call.api != "download-report":  # an expired link is fetched again
        await _fail(store, clock, run, str(error))
        return
    log.warning("reconcile.call_failed", reconciliation=run.id, problem=str(error))
    pause = max(_pause(run.tries), timedelta(seconds=error.retry_after or 0.0))
    await _resume_later(store, run, run.windows, at=clock() + pause, problem=str(error))


def _pause(tries: int) -> timedelta:
    return backoff(tries, first=FIRST_PAUSE, longest=LONGEST_PAUSE)
