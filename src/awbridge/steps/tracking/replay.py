"""Replay: rebuilds the timelines of shipments from the inbox, into the same rows.

Each batch is one transaction, together with the progress made. A replay may run beside the service, and resumes where
it was killed.
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
from awbridge.store.tracking import inbox, replays, tracking_status

BATCH = 50  # shipments rebuilt in one transaction
APPLIED_AGAIN = 1000  # deliveries made due again in one transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """The progress of a complete rebuild: shipments rebuilt, how many of them differed, and whether it is done."""

    shipments: int
    changed: int
    done: bool = False


async def prepare(*, store: Store, clock: Clock) -> int:
    """Make deliveries due again that an older version applied without recording their shipments; how many."""
    due = 0
    while True:
        async with store.write() as session:
            more = await inbox.apply_uncounted(session, now=clock(), limit=APPLIED_AGAIN)
        due += more
        if not more:
            return due


async def begin(*, store: Store, clock: Clock, anew: bool = False) -> Rebuilt:
    """Begin a complete rebuild, or resume the unfinished one (unless `anew`)."""
    async with store.write() as session:
        if anew:
            await replays.end(session, now=clock())
        begun = await replays.under_way(session)
        if begun is None:
            await replays.begin(session, now=clock())
            return Rebuilt(shipments=0, changed=0)
        return Rebuilt(shipments=begun.shipments, changed=begun.changed)


async def rebuild_some(*, store: Store, clock: Clock, reading: ApplyPolicy, batch: int = BATCH) -> Rebuilt | None:
    """Rebuild the next shipments; None when no rebuild is in progress."""
    async with store.write() as session:
        begun = await replays.under_way(session)
        if begun is None:
            return None
        found = await tracking_status.tracked_after(session, (begun.shard, begun.reference_number), limit=batch)
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
    rebuilt = await rebuild_shipment(session, shipment, reading)
    status = rebuilt.builder.tracking_status(reading.zone)
    if status == stored_tracking_status(shipment) and rebuilt.builder.last_tracked_at == shipment.last_tracked_at:
        return rebuilt.changed
    final = status.sighting is not None and status.sighting.final
    next_poll_at = shipment.next_poll_at
    if final != shipment.final:
        next_poll_at = reading.polling.after_update(
            last_tracked_at=now,
            polled_at=shipment.last_polled_at,
            due_at=None,
            final=final,
            was_final=shipment.final,
            gap=shipment.final,
        )
    last_tracked_at = rebuilt.builder.last_tracked_at or shipment.created_at
    await tracking_status.set_tracking_status(
        session,
        shipment.reference_number,
        status,
        last_tracked_at=last_tracked_at,
        next_poll_at=next_poll_at,
        updated_at=now,
    )
    return True
