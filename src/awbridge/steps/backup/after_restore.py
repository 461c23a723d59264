"""After a restore to an older point: correct what the database believes, and say what only people can do.

What happened since the point is missing: calls that were made, messages that were sent, webhooks that were answered.
The service must not run until this is done. docs/how-to/deploy/backup.md goes through it table by table.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog

from awbridge.domain.backup.lost_span import LostSpan
from awbridge.domain.errors import BackupError
from awbridge.domain.people.audited import AuditAction
from awbridge.domain.schedule import due_between
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.audit import runs
from awbridge.store.backup import corrections, restores
from awbridge.store.backup.corrections import KeptAccess
from awbridge.store.backup.restores import Restore
from awbridge.store.engine.clocks import clock_marks
from awbridge.store.people import audit_log

log = structlog.get_logger()

REPORT_JOB = "report-failures"
MANIFESTS_SKIPPED = 1000  # numbers that are left out where it is not known how many were used since
JUST_NOW = timedelta(seconds=15)  # a service marks the time every 10 s: with so new a mark, one may be running
MOST_REPORTS = 31  # due times looked at; as many as are made up for after an outage


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterRestorePolicy:
    """When reports and digests are due, in the account's zone."""

    zone: ZoneInfo
    report_cron: str
    digest_hour: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterRestore:
    """What was corrected. `counts`: rows by what was done to them. `next_manifest`: the next number (0: none was used).

    `covered_until`: from there on updated-order is fetched again. `access`: what gives access as it did at the point.
    """

    lost: LostSpan
    counts: dict[str, int] = field(default_factory=dict[str, int])
    next_manifest: int
    covered_until: datetime | None
    access: KeptAccess


async def after_restore(
    *,
    store: Store,
    clock: Clock,
    policy: AfterRestorePolicy,
    point: datetime | None = None,
    until: datetime | None = None,
    last_manifest: int | None = None,
    anyway: bool = False,
) -> AfterRestore:
    """Correct the database for everything that may have happened between `point` and `until`, in one transaction.

    `point`: everything before is in the database; by default the latest time that it knows. `until`: when the service
    last ran on the lost database; by default now. `last_manifest`: the last number used. `anyway`: not refused.

    Raises BackupError where a service seems to run on it, and where the point is not given and cannot be known.
    """
    now = clock()
    async with store.read() as session:
        mark = await clock_marks.latest(session)
        last = next(iter(await restores.newest(session, limit=1)), None)
        services = 0 if anyway else await corrections.service_connections(session)
    if services:
        raise BackupError(
            f"{services} connections of a service to this database are open: stop every `awbridge serve` and `work`, "
            "then repeat this (--anyway, if these are connections of a pooler)"
        )
    if point is None and last and (mark is None or mark <= last.lost.restored_at):
        raise BackupError(
            f"this was done at {last.lost.restored_at.isoformat()} already, and no service has run since. If the "
            "database was restored once more, give the point with --since"
        )
    lost = _lost_span(point, until, mark, now)
    async with store.write() as session:
        last_due = await runs.last_due(session, REPORT_JOB)
        used = await corrections.last_manifest(session)
        skip_to = max(last_manifest or 0, used) if last_manifest is not None else used + MANIFESTS_SKIPPED * (used > 0)
        sent, polls = await corrections.correct_shipments(session, point=lost.point_at, now=now)
        due = (
            due_between(policy.report_cron, policy.zone, last_due, lost.until_at, most=MOST_REPORTS) if last_due else []
        )
        reports = await corrections.skip_reports(session, REPORT_JOB, due, until=lost.until_at, now=now)
        if digest_day := _digest_day(lost, policy):
            await corrections.skip_digest(session, digest_day)
        sessions, links = await corrections.end_sessions(session, now=now)
        counts = {
            "shipments_maybe_placed": sent,
            "timelines_to_poll": polls,
            "messages_not_sent_again": await corrections.count_open_notices(session, until=lost.until_at),
            "pickups_unclear": await corrections.stop_pickups(session, until=lost.until_at, now=now),
            "reports_not_mailed_again": reports,
            "sessions_ended": sessions,
            "one_time_links_ended": links,
        }
        await restores.add(session, Restore(lost=lost, last_manifest=skip_to, counts=counts))
        await audit_log.record(session, AuditAction.DATABASE_RESTORED, "database", after=asdict(lost) | counts)
        covered, access = await corrections.covered_until(session), await corrections.kept_access(session)
    log.warning("restore.corrected", point=lost.point_at.isoformat(), until=lost.until_at.isoformat(), **counts)
    next_manifest = skip_to + 1 if skip_to else 0
    return AfterRestore(lost=lost, counts=counts, next_manifest=next_manifest, covered_until=covered, access=access)


def _lost_span(point: datetime | None, until: datetime | None, mark: datetime | None, now: datetime) -> LostSpan:
    if point is None:
        if mark is None:
            raise BackupError("the database does not know a time, because no service has run on it: give --since")
        if now - mark < JUST_NOW:
            raise BackupError(
                f"the newest record of this database is {max((now - mark).total_seconds(), 0):.0f} s old: either "
                "nothing was lost, or a service has run on it since the restore. Give the point with --since"
            )
        point = mark
    until = until or now
    if point > until or until > now:
        raise BackupError(f"the point ({point.isoformat()}) must be before {until.isoformat()}, and that not after now")
    return LostSpan(point_at=point, until_at=until, restored_at=now)


def _digest_day(lost: LostSpan, policy: AfterRestorePolicy) -> date | None:
    """Today, if its digest was due within the lost span."""
    local = lost.restored_at.astimezone(policy.zone)
    due_at = datetime.combine(local.date(), time(policy.digest_hour), policy.zone)
    return local.date() if lost.point_at < due_at <= lost.until_at else None
