"""Reads the payloads of shipments that an older version stored, so that lists and searches find them."""

from __future__ import annotations

import json

from awbridge.clickpost.orders.order_facts import is_cod, phone_tail
from awbridge.clickpost.wire.lenient_json import as_object
from awbridge.store import Store
from awbridge.store.orders import shipments

BATCH = 500


async def index_unread(*, store: Store) -> int:
    """Read up to BATCH payloads; how many. 0 once every shipment has been read."""
    async with store.read() as session:
        unread = await shipments.unread(session, limit=BATCH)
    if not unread:
        return 0
    rows = [(shard, reference, *_facts(payload)) for shard, reference, payload in unread]
    await shipments.set_read(store, rows)
    return len(rows)


def _facts(text: str) -> tuple[str, bool]:
    try:
        payload = as_object(json.loads(text))
    except ValueError:
        payload = {}
    return phone_tail(payload), is_cod(payload)
