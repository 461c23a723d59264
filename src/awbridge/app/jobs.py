"""The scheduled jobs: failure report, retention, reconciliation, backup."""

from __future__ import annotations

from datetime import datetime

from awbridge.app.backups import backup_objects, scheduled_backup
from awbridge.app.connections import report_objects
from awbridge.app.policies import report_policy, retain_policy
from awbridge.app.settings import Settings
from awbridge.domain.schedule import day_before
from awbridge.steps.audit.report import report_failures
from awbridge.steps.privacy.retain import retain
from awbridge.steps.reconciliation.reconcile import begin_scheduled
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.schedule import Job, Ran
from awbridge.store import Store
from awbridge.store.backup.backups import JOB

MISSED_RECONCILIATIONS = 7  # days reconciled after an outage
MISSED_DAYS = 31  # daily reports made after an outage


def jobs(settings: Settings, store: Store, clock: Clock) -> list[Job]:
    """The scheduled jobs. Raises SettingsError."""
    reporting, retaining, objects = report_policy(settings), retain_policy(settings), report_objects(settings)
    if settings.backs_up:
        backup_objects(settings)  # a wrong URL is an error at start, not at night

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

    async def backup(due_at: datetime) -> Ran:
        return await scheduled_backup(settings, due_at)

    work = {
        "report-failures": (failures, MISSED_DAYS),
        "retain": (old_rows, 1),
        "reconcile": (begin, MISSED_RECONCILIATIONS),
        JOB: (backup, 1),
    }
    return [Job(name=name, cron=cron, work=work[name][0], catch_up=work[name][1]) for name, cron in settings.crons]
