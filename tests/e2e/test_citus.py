"""Citus, distributed by schema: each schema migrates and carries a parcel through, whatever node it is on.

The one test that is skipped also where CI is set: Debian has no Citus, so the CI has none. What Citus refuses is kept
out of the statements by tests/store/engine/test_portable_sql.py.
"""

from __future__ import annotations

import asyncpg
import psycopg
import pytest

from awbridge.store import Store
from tests.support.app import web_on
from tests.support.journey import bridge_on
from tests.support.postgres import PostgresServer, postgres_server
from tests.support.rows import fetch

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

SCHEMAS = ("account_india", "account_gulf")
SHOWN = ("/", "/shipments", "/shipments/R-1", "/shipments.csv", "/v1/shipments", "/v1/coverage", "/metrics")
DELIVERED, PICKED_UP = 8, 4


def citus_of(postgres: PostgresServer) -> str:
    """The version of Citus that is installed beside this server; skips the test without one."""
    with psycopg.connect(postgres.url()) as connection:
        row = connection.execute("SELECT default_version FROM pg_available_extensions WHERE name = 'citus'").fetchone()
    if row is None:
        pytest.skip("Citus is not installed: neither Debian nor this project has it")
    return str(row[0])


async def with_citus(server: PostgresServer) -> str:
    """The URL of a database that Citus distributes by schema, on a coordinator that is its own worker."""
    url = await server.new_database()
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("CREATE EXTENSION citus")
        await connection.execute(f"SELECT citus_set_coordinator_host('127.0.0.1', {server.port})")
        await connection.execute(
            f"SELECT citus_set_node_property('127.0.0.1', {server.port}, 'shouldhaveshards', true)"
        )
        name = url.rpartition("/")[2]
        for setting in ("enable_schema_based_sharding = on", "override_table_visibility = off"):
            await connection.execute(f"ALTER DATABASE {name} SET citus.{setting}")
    finally:
        await connection.close()
    return url


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
    with postgres_server(settings=["shared_preload_libraries=citus"]) as server:
        url = await with_citus(server)
        for schema in SCHEMAS:
            await a_parcel_is_carried_through(url, schema)
        connection = await asyncpg.connect(url)
        try:
            distributed = await connection.fetch("SELECT schema_name::text FROM citus_schemas ORDER BY 1")
        finally:
            await connection.close()
    assert [row["schema_name"] for row in distributed] == sorted(SCHEMAS)


async def test_the_same_in_a_plain_schema(postgres: PostgresServer) -> None:
    """What the test above asks of Citus, so that it is known to be right where there is none."""
    await a_parcel_is_carried_through(await postgres.new_database(), SCHEMAS[0])
