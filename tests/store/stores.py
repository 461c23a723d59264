"""A store on each engine for tests that only need it empty: a copied SQLite file, or one emptied PostgreSQL database.

Making and migrating a database of its own for each of several hundred tests costs minutes and gigabytes.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from awbridge.store import Store
from tests.support.postgres import PostgresServer

TABLES = (
    *("milestones", "notices", "opt_outs", "endpoints", "events", "event_deliveries", "alarms", "digests"),
    *("shipments", "waybills", "reused_waybills", "attempts", "actions", "inbox", "scans", "payload_versions"),
    *(
        "courier_accounts",
        "account_states",
        "downtimes",
        "catch_up_windows",
        "webhook_keys",
        "webhook_refusals",
        "arrivals",
        "paces",
    ),
    *("courier_warnings", "courier_comparisons", "allocation_rules"),
    *("archive_files", "runs", "reports", "erasures"),
    *("tellings", "promises", "replays"),
    *("reconciliations", "reconciliation_files", "differences"),
)

_emptied: dict[int, str] = {}  # a server's port -> its database for these tests
_migrated: list[bytes] = []  # the one file that was migrated

# For tests in which the engine plays no part, or which only one engine can show.
sqlite_only = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
postgres_only = pytest.mark.parametrize("store_url", ["postgres"], indirect=True)


# Set, each table has one more column than this version knows: that of a newer one, whose migration ran already.
NEWER_SCHEMA = "AWBRIDGE_TESTS_NEWER_SCHEMA"


async def migrate(url: str) -> str:
    """The URL, once its database is migrated."""
    opened = await Store.open(url)
    await opened.migrate()
    if os.environ.get(NEWER_SCHEMA):
        async with opened.write() as session:
            for table in (*TABLES, "schema_migrations"):
                await session.script(f"ALTER TABLE {table} ADD COLUMN of_a_newer_version TEXT")
    await opened.close()
    return url


async def migrated_file(folder: Path) -> str:
    """The URL of a migrated SQLite file in this folder."""
    path = folder / "awbridge.db"
    if not _migrated:
        await migrate(f"sqlite:///{path}")
        _migrated.append(path.read_bytes())
    path.write_bytes(_migrated[0])
    return f"sqlite:///{path}"


async def _emptied_database(server: PostgresServer) -> str:
    if server.port not in _emptied:
        _emptied[server.port] = await migrate(await server.new_database())
        return _emptied[server.port]
    connection = await asyncpg.connect(_emptied[server.port])
    await connection.execute(";".join(f"DELETE FROM {table}" for table in TABLES))
    await connection.close()
    return _emptied[server.port]


@pytest.fixture(params=["sqlite", "postgres"])
async def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a migrated database without rows, on each engine."""
    if request.param == "sqlite":
        return await migrated_file(tmp_path)
    return await _emptied_database(request.getfixturevalue("postgres"))


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """A migrated, empty store on each engine."""
    opened = await Store.open(store_url)
    yield opened
    await opened.close()
