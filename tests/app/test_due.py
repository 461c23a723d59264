"""When an account has something to do: its loops ask with one statement, and an idle account knows when to wake."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from awbridge.app import loops
from awbridge.app.due import DueTimes, next_due
from awbridge.app.load_settings import load_settings
from awbridge.app.settings import Settings
from awbridge.app.work import report_loop, running, schema_loop
from awbridge.steps.runtime.clock import utc_now
from awbridge.steps.runtime.look import look
from awbridge.store import Store
from awbridge.store.audit import runs
from awbridge.store.engine.postgres import PostgresSession
from awbridge.store.engine.sqlite import _SqliteSession
from awbridge.store.notify import alarms
from tests.support.rows import MINUTE, add, place, sql
from tests.support.stores import sqlite_only

pytestmark = pytest.mark.heavy

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = datetime(2026, 11, 2, 6, 40, tzinfo=UTC)  # 12:10 in India


def configured(**changes: Any) -> Settings:
    """An account that compares no couriers, so that the table of courier accounts plays no part."""
    values = {"clickpost_username": "u", "clickpost_key": "k", "courier_comparison_seconds": 0, "archive_url": "none"}
    return load_settings(**{**values, **changes})


async def settled(
    store: Store, settings: Settings, *, now: datetime = NOW, covered_until: datetime | None = None
) -> None:
    """What the loops of an account have written before it is idle."""
    covered_until = covered_until or now
    async with store.write() as session:
        for name, _ in settings.crons:
            await runs.begin(session, name, now - MINUTE, now=now)
        window = "INSERT INTO catch_up_windows (from_at, to_at, done_at, items) VALUES ($1, $2, $2, 0)"
        await session.execute(sql(window), covered_until - HOUR, covered_until)


@sqlite_only
async def test_an_idle_account_wakes_for_the_next_window_of_updated_order(store: Store) -> None:
    settings = configured(catch_up_window_seconds=1200, catch_up_lag_seconds=60)
    await settled(store, settings)
    assert await next_due(settings, store, NOW) == NOW + HOUR, "nothing is on its way"
    await _on_its_way(store)
    assert await next_due(settings, store, NOW) == NOW + 5 * MINUTE + MINUTE
    assert await next_due(settings, store, NOW + 10 * MINUTE) == NOW + 6 * MINUTE, "missed: it is due now"


@sqlite_only
async def test_an_account_that_never_ran_is_due_at_once_if_a_parcel_is_on_its_way(store: Store) -> None:
    assert await next_due(configured(), store, NOW) == NOW + HOUR
    await _on_its_way(store)
    assert await next_due(configured(), store, NOW) == NOW


async def _on_its_way(store: Store) -> None:
    """A parcel that was placed an hour ago, and for which nothing else is due."""
    await add(store, "R", now=NOW - HOUR)
    await place(store, "R", "AWB", now=NOW - HOUR)
    async with store.write() as session:
        await session.execute(sql("UPDATE shipments SET next_poll_at = $1, placed_at = $2"), NOW + DAY, NOW - HOUR)
        await session.execute(sql("UPDATE milestones SET due_at = NULL"))
        done = sql("INSERT INTO track_link_progress (id, until_at, reference_number) VALUES ($1, $2, 'R')")
        for number in (1, 2):
            await session.execute(done, number, NOW)


async def test_an_idle_account_wakes_for_rows_schedules_digest_and_housekeeping(store: Store) -> None:
    settings = configured(time_zone="Asia/Kolkata", report_cron="0 13 * * *", alarm_digest_hour=14)
    await settled(store, settings, covered_until=NOW + DAY)
    assert await next_due(settings, store, NOW) == NOW + 50 * MINUTE, "13:00 in India"
    assert await next_due(settings, store, NOW + 2 * HOUR) == NOW + 50 * MINUTE, "missed, and not run yet"
    async with store.write() as session:
        await runs.begin(session, "report-failures", NOW + HOUR, now=NOW)
    later = NOW + HOUR
    assert await next_due(settings, store, later) == later + HOUR, "housekeeping"
    told = configured(time_zone="Asia/Kolkata", report_cron="0 13 * * *", alarm_digest_hour=14, alarm_urls="json://x")
    assert await next_due(told, store, later) == NOW + 110 * MINUTE, "the digest, at 14:00 in India"
    async with store.write() as session:
        await alarms.raise_(session, "disk", "full", now=later - MINUTE)
    assert await next_due(told, store, later) == later - MINUTE
    assert await next_due(settings, store, later) == later + HOUR, "nobody is told"
    await _on_its_way(store)
    assert await next_due(settings, store, later) == later + 15 * MINUTE, "a parcel is on its way"


@sqlite_only
async def test_a_digest_is_sent_once_and_again_where_its_sender_was_killed(store: Store) -> None:
    settings = configured(time_zone="Asia/Kolkata", alarm_digest_hour=12, alarm_urls="json://x")
    await settled(store, settings, covered_until=NOW + 3 * DAY)
    assert await next_due(settings, store, NOW) == NOW
    async with store.write() as session:
        assert await alarms.claim_digest(session, "2026-11-02", now=NOW, until=NOW + MINUTE)
    assert await next_due(settings, store, NOW) == NOW + MINUTE
    async with store.write() as session:
        await alarms.end_digest(session, "2026-11-02", sent=True)
    assert await next_due(settings, store, NOW) == NOW + HOUR


@sqlite_only
async def test_the_times_of_schedules_are_told_once_to_the_loops(store: Store) -> None:
    settings = configured(time_zone="Asia/Kolkata", report_cron="15 * * * *", retain_cron="0 4 * * *")
    times = DueTimes(settings)
    quarter = NOW.replace(minute=45)
    assert (await times.read(store, NOW))["schedule"] == quarter
    assert (await times.read(store, quarter))["schedule"] == quarter
    assert (await times.read(store, quarter + MINUTE))["schedule"] == quarter + HOUR
    assert (await times.read(store, NOW - DAY))["schedule"] == quarter - DAY, "a clock that was ahead was set back"


class Counting:
    """The statements that a store is given, by name, without those that begin and end transactions."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.statements: Counter[str] = Counter()
        for kind in (PostgresSession, _SqliteSession):
            for name in ("fetch", "execute", "write_rows", "fetch_rows"):
                self._count(monkeypatch, kind, name)

    def _count(self, monkeypatch: pytest.MonkeyPatch, kind: type, name: str) -> None:
        usual = getattr(kind, name)

        async def counted(session: Any, statement: Any, *args: Any) -> Any:
            self.statements[statement.name] += 1
            return await usual(session, statement, *args)

        monkeypatch.setattr(kind, name, counted)


@asynccontextmanager
async def idle_replica(settings: Settings) -> AsyncIterator[dict[str, loops.Loop]]:
    """The loops of `awbridge work` on this database."""
    async with loops.opened_world(settings, utc_now) as world:
        every = loops.step_loops(world)
        every["schema"] = schema_loop(world.store, print)
        every["report_process"] = report_loop(world.store, utc_now, "work")
        async with running(every):
            yield every


async def test_an_idle_replica_sends_two_statements_a_second_at_most(
    store: Store, store_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    far = utc_now() + DAY / 2  # no schedule comes up meanwhile, whenever the test runs
    crons = dict.fromkeys(("report_cron", "retain_cron", "reconcile_cron", "backup_cron"), f"0 {far.hour} * * *")
    settings = configured(database_url=store_url, data_dir=str(tmp_path), time_zone="UTC", **crons)
    await settled(store, settings, now=utc_now())
    async with store.write() as session:
        await session.execute(sql("UPDATE schema_migrations SET applied_at = $1"), NOW)
    async with idle_replica(settings) as every:
        await until_settled(every)
        counting = Counting(monkeypatch)
        await asyncio.sleep(5.0)
        sent = Counter(counting.statements)
        assert sent["look"] >= 3
        assert sum(sent.values()) <= 2 * 5.0, sent
        await add(store, "R", courier_partner_id=0)  # by another process
        async with store.write() as session:
            await session.execute(sql("UPDATE shipments SET waits_for = 'OLD', next_try_at = NULL, state = 'held'"))
        rounds = every["release"].rounds
        async with asyncio.timeout(60):
            while every["release"].rounds == rounds:
                await asyncio.sleep(0.05)


async def until_settled(every: dict[str, loops.Loop]) -> None:
    """Every loop has had its first rounds, and waits."""
    async with asyncio.timeout(60):
        while not all(loop.rounds for loop in every.values()) or every["look"].rounds < 4:
            await asyncio.sleep(0.1)
    await asyncio.sleep(1.0)


async def test_a_look_at_an_account_needs_no_loops(store: Store) -> None:
    await add(store, "R", now=NOW)
    assert (await look(store, NOW))["push"] == NOW
