"""Lateness: finds parcels that are past their expected day, or that have not moved for long. No scan says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from awbridge.domain import events as happened
from awbridge.domain.lifecycle import Bucket
from awbridge.domain.milestones import Milestone
from awbridge.domain.overdue import DEFAULT_STUCK_AFTER, StuckAfter, silent_since, sla_breached, stuck_since
from awbridge.domain.shipment import Shipment, shard_of
from awbridge.steps.clock import Clock
from awbridge.store import Store, events, shipments


@dataclass(frozen=True, slots=True, kw_only=True)
class LatenessPolicy:
    """When a parcel counts as stuck, and how often to look."""

    stuck_after: StuckAfter = DEFAULT_STUCK_AFTER
    every: timedelta = timedelta(minutes=15)
    page: int = 200


_START = (-1, "")


class Lateness:
    """Goes through the open journeys, a page a round, then rests. Several processes may: each finding counts once."""

    def __init__(self, *, store: Store, clock: Clock, policy: LatenessPolicy) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy
        self._after = _START
        self._rests_until: datetime | None = None

    async def look(self) -> int:
        """One page; how many parcels were late or stuck."""
        now = self._clock()
        if self._rests_until and now < self._rests_until:
            return 0
        async with self._store.read() as session:
            page = await shipments.late_journeys(
                session,
                self._after,
                silent_since=now - self._policy.stuck_after.shortest,
                due_before=now,
                limit=self._policy.page,
            )
        await self._notice([s for s in page if self._findings(s, now)], now)
        if len(page) < self._policy.page:
            self._after, self._rests_until = _START, now + self._policy.every
        else:
            self._after = (shard_of(page[-1].reference_number), page[-1].reference_number)
        return len(page)

    def _findings(self, shipment: Shipment, now: datetime) -> list[Milestone]:
        found: list[Milestone] = []
        going_out = shipment.status_bucket != Bucket.RETURNED
        if going_out and sla_breached(shipment, now):
            found.append(Milestone.DELAYED)
        if stuck_since(shipment, self._policy.stuck_after, now):
            found.append(Milestone.STUCK)
        return found

    async def _notice(self, late: list[Shipment], now: datetime) -> None:
        references = [s.reference_number for s in late]
        if not references:
            return
        async with self._store.read() as session:
            known = await events.reached_by(session, references)
        news = [
            s.reference_number
            for s in late
            if any((s.reference_number, m) not in known for m in self._findings(s, now))
        ]
        if not news:
            return
        async with self._store.write() as session:
            # Under the lock, what another process noticed a moment ago is seen; and what has moved since is not late.
            locked = await shipments.lock_many(session, news)
            known = await events.reached_by(session, news)
            happenings = [
                happened.noticed(shipment, milestone, since=since)
                for shipment in locked.values()
                if (since := silent_since(shipment))
                for milestone in self._findings(shipment, now)
                if (shipment.reference_number, milestone) not in known
            ]
            await events.write(session, happenings, now=now)
