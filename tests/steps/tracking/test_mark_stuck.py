"""Stuck parcels are marked in time, whatever arrives about them in whatever order."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest

from awbridge.app.due import DueTimes
from awbridge.domain.tracking.lifecycle import Bucket, Sighting
from awbridge.domain.tracking.overdue import DEFAULT_STUCK_AFTER, StuckAfter, silent_since, stuck_since
from awbridge.steps.tracking.mark_stuck import TOGETHER, MarkStuck
from awbridge.store import Store
from awbridge.store.orders import lists, shipments
from awbridge.store.tracking import tracking_status
from awbridge.store.tracking.tracking_status import TrackingChange, TrackingStatus
from tests.app.test_due import configured
from tests.support.rows import MINUTE, T0, add, claim_due_polls, fetch, place, sql
from tests.support.stores import postgres_only
from tests.support.stuck import mark_stuck

HOUR = timedelta(hours=1)
LIMITS = StuckAfter(pickup=10 * HOUR, transit=14 * HOUR, delivery=6 * HOUR, way_back=30 * HOUR)
DICE = random.Random(5)  # not for secrets


async def placed(store: Store, *references: str) -> None:
    await add(store, *references)
    for reference in references:
        await place(store, reference, f"AWB-{reference}")


def change(
    reference: str, at: datetime | None, bucket: int | None, *, edd_due_at: datetime | None = None, is_step: bool = True
) -> TrackingChange:
    """A status of the parcel, which is polled when its first schedule says."""
    final = bucket == Bucket.DELIVERED
    sighting = Sighting(seen_at=at, final=final, step=5, code=5) if at else None
    status = TrackingStatus(sighting=sighting, bucket=bucket, edd=None, ndr_code=None, edd_due_at=edd_due_at)
    poll_at = T0 + timedelta(days=1)
    return TrackingChange(
        reference_number=reference, standing=status, last_tracked_at=T0, next_poll_at=poll_at, is_step=is_step
    )


async def hear(store: Store, *changes: TrackingChange) -> None:
    async with store.write() as session:
        await tracking_status.set_tracking_statuses(session, changes)


async def stuck_ones(store: Store, now: datetime, limits: StuckAfter = LIMITS) -> list[str]:
    async with store.read() as session:
        found = await lists.stuck(session, limits, now=now)
        assert await lists.count_stuck(session, limits, now=now) == len(found)
    return [shipment.reference_number for shipment in found]


async def by_the_clock(store: Store, now: datetime, limits: StuckAfter = LIMITS) -> list[str]:
    async with store.read() as session:
        every = await lists.newest(session, limit=100)
    found = [(silent_since(one), one.reference_number) for one in every if stuck_since(one, limits, now)]
    return [reference for _, reference in sorted(found)]


async def test_the_list_is_what_the_clock_says_whatever_is_heard_in_whatever_order(store: Store) -> None:
    names = [f"R{n}" for n in range(8)]
    await placed(store, *names)
    now, seen = T0, 0
    for _ in range(60):
        now += DICE.choice([MINUTE, HOUR, 3 * HOUR])
        changes: list[TrackingChange] = []
        for name in DICE.sample(names, 2):
            at = now - DICE.choice([-1, 0, 1, 5, 9, 20]) * HOUR  # late, early and out of order
            bucket = DICE.choice([1, 2, 3, 4, 5, 7, 7, 3, 6])
            edd = DICE.choice([None, None, T0 + timedelta(days=9)])
            heard = (at, bucket) if DICE.random() > 0.05 else (None, None)
            changes.append(change(name, *heard, edd_due_at=edd, is_step=DICE.random() > 0.3))
        await hear(store, *changes)
        if DICE.random() > 0.6:
            async with store.write() as session:
                await session.execute(sql("UPDATE shipments SET next_poll_at = $1 WHERE final = $2"), now, False)
                await claim_due_polls(session, now=now, next_poll_at=T0 + timedelta(days=1), limit=3)
        await mark_stuck(store, now, LIMITS)
        found = await stuck_ones(store, now)
        assert found == await by_the_clock(store, now)
        seen += len(found)
    assert seen > 60


async def test_limits_that_are_lowered_or_raised_hold_at_the_next_start(store: Store) -> None:
    await placed(store, "OUT", "MOVING")
    await hear(store, change("OUT", T0, 4), change("MOVING", T0, 3))
    now = T0 + 11 * HOUR
    await mark_stuck(store, now, LIMITS)
    assert await stuck_ones(store, now) == ["OUT"]
    lower, higher = StuckAfter(transit=11 * HOUR, delivery=6 * HOUR), StuckAfter(delivery=12 * HOUR)
    assert await mark_stuck(store, now, lower, batch=1) == 1
    assert await stuck_ones(store, now, lower) == ["MOVING", "OUT"]
    assert await stuck_ones(store, now, higher) == [], "marked, but not stuck by these limits"
    assert await stuck_ones(store, now + HOUR, higher) == ["OUT"], "and needs no look to become so"
    await mark_stuck(store, now, higher)
    assert await fetch(store, "SELECT 1 AS one FROM shipments WHERE stuck_since_at IS NOT NULL") == [], "read in vain"
    await mark_stuck(store, now + HOUR, higher)
    assert await stuck_ones(store, now + HOUR, higher) == ["OUT"]


async def test_a_parcel_that_moves_as_it_should_is_looked_at_once_in_the_shortest_limit(store: Store) -> None:
    await placed(store, "R")
    looks: list[int] = []
    counted: list[datetime] = []
    for hours in range(1, 20):
        now = T0 + hours * HOUR
        await hear(store, change("R", now, 3))
        [row] = await fetch(store, "SELECT counted_from_at, stuck_since_at FROM shipments")
        counted += [row["counted_from_at"]]
        looks += [hours] * await mark_stuck(store, now, LIMITS)
    assert looks == [6, 12, 18]
    assert counted == [None] * 6 + [T0 + 6 * HOUR] * 6 + [T0 + 12 * HOUR] * 6 + [T0 + 18 * HOUR], "by no scan"


async def test_polling_spares_the_look(store: Store) -> None:
    await placed(store, "R")
    await hear(store, change("R", T0 + 5 * HOUR, 3))
    async with store.write() as session:
        await session.execute(sql("UPDATE shipments SET next_poll_at = $1"), T0)
        assert await claim_due_polls(session, now=T0 + 5 * HOUR, next_poll_at=T0 + 30 * HOUR)
    assert await mark_stuck(store, T0 + 10 * HOUR, LIMITS) == 0
    assert await mark_stuck(store, T0 + 11 * HOUR, LIMITS) == 1


async def test_what_ended_or_was_cancelled_is_neither_looked_at_nor_listed(store: Store) -> None:
    await placed(store, "DONE", "CANCELLED", "STUCK")
    await mark_stuck(store, T0 + 10 * HOUR, LIMITS)
    await hear(store, change("DONE", T0 + 9 * HOUR, Bucket.DELIVERED))
    async with store.write() as session:
        await session.execute(sql("UPDATE shipments SET state = 'cancelled' WHERE reference_number = 'CANCELLED'"))
    assert await stuck_ones(store, T0 + 20 * HOUR) == ["STUCK"]
    assert await mark_stuck(store, T0 + 90 * HOUR, LIMITS) == 0


async def test_it_is_due_half_a_minute_after_the_first_limit_may_have_passed(store: Store) -> None:
    times = DueTimes(configured(stuck_delivery_hours=6))
    assert (await times.read(store, T0))["mark_stuck"] is None
    await placed(store, "R")
    assert (await times.read(store, T0))["mark_stuck"] == T0 + 6 * HOUR + TOGETHER
    await mark_stuck(store, T0 + 6 * HOUR, StuckAfter(delivery=6 * HOUR))
    assert (await times.read(store, T0))["mark_stuck"] == T0 + 12 * HOUR + TOGETHER, "it may be out for delivery now"
    await mark_stuck(store, T0 + 48 * HOUR)
    assert (await times.read(store, T0))["mark_stuck"] is None, "it is marked until it moves"


@postgres_only
async def test_a_parcel_that_another_transaction_writes_is_left_to_the_next_round(store: Store) -> None:
    await placed(store, "HELD", "FREE")
    step = MarkStuck(store=store, clock=lambda: T0 + 50 * HOUR)
    async with store.write() as session:
        await shipments.lock_many(session, ["HELD"])
        assert await step.round() == 1
    assert await stuck_ones(store, T0 + 50 * HOUR, DEFAULT_STUCK_AFTER) == ["FREE"]
    assert await step.round() == 1


@pytest.mark.parametrize("bucket", [None, *Bucket])
def test_the_times_of_the_lists_are_the_limits_of_the_legs(bucket: int | None) -> None:
    pickup, transit, delivery, way_back = LIMITS.since(T0)
    by_bucket = {1: pickup, 4: delivery, 5: delivery, 7: way_back}  # as lists.sql and stuck.sql have it
    assert T0 - LIMITS.on_leg(bucket) == by_bucket.get(bucket or 1, transit)
