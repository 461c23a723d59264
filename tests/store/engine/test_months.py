"""Databases of the version before become tables of months: at once, with what is in them, whoever may read them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from awbridge.domain.errors import StoreError
from awbridge.store import Store
from awbridge.store.engine import migrate
from awbridge.store.engine.partitions import KEYS, Month
from awbridge.store.engine.queries import Statement
from tests.support.filling import filled_url
from tests.support.months import add_month, parts, places, rows_of_all
from tests.support.postgres import PostgresServer
from tests.support.rows import fetch
from tests.support.statements import statements_of
from tests.support.stores import open_directly

pytestmark = pytest.mark.heavy

MONTHS = 77
BEFORE = max(one.number for one in migrate.migrations() if one.number < 76)
NOW = datetime.now(UTC)
Before = Callable[..., Awaitable[Store]]


@pytest.fixture
async def before(postgres: PostgresServer) -> AsyncIterator[Before]:
    """Opens databases with the schema of the version before, each new."""
    opened: list[Store] = []

    async def make(schema: str = "") -> Store:
        store = await open_directly(await postgres.new_database(), schema=schema)
        opened.append(store)
        await migrate.migrate(store.database, until=BEFORE)
        return store

    yield make
    for store in opened:
        await store.close()


async def connected(store: Store, postgres: PostgresServer) -> asyncpg.Connection[asyncpg.Record]:
    [row] = await fetch(store, "SELECT current_database()::text AS name")
    return await asyncpg.connect(postgres.url(row["name"]))


FILES = """
SELECT relfilenode AS file FROM pg_class WHERE relkind IN ('r', 'i') AND relname NOT LIKE 'pg_%'
  AND relname ~ '^(attempts|events|event_deliveries)' ORDER BY 1
"""


async def month_of_the_server(store: Store) -> Month:
    """It may end while a test runs."""
    [row] = await fetch(store, "SELECT now() AS now")
    return Month.of(row["now"])


async def test_a_large_table_becomes_the_first_partition_without_a_copy(before: Before) -> None:
    store = await before("account_shop")
    async with store.write() as session:
        await session.script("ALTER TABLE attempts SET (fillfactor = 10)")  # one row a page: large with few rows
    for days in (95, 60, 25):
        await add_month(store, NOW - timedelta(days=days), 2800)
    files, rows = await fetch(store, FILES), await rows_of_all(store)
    began = await month_of_the_server(store)
    assert await migrate.migrate(store.database, until=MONTHS) == ["0076_months_prepared", "0077_months"]
    month = await month_of_the_server(store)
    assert await parts(store, "attempts") == ["_first", "_default"]
    assert await parts(store, "events") == await parts(store, "event_deliveries") == ["_default"]
    assert await rows_of_all(store) == rows == dict.fromkeys(rows, 8400)
    assert {row["file"] for row in files} <= {row["file"] for row in await fetch(store, FILES)}
    [bound] = await fetch(
        store, "SELECT pg_get_expr(relpartbound, oid) AS b FROM pg_class WHERE relname = 'attempts_first'"
    )
    ends = {f"FOR VALUES FROM (MINVALUE) TO ('{one.next.end}')": one for one in (began, month)}
    assert bound["b"] in ends
    assert await fetch(store, "SELECT conname FROM pg_constraint WHERE contype = 'c' AND conname LIKE '%until'") == []
    await add_month(store, NOW)
    await add_month(store, ends[bound["b"]].next.ends_at)
    assert await places(store, "attempts") == {"_first": 8403, "_default": 3}
    await store.migrate()
    assert (await rows_of_all(store))["attempts"] == 8406, "later migrations take tables of months too"


async def test_a_small_table_becomes_the_default_partition(before: Before) -> None:
    store = await before()
    await add_month(store, NOW)
    await store.migrate()
    assert await parts(store, "attempts") == ["_default"]
    assert await rows_of_all(store) == {"attempts": 3, "events": 3, "event_deliveries": 3}


async def test_an_id_far_ahead_does_not_stop_the_migration(before: Before) -> None:
    store = await before()
    async with store.write() as session:
        await session.script("ALTER TABLE events SET (fillfactor = 10)")
    await add_month(store, NOW, 8400)
    await add_month(store, NOW + timedelta(days=1000))
    await store.migrate()
    assert await parts(store, "events") == ["_default"]
    assert (await rows_of_all(store))["events"] == 8403


async def test_whoever_could_use_a_table_still_can(before: Before, postgres: PostgresServer) -> None:
    store = await before()
    admin = await connected(store, postgres)
    try:
        roles = [f"{name}_{id(admin)}" for name in ("keeper", "shop")]
        keeper, shop = roles
        await admin.execute(f"CREATE ROLE {keeper}; CREATE ROLE {shop}; ALTER TABLE attempts OWNER TO {keeper}")
        await admin.execute(f"GRANT SELECT, INSERT ON attempts TO {shop}; GRANT SELECT ON events TO PUBLIC")
        await store.migrate()
        may = [
            await admin.fetchval("SELECT has_table_privilege($1, $2, $3)", shop, table, what)
            for table, what in (("attempts", "SELECT"), ("attempts", "INSERT"), ("attempts", "DELETE"))
        ]
        assert may == [True, True, False]
        assert await admin.fetchval("SELECT has_table_privilege($1, 'events', 'SELECT')", shop)
        owners = await admin.fetch("SELECT relowner::regrole::text FROM pg_class WHERE relname ~ '^attempts'")
        assert {row[0] for row in owners} == {keeper}
        await admin.execute(f"REASSIGN OWNED BY {keeper} TO CURRENT_USER; DROP OWNED BY {shop}")
        await admin.execute(f"DROP ROLE {keeper}; DROP ROLE {shop}")
    finally:
        await admin.close()


@pytest.mark.parametrize(
    ("made", "dropped", "named"),
    [
        ("CREATE VIEW failed AS SELECT id FROM attempts", "DROP VIEW failed", "view failed"),
        ("CREATE PUBLICATION out FOR TABLE events", "DROP PUBLICATION out", "events in publication out"),
    ],
)
async def test_what_would_see_a_part_of_the_rows_is_named_and_stops_the_migration(
    before: Before, made: str, dropped: str, named: str
) -> None:
    store = await before()
    async with store.write() as session:
        await session.script(made)
    with pytest.raises(StoreError, match=rf"{named} would see only one of them: drop that, migrate, create it again"):
        await store.migrate()
    await add_month(store, NOW)
    async with store.write() as session:
        await session.script(dropped)
    assert await migrate.migrate(store.database, until=MONTHS) == ["0077_months"]
    assert (await rows_of_all(store))["attempts"] == 3


async def test_a_replica_that_reads_and_writes_goes_on_while_the_tables_are_changed(before: Before) -> None:
    store = await before()
    done, stop = 0, asyncio.Event()

    async def replica() -> None:
        nonlocal done
        while not stop.is_set():
            await add_month(store, NOW + timedelta(seconds=done))
            assert (await rows_of_all(store))["attempts"] == 3 * (done + 1)
            done += 1

    working = asyncio.create_task(replica())
    while done < 5:
        await asyncio.sleep(0.01)
    await store.migrate()
    after = done
    while done < after + 5 and not working.done():
        await asyncio.sleep(0.01)
    stop.set()
    await working
    assert await parts(store, "attempts") == ["_default"]


async def test_what_a_table_has_of_a_month_is_read_out_of_an_index(postgres: PostgresServer) -> None:
    store = await open_directly(await filled_url(postgres))
    for table in KEYS:
        counted = getattr(statements_of("partitions"), f"{table}_within")
        explained = Statement("plan", f"EXPLAIN {counted.postgres}", "")
        async with store.read() as session:
            found = "\n".join(row["QUERY PLAN"] for row in await session.fetch(explained, 0, 2**62, 1000))
        assert f"Only Scan using {table}_" in found, found
        assert "Seq Scan" not in found, found
    await store.close()
