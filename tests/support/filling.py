"""Rows in every table of PostgreSQL, with statistics: on empty tables its planner may take any index."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from awbridge.store import Store
from awbridge.store.engine import partitions
from awbridge.store.engine.ids import first_id
from awbridge.store.engine.partitions import KEYS, Month
from tests.support.postgres import PostgresServer
from tests.support.rows import T0
from tests.support.stores import migrate, migrated_file, open_directly

ROWS = 3000  # an index pays from a few hundred on; accounts and such stay fewer, as their keys repeat
PARTS = 6  # times as many where they are spread over partitions
SOME = 0.01  # the share of rows in which a column that may be empty is not

_filled: dict[tuple[int, str], str] = {}  # a server's port, and who uses it -> its filled database

_BY_TYPE = {
    "smallint": "n % 64",
    "integer": "n",
    "bigint": "n",
    "double precision": "n",
    "boolean": "random() < 0.5",
    "bytea": "'x'::bytea",
    "text": "'R' || n",
    "timestamp with time zone": "$1::timestamptz - random() * interval '30 days'",
}
_BY_NAME = {
    "account": "(n % 10) || ':main'",
    "state": "(ARRAY['ready', 'placed', 'held', 'retrying', 'rejected', 'due', 'done'])[1 + n % 7]",
}
_BY_PLACE = {  # most of these rows are finished: tests check the plans for the few that are not
    # From before the first month that has a partition until after the last.
    **dict.fromkeys(((table, key) for table, key in KEYS.items()), "$2::bigint + n * $3::bigint"),
    ("event_deliveries", "state"): "CASE WHEN n % 50 = 0 THEN 'due' ELSE 'delivered' END",
    ("account_states", "incident"): "'breaker'",
    ("downtimes", "to_at"): "$1::timestamptz - interval '1 day'",
    ("downtimes", "weekdays"): "NULL",
    (
        "shipments",
        "state",
    ): "CASE WHEN n % 10 = 0 THEN (ARRAY['ready', 'held', 'retrying', 'rejected'])[1 + n / 10 % 4] ELSE 'placed' END",
    ("shipments", "phone_tail"): "lpad((n % 10000)::text, 4, '0')",
    ("shipments", "final"): "n % 10 > 1",
    ("notices", "state"): "CASE WHEN n % 50 = 0 THEN 'failed' ELSE 'sent' END",
    ("actions", "state"): "CASE WHEN n % 50 = 0 THEN 'refused' ELSE 'done' END",
    # What is read back as more than text.
    **{("reconciliations", column): "NULL" for column in ("columns_read", "found", "not_understood", "day")},
    ("reconciliations", "windows"): "'[]'",
    ("reconciliations", "kind"): "(ARRAY['registered', 'failures'])[1 + n % 2]",
    ("reconciliations", "source"): "'schedule'",
    ("reconciliations", "state"): "'done'",
    ("archive_files", "archived_at"): "CASE WHEN n % 50 <> 0 THEN $1::timestamptz END",
    ("runs", "finished_at"): "CASE WHEN n % 50 <> 0 THEN $1::timestamptz END",
    ("catch_up_windows", "done_at"): "CASE WHEN n % 50 <> 0 THEN $1::timestamptz END",
}


async def fill(url: str, *, now: datetime = T0) -> None:
    """Fill and analyse every table of a migrated database, with meaningless rows.

    Those that go by age have partitions of six months and the next one.
    """
    await _make_months(url, now)
    least, most = first_id(now - timedelta(days=180)), first_id(now + timedelta(days=90))
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SET session_replication_role = replica")  # foreign keys are not checked
        await connection.execute("SELECT setseed(0.5)")
        for table, columns in (await _tables(connection)).items():
            values, rows = ", ".join(columns.values()), ROWS * PARTS if table in KEYS else ROWS
            await connection.execute(
                f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM generate_series(1, {rows}) AS n, "
                "(SELECT $1::timestamptz, $2::bigint, $3::bigint) AS given ON CONFLICT DO NOTHING",
                now,
                least,
                (most - least) // (ROWS * PARTS),
            )
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


async def _make_months(url: str, now: datetime) -> None:
    store, month = await open_directly(url), Month.of(now - timedelta(days=150))
    while month.begins_at < now + timedelta(days=31):
        for table in KEYS:
            assert await partitions.make(store.database, table, month, ahead=False) is partitions.Made.MADE
        month = month.next
    await store.close()


async def _tables(connection: asyncpg.Connection[asyncpg.Record]) -> dict[str, dict[str, str]]:
    """Table -> column -> the expression of its value in row n."""
    found = await connection.fetch(
        "SELECT table_name, column_name, data_type, is_nullable = 'YES' FROM information_schema.columns "
        "WHERE table_schema = 'public' AND table_name <> 'schema_migrations' AND NOT EXISTS (SELECT 1 FROM pg_inherits "
        "WHERE inhrelid = quote_ident(table_name)::regclass) ORDER BY table_name, ordinal_position"
    )
    tables: dict[str, dict[str, str]] = {}
    for table, column, kind, may_be_empty in found:
        value = _BY_NAME.get(column, _BY_TYPE[kind])
        value = f"CASE WHEN random() < {SOME} THEN {value} END" if may_be_empty else value
        tables.setdefault(table, {})[column] = _BY_PLACE.get((table, column), value)
    return tables


async def filled_url(server: PostgresServer, *, user: str = "plans") -> str:
    """The URL of a filled database. A test that writes into it, even in a transaction, passes its own `user`."""
    if (server.port, user) not in _filled:
        url = await migrate(await server.new_database())
        await fill(url)
        _filled[server.port, user] = url
    return _filled[server.port, user]


@pytest.fixture(params=["sqlite", "postgres"])
async def filled(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """A store to query for plans. SQLite is never analysed, so its plans do not depend on the rows."""
    postgres = request.param == "postgres"
    url = await (filled_url(request.getfixturevalue("postgres")) if postgres else migrated_file(tmp_path))
    opened = await open_directly(url)
    yield opened
    await opened.close()
