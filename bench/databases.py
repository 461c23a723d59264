"""Databases for the benchmarks: migrated, and filled with shipments that the load tells of."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import islice

from awbridge.demo import demo_order
from awbridge.domain.shipment import shard_of
from awbridge.store import Store
from awbridge.store.queries import parse

CHUNK = 10_000  # rows a statement

_SQL = parse("""
-- name: shipments
INSERT INTO shipments (shard, reference_number, order_id, courier_partner_id, region, delivery_type, payload, state,
  success, no_of_retries, cancel_tries, waybill, status_step, final, created_at, updated_at)
{{postgres: SELECT shard, reference_number, reference_number, 4, 'india', 'FORWARD', payload, 'placed', TRUE, 0, 0,
  waybill, 0, FALSE, now() - interval '1 day', now() - interval '1 day'
FROM unnest($1::smallint[], $2::text[], $3::text[], $4::text[]) AS row (shard, reference_number, waybill, payload)}}
{{sqlite: VALUES ($1, $2, $2, 4, 'india', 'FORWARD', $4, 'placed', TRUE, 0, 0, $3, 0, FALSE,
  '2026-11-01T00:00:00.000000Z', '2026-11-01T00:00:00.000000Z')}}

-- name: waybills
INSERT INTO waybills (shard, waybill, courier_partner_id, reference_number, kind, created_at)
{{postgres: SELECT shard, waybill, 4, reference_number, 'main', now() - interval '1 day'
FROM unnest($1::smallint[], $2::text[], $3::text[]) AS row (shard, waybill, reference_number)}}
{{sqlite: VALUES ($1, $2, 4, $3, 'main', '2026-11-01T00:00:00.000000Z')}}

-- name: identities
SELECT identity FROM inbox
""")
IDENTITIES = _SQL["identities"]


def reference(number: int) -> str:
    """The reference number of a shipment of the benchmarks."""
    return f"BENCH-{number:08d}"


def waybill(number: int) -> str:
    """Its waybill."""
    return f"46{number:08d}"


async def fill(url: str, numbers: Iterable[int]) -> None:
    """Migrate the database and store these shipments, registered and without a scan."""
    payload = json.dumps(demo_order(1, 1))
    store = await Store.open(url)
    try:
        await store.migrate()
        left = iter(numbers)
        while chunk := list(islice(left, CHUNK)):
            named = [(reference(n), waybill(n)) for n in chunk]
            async with store.write() as session:
                rows = [(shard_of(r), r, w, payload) for r, w in named]
                await session.write_rows(_SQL["shipments"], rows)
                await session.write_rows(_SQL["waybills"], [(shard_of(w), w, r) for r, w in named])
    finally:
        await store.close()
