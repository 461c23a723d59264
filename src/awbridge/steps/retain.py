"""Retain: what is older than its table's days goes, in small batches with pauses, and never before it is archived."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from awbridge.domain.privacy import Eraser
from awbridge.domain.shipment import SHARDS
from awbridge.sinks.objects import Objects
from awbridge.steps.clock import Clock
from awbridge.store import Store, personal, reports, retention
from awbridge.store.database import Session
from awbridge.store.retention import OldPayload, Table

_BEGINNING = (datetime(1970, 1, 1, tzinfo=UTC), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetainPolicy:
    """Days that rows are kept, by table; 0 keeps them for ever.

    `payloads` is when the personal data of a shipment that has ended are taken out of its payloads and
    actions, and those of an action that belongs to no shipment; the rows stay.
    `batch` rows go in one transaction, then `pause` seconds belong to others. A round ends after `budget` seconds.
    """

    attempts: int = 90
    inbox: int = 30
    scans: int = 0
    payloads: int = 180
    reports: int = 365
    runs: int = 90
    archive_configured: bool = False
    batch: int = 500
    pause: float = 0.05
    budget: float = 60.0


@dataclass(slots=True)
class Retained:
    """How many rows went (or were stripped), by table. `more`: the round's time was over first."""

    counts: dict[str, int] = field(default_factory=dict[str, int])
    more: bool = False

    def __str__(self) -> str:
        gone = ", ".join(f"{table} {count}" for table, count in self.counts.items() if count)
        return (gone or "nothing to delete") + (", going on" if self.more else "")


class _Budget:
    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds

    @property
    def over(self) -> bool:
        return time.monotonic() > self._ends


async def retain(*, store: Store, objects: Objects, clock: Clock, policy: RetainPolicy) -> Retained:
    """Delete what is old, as far as one round's time goes. Raises ObjectsError: a report's file stays for now."""
    now = clock()
    budget = _Budget(policy.budget)
    done = Retained()
    tables = (
        (retention.ATTEMPTS, policy.attempts),
        (retention.INBOX, policy.inbox),
        (retention.SCANS, policy.scans),
    )
    for table, days in tables:
        if days and not budget.over:
            done.counts[table.name] = await _drop_old(store, table, now - timedelta(days=days), policy, budget)
    if policy.payloads and not budget.over:
        before = now - timedelta(days=policy.payloads)
        done.counts["payloads"] = await _strip(store, before, now, policy, budget)
        done.counts["payloads"] += await _strip_actions_alone(store, before, budget)
    if policy.runs and not budget.over:
        async with store.write() as session:
            done.counts["runs"] = await retention.drop_runs(session, before=now - timedelta(days=policy.runs))
    if policy.reports and not budget.over:
        done.counts["reports"] = await _drop_reports(store, objects, now - timedelta(days=policy.reports), budget)
    done.more = budget.over
    return done


async def _drop_old(store: Store, table: Table, before: datetime, policy: RetainPolicy, budget: _Budget) -> int:
    gone = 0
    for shard in range(SHARDS):
        after = -1
        while not budget.over:
            async with store.read() as session:  # outside of the transaction: reading must not hold up writers
                page = await retention.page(session, table, shard, after=after, limit=policy.batch)
            old = [row.id for row in page if row.noted_at < before]
            ready = [row.id for row in page if row.noted_at < before and (row.settled or not _needs(table, policy))]
            if ready:
                async with store.write() as session:
                    only_archived = policy.archive_configured
                    gone += await retention.drop(session, table, shard, ready, only_archived=only_archived)
                await asyncio.sleep(policy.pause)
            if not old or len(page) < policy.batch:  # ids grow with time: what follows is younger
                break
            after = page[-1].id
    return gone


def _needs(table: Table, policy: RetainPolicy) -> bool:
    """Whether a row of this table must be settled before it may go. Calls need not be archived where nothing is."""
    return table is not retention.ATTEMPTS or policy.archive_configured


async def _strip(store: Store, before: datetime, now: datetime, policy: RetainPolicy, budget: _Budget) -> int:
    stripped, after = 0, _BEGINNING
    while not budget.over:
        async with store.read() as session:
            page = await retention.ended_payloads(session, before=before, after=after, limit=policy.batch)
        if not page:
            break
        after = (page[-1].created_at, page[-1].reference_number)
        async with store.write() as session:
            for old in sorted(page, key=lambda old: (old.shard, old.reference_number)):
                await _strip_one(session, old, now)
        stripped += len(page)
        await asyncio.sleep(policy.pause)
    return stripped


async def _strip_one(session: Session, old: OldPayload, now: datetime) -> None:
    eraser = Eraser()
    payload, problem = eraser.body(old.payload), old.problem and eraser.words(old.problem)
    await retention.set_payload(session, old.shard, old.reference_number, payload=payload, problem=problem, now=now)
    if old.more:
        await personal.strip_versions(session, old.reference_number, eraser)
        await personal.strip_actions(session, old.reference_number, eraser)


async def _strip_actions_alone(store: Store, before: datetime, budget: _Budget) -> int:
    stripped = 0
    async for action in personal.actions_alone(store, before=before):
        if budget.over:
            break
        async with store.write() as session:
            stripped += await personal.strip_action(session, action, Eraser())
    return stripped


async def _drop_reports(store: Store, objects: Objects, before: datetime, budget: _Budget) -> int:
    gone = 0
    while not budget.over:
        async with store.read() as session:
            old = await reports.before(session, before.date().isoformat(), limit=50)
        for report in old:
            if report.object_key:
                await objects.delete(report.object_key)
            async with store.write() as session:
                await reports.remove(session, report.id)
            gone += 1
        if not old:
            break
    return gone
