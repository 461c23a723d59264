"""What every test may use: a store on each engine, an empty database on each, the servers behind them."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.support import fork_server, vendor_files
from tests.support.filling import filled
from tests.support.postgres import PostgresServer, find_binaries, postgres_server
from tests.support.s3 import S3Server, s3_server
from tests.support.stores import store, store_url

__all__ = ["database_url", "filled", "postgres", "s3", "store", "store_url"]


def pytest_configure() -> None:
    """Tracebacks in the log are plain, as those of the service: pretty ones take a fifth of a second each."""
    *others, _ = structlog.get_config()["processors"]
    shown = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*others, shown])


def pytest_unconfigure() -> None:
    """No process outlives the tests."""
    fork_server.stop()


@pytest.fixture(autouse=True)
def log_configuration() -> Iterator[None]:
    """Each test starts with the same log configuration, whatever a command set up before it in this process."""
    before, handlers = structlog.get_config(), logging.getLogger().handlers[:]
    yield
    logging.captureWarnings(False)  # pytest has undone the rest of it: a second time it would do nothing
    structlog.configure(**before)
    logging.getLogger().handlers[:] = handlers


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One PostgreSQL server for the whole run."""
    if find_binaries() is None and not os.environ.get("CI"):
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a fresh, empty database, on each engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/awbridge.db"
    return await request.getfixturevalue("postgres").new_database()


@pytest.fixture(scope="session")
def the_vendors_files() -> None:
    """The vendor's OpenAPI files are at hand. Where they are named they must be there; else the test is skipped."""
    if vendor_files.folder() is None:
        if vendor_files.named():
            pytest.fail(f"CLICKPOST_OPENAPI_DIR names {vendor_files.named()}, which has none of ClickPost's files")
        pytest.skip("ClickPost's OpenAPI files are not here: neither CLICKPOST_OPENAPI_DIR nor ../shared/vendor")


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """One S3-compatible server for the whole run. Who stops it starts it again."""
    with s3_server() as server:
        yield server
