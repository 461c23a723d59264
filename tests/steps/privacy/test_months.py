"""Months of PostgreSQL: made ahead, filled with what came before them, dropped while the service goes on."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from awbridge.sinks.objects import Objects
from awbridge.steps.privacy import months as months_step
from awbridge.steps.privacy.retain import Retained, RetainPolicy, make_all_months, retain
from awbridge.store import Store
from awbridge.store.engine import partitions
from awbridge.store.engine.partitions import KEYS, Month
from tests.support.months import add_month, forget_months, parts, places, rows_of_all
from tests.support.rows import T0, fetch, sql
from tests.support.stores import open_directly, postgres_only
from tests.support.world import SetClock

pytestmark = [pytest.mark.heavy, postgres_only]

NOTHING = dict.fromkeys((f.name for f in fields(RetainPolicy) if f.type == "int" and f.name != "batch"), 0)
KEPT = RetainPolicy(**NOTHING | {"attempts": 60, "events": 60, "pause": 0.0})
AUGUST, NOVEMBER = datetime(2026, 8, 10, tzinfo=T0.tzinfo), Month.of(T0)
MONTHS = ["_2026_11", "_2026_12", "_default"]


_FILE = "INSERT INTO archive_files (id, object_key, calls, tries, created_at) VALUES (7, 'k', 4, 0, $1)"


@pytest.fixture(name="store")
async def store_without_months(store: Store) -> AsyncIterator[Store]:
    """An empty store whose partitions are dropped after the test."""
    yield store
    await forget_months(store)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in use is tried three times in a moment."""
    monkeypatch.setattr(months_step, "PAUSE", 0.01)
    monkeypatch.setattr(months_step, "TRIES", 3)


async def made(store: Store, *, now: datetime = T0) -> None:
    await make_all_months(store, KEPT, now=now, tries=3)


async def retained(store: Store, folder: Path, now: datetime, **changes: Any) -> Retained:
    policy = RetainPolicy(**{f.name: getattr(KEPT, f.name) for f in fields(KEPT)} | changes)
    return await retain(
        store=store, objects=Objects.open(f"file://{folder}/objects"), clock=SetClock(now), policy=policy
    )


async def history(store: Store) -> None:
    """Rows of August to November, each month with a partition of its own."""
    for number in range(4):
        at = Month.of(AUGUST + timedelta(days=31 * number)).begins_at
        await made(store, now=at)
        await add_month(store, at + timedelta(days=3))
    async with store.write() as session:
        await session.script("ANALYZE attempts; ANALYZE events; ANALYZE event_deliveries")


async def test_the_months_of_large_tables_are_made_ahead_and_take_what_came_before_them(store: Store) -> None:
    await add_month(store, T0)
    await make_all_months(store, RetainPolicy(), now=T0)
    assert await parts(store, "attempts") == ["_default"], "a small table has no months"
    await made(store)
    for table in KEYS:
        assert await parts(store, table) == MONTHS
        assert await places(store, table) == {"_2026_11": 3}
    await made(store)
    await made(store, now=NOVEMBER.ends_at)
    assert await parts(store, "events") == ["_2026_11", "_2026_12", "_2027_01", "_default"]
    await add_month(store, NOVEMBER.ends_at)
    assert await places(store, "event_deliveries") == {"_2026_11": 3, "_2026_12": 3}


async def test_tables_whose_rows_are_kept_for_ever_get_no_months(store: Store) -> None:
    await make_all_months(store, RetainPolicy(**NOTHING), now=T0)
    assert {table: await parts(store, table) for table in KEYS} == {table: ["_default"] for table in KEYS}


async def test_many_rows_of_a_month_stay_where_they_are_and_stop_no_later_month(store: Store, tmp_path: Path) -> None:
    await add_month(store, T0, partitions.MOVED + 64)
    await made(store)
    for table in KEYS:
        assert await parts(store, table) == ["_2026_12", "_default"]
    counts = (await retained(store, tmp_path, T0 + timedelta(days=61), budget=600.0)).counts
    assert counts == dict.fromkeys(KEYS, partitions.MOVED + 64)
    assert await rows_of_all(store) == dict.fromkeys(KEYS, 0)


async def test_rows_of_a_clock_that_was_ahead_move_to_their_month_when_it_is_made(store: Store) -> None:
    ahead = T0 + timedelta(days=400)
    await add_month(store, ahead)
    await made(store)
    assert await places(store, "attempts") == {"_default": 3}
    assert await parts(store, "attempts") == MONTHS
    await made(store, now=ahead)
    assert await places(store, "attempts") == {f"_{Month.of(ahead).name}": 3}


async def test_a_large_default_partition_is_read_without_a_lock(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "SCANNED", -1)
    await add_month(store, AUGUST)
    async with store.write() as session:  # as an interrupted try leaves it
        await session.script(
            'ALTER TABLE attempts_default ADD CONSTRAINT "attempts_without_2026_10" '
            f"CHECK (id < {Month.of(AUGUST).end}) NOT VALID"
        )
    await made(store)
    for table in KEYS:
        assert await parts(store, table) == ["_2026_12", "_default"], "this month may get rows meanwhile"
    assert await fetch(store, "SELECT conname FROM pg_constraint WHERE conname LIKE '%without%'") == []
    await add_month(store, T0)
    await add_month(store, NOVEMBER.ends_at)
    assert await places(store, "events") == {"_default": 6, "_2026_12": 3}


async def test_an_old_month_is_dropped_while_others_write_and_read(
    store: Store, store_url: str, tmp_path: Path
) -> None:
    await history(store)
    stop, written = asyncio.Event(), 0
    other = await open_directly(store_url)

    async def writer() -> None:
        nonlocal written
        while not stop.is_set():
            await add_month(other, NOVEMBER.begins_at + timedelta(days=5, seconds=written))
            written += 1

    kept = await rows_of_all(store)
    writing = asyncio.create_task(writer())
    now = NOVEMBER.begins_at + timedelta(days=1)
    with capture_logs() as logs:
        counts = Counter((await retained(store, tmp_path, now)).counts)
        for _ in range(5):  # the writer was in the way of the lock
            if "_2026_08" not in await parts(store, "attempts") + await parts(store, "events"):
                break
            counts += Counter((await retained(store, tmp_path, now)).counts)
    stop.set()
    await writing
    await other.close()
    assert counts == dict.fromkeys(KEYS, 3), "August; September waits until all of it is old"
    assert await parts(store, "attempts") == ["_2026_09", "_2026_10", "_2026_11", "_2026_12", "_default"]
    assert {line["partition"] for line in logs if line["event"] == "partitions.dropped"} == {
        "attempts_2026_08",
        "events_2026_08",
    }
    assert written
    assert {t: n - 3 * written for t, n in (await rows_of_all(store)).items()} == {t: n - 3 for t, n in kept.items()}


@pytest.mark.parametrize("changes", [{"whole_months": False}, {"attempts": 59, "events": 59}])
async def test_rows_go_on_their_day_where_that_is_asked_for_or_they_are_kept_for_less(
    store: Store, tmp_path: Path, changes: dict[str, Any]
) -> None:
    await history(store)
    await retained(store, tmp_path, NOVEMBER.begins_at + timedelta(days=7), **changes)
    assert await places(store, "attempts") == {"_2026_10": 3, "_2026_11": 3}
    assert (await parts(store, "attempts"))[0] == "_2026_09", "which is dropped once all of it is old"


async def test_what_must_be_kept_of_an_old_month_is_kept_and_the_rest_goes_by_the_row(
    store: Store, tmp_path: Path
) -> None:
    await made(store, now=AUGUST)
    await add_month(store, AUGUST, archive_file=0)
    await add_month(store, AUGUST + timedelta(hours=1), 2, archive_file=None, state="due")
    await add_month(store, AUGUST + timedelta(hours=2), 4, archive_file=7, state="failed")
    async with store.write() as session:
        await session.execute(sql(_FILE), AUGUST)
    await retained(store, tmp_path, T0, archive_configured=True)
    assert await places(store, "attempts") == {"_2026_08": 6}, "not examined, or not archived yet"
    assert await places(store, "events") == await places(store, "event_deliveries") == {"_2026_08": 2}
    async with store.write() as session:
        await session.execute(sql("UPDATE attempts SET archive_file = 7"))
        await session.execute(sql("UPDATE archive_files SET archived_at = $1, next_try_at = NULL"), T0)
        await session.execute(sql("UPDATE event_deliveries SET state = 'delivered'"))
    await retained(store, tmp_path, T0, archive_configured=True)
    assert await rows_of_all(store) == dict.fromkeys(KEYS, 0)
    assert "_2026_08" not in await parts(store, "attempts") + await parts(store, "events")


async def test_a_month_that_is_in_use_is_left_for_the_next_day_and_nobody_waits_long(
    store: Store, store_url: str, tmp_path: Path
) -> None:
    await history(store)
    now = NOVEMBER.begins_at + timedelta(days=1)
    reader = await asyncpg.connect(store_url)
    try:
        async with reader.transaction():
            await reader.fetch("SELECT 1 FROM attempts LIMIT 1")
            with capture_logs() as logs:
                done = await retained(store, tmp_path, now, attempts=60, events=0)
            assert [line["table"] for line in logs if line["event"] == "partitions.busy"] == ["attempts"]
            assert done.counts == {}
            assert (await places(store, "attempts"))["_2026_08"] == 3, "its rows are not deleted one by one"
    finally:
        await reader.close()
    assert (await retained(store, tmp_path, now)).counts["attempts"] == 3


async def test_a_month_that_somebody_elses_view_reads_goes_by_the_row(store: Store, tmp_path: Path) -> None:
    await history(store)
    async with store.write() as session:
        await session.script("CREATE VIEW of_august AS SELECT id FROM events_2026_08")
    try:
        with capture_logs() as logs:
            done = await retained(store, tmp_path, NOVEMBER.begins_at + timedelta(days=1))
        [refused] = [line for line in logs if line["event"] == "partitions.refused"]
        assert "view of_august depends on table events_2026_08" in refused["problem"]
        assert done.counts["events"] == done.counts["event_deliveries"] == 3
        assert "_2026_08" not in await places(store, "events")
    finally:
        async with store.write() as session:
            await session.script("DROP VIEW of_august")


async def test_a_role_that_may_make_no_tables_goes_on_with_the_default_partition(
    store: Store, store_url: str, tmp_path: Path
) -> None:
    await history(store)
    name = f"service_{id(store)}"
    url = store_url
    owner = await asyncpg.connect(url)
    await owner.execute(f"CREATE ROLE {name} LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    await owner.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name}")
    service = await open_directly(url.replace("awbridge@", f"{name}@"))
    try:
        later = Month.of(T0).next.next.ends_at
        with capture_logs() as logs:
            done = await retained(service, tmp_path, later)
        forbidden = [line for line in logs if line["event"] == "partitions.refused"]
        assert {line["table"] for line in forbidden} == {"attempts", "events"}
        assert "permission denied" in forbidden[0]["problem"]
        assert done.counts == dict.fromkeys(KEYS, 12), "rows are deleted as everywhere else"
        await add_month(service, later)
        assert await places(store, "attempts") == {"_default": 3}
    finally:
        await service.close()
        await owner.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")
        await owner.close()
