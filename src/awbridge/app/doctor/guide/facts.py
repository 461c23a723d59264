"""What this deployment shows of the guidelines: its settings and its database, read once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from awbridge.app.settings import Settings
from awbridge.domain.couriers.downtime import Downtime
from awbridge.domain.reconciliation.differences import DifferenceTable
from awbridge.domain.schedule import next_due
from awbridge.domain.tracking.scan import Source
from awbridge.steps.polling.watch import Coverage, coverage
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.audit import archive, figures, guide, processes, samples
from awbridge.store.audit.archive import Failing
from awbridge.store.audit.figures import Figures
from awbridge.store.audit.guide import (
    BackupRun,
    CommitFlushing,
    LastArchived,
    LastReport,
    NoticeCounts,
    PlacedBy,
    Retries,
)
from awbridge.store.audit.processes import ReportedProcess
from awbridge.store.couriers import couriers, downtimes
from awbridge.store.couriers.couriers import Comparison, CourierAccount, CourierWarning
from awbridge.store.engine.database import Session
from awbridge.store.notify.attention import DIFFERENCE_PATIENCE
from awbridge.store.polling import arrivals, webhook_keys
from awbridge.store.polling.webhook_keys import WebhookKey
from awbridge.store.reconciliation import differences, reconciliations
from awbridge.store.reconciliation.reconciliations import Reconciliation
from awbridge.store.tracking import inbox

DAY = timedelta(days=1)
ARCHIVE_PATIENCE = timedelta(minutes=10)  # how long the upload of a file may fail
RUNS_READ = 100  # the newest reconciliations


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFacts:
    """Couriers, orders on their way to ClickPost, and what became of the newest."""

    transporters: Sequence[CourierAccount]
    warnings: Sequence[CourierWarning]
    comparison: Comparison | None
    downtimes: Sequence[Downtime]
    retries: Retries
    placed_by: Sequence[PlacedBy]
    oldest_unplaced_at: datetime | None
    allocating_since: datetime | None
    push_due_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFacts:
    """The archive, the reports and the reconciliations. `day_run` is the newest of a day, `failure_file` of a report of
    failed order creation. `open_differences`: those that did not solve themselves.
    """

    archived: LastArchived | None
    failing: Failing | None
    unfiled_since: datetime | None
    report: LastReport | None
    day_run: Reconciliation | None
    failure_file: Reconciliation | None
    open_differences: int
    backup: BackupRun


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingFacts:
    """Webhooks, scans, messages and polling. `deliveries`: webhooks read within a day, `scans`: new ones in them."""

    coverage: Coverage
    keys: Sequence[WebhookKey]
    deliveries: int
    scans: int
    polled_scans: int
    apply_due_at: datetime | None
    poll_due_at: datetime | None
    copies: int
    unique_keys: Sequence[str]
    durability: CommitFlushing
    notices: NoticeCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class GuideFacts:
    """All of it, at one time."""

    settings: Settings
    now: datetime
    figures: Figures
    processes: Sequence[ReportedProcess]
    orders: OrderFacts
    records: RecordFacts
    tracking: TrackingFacts

    def time(self, at: datetime) -> str:
        """A time in the account's zone, as `2026-11-30 12:05 IST`."""
        return f"{at.astimezone(self.settings.zone):%Y-%m-%d %H:%M %Z}"

    def next_run(self, cron: str) -> str:
        """What shows the result of a scheduled job that has not run yet."""
        return f"the next run, {self.time(next_due(cron, self.settings.zone, self.now))}, shows it"


async def read_facts(settings: Settings, store: Store, clock: Clock) -> GuideFacts:
    """Read everything that the table shows. Raises StoreError."""
    now = clock()
    covered = await coverage(store=store, clock=clock)
    async with store.read() as session:
        sample = await samples.large(session, now=now)
        counted = sample.figures if sample else await figures.read(session, now=now, stuck_after=settings.stuck_after)
        return GuideFacts(
            settings=settings,
            now=now,
            figures=counted,
            processes=await processes.alive(session, now=now),
            orders=await _orders(session, now),
            records=await _records(session, now),
            tracking=await _tracking(session, covered, now),
        )


async def _orders(session: Session, now: datetime) -> OrderFacts:
    return OrderFacts(
        transporters=await couriers.every(session),
        warnings=await couriers.warnings(session),
        comparison=await couriers.comparison(session),
        downtimes=await downtimes.open_ones(session, now=now),
        retries=await guide.retries(session, now=now),
        placed_by=await guide.placed_by(session, now=now),
        oldest_unplaced_at=await guide.oldest_unplaced(session),
        allocating_since=await guide.longest_allocating(session),
        push_due_at=await figures.longest_due_push(session, now=now),
    )


async def _records(session: Session, now: datetime) -> RecordFacts:
    newest = await reconciliations.newest(session, limit=RUNS_READ)
    days = (run for run in newest if run.source == "schedule")
    files = (run for run in newest if run.kind is DifferenceTable.FAILURES)
    return RecordFacts(
        archived=await guide.last_archived(session, now=now),
        failing=await archive.failing_since(session, now - ARCHIVE_PATIENCE),
        unfiled_since=await guide.oldest_unfiled(session),
        report=await guide.last_report(session, "clickpost"),
        day_run=next(days, None),
        failure_file=next(files, None),
        open_differences=await differences.unsolved_since(session, now - DIFFERENCE_PATIENCE),
        backup=await guide.backup(session),
    )


async def _tracking(session: Session, covered: Coverage, now: datetime) -> TrackingFacts:
    arrived = await arrivals.since(session, arrivals.stretch_of(now - DAY))
    by_webhook = [a for a in arrived if a.source == Source.WEBHOOK]
    return TrackingFacts(
        coverage=covered,
        keys=await webhook_keys.listed(session),
        deliveries=sum(a.deliveries for a in by_webhook),
        scans=sum(a.scans for a in by_webhook),
        polled_scans=sum(a.scans for a in arrived if a.source != Source.WEBHOOK),
        apply_due_at=await inbox.longest_due(session, now=now),
        poll_due_at=await guide.poll_due(session),
        copies=await guide.copies(session, now=now),
        unique_keys=await guide.unique_keys(session),
        durability=await guide.durability(session),
        notices=await guide.notices(session, now=now),
    )
