"""Replay: rebuilds what tracking says of shipments out of the inbox, into the same rows.

Batch by batch, each in one transaction together with the mark of how far it has come: it may run while the service
does, be killed, and go on where it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from awbridge.domain.errors import NotFound
from awbridge.domain.orders.shipment import Shipment, shard_of
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.tracking.apply import ApplyPolicy
from awbridge.steps.tracking.rebuild import rebuild_shipment, stored_tracking_status
from awbridge.store import Store
from awbridge.store.engine.database import Session
from awbridge.store.orders import shipments
from awbridge.store.tracking import inbox, replays

BATCH = 50  # shipments rebuilt in one transaction
TOLD_AGAIN = 1000  # deliveries made due again in one transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """How far a rebuilding of everything has come: shipments done, how many of them differed, whether that is all."""

    shipments: int
    changed: int
    done: bool = False


async def prepare(*, store: Store, clock: Clock) -> int:
    """Deliveries of which it is not known whom they told of are due again (an older version applied them); how many."""
    due = 0
    while True:
        async with store.write() as session:
            more = await inbox.tell_again(session, now=clock(), limit=TOLD_AGAIN)
        due += more
        if not more:
            return due


async def begin(*, store: Store, clock: Clock, anew: bool = False) -> Rebuilt:
    """Begin to rebuild everything, or go on with what was begun and not finished (unless `anew`)."""
    async with store.write() as session:
        if anew:
            await replays.end(session, now=clock())
        begun = await replays.under_way(session)
        if begun is None:
            await replays.begin(session, now=clock())
            return Rebuilt(shipments=0, changed=0)
        return Rebuilt(shipments=begun.shipments, changed=begun.changed)


async def rebuild_some(*, store: Store, clock: Clock, reading: ApplyPolicy, batch: int = BATCH) -> Rebuilt | None:
    """Rebuild the next shipments of what was begun; None when nothing is under way."""
    async with store.write() as session:
        begun = await replays.under_way(session)
        if begun is None:
            return None
        found = await shipments.tracked_after(session, (begun.shard, begun.reference_number), limit=batch)
        if not found:
            await replays.end(session, now=clock())
            return Rebuilt(shipments=begun.shipments, changed=begun.changed, done=True)
        changed = sum([await _rebuild(session, shipment, reading, clock()) for shipment in found])
        last = found[-1].reference_number
        await replays.go_on(session, begun, after=(shard_of(last), last), shipments=len(found), changed=changed)
        return Rebuilt(shipments=begun.shipments + len(found), changed=begun.changed + changed)


async def rebuild_one(*, store: Store, clock: Clock, reading: ApplyPolicy, reference_number: str) -> bool:
    """Rebuild one shipment; whether it differed. Raises NotFound."""
    async with store.write() as session:
        locked = await shipments.lock_many(session, [reference_number])
        if reference_number not in locked:
            raise NotFound(f"there is no shipment {reference_number}")
        return await _rebuild(session, locked[reference_number], reading, clock())


async def _rebuild(session: Session, shipment: Shipment, reading: ApplyPolicy, now: datetime) -> bool:
    retold = await rebuild_shipment(session, shipment, reading)
    standing = retold.builder.standing(reading.zone)
    if standing == stored_tracking_status(shipment) and retold.builder.last_tracked_at == shipment.last_tracked_at:
        return retold.changed
    final = standing.sighting is not None and standing.sighting.final
    ask_at = shipment.next_poll_at
    if final != shipment.final:
        ask_at = reading.polling.after_update(
            last_tracked_at=now,
            polled_at=shipment.last_polled_at,
            due_at=None,
            final=final,
            was_final=shipment.final,
            gap=shipment.final,
        )
    last_tracked_at = retold.builder.last_tracked_at or shipment.created_at
    await shipments.set_tracking_status(
        session,
        shipment.reference_number,
        standing,
        last_tracked_at=last_tracked_at,
        next_poll_at=ask_at,
        updated_at=now,
    )
    return True
