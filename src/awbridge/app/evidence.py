"""Settings -> the live objects of the evidence: archive, reports, retention, erasure; and everything scheduled."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

from awbridge.app.settings import Settings, read_options
from awbridge.domain.privacy import Privacy, read_privacy
from awbridge.domain.schedule import day_before
from awbridge.sinks.objects import Objects
from awbridge.steps.audit.archive import ArchivePolicy, archive_due, tidy_up
from awbridge.steps.audit.keep_calls import CallRecorder
from awbridge.steps.audit.publish import Destination, MailPolicy
from awbridge.steps.audit.report import ReportPolicy, report_failures
from awbridge.steps.privacy.erase import erase_due
from awbridge.steps.privacy.retain import RetainPolicy, retain
from awbridge.steps.reconciliation.reconcile import begin_scheduled
from awbridge.steps.records.unrecorded import Unrecorded
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.loop import Loop
from awbridge.steps.runtime.schedule import Job, Ran, run_due
from awbridge.store import Store
from awbridge.web.dependencies import AuditContext

# The APIs whose calls are kept by the step that makes them: every one, or those that failed.
KEPT_WHOLE = frozenset(
    (
        *("create-order", "fetch-order", "cancel-order", "recommend"),
        *("edit-order", "fetch-label", "fetch-security-key", "create-pickup", "update-ndr", "set-whatsapp"),
        *("register-waybill", "proof-of-delivery"),
    )
)
KEPT_WHEN_FAILED = KEPT_WHOLE | {
    *("track-order", "updated-order"),
    *("fetch-shipment-count", "request-report", "fetch-report", "download-report"),
}
LEAST_IDLE = 5.0  # seconds that these loops sleep: nothing of theirs is urgent
LONGEST_ROUND = 3600.0  # seconds in which a round counts as busy, not as hanging
MISSED_RECONCILIATIONS = 7  # days that are reconciled after a standstill
MISSED_DAYS = 31  # daily reports that are made up for after a standstill


def unrecorded(settings: Settings, clock: Clock) -> Unrecorded:
    """Where calls are kept on this machine while the database is away."""
    folder = Path(settings.data_dir) / "unrecorded"
    return Unrecorded(folder, clock=clock, most_bytes=round(settings.unrecorded_mib * 1024 * 1024))


def recorder(settings: Settings, clock: Clock, kept: Unrecorded | None = None) -> CallRecorder:
    """The hook that keeps failed calls which no step keeps; all such calls where all are archived."""
    return CallRecorder(
        clock,
        kept_elsewhere=KEPT_WHEN_FAILED,
        kept_whole=KEPT_WHOLE,
        all_calls=settings.archives and settings.archive_all_calls,
        unrecorded=kept,
    )


def archive_objects(settings: Settings, *, timeout: float | None = None) -> Objects | None:
    """The archive; None where there shall be none. `timeout`: seconds, else the settings'. Raises SettingsError."""
    if not settings.archives:
        return None
    options = read_options(settings.archive_options.get_secret_value())
    timeout = timeout or settings.archive_timeout
    if not settings.archive_url:
        return Objects.in_folder(Path(settings.data_dir), timeout=timeout)
    return Objects.open(settings.archive_url, options=options, timeout=timeout)


def archive_place(settings: Settings) -> str | None:
    """Where the archive is, for a person; None where there shall be none."""
    if not settings.archives:
        return None
    return settings.archive_url or f"file://{Path(settings.data_dir).absolute()}"


def report_objects(settings: Settings) -> Objects:
    """Where reports are: in the archive, else in this machine's folder."""
    return archive_objects(settings) or Objects.in_folder(Path(settings.data_dir))


def privacy(settings: Settings, policy: str) -> Privacy:
    """A policy of the settings, with their key."""
    return read_privacy(policy, key=settings.privacy_key.get_secret_value())


def archive_policy(settings: Settings) -> ArchivePolicy:
    """What is archived and how, by the settings."""
    return ArchivePolicy(
        folder=Path(settings.data_dir) / "archive",
        privacy=privacy(settings, settings.privacy_archive),
        all_calls=settings.archive_all_calls,
        largest=round(settings.archive_file_mib * 1024 * 1024),
        oldest=timedelta(seconds=settings.archive_seconds),
        lease=timedelta(seconds=120 + 3 * settings.archive_timeout),
        longest_upload=timedelta(seconds=2 * settings.archive_timeout),  # put and read back
    )


def report_policy(settings: Settings) -> ReportPolicy:
    """Who gets the daily reports, by the settings. Raises SettingsError."""
    settings.check_mail()
    own = Destination(name="own", privacy=privacy(settings, settings.privacy_own), to=settings.report_to)
    theirs = Destination(
        name="clickpost",
        privacy=privacy(settings, settings.privacy_clickpost),
        to=settings.report_clickpost_to,
    )
    smtp_url = settings.smtp_url.get_secret_value()
    return ReportPolicy(
        zone=settings.zone,
        destinations=(own, theirs) if theirs.to else (own,),
        mail=MailPolicy(smtp_url=smtp_url, sender=settings.mail_from) if smtp_url and settings.mail_from else None,
        empty_mail=settings.report_empty_days,
    )


def retain_policy(settings: Settings) -> RetainPolicy:
    """How long rows are kept, by the settings."""
    return RetainPolicy(
        attempts=settings.retain_attempts_days,
        inbox=settings.retain_inbox_days,
        scans=settings.retain_scans_days,
        payloads=settings.retain_payloads_days,
        reports=settings.retain_reports_days,
        runs=settings.retain_runs_days,
        events=settings.retain_events_days,
        notices=settings.retain_notices_days,
        actions=settings.retain_actions_days,
        reconciliations=settings.retain_reconciliations_days,
        archive=settings.retain_archive_days,
        archive_configured=settings.archives,
    )


def crons(settings: Settings) -> tuple[tuple[str, str], ...]:
    """Every scheduled job: name and cron expression."""
    return (
        ("report-failures", settings.report_cron),
        ("retain", settings.retain_cron),
        ("reconcile", settings.reconcile_cron),
    )


def desk(settings: Settings) -> AuditContext:
    """What the HTTP API needs for evidence."""
    return AuditContext(
        reports_in=report_objects(settings),
        privacy={
            "own": privacy(settings, settings.privacy_own),
            "clickpost": privacy(settings, settings.privacy_clickpost),
        },
        zone=settings.zone,
        crons=crons(settings),
        privacy_key=settings.privacy_key.get_secret_value(),
    )


def jobs(settings: Settings, store: Store, clock: Clock) -> list[Job]:
    """The scheduled jobs. Raises SettingsError."""
    reporting, retaining, objects = report_policy(settings), retain_policy(settings), report_objects(settings)

    async def failures(due_at: datetime) -> Ran:
        day = day_before(due_at, settings.zone)
        made = await report_failures(store=store, objects=objects, clock=clock, policy=reporting, day=day)
        report = made[0].report
        return Ran(f"{day.isoformat()}: {report.shipments} shipments, {report.calls} calls failed")

    async def old_rows(_due_at: datetime) -> Ran:
        done = await retain(store=store, objects=objects, clock=clock, policy=retaining)
        return Ran(str(done), more=done.more)

    async def begin(due_at: datetime) -> Ran:
        return Ran(await begin_scheduled(store=store, clock=clock, zone=settings.zone, due_at=due_at))

    works = {
        "report-failures": (failures, MISSED_DAYS),
        "retain": (old_rows, 1),
        "reconcile": (begin, MISSED_RECONCILIATIONS),
    }
    return [Job(name=name, cron=cron, work=works[name][0], catch_up=works[name][1]) for name, cron in crons(settings)]


def loops(
    settings: Settings, store: Store, clock: Clock, hook: CallRecorder, kept: Unrecorded | None = None
) -> dict[str, Loop]:
    """The loops of the evidence, by name. Raises SettingsError."""
    scheduled, archive, reports_in = jobs(settings, store, clock), archive_objects(settings), report_objects(settings)
    idle = max(settings.steps_idle_seconds, LEAST_IDLE)

    async def write_down() -> int:
        return await hook.flush(store) + (await kept.record(store) if kept else 0)

    record = Loop("record", write_down, idle_seconds=idle)
    hook.on_waiting = record.wake
    found = {
        "record": record,
        "schedule": _patient(
            "schedule", lambda: run_due(store=store, clock=clock, zone=settings.zone, jobs=scheduled), idle
        ),
        "erase": _patient(
            "erase", lambda: erase_due(store=store, objects=archive, reports_in=reports_in, clock=clock), idle
        ),
    }
    if archive:
        found["archive"] = _patient("archive", _archiving(settings, store, archive, clock), idle)
    return found


def _archiving(settings: Settings, store: Store, archive: Objects, clock: Clock) -> Callable[[], Awaitable[int]]:
    policy = archive_policy(settings)
    tidy = False

    async def one_round() -> int:
        nonlocal tidy
        if not tidy:
            await tidy_up(store=store, policy=policy)
            tidy = True
        return await archive_due(store=store, objects=archive, clock=clock, policy=policy)

    return one_round


def _patient(name: str, work: Callable[[], Awaitable[int]], idle: float) -> Loop:
    """A loop whose rounds may be long: it counts as alive while one goes on, for an hour."""

    async def one_round() -> int:
        beating = asyncio.create_task(beat())
        try:
            return await work()
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)

    async def beat() -> None:
        ends = time.monotonic() + LONGEST_ROUND
        while time.monotonic() < ends:
            await asyncio.sleep(30)
            loop.beat_at = time.monotonic()

    loop = Loop(name, one_round, idle_seconds=idle)
    return loop
