"""What every test may use: a store on each engine, an empty database on each, the servers behind them."""

from __future__ import annotations

import gc
import logging
import os
import re
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from tests.support import vendor_files
from tests.support.filling import filled
from tests.support.postgres import PostgresServer, find_binaries, postgres_server
from tests.support.s3 import S3Server, s3_server
from tests.support.stores import store, store_url

__all__ = ["database_url", "filled", "postgres", "s3", "store", "store_url"]

settings.register_profile("quick", max_examples=10)

_MAY_BE_SLOW = re.compile(r"\bslow\b|\bs3\b")  # that mark, or the server whose tests get it
_MARKED_AS_A_WHOLE = re.compile(r"^pytestmark = \[?\s*pytest\.mark\.(\w+)", re.MULTILINE)


def pytest_configure() -> None:
    """Tracebacks in the log are plain, as those of the service: pretty ones take a fifth of a second each."""
    *others, _ = structlog.get_config()["processors"]
    shown = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*others, shown])


@pytest.fixture(autouse=True)
def log_configuration() -> Iterator[None]:
    """Each test starts with the same log configuration, whatever a command set up before it in this process."""
    before, handlers = structlog.get_config(), logging.getLogger().handlers[:]
    yield
    structlog.configure(**before)
    logging.getLogger().handlers[:] = handlers


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A file of nothing but what a run leaves out is not imported: that alone took each worker seconds."""
    if collection_path.suffix != ".py" or not (left_out := config.getoption("markexpr")):
        return None
    text = collection_path.read_text("utf-8")
    if left_out == "slow":
        return _MAY_BE_SLOW.search(text) is None or None
    marked = _MARKED_AS_A_WHOLE.search(text)
    return (marked and f"not {marked[1]}" in left_out.split(" and ")) or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What a quick run does without is marked: PostgreSQL, as SQLite runs the same tests, and a real S3 server."""
    for item in items:
        callspec = getattr(item, "callspec", None)
        given = callspec.params.values() if callspec else ()
        if "postgres" in given or "postgres" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.postgres)
        if "s3" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Garbage is not collected during collection, nor among its result: nearly all of these objects stay in use."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(20_000, 50, 100)
        gc.enable()


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
    """The vendor's OpenAPI files are at hand."""
    if vendor_files.folder() is None:
        missing = "the vendor's OpenAPI files are not here: neither AWBRIDGE_VENDOR_OPENAPI nor ../shared/vendor"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """One S3-compatible server for the whole run. Who stops it starts it again."""
    with s3_server() as server:
        yield server
