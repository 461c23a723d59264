"""Migrations: they make what schema.sql says, once, and refuse what they cannot know."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import apsw
import asyncpg
import pytest

import awbridge
from awbridge.domain.errors import MigrationError, StoreBusy, StoreError
from awbridge.store import Store
from awbridge.store.engine.connections.servers import Servers
from awbridge.store.engine.migrate import Migration, migrations
from awbridge.store.engine.queries import for_dialect, schema_text
from tests.support import newer
from tests.support.postgres import PostgresServer
from tests.support.rows import count, sql
from tests.support.stores import open_directly

pytestmark = pytest.mark.heavy


def declared(dialect: str) -> str:
    return for_dialect(schema_text(), dialect)


def sqlite_schema(path: Path) -> dict[str, Any]:
    connection = apsw.Connection(str(path))
    tables = [
        row[0]
        for row in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'schema_migrations' ORDER BY name"
        )
    ]
    found: dict[str, Any] = {}
    for table in tables:
        columns = list(
            connection.execute(f"SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_info('{table}')")
        )
        indexes = sorted(
            (
                name,
                unique,
                origin,
                partial,
                tuple(r[0] for r in connection.execute(f"SELECT name FROM pragma_index_info('{name}')")),
                next(iter(connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (name,))))[0],
            )
            for _, name, unique, origin, partial in connection.execute(f"PRAGMA index_list('{table}')").fetchall()
        )
        found[table] = {"columns": columns, "indexes": indexes}
    connection.close()
    return found


async def postgres_schema(url: str, schema: str = "public") -> dict[str, Any]:
    connection = await asyncpg.connect(url)
    try:
        columns = await connection.fetch(
            "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns "
            "WHERE table_schema = $1 AND table_name <> 'schema_migrations' AND table_name NOT LIKE '%\\_default' "
            "ORDER BY table_name, ordinal_position",
            schema,
        )
        indexes = await connection.fetch(
            "SELECT tablename, indexname, replace(indexdef, $1 || '.', '') FROM pg_indexes "
            "WHERE schemaname = $1 AND tablename <> 'schema_migrations' AND tablename NOT LIKE '%\\_default' "
            "ORDER BY indexname",
            schema,
        )
        parts = await connection.fetch(
            "SELECT part.relname, whole.relname, pg_get_expr(part.relpartbound, part.oid), part.reloptions "
            "FROM pg_inherits JOIN pg_class part ON part.oid = inhrelid JOIN pg_class whole ON whole.oid = inhparent "
            "WHERE part.relnamespace = to_regnamespace($1) AND part.relkind = 'r' ORDER BY part.relname",
            schema,
        )
        options = await connection.fetch(
            "SELECT relname, relkind, reloptions, pg_get_partkeydef(oid) FROM pg_class WHERE relkind IN ('r', 'p') "
            "AND relnamespace = to_regnamespace($1) AND NOT relispartition AND relname <> 'schema_migrations' "
            "ORDER BY relname",
            schema,
        )
    finally:
        await connection.close()
    found = {"columns": columns, "indexes": indexes, "parts": parts, "options": options}
    return {what: [tuple(row) for row in rows] for what, rows in found.items()}


async def migrated(url: str) -> None:
    store = await Store.open(url)
    await store.migrate()
    await store.close()


async def test_on_sqlite_the_migrations_make_what_the_schema_declares(tmp_path: Path) -> None:
    await migrated(f"sqlite:///{tmp_path}/migrated.db")
    plain = apsw.Connection(str(tmp_path / "declared.db"))
    plain.execute(declared("sqlite"))
    plain.close()
    made = sqlite_schema(tmp_path / "migrated.db")
    assert made == sqlite_schema(tmp_path / "declared.db")
    assert {"shipments", "waybills", "inbox", "scans", "attempts"} <= set(made)


async def test_on_postgres_the_migrations_make_what_the_schema_declares(postgres: PostgresServer) -> None:
    by_migrations, by_schema = await postgres.new_database(), await postgres.new_database()
    await migrated(by_migrations)
    plain = await asyncpg.connect(by_schema)
    await plain.execute(declared("postgres"))
    await plain.close()
    made = await postgres_schema(by_migrations)
    assert made == await postgres_schema(by_schema)
    assert len(made["indexes"]) > 15


async def test_both_engines_have_the_same_columns_and_nulls(postgres: PostgresServer, tmp_path: Path) -> None:
    url = await postgres.new_database()
    await migrated(url)
    await migrated(f"sqlite:///{tmp_path}/a.db")
    there = {(c[0], c[1], c[3] == "NO") for c in (await postgres_schema(url))["columns"]}
    here = {
        (table, name, bool(notnull))
        for table, parts in sqlite_schema(tmp_path / "a.db").items()
        for name, _, notnull, _, _ in parts["columns"]
    }
    assert here == there


async def test_the_second_migration_finds_nothing_to_do(database_url: str) -> None:
    store = await Store.open(database_url)
    assert await store.pending_migrations() == [m.name for m in migrations()]
    assert await store.migrate() == [m.name for m in migrations()]
    assert await store.migrate() == []
    assert await store.pending_migrations() == []
    await store.close()


async def test_a_migration_may_take_longer_than_a_statement(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("awbridge.store.engine.connections.server.COMMAND_TIMEOUT", 1.0)
    store = await Store.open(await postgres.new_database())
    try:
        with pytest.raises(StoreBusy):
            async with store.write() as session:
                await session.fetch(sql("SELECT pg_sleep(60)"))
        async with store.write() as session:
            await session.script("SELECT pg_sleep(1.5)")
    finally:
        await store.close()


async def test_processes_that_migrate_at_once_share_the_work(database_url: str) -> None:
    stores = [await Store.open(database_url) for _ in range(3)]
    ran = await asyncio.gather(*(s.migrate() for s in stores))
    assert sorted(name for names in ran for name in names) == [m.name for m in migrations()], "each ran once"
    assert await count(stores[0], "schema_migrations") == len(migrations())
    for store in stores:
        await store.close()


async def test_a_migration_that_fails_leaves_those_before_it_and_goes_on_from_there(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, *_ = migrations()
    broken = Migration(second.number, second.name, "CREATE TABLE half_done (n INTEGER NOT NULL); SELECT * FROM nowhere")
    store = await Store.open(database_url)
    monkeypatch.setattr("awbridge.store.engine.migrate.migrations", lambda: [first])
    assert await store.migrate() == [first.name]
    monkeypatch.setattr("awbridge.store.engine.migrate.migrations", lambda: [first, broken])
    with pytest.raises(StoreError):
        await store.migrate()
    with pytest.raises(StoreError):
        await count(store, "half_done")
    monkeypatch.undo()
    assert await store.migrate() == [m.name for m in migrations() if m != first]
    await store.close()


async def test_an_empty_database_gets_all_migrations_or_none(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, *_ = migrations()
    broken = Migration(second.number, second.name, "SELECT * FROM nowhere")
    store = await Store.open(database_url)
    monkeypatch.setattr("awbridge.store.engine.migrate.migrations", lambda: [first, broken])
    with pytest.raises(StoreError):
        await store.migrate()
    assert await count(store, "schema_migrations") == 0
    monkeypatch.undo()
    done: list[int] = []
    assert await store.migrate(done.append) == [m.name for m in migrations()]
    assert done == [len(migrations())]
    await store.close()


async def test_accounts_migrate_side_by_side_and_see_nothing_of_each_other(postgres: PostgresServer) -> None:
    url, servers = await postgres.new_database(), Servers()
    home, one, other = [
        await open_directly(url, schema=schema, servers=servers, connections=5)
        for schema in ("", "account_one", "account_other")
    ]
    await asyncio.gather(*(store.migrate() for store in (one, other, one)))
    assert await home.pending_migrations() == [m.name for m in migrations()], "public has none"
    for store in (one, other):
        assert await store.pending_migrations() == []
        assert await count(store, "schema_migrations") == len(migrations())
    async with one.write() as session:  # while one account's history is locked
        await session.execute(sql("LOCK TABLE schema_migrations IN EXCLUSIVE MODE"))
        assert await home.migrate() == [m.name for m in migrations()]
    by_account = [await postgres_schema(url, schema) for schema in ("account_one", "public")]
    assert by_account[0] == by_account[1]
    for store in (home, one, other):
        await store.identify()
    assert len({store.identity for store in (home, one, other)}) == 3
    await servers.close()


def test_no_migration_and_no_statement_names_a_schema() -> None:
    """Each account has its tables in a schema of its own, which the search_path leads to."""
    source = Path(awbridge.__file__).parent
    found = [
        f"{path.name}: {line}"
        for path in source.rglob("*.sql")
        for line in re.sub(r"--[^\n]*", "", path.read_text()).splitlines()
        if re.search(r"\bpublic\b|\baccount_\w+\.", line) and not re.search(r"\baccount_(states|figures)\.", line)
    ]
    assert found == []


async def test_a_migration_that_deadlocks_with_a_replica_is_tried_again(postgres: PostgresServer) -> None:
    url = await postgres.new_database()
    store = await Store.open(url)
    await store.migrate()
    other = await asyncpg.connect(url)
    try:
        # A transaction of a replica that uses the two tables in the other order, and is not the one that is ended.
        await other.execute("SET deadlock_timeout = '30s'")
        replica = other.transaction()
        await replica.start()
        await other.execute("SELECT count(*) FROM replays")
        both = "ALTER TABLE paces ADD COLUMN newer TEXT; ALTER TABLE replays ADD COLUMN newer TEXT"
        migrating = asyncio.create_task(newer.migrate_as_newer(store, newer.added(9001, both)))
        while not await other.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            await asyncio.sleep(0.01)
        await other.execute("SELECT count(*) FROM paces")  # until the migration is ended
        await replica.commit()
        await migrating
        assert await other.fetchval("SELECT count(*) FROM schema_migrations WHERE number = 9001") == 1
    finally:
        await other.close()
        await store.close()


async def test_a_migration_that_was_edited_after_it_ran_is_refused(database_url: str) -> None:
    store = await Store.open(database_url)
    await store.migrate()
    async with store.write() as session:
        await session.execute(sql("UPDATE schema_migrations SET checksum = 'other' WHERE number = 1"))
    for look in (store.migrate, store.pending_migrations):
        with pytest.raises(MigrationError, match="0001_first_orders was changed after it ran"):
            await look()
    await store.close()


async def test_a_database_of_a_newer_version_is_refused_and_says_what_to_do(database_url: str) -> None:
    store = await Store.open(database_url)
    await store.migrate()
    async with store.write() as session:
        await session.execute(
            sql(
                "INSERT INTO schema_migrations (number, name, checksum, applied_at) "
                "SELECT 9999, '9999_next', 'x', applied_at FROM schema_migrations WHERE number = 1"
            )
        )
    with pytest.raises(MigrationError, match=r"migration 9999_next, which this version .* Install the version"):
        await store.migrate()
    await store.close()


def test_no_two_migrations_have_one_number() -> None:
    numbers = [m.number for m in migrations()]
    assert numbers == sorted(set(numbers))
    assert numbers[0] == 1
