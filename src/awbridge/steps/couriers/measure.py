"""MeasureCouriers: counts in the background how courier accounts perform, from the newest placed shipments."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from awbridge.clickpost.orders.order_places import place_of
from awbridge.clickpost.wire.lenient_json import as_object
from awbridge.domain.couriers.numbers import Lane, NumbersCounter, PlacedParcel
from awbridge.steps.runtime.clock import Clock, is_ahead
from awbridge.store import Store
from awbridge.store.couriers import numbers
from awbridge.store.engine.pages import AFTER_ALL

WITHIN = timedelta(days=30)
MOST = 50_000  # shipments that are counted: more say nothing else, and reading a payload takes time
PAGE = 500
PAUSE = 0.05  # seconds between two pages: other steps share the process
REGION = 2  # digits of a pincode that name a postal region


@dataclass(kw_only=True, eq=False)
class MeasureCouriers:
    """The counting of one process. Of all processes, one counts each time."""

    store: Store
    clock: Clock
    _next_at: datetime | None = field(default=None, init=False)

    async def check(self) -> int:
        """Count and store the numbers where that is due. Always 0, so that the loop sleeps."""
        now = self.clock()
        if is_ahead(self._next_at, now, most=numbers.EVERY):
            return 0
        self._next_at = now + numbers.EVERY
        async with self.store.write() as session:
            is_due = await numbers.begin(session, now=now)
        if is_due:
            await self._count(now)
        return 0

    async def _count(self, now: datetime) -> None:
        counter, since, before, counted = NumbersCounter(), now - WITHIN, AFTER_ALL, 0
        while counted < MOST:
            async with self.store.read() as session:
                rows = await numbers.placed(session, since=since, before=before, limit=PAGE)
            for row in rows:
                counter.add(
                    PlacedParcel(
                        account=row["account"],
                        placed_at=row["placed_at"],
                        status_at=row["status_at"],
                        bucket=row["status_bucket"],
                        is_final=bool(row["final"]),
                        lane=lane_of(row["payload"]),
                    )
                )
            counted += len(rows)
            if len(rows) < PAGE:
                break
            before = (rows[-1]["placed_at"], rows[-1]["reference_number"])
            await asyncio.sleep(PAUSE)
        async with self.store.read() as session:
            refused = await numbers.refused(session, since=since, limit=MOST)
        async with self.store.write() as session:
            await numbers.save(session, counter.numbers(refused), shipments=counted, now=now)


def lane_of(payload: str) -> Lane | None:
    """The postal regions of pickup and drop; None if one is unknown."""
    try:
        order = as_object(json.loads(payload))
    except ValueError:
        return None
    origin, destination = (str(place_of(order, side).get("pincode") or "")[:REGION] for side in ("pickup", "drop"))
    return (origin, destination) if origin.isdecimal() and destination.isdecimal() else None
