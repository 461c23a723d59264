"""Gives a link to shipments that an older version stored: before the upgrade, beside it, or by its library.

Every shipment is looked at twice: soon after it was stored, and a day later, because the transaction of an order system
that stores orders with `awbridge.enqueue` may have been open for long.
"""

from __future__ import annotations

from datetime import timedelta

from awbridge.domain.customer_page.links import LAGS
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.customer_page import links
from awbridge.store.customer_page.links import Position

BATCH = 1000


async def link_shipments(*, store: Store, clock: Clock) -> int:
    """Look at up to BATCH shipments in each pass; how many. Doing it twice changes nothing."""
    return sum([await _look(store, clock, number, lag) for number, lag in LAGS.items()])


async def _look(store: Store, clock: Clock, number: int, lag: timedelta) -> int:
    settled = clock() - lag
    async with store.read() as session:
        position = await links.progress(session, number)
        found = await links.stored_after(session, position, before=settled, limit=BATCH)
    if not found or (len(found) < BATCH and found[0].created_at > settled - lag):
        return 0  # few: they wait for more, lest every order cost a transaction
    async with store.write() as session:
        await links.add_missing(session, found)
        end = Position(until_at=found[-1].created_at, reference_number=found[-1].reference_number)
        await links.set_progress(session, number, end)
    return len(found)
