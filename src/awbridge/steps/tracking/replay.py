"""Replay: rebuilds the timelines of shipments from the inbox, into the same rows.

Each batch is one transaction, together with the progress made. A replay may run beside the service, and resumes where
it was killed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from awbridge.domain.errors import NotFound
from awbridge.domain.orders.shipment import Tracked, shard_of
from awbridge.domain.people.audited import AuditAction
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.tracking.apply import ApplyPolicy
from awbridge.steps.tracking.rebuild_timelines import RebuiltTimeline, rebuild_shipments
from awbridge.steps.tracking.stored_status import stored_tracking_status
from awbridge.store import Store
from awbridge.store.engine.database import Session
from awbridge.store.orders import shipments
from awbridge.store.people import audit_log
from awbridge.store.tracking import inbox, replays, tracking_status
from awbridge.store.tracking.tracking_status import TrackingChange

BATCH = 200  # shipments rebuilt in one transaction
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


async def begin(*, store: Store, clock: Clock, restart: bool = False) -> Rebuilt:
    """Begin a complete rebuild, or resume the unfinished one (unless `restart`)."""
    async with store.write() as session:
        if restart:
            await replays.end(session, now=clock())
        begun = await replays.under_way(session)
        if begun is None:
            await replays.begin(session, now=clock())
            await audit_log.record(session, AuditAction.REPLAY_BEGUN, "", now=clock())
            return Rebuilt(shipments=0, changed=0)
        return Rebuilt(shipments=begun.shipments, changed=begun.changed)


async def count(*, store: Store) -> int:
    """How many shipments a complete rebuild comprises."""
    async with store.read() as session:
        return await tracking_status.count_tracked(session)


async def rebuild_some(*, store: Store, clock: Clock, reading: ApplyPolicy, batch: int = BATCH) -> Rebuilt | None:
    """Rebuild the next shipments; None when no rebuild is in progress."""
    async with store.write() as session:
        begun = await replays.under_way(session)
        if begun is None:
            return None
        found = await shipments.tracked_after(session, (begun.shard, begun.reference_number), limit=batch)
        if not found:
            await replays.end(session, now=clock())
            return Rebuilt(shipments=begun.shipments, changed=begun.changed, done=True)
        changed = await _rebuild(session, found, reading, clock())
        last = found[-1].reference_number
        await replays.go_on(session, begun, after=(shard_of(last), last), shipments=len(found), changed=changed)
        return Rebuilt(shipments=begun.shipments + len(found), changed=begun.changed + changed)


async def rebuild_one(*, store: Store, clock: Clock, reading: ApplyPolicy, reference_number: str) -> bool:
    """Rebuild one shipment; whether it differed. Raises NotFound."""
    async with store.write() as session:
        locked = await shipments.lock_tracked(session, [reference_number])
        if reference_number not in locked:
            raise NotFound(f"there is no shipment {reference_number}")
        differed = await _rebuild(session, list(locked.values()), reading, clock()) > 0
        after = {"differed": differed}
        await audit_log.record(session, AuditAction.SHIPMENT_REBUILT, reference_number, after=after, now=clock())
        return differed


async def _rebuild(session: Session, locked: Sequence[Tracked], reading: ApplyPolicy, now: datetime) -> int:
    """Rebuild these shipments with their status; how many differed."""
    rebuilt = await rebuild_shipments(session, locked, reading)
    changes = [_change(shipment, rebuilt[shipment.reference_number], reading, now) for shipment in locked]
    await tracking_status.set_tracking_statuses(session, [change for change in changes if change])
    return sum(
        change is not None or rebuilt[shipment.reference_number].changed
        for shipment, change in zip(locked, changes, strict=True)
    )


def _change(shipment: Tracked, rebuilt: RebuiltTimeline, reading: ApplyPolicy, now: datetime) -> TrackingChange | None:
    """The status to write; None where it is as it was."""
    status, edd_stated_at = rebuilt.builder.tracking_status(reading.zone), rebuilt.builder.edd_stated_at
    is_same = status == stored_tracking_status(shipment) and shipment.edd_stated_at in (None, edd_stated_at)
    if is_same and rebuilt.builder.last_tracked_at == shipment.last_tracked_at:
        return None
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
    return TrackingChange(
        reference_number=shipment.reference_number,
        standing=status,
        last_tracked_at=rebuilt.builder.last_tracked_at or shipment.created_at,
        next_poll_at=next_poll_at,
        edd_stated_at=edd_stated_at,
        updated_at=now,
    )
