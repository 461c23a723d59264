"""A store on each engine for tests that only need it empty: a new SQLite file, or the one PostgreSQL database emptied.

Making a database of its own for each of several hundred tests costs PostgreSQL minutes and gigabytes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from awbridge.store import Store
from tests.conftest import new_database

TABLES = (
    "shipments", "waybills", "attempts", "inbox", "scans", "courier_accounts", "catch_up_windows", "webhook_keys"
)  # fmt: skip

_shared: dict[int, str] = {}


@pytest.fixture(params=["sqlite", "postgres"])
async def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a migrated database without rows, on each engine."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/awbridge.db"
        fresh = True
    else:
        server = request.getfixturevalue("postgres")
        fresh = server.port not in _shared
        url = _shared.get(server.port) or await new_database(server)
        _shared[server.port] = url
    opened = await Store.open(url)
    if fresh:
        await opened.migrate()
    else:
        async with opened.write() as session:
            await session.script(";".join(f"DELETE FROM {table}" for table in TABLES))
    await opened.close()
    return url


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """A migrated, empty store on each engine."""
    opened = await Store.open(store_url)
    yield opened
    await opened.close()
