"""Retain: deletes rows older than their table's days, in small batches with pauses, and never before archiving."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from awbridge.domain.orders.action import KEY_COUNTS_FOR
from awbridge.domain.orders.shipment import SHARDS
from awbridge.domain.privacy import Eraser
from awbridge.sinks.objects import Objects
from awbridge.steps.privacy.months import WHOLE_FROM, drop_months, make_months
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.audit import reports
from awbridge.store.engine.database import Session
from awbridge.store.engine.pages import BEFORE_ALL
from awbridge.store.engine.partitions import FAMILIES, WORTH_MONTHS
from awbridge.store.privacy import personal, retention
from awbridge.store.privacy.retention import Diary, OldPayload, RetainedTable

T = TypeVar("T")
Key = TypeVar("Key")

FILES = 50  # files of object storage read at once


@dataclass(frozen=True, slots=True, kw_only=True)
class RetainPolicy:
    """Days that rows are kept, by table; 0 keeps them for ever.

    `inbox`, `scans`, `events` and `reconciliations` include their dependent rows (update_sources, promises,
    event_deliveries, differences). `runs` covers awbridge's own records, `manifests` print runs too, `actions`
    customers' answers too. `archive` covers archived files whose calls have left the table. `payloads` is when personal
    data is removed from the payloads, actions and answers of ended shipments, and from actions without a shipment; the
    rows stay. `whole_months`: on PostgreSQL, calls and events wait until all of their month is old, if they are kept
    for 60 days or more. `worth_months`: the bytes from which on such a table has months. One transaction deletes
    `batch` rows, then the step pauses for `pause` seconds. A round ends after `budget` seconds.
    """

    attempts: int = 90
    inbox: int = 30
    scans: int = 0
    payloads: int = 180
    reports: int = 365
    runs: int = 90
    events: int = 90
    notices: int = 180
    actions: int = 365
    labels: int = 14
    manifests: int = 365
    reconciliations: int = 180
    audit: int = 730
    archive: int = 0
    archive_configured: bool = False
    whole_months: bool = True
    worth_months: int = WORTH_MONTHS
    batch: int = 500
    pause: float = 0.05
    budget: float = 60.0


@dataclass(slots=True)
class Retained:
    """How many rows were deleted or stripped, by table. `more`: the round's time ended first."""

    counts: Counter[str] = field(default_factory=Counter[str])
    more: bool = False

    def __str__(self) -> str:
        deleted = ", ".join(f"{table} {count}" for table, count in self.counts.items() if count)
        return (deleted or "nothing to delete") + (", more to delete" if self.more else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class _RetentionRound:
    """What every task of a round needs."""

    store: Store
    objects: Objects
    now: datetime
    policy: RetainPolicy
    ends_at: float  # by the steady clock

    @property
    def is_over(self) -> bool:
        """Whether the time of the round is used up."""
        return time.monotonic() > self.ends_at

    def before(self, days: int) -> datetime:
        """The moment before which rows are old."""
        return self.now - timedelta(days=days)

    async def pages(
        self, read: Callable[..., Awaitable[list[T]]], after: Key, key: Callable[[T], Key]
    ) -> AsyncIterator[list[T]]:
        """Pages of old rows until none is left or the time of the round is over. `after`: the key before the first."""
        while not self.is_over:
            async with self.store.read() as session:
                page = await read(session, after=after)
            if not page:
                return
            yield page
            after = key(page[-1])

    async def pause(self) -> None:
        """Let other processes use the database."""
        await asyncio.sleep(self.policy.pause)


async def retain(*, store: Store, objects: Objects, clock: Clock, policy: RetainPolicy) -> Retained:
    """Delete what is old, within the time of one round. Raises ObjectsError; the file is kept for now.

    `objects` is where reports are, and the archive where one is configured.
    """
    ends_at = time.monotonic() + policy.budget
    this = _RetentionRound(store=store, objects=objects, now=clock(), policy=policy, ends_at=ends_at)
    done = Retained()
    await make_all_months(store, policy, now=this.now)
    for days, task in _tasks(policy):
        if days and not this.is_over:
            done.counts += await task(this, this.before(days))
    done.more = this.is_over
    return done


async def make_all_months(store: Store, policy: RetainPolicy, *, now: datetime, **options: int) -> None:
    """Make the months ahead of tables whose rows go by age. `options`: as of `make_months`."""
    for family, days in zip(FAMILIES, (policy.attempts, policy.events), strict=True):
        if days:
            await make_months(store, family, now=now, worth=policy.worth_months, **options)


_Task = Callable[[_RetentionRound, datetime], Awaitable[Counter[str]]]


def _tasks(policy: RetainPolicy) -> list[tuple[int, _Task]]:
    """The tasks of a round, each with its days (0: never). Calls come before the archive's files."""
    attempts = retention.ARCHIVED_CALLS if policy.archive_configured else retention.CALLS
    return [
        (policy.attempts, _dropping(attempts)),
        (policy.inbox, _dropping(retention.INBOX)),
        (policy.scans, _dropping(retention.SCANS)),
        (policy.events, _dropping(retention.EVENTS)),
        (policy.notices, _dropping(retention.NOTICES)),
        (policy.payloads, _strip),
        (policy.payloads, _strip_actions_alone),
        (policy.actions, _drop_actions),
        (policy.actions, _dropping_diaries(retention.ANSWERS)),
        (policy.reconciliations, _drop_reconciliations),
        (policy.runs, _dropping_diaries(*retention.DIARIES)),
        (policy.audit, _dropping_diaries(retention.AUDIT_LOG)),
        (policy.labels, _dropping_diaries(retention.LABELS)),
        (policy.manifests, _dropping_diaries(*retention.MANIFESTS)),
        (policy.reports, _drop_reports),
        (policy.archive if policy.archive_configured else 0, _drop_archive),
    ]


def _dropping(table: RetainedTable) -> _Task:
    async def task(this: _RetentionRound, before: datetime) -> Counter[str]:
        gone: Counter[str] = Counter()
        if table.months:
            whole = this.policy.whole_months and this.now - before >= WHOLE_FROM
            months = await drop_months(this.store, table, before=before, whole=whole, is_over=lambda: this.is_over)
            gone, before = months.counts, months.rows_before
        for shard in range(SHARDS):
            gone += await _drop_old(this, table, shard, before)
        return gone

    return task


async def _drop_old(this: _RetentionRound, table: RetainedTable, shard: int, before: datetime) -> Counter[str]:
    gone: Counter[str] = Counter()
    after, limit = -1, this.policy.batch
    while not this.is_over:
        async with this.store.read() as session:  # outside the transaction: reading must not block writers
            page = await retention.page(session, table, shard, after=after, limit=limit)
        old = [row for row in page if row.noted_at < before]
        ready = [row.id for row in old if row.settled]
        if ready:
            async with this.store.write() as session:
                gone += await retention.drop(session, table, shard, ready)
            await this.pause()
        if not old or len(page) < limit:  # ids grow with time: the following rows are younger
            break
        after = page[-1].id
    return gone


async def _drop_actions(this: _RetentionRound, before: datetime) -> Counter[str]:
    gone = 0
    keyed_before = min(before, this.now - KEY_COUNTS_FOR)
    read = partial(retention.old_actions, before=before, keyed_before=keyed_before, limit=this.policy.batch)
    async for page in this.pages(read, BEFORE_ALL, lambda last: (last.requested_at, last.id)):
        if ready := sorted((a for a in page if a.settled), key=lambda action: (action.shard, action.id)):
            async with this.store.write() as session:
                gone += sum([await retention.drop_action(session, action) for action in ready])
            await this.pause()
    return Counter(actions=gone)


async def _drop_reconciliations(this: _RetentionRound, before: datetime) -> Counter[str]:
    gone = Counter[str]()
    read = partial(retention.old_reconciliations, before=before, limit=this.policy.batch)
    async for page in this.pages(read, -1, lambda last: last):
        for number in page:
            gone += await _drop_reconciliation(this, number)
    return gone


async def _drop_reconciliation(this: _RetentionRound, number: int) -> Counter[str]:
    gone: Counter[str] = Counter()
    while not this.is_over:
        async with this.store.write() as session:
            differences = await retention.drop_differences(session, number, limit=this.policy.batch)
            gone["differences"] += differences
            if not differences:
                gone["reconciliations"] += await retention.drop_reconciliation(session, number)
                break
        await this.pause()
    return gone


def _dropping_diaries(*diaries: Diary) -> _Task:
    async def task(this: _RetentionRound, before: datetime) -> Counter[str]:
        gone: Counter[str] = Counter()
        for diary in diaries:
            gone[diary.name] += await _drop_diary(this, diary, before)
        return gone

    return task


async def _drop_diary(this: _RetentionRound, diary: Diary, before: datetime) -> int:
    gone, old, last = 0, min(before, this.before(diary.least)), this.policy.batch
    while last == this.policy.batch and not this.is_over:
        async with this.store.write() as session:
            last = await retention.drop_diary(session, diary, before=old, limit=this.policy.batch)
        gone += last
        await this.pause()
    return gone


async def _drop_archive(this: _RetentionRound, before: datetime) -> Counter[str]:
    gone = 0
    read = partial(retention.old_archive_files, before=before, limit=FILES)
    async for page in this.pages(read, -1, lambda last: last.id):
        for file in page:
            await this.objects.delete(file.object_key)  # object first: a remaining row leads to it again
            async with this.store.write() as session:
                gone += await retention.drop_archive_file(session, file.id)
    return Counter(archive_files=gone)


async def _strip(this: _RetentionRound, before: datetime) -> Counter[str]:
    stripped = 0
    read = partial(retention.ended_payloads, before=before, limit=this.policy.batch)
    async for page in this.pages(read, BEFORE_ALL, lambda last: (last.created_at, last.reference_number)):
        async with this.store.write() as session:
            for old in sorted(page, key=lambda old: (old.shard, old.reference_number)):
                await _strip_one(session, old, this.now)
        stripped += len(page)
        await this.pause()
    return Counter(payloads=stripped)


async def _strip_one(session: Session, old: OldPayload, now: datetime) -> None:
    eraser = Eraser()
    payload, problem = eraser.body(old.payload), old.problem and eraser.text(old.problem)
    await retention.set_payload(session, old.shard, old.reference_number, payload=payload, problem=problem, now=now)
    if old.more:
        await personal.strip_versions(session, old.reference_number, eraser)
        await personal.strip_actions(session, old.reference_number, eraser)
        await personal.strip_answers(session, old.reference_number, eraser)


async def _strip_actions_alone(this: _RetentionRound, before: datetime) -> Counter[str]:
    stripped = 0
    async for action in personal.actions_alone(this.store, before=before):
        if this.is_over:
            break
        async with this.store.write() as session:
            stripped += await personal.strip_action(session, action, Eraser())
    return Counter(payloads=stripped)


async def _drop_reports(this: _RetentionRound, before: datetime) -> Counter[str]:
    gone = 0
    while not this.is_over:
        async with this.store.read() as session:
            old = await reports.before(session, before.date().isoformat(), limit=FILES)
        for report in old:
            if report.object_key:
                await this.objects.delete(report.object_key)
            async with this.store.write() as session:
                await reports.remove(session, report.id)
            gone += 1
        if not old:
            break
    return Counter(reports=gone)
