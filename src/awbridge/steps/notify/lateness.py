"""Lateness: finds parcels that are past their expected day, or that have not moved for long. No scan says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from awbridge.domain.notify import events as happened
from awbridge.domain.orders.shipment import Shipment
from awbridge.domain.tracking.lifecycle import Bucket
from awbridge.domain.tracking.milestones import Milestone
from awbridge.domain.tracking.overdue import DEFAULT_STUCK_AFTER, StuckAfter, silent_since, sla_breached, stuck_since
from awbridge.steps.runtime.clock import Clock, is_ahead
from awbridge.store import Store
from awbridge.store.notify import events
from awbridge.store.orders import shipments


@dataclass(frozen=True, slots=True, kw_only=True)
class LatenessPolicy:
    """When a parcel counts as stuck, and how often to look."""

    stuck_after: StuckAfter = DEFAULT_STUCK_AFTER
    every: timedelta = timedelta(minutes=15)
    page: int = 200


@dataclass(slots=True)
class _Place:
    """Where a walk through what is late has come to: the bucket (None: past their day), and the last one seen there."""

    bucket: Bucket | None = Bucket.ORDER_PLACED
    after: tuple[datetime, str] | None = None

    def step_on(self, last: Shipment) -> None:
        """Go on behind the last shipment of a page."""
        at = last.edd_due_at if self.bucket is None else silent_since(last)
        self.after = (at, last.reference_number) if at else None

    def turn(self) -> None:
        """Go on with the next bucket, after the last one with what is past its day."""
        following = (bucket for bucket in Bucket if self.bucket is not None and bucket > self.bucket)
        self.bucket, self.after = next(following, None), None


class Lateness:
    """Goes through what stands still or is past its day, a page a round, then rests. Each finding counts once.

    Several processes may. What moves as it should costs nothing.
    """

    def __init__(self, *, store: Store, clock: Clock, policy: LatenessPolicy) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy
        self._place = _Place()
        self._rests_until: datetime | None = None

    async def check(self) -> int:
        """One page; how many parcels were late or stuck."""
        now = self._clock()
        if is_ahead(self._rests_until, now, most=self._policy.every):
            return 0
        page = await self._page(now)
        if not page:
            self._place, self._rests_until = _Place(), now + self._policy.every
            return 0
        await self._notice([s for s in page if self._findings(s, now)], now)
        self._place.step_on(page[-1])
        return len(page)

    async def _page(self, now: datetime) -> list[Shipment]:
        """The next page that holds something; none when the walk is over."""
        async with self._store.read() as session:
            while (bucket := self._place.bucket) is not None:
                since = now - self._policy.stuck_after.on_leg(bucket)
                limit, after = self._policy.page, self._place.after
                if page := await shipments.silent(session, bucket, since=since, after=after, limit=limit):
                    return page
                self._place.turn()
            return await shipments.sla_breached(session, now=now, after=self._place.after, limit=self._policy.page)

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
