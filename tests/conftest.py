"""What every test may use: a store on each database."""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from awbridge.store import Store
from tests.support import vendor_files
from tests.support.postgres import PostgresServer, find_binaries, postgres_server
from tests.support.s3 import S3Server, s3_server

_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs PostgreSQL is marked so, that a quick run may do without: SQLite runs the same tests."""
    for item in items:
        callspec = getattr(item, "callspec", None)
        given = callspec.params.values() if callspec else ()
        if "postgres" in given or "postgres" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.postgres)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One PostgreSQL server for the whole run."""
    if find_binaries() is None and not os.environ.get("CI"):
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    with postgres_server() as server:
        yield server


async def new_database(server: PostgresServer) -> str:
    """A fresh database's URL."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    connection = await asyncpg.connect(server.url())
    try:
        await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    return server.url(name)


@pytest.fixture(params=["sqlite", "postgres"])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a fresh, empty database, on each engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/awbridge.db"
    return await new_database(request.getfixturevalue("postgres"))


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """A migrated store on each engine."""
    opened = await Store.open(database_url)
    await opened.migrate()
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def the_vendors_files() -> None:
    """The vendor's OpenAPI files are at hand."""
    if vendor_files.folder() is None:
        missing = "the vendor's OpenAPI files are not here: neither AWBRIDGE_VENDOR_OPENAPI nor ../shared/vendor"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """One S3-compatible server for the whole run. Who stops it starts it again."""
    with s3_server() as server:
        yield server
