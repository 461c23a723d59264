"""Marks open parcels that have had no scan for longer than their leg allows, so that lists and counts find them.

No index has the time of the newest scan: a row is written much faster if no index changes with it. So a parcel is
looked at once the shortest limit has passed since an older time, and again when its own limit will have passed since
its newest scan. Apply removes the mark of a parcel that moves.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from awbridge.domain.orders.shipment import Shipment
from awbridge.domain.tracking.overdue import DEFAULT_STUCK_AFTER, StuckAfter, counted_from, stuck_since
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.engine.database import Session
from awbridge.store.orders import shipments
from awbridge.store.tracking import stuck

TOGETHER = timedelta(seconds=30)  # a parcel waits for others, so that a round looks at many
BATCH = 500  # parcels in a transaction


@dataclass(kw_only=True, eq=False)
class MarkStuck:
    """The marking of one process. Several may run: none looks at what another has locked."""

    store: Store
    clock: Clock
    limits: StuckAfter = DEFAULT_STUCK_AFTER
    batch: int = BATCH
    _limits_are_known: bool = field(default=False, init=False)

    async def round(self) -> int:
        """Look at up to one batch of parcels whose time has come; how many.

        The first rounds also find those that are stuck because a limit was lowered since they were looked at, and those
        that are no longer, because it was raised: lists would read them in vain.
        """
        now = self.clock()
        async with self.store.write() as session:
            due = await stuck.to_mark(session, counted_until=now - self.limits.shortest, limit=self.batch)
            await self._mark(session, due, now)
        if self._limits_are_known or len(due) == self.batch:
            return len(due)
        return len(due) + await self._find_changed(now)

    async def _find_changed(self, now: datetime) -> int:
        async with self.store.read() as session:
            found = await stuck.no_longer(session, self.limits, now=now, limit=self.batch)
            found += await stuck.missed(session, self.limits, now=now, limit=self.batch - len(found))
        if found:
            async with self.store.write() as session:
                await self._mark(session, (await shipments.lock_many(session, found)).values(), now)
        self._limits_are_known = len(found) < self.batch
        return len(found)

    async def _mark(self, session: Session, found: Iterable[Shipment], now: datetime) -> None:
        limits = self.limits
        rows = [(one.reference_number, stuck_since(one, limits, now), counted_from(one, limits, now)) for one in found]
        await stuck.mark(session, rows)


def due_at(counted: datetime, limits: StuckAfter) -> datetime:
    """When the parcel is looked at whose limit is counted from the earliest time."""
    return counted + limits.shortest + TOGETHER
