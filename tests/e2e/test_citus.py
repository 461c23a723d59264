"""Citus, distributed by schema: each schema migrates and carries a parcel through, whatever node it is on.

All but the last test are skipped also where CI is set: Debian has no Citus, so the CI has none. What Citus refuses is
kept out of the statements by tests/store/engine/test_portable_sql.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest

from awbridge.store import Store
from awbridge.store.engine.columns import in_columns
from awbridge.store.engine.queries import parse
from tests.e2e.test_growth import site
from tests.e2e.test_restored import until
from tests.support.app import web_on
from tests.support.journey import bridge_on
from tests.support.postgres import PostgresServer, postgres_server
from tests.support.rows import fetch
from tests.support.statements import statement_files

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

SCHEMAS = ("account_india", "account_gulf")
SHOWN = ("/", "/shipments", "/shipments/R-1", "/shipments.csv", "/v1/shipments", "/v1/coverage", "/metrics")
DELIVERED, PICKED_UP = 8, 4
NODES = "SELECT DISTINCT nodeport FROM citus_shards"


def citus_of(postgres: PostgresServer) -> str:
    """The version of Citus that is installed beside this server; skips the test without one."""
    with psycopg.connect(postgres.url()) as connection:
        row = connection.execute("SELECT default_version FROM pg_available_extensions WHERE name = 'citus'").fetchone()
    if row is None:
        pytest.skip("Citus is not installed: neither Debian nor this project has it")
    return str(row[0])


@contextmanager
def citus_cluster() -> Iterator[list[PostgresServer]]:
    """A coordinator and two workers, set up as growth.md says; accounts are created at the coordinator's URL."""
    with ExitStack() as stack:
        settings = ("shared_preload_libraries=citus", "citus.node_conninfo=sslmode=disable", "wal_level=logical")
        new = (postgres_server(settings=settings) for _ in range(3))
        servers = [stack.enter_context(server) for server in new]
        for server in servers:
            server.execute(server.url(), "CREATE EXTENSION citus")
        coordinator, *workers = servers
        run = partial(coordinator.execute, coordinator.url())
        run(f"SELECT citus_set_coordinator_host('127.0.0.1', {coordinator.port})")
        for worker in workers:
            run(f"SELECT citus_add_node('127.0.0.1', {worker.port})")
        for setting in ("enable_schema_based_sharding = on", "override_table_visibility = off"):
            run(f"ALTER DATABASE postgres SET citus.{setting}")
        yield servers


def rows(server: PostgresServer, sql: str) -> list[tuple[Any, ...]]:
    """What a statement returns there."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        return connection.execute(sql).fetchall()


async def a_parcel_is_carried_through(url: str, schema: str) -> None:
    """Migrated, ordered, pushed, told of by webhooks, messaged, and shown; by both accounts under the same numbers."""
    store = await Store.open(url, schema=schema)
    try:
        await store.migrate()
        async with bridge_on(store) as bridge:
            await bridge.order("R-1", "R-2")
            await bridge.push()
            for code in (PICKED_UP, DELIVERED):
                await bridge.hear("AWB-R-1", code)
            await bridge.tell()
            assert bridge.sms.messages
        shown = await fetch(store, "SELECT reference_number, state, final FROM shipments ORDER BY reference_number")
        assert [(r["reference_number"], r["state"], bool(r["final"])) for r in shown] == [
            ("R-1", "placed", True),
            ("R-2", "placed", False),
        ]
        async with web_on(store) as web:
            for path in SHOWN:
                assert (await web.http.get(path)).status_code == 200, path
    finally:
        await store.close()


async def test_accounts_in_schemas_that_citus_distributes_do_not_notice(postgres: PostgresServer) -> None:
    citus_of(postgres)
    with citus_cluster() as servers:
        url = servers[0].url()
        for schema in SCHEMAS:
            await a_parcel_is_carried_through(url, schema)
        assert rows(servers[0], "SELECT schema_name::text FROM citus_schemas ORDER BY 1") == [*zip(sorted(SCHEMAS))]
        assert {port for (port,) in rows(servers[0], NODES)} == {worker.port for worker in servers[1:]}


async def test_citus_runs_every_statement(postgres: PostgresServer) -> None:
    citus_of(postgres)
    refused: dict[str, str] = {}
    with citus_cluster() as servers:
        store = await Store.open(servers[0].url(), schema=SCHEMAS[0])
        await store.migrate()
        await store.close()
        connection = await asyncpg.connect(servers[0].url(), server_settings={"search_path": SCHEMAS[0]})
        try:
            for name, sql in statements_to_run():
                statement = await connection.prepare(sql)
                given = [[] if kind.kind == "array" else None for kind in statement.get_parameters()]
                transaction = connection.transaction()
                await transaction.start()
                try:
                    await statement.fetch(*given)
                except asyncpg.IntegrityConstraintViolationError:  # it was planned, and its row refused
                    pass
                except asyncpg.PostgresError as error:
                    refused[name] = str(error)
                await transaction.rollback()
        finally:
            await connection.close()
    assert refused == {}


def statements_to_run() -> Iterator[tuple[str, str]]:
    """Every statement of the store, in each form that it is sent in."""
    for module, file in statement_files().items():
        for name, statement in parse(file.read_text()).items():
            sql = statement.postgres
            if not sql or module == "matching" or name in {"make_history", "lock"}:
                continue
            yield f"{module}.{name}", sql
            if (joined := in_columns(sql, [(1,) * sql.count("$")])[0]) != sql:
                yield f"{module}.{name}, joined", joined


async def test_an_account_moves_to_citus_from_one_worker_to_another_and_back(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    citus_of(postgres)
    async with site(postgres, tmp_path) as moved:
        with citus_cluster() as (coordinator, *workers):
            await moved.orders()
            await moved.move(coordinator.url())
            await moved.orders()
            # Under way meanwhile: statements wait for the end of the move, or are repeated.
            [(before,)] = rows(coordinator, NODES)
            [there] = [worker.port for worker in workers if worker.port != before]
            await asyncio.to_thread(
                rows, coordinator, f"SELECT citus_schema_move('account_gulf', '127.0.0.1', {there})"
            )
            assert rows(coordinator, NODES) == [(there,)]
            await moved.orders()
            assert f"keeps the schema account_gulf on 127.0.0.1:{there}" in await moved.doctor()
            home = moved.env["AWBRIDGE_DATABASE_URL"]
            postgres.execute(home, "DROP SCHEMA account_gulf CASCADE")
            await moved.move(home)
            await moved.orders()
        await moved.drill.settle()
        await until(lambda: not moved.drill.differences(), "differences stay")


async def test_the_same_in_a_plain_schema(postgres: PostgresServer) -> None:
    """What the test above asks of Citus, so that it is known to be right where there is none."""
    await a_parcel_is_carried_through(await postgres.new_database(), SCHEMAS[0])
