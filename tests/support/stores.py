"""A store on each engine for tests that only need it empty: a copied SQLite file, or one emptied PostgreSQL database.

Making and migrating a database of its own for each of several hundred tests costs minutes and gigabytes.

A newer version has migrated it, with columns that this one does not know in every table. So all these tests run on what
an old replica meets during an upgrade; those of whole processes run on the schema as it is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from awbridge.store import Store
from awbridge.store.engine.connections.servers import Servers
from awbridge.store.engine.detect import pooler
from tests.support import newer
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
        "inbox_batches",
        "arrivals",
        "paces",
    ),
    *("courier_warnings", "courier_comparisons", "allocation_rules"),
    *("archive_files", "runs", "reports", "erasures", "clock_marks", "figure_samples", "saved_views", "processes"),
    *("update_sources", "promises", "replays"),
    *("labels", "print_runs", "print_lines", "manifests", "manifest_lines"),
    *("reconciliations", "reconciliation_files", "differences"),
    *("people", "sessions", "api_keys", "audit_log"),
    *("account_wakes", "account_figures"),
    *("track_links", "track_link_progress"),
    *("customer_answers", "answer_tries"),
    "restores",
    "accounts",
)

_emptied: dict[int, str] = {}  # a server's port -> its database for these tests
_made: dict[str, bytes] = {}  # the SQLite files that were created once, by kind

# For tests in which the engine plays no part, or which only one engine can show.
sqlite_only = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
postgres_only = pytest.mark.parametrize("store_url", ["postgres"], indirect=True)


async def migrate(url: str) -> str:
    """The URL, once its database is migrated."""
    opened = await Store.open(url)
    await opened.migrate()
    await opened.close()
    return url


async def migrated_file(folder: Path, name: str = "awbridge.db") -> str:
    """The URL of a migrated SQLite file in this folder: a copy, as every migration again takes 0.2 s."""
    return await _copied("migrated", migrate, folder / name)


async def _copied(kind: str, make: Callable[[str], Awaitable[str]], path: Path) -> str:
    if kind not in _made:
        await make(f"sqlite:///{path}")
        _made[kind] = path.read_bytes()
    path.write_bytes(_made[kind])
    return f"sqlite:///{path}"


async def _emptied_database(server: PostgresServer) -> str:
    if server.port not in _emptied:
        url = _emptied[server.port] = await newer.make(await server.new_database())
        # Half of the server's time was the planning of statements that a test runs two or three times.
        server.execute(url, f"ALTER DATABASE {url.rpartition('/')[2]} SET plan_cache_mode = force_generic_plan")
        server.execute(url, _EMPTYING)
        return url
    server.execute(_emptied[server.port], "CALL emptying.all_tables()")
    return _emptied[server.port]


# Most tables are empty after a test. The procedure, whose plans the session keeps, looks at those and deletes nothing.
_EMPTYING = f"""
CREATE SCHEMA emptying;
CREATE PROCEDURE emptying.all_tables() LANGUAGE plpgsql AS $$ BEGIN
{"".join(f"IF EXISTS (SELECT FROM public.{table}) THEN DELETE FROM public.{table}; END IF;" for table in TABLES)}
END $$
"""


@pytest.fixture(params=["sqlite", "postgres"])
async def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without rows, on each engine: one that a newer version has migrated (newer.py)."""
    return await _without_rows(request, tmp_path)


@pytest.fixture(name="store_url", params=["sqlite"])
async def store_url_of_web(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """In place of `store_url` for tests of what the web shows and takes, which is the same on each engine.

    The steps and the store under it are tested on each. So is every GET of pages and API, by
    tests/web/access/test_viewers_see_nobody.py. A test that needs PostgreSQL says `postgres_only`.
    """
    return await _without_rows(request, tmp_path)


async def _without_rows(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return await _copied("newer", newer.make, tmp_path / "awbridge.db")
    return await _emptied_database(request.getfixturevalue("postgres"))


async def open_directly(url: str, *, connections: int = 10, schema: str = "", servers: Servers | None = None) -> Store:
    """Open a store without the connection that checks for a pooler: there is none, and it costs 12 ms per test."""

    async def none(*_: object, **__: object) -> pooler.Pooling:
        return pooler.Pooling.NONE

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pooler, "find", none)
        return await Store.open(url, connections=connections, schema=schema, servers=servers)


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An empty store on each engine."""
    opened = await open_directly(store_url)
    yield opened
    await opened.close()
