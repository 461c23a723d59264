"""Lateness: finds parcels that are past their expected day, or that have not moved for long."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from awbridge.domain.notify import events as happened
from awbridge.domain.orders.shipment import Shipment
from awbridge.domain.tracking.lifecycle import Bucket
from awbridge.domain.tracking.milestones import Milestone
from awbridge.domain.tracking.overdue import DEFAULT_STUCK_AFTER, StuckAfter, silent_since, sla_breached, stuck_since
from awbridge.steps.runtime.clock import Clock, is_ahead
from awbridge.store import Store
from awbridge.store.notify import events
from awbridge.store.orders import lists, shipments


@dataclass(frozen=True, slots=True, kw_only=True)
class LatenessPolicy:
    """When a parcel counts as stuck, and how often to check."""

    stuck_after: StuckAfter = DEFAULT_STUCK_AFTER
    every: timedelta = timedelta(minutes=15)
    page: int = 200


@dataclass(slots=True)
class _Cursor:
    """The position in a pass: first through stuck parcels, then through those past their expected day."""

    through_stuck: bool = True
    after: tuple[datetime, str] | None = None  # the last parcel read there

    def advance(self, last: Shipment) -> None:
        """Continue after the last shipment of a page."""
        at = silent_since(last) if self.through_stuck else last.edd_due_at
        self.after = (at, last.reference_number) if at else None


@dataclass(kw_only=True, eq=False)
class Lateness:
    """Reads stuck and late parcels one page a round, then rests. Each is reported once, also by several processes.

    Parcels on schedule are not read.
    """

    store: Store
    clock: Clock
    policy: LatenessPolicy
    _cursor: _Cursor = field(default_factory=_Cursor, init=False)
    _next_pass_at: datetime | None = field(default=None, init=False)

    async def check(self) -> int:
        """Check one page; how many parcels were late or stuck."""
        now = self.clock()
        if is_ahead(self._next_pass_at, now, most=self.policy.every):
            return 0
        page = await self._page(now)
        if not page:
            self._cursor, self._next_pass_at = _Cursor(), now + self.policy.every
            return 0
        await self._report([s for s in page if self._milestones(s, now)], now)
        self._cursor.advance(page[-1])
        return len(page)

    async def _page(self, now: datetime) -> list[Shipment]:
        """The next page that is not empty; empty when the pass is over."""
        limit, limits = self.policy.page, self.policy.stuck_after
        async with self.store.read() as session:
            if self._cursor.through_stuck:
                if page := await lists.stuck(session, limits, now=now, after=self._cursor.after, limit=limit):
                    return page
                self._cursor = _Cursor(through_stuck=False)
            return await lists.sla_breached(session, now=now, after=self._cursor.after, limit=limit)

    def _milestones(self, shipment: Shipment, now: datetime) -> list[Milestone]:
        found: list[Milestone] = []
        going_out = shipment.status_bucket != Bucket.RETURNED
        if going_out and sla_breached(shipment, now):
            found.append(Milestone.DELAYED)
        if stuck_since(shipment, self.policy.stuck_after, now):
            found.append(Milestone.STUCK)
        return found

    async def _report(self, late: list[Shipment], now: datetime) -> None:
        references = [s.reference_number for s in late]
        if not references:
            return
        async with self.store.read() as session:
            reported = await events.reached_by(session, references)
        unreported = [
            s.reference_number
            for s in late
            if any((s.reference_number, m) not in reported for m in self._milestones(s, now))
        ]
        if not unreported:
            return
        async with self.store.write() as session:
            # Read again under the lock: another process may have reported it, or the parcel has moved.
            locked = await shipments.lock_many(session, unreported)
            reported = await events.reached_by(session, unreported)
            shipment_events = [
                happened.overdue(shipment, milestone, since=since)
                for shipment in locked.values()
                if (since := silent_since(shipment))
                for milestone in self._milestones(shipment, now)
                if (shipment.reference_number, milestone) not in reported
            ]
            await events.write(session, shipment_events, now=now)
