"""Calls, events and deliveries of several months, and the partitions in which they are."""

from __future__ import annotations

from datetime import datetime

from awbridge.store import Store
from awbridge.store.engine import partitions
from awbridge.store.engine.ids import first_id
from awbridge.store.engine.partitions import KEYS
from tests.support.rows import fetch, sql

_CALLS = """
INSERT INTO attempts (shard, id, reference_number, api, method, url, request, response, error, outcome, ms, made_at,
  archive_file)
SELECT n % 64, $1::bigint + n * 1024, 'R' || n, 'create-order', 'POST', '', repeat('x', 900), '', '', 'placed', 1,
  $2::timestamptz, $4::bigint
FROM generate_series(1, $3::bigint) AS n
"""
_EVENTS = """
INSERT INTO events (shard, id, reference_number, kind, body, created_at)
SELECT n % 64, $1::bigint + n * 1024, 'R' || n, 'shipment.placed', repeat('x', 900), $2
FROM generate_series(1, $3::bigint) AS n
"""
_DELIVERIES = """
INSERT INTO event_deliveries (shard, event_id, endpoint_id, state, tries, updated_at)
SELECT n % 64, $1::bigint + n * 1024, 1, $4::text, 1, $2 FROM generate_series(1, $3::bigint) AS n
"""
_ENDPOINT = """
INSERT INTO endpoints (id, url, kinds, secret, enabled, created_at, updated_at)
VALUES (1, 'http://127.0.0.1/', '', 'x', TRUE, $1, $1) ON CONFLICT DO NOTHING
"""
_PLACES = "SELECT tableoid::regclass::text AS part, COUNT(*) AS n FROM {} GROUP BY 1"


async def add_month(
    store: Store, at: datetime, rows: int = 3, *, archive_file: int | None = 0, state: str = "delivered"
) -> None:
    """Rows of each table with ids from this moment on."""
    first = first_id(at)
    async with store.write() as session:
        await session.execute(sql(_CALLS), first, at, rows, archive_file)
        await session.execute(sql(_ENDPOINT), at)
        await session.execute(sql(_EVENTS), first, at, rows)
        await session.execute(sql(_DELIVERIES), first, at, rows, state)


async def parts(store: Store, table: str) -> list[str]:
    """The names of the partitions of a table, the oldest first, without the table's own."""
    async with store.read() as session:
        return [part.name.removeprefix(table) for part in (await partitions.listed(session, [table]))[table]]


async def places(store: Store, table: str) -> dict[str, int]:
    """How many rows each partition of a table has, by its name without the table's."""
    return {row["part"].removeprefix(table): row["n"] for row in await fetch(store, _PLACES.format(table))}


async def rows_of_all(store: Store) -> dict[str, int]:
    """How many rows each of the tables has."""
    return {table: sum((await places(store, table)).values()) for table in KEYS}


async def forget_months(store: Store) -> None:
    """Leave each table its default partition alone, as tests that share the database expect."""
    async with store.write() as session:
        found = await partitions.listed(session, list(KEYS))
        for part in (part for some in found.values() for part in some if not part.is_default):
            await session.script(f"DROP TABLE {part.quoted}")
