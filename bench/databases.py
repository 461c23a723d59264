"""Databases for the benchmarks: migrated, and filled with shipments to track or to push."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from tests.support.postgres import find_binaries, postgres_server

from awbridge.domain.orders.shipment import NORMAL, URGENT, account_key, shard_of
from awbridge.rehearsal.demo_orders import demo_order
from awbridge.store import Store
from awbridge.store.couriers import accounts
from awbridge.store.engine.queries import parse

CHUNK = 10_000  # rows per statement
ACCOUNTS = [(4, f"account {n}") for n in range(8)]  # (courier partner, account code) in the queue
URGENT_EVERY = 50  # one order in so many is urgent

_SQL = parse("""
-- name: shipments
-- `code`: the status of their last scan, yesterday; NULL where nothing was heard of them yet. Nobody is late or stuck:
-- a million alarms are not what is measured.
INSERT INTO shipments (shard, reference_number, order_id, courier_partner_id, region, delivery_type, payload, state,
  success, no_of_retries, cancel_tries, waybill, status_step, final, created_at, updated_at, status_code, status_at,
  status_bucket, last_tracked_at, next_poll_at)
{{postgres: SELECT shard, reference_number, reference_number, 4, 'india', 'FORWARD', payload, 'placed', TRUE, 0, 0,
  waybill, CASE WHEN code IS NULL THEN 0 ELSE 50 END, FALSE, now() - interval '10 days', now() - interval '1 day',
  code, CASE WHEN code IS NOT NULL THEN current_date - 1 END, CASE WHEN code IS NOT NULL THEN 3 END,
  CASE WHEN code IS NOT NULL THEN current_date - 1 END,
  CASE WHEN code IS NOT NULL THEN now() + interval '1 day' END
FROM unnest($1::smallint[], $2::text[], $3::text[], $4::text[], $5::integer[])
  AS row (shard, reference_number, waybill, payload, code)}}
{{sqlite: VALUES ($1, $2, $2, 4, 'india', 'FORWARD', $4, 'placed', TRUE, 0, 0, $3,
  CASE WHEN $5 IS NULL THEN 0 ELSE 50 END, FALSE, '2026-11-01T00:00:00.000000Z', '2026-11-01T00:00:00.000000Z', $5,
  CASE WHEN $5 IS NOT NULL THEN strftime('%Y-%m-%dT00:00:00.000000Z', 'now', '-1 day') END,
  CASE WHEN $5 IS NOT NULL THEN 3 END,
  CASE WHEN $5 IS NOT NULL THEN strftime('%Y-%m-%dT00:00:00.000000Z', 'now', '-1 day') END, NULL)}}

-- name: waybills
INSERT INTO waybills (shard, waybill, courier_partner_id, reference_number, kind, created_at)
{{postgres: SELECT shard, waybill, 4, reference_number, 'main', now() - interval '1 day'
FROM unnest($1::smallint[], $2::text[], $3::text[]) AS row (shard, waybill, reference_number)}}
{{sqlite: VALUES ($1, $2, 4, $3, 'main', '2026-11-01T00:00:00.000000Z')}}

-- name: identities
SELECT identity FROM inbox

-- name: queue
INSERT INTO shipments (shard, reference_number, order_id, courier_partner_id, account_code, account, priority, payload,
  created_at, region, delivery_type, state, success, no_of_retries, cancel_tries, status_step, final, updated_at,
  next_try_at)
{{postgres: SELECT row.*, 'india', 'FORWARD', 'ready', FALSE, 0, 0, 0, FALSE, created_at, created_at
FROM unnest($1::smallint[], $2::text[], $3::text[], $4::integer[], $5::text[], $6::text[], $7::smallint[], $8::text[],
  $9::timestamptz[]) AS row (shard, reference_number, order_id, courier, code, account, priority, payload, created_at)}}
{{sqlite: VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'india', 'FORWARD', 'ready', FALSE, 0, 0, 0, FALSE, $9, $9)}}
""")
IDENTITIES = _SQL["identities"]


def reference(number: int) -> str:
    """The reference number of a benchmark shipment."""
    return f"BENCH-{number:08d}"


def waybill(number: int) -> str:
    """Its waybill."""
    return f"46{number:08d}"


async def fill(url: str, numbers: Iterable[int], *, code: int | None = None) -> None:
    """Migrate the database and store these shipments, registered and without a scan.

    With a `code`, their rows have the status that ten scans would give them; the caller stores the scans.
    """
    store = await Store.open(url)
    try:
        await store.migrate()
        await fill_store(store, numbers, code=code)
    finally:
        await store.close()


async def fill_store(store: Store, numbers: Iterable[int], *, code: int | None = None) -> None:
    """The same in a database that is open and migrated."""
    payload = json.dumps(demo_order(1, 1))
    left = iter(numbers)
    while chunk := list(islice(left, CHUNK)):
        named = [(reference(n), waybill(n)) for n in chunk]
        async with store.write() as session:
            rows = [(shard_of(r), r, w, payload, code) for r, w in named]
            await session.write_rows(_SQL["shipments"], rows)
            await session.write_rows(_SQL["waybills"], [(shard_of(w), w, r) for r, w in named])


async def index(store: Store) -> None:
    """Do what the service does once with the rows of an older version, so that it is not measured."""
    from awbridge.steps.customer_page.link_shipments import link_shipments  # earlier builds lack it
    from awbridge.steps.orders.index_orders import index_unread

    while await index_unread(store=store):
        pass
    while await link_shipments(store=store, clock=lambda: datetime.now(UTC)):
        pass


async def fill_indexed(url: str, numbers: Iterable[int]) -> None:
    """Fill a database as `fill` does, and index its rows."""
    await fill(url, numbers)
    store = await Store.open(url)
    try:
        await index(store)
    finally:
        await store.close()


async def queue(
    store: Store, numbers: Iterable[int], of: Sequence[tuple[int, str]] = ACCOUNTS, *, urgent_every: int = URGENT_EVERY
) -> None:
    """Store these orders of several accounts as ready to push, lower numbers first, bypassing intake for speed."""
    begin = datetime.now(UTC) - timedelta(days=1)
    async with store.write() as session:
        await accounts.ensure(session, of)
    left = iter(numbers)
    while chunk := list(islice(left, CHUNK)):
        async with store.write() as session:
            await session.write_rows(_SQL["queue"], [_queued(n, begin, of[n % len(of)], urgent_every) for n in chunk])


def _queued(number: int, begin: datetime, of: tuple[int, str], urgent_every: int) -> tuple[object, ...]:
    named, (courier, code) = reference(number), of
    order = demo_order(number, 1)
    order["shipment_details"] |= {"reference_number": named, "courier_partner": courier, "account_code": code}
    del order["transporter"]
    return (
        shard_of(named),
        named,
        order["shipment_details"]["order_id"],
        courier,
        code,
        account_key(courier, code),
        NORMAL if number % urgent_every else URGENT,
        json.dumps(order),
        begin + timedelta(milliseconds=10 * number),
    )


@contextmanager
def both(folder: Path, name: str) -> Generator[dict[str, str]]:
    """An empty database of each engine, PostgreSQL only if installed: engine -> URL."""
    urls = {"SQLite": f"sqlite:///{folder}/{name}.db"}
    if not find_binaries():
        yield urls
        return
    with postgres_server() as server:
        command = [str(server.binaries / "createdb"), "-h", "127.0.0.1", "-p", str(server.port), "-U", "awbridge", name]
        subprocess.run(command, check=True)
        yield urls | {"PostgreSQL": server.url(name)}
