"""A store on each engine for tests that only need it empty: a copied SQLite file, or one emptied PostgreSQL database.

Making and migrating a database of its own for each of several hundred tests costs minutes and gigabytes.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from awbridge.store import Store
from tests.conftest import new_database

TABLES = (
    *("milestones", "notices", "opt_outs", "endpoints", "events", "event_deliveries", "alarms", "digests"),
    *("shipments", "waybills", "attempts", "actions", "inbox", "scans", "payload_versions"),
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
_migrated_files: list[Path] = []

# For tests in which the engine plays no part, or which only one engine can show.
sqlite_only = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
postgres_only = pytest.mark.parametrize("store_url", ["postgres"], indirect=True)


async def _migrate(url: str) -> str:
    opened = await Store.open(url)
    await opened.migrate()
    await opened.close()
    return url


@pytest.fixture(params=["sqlite", "postgres"])
async def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a migrated database without rows, on each engine."""
    if request.param == "sqlite":
        if not _migrated_files:
            path = request.getfixturevalue("tmp_path_factory").mktemp("sqlite") / "empty.db"
            await _migrate(f"sqlite:///{path}")
            _migrated_files.append(path)
        shutil.copy(_migrated_files[0], tmp_path / "awbridge.db")
        return f"sqlite:///{tmp_path}/awbridge.db"
    server = request.getfixturevalue("postgres")
    if server.port not in _emptied:
        _emptied[server.port] = await _migrate(await new_database(server))
        return _emptied[server.port]
    connection = await asyncpg.connect(_emptied[server.port])
    await connection.execute(";".join(f"DELETE FROM {table}" for table in TABLES))
    await connection.close()
    return _emptied[server.port]


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """A migrated, empty store on each engine."""
    opened = await Store.open(store_url)
    yield opened
    await opened.close()
