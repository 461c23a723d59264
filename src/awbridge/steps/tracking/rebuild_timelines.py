"""Rebuild the timelines of shipments from the inbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime

from awbridge.clickpost.tracking.webhook_bodies import Unreadable
from awbridge.domain.orders.shipment import Tracked
from awbridge.domain.tracking.attribution import since
from awbridge.domain.tracking.promise import Promise
from awbridge.domain.tracking.scan import TrackingUpdate
from awbridge.domain.tracking.timeline import Entry, differences
from awbridge.steps.tracking.reading import Reading
from awbridge.steps.tracking.timeline_builder import TimelineBuilder, link_rto_waybills
from awbridge.store.engine.database import Session
from awbridge.store.orders import waybills
from awbridge.store.tracking import promises, scans, update_sources
from awbridge.store.tracking.inbox import Delivery

_FEW = 4  # promises


@dataclass(frozen=True, slots=True)
class RebuiltTimeline:
    """The builder of a rebuilt timeline, and whether its scans or promises differ from what was stored."""

    builder: TimelineBuilder
    changed: bool


async def rebuild_shipments(
    session: Session,
    locked: Sequence[Tracked],
    reading: Reading,
    *,
    without: Mapping[str, Sequence[Delivery]] | None = None,
) -> dict[str, RebuiltTimeline]:
    """Rebuild the timelines of locked shipments from the inbox, by reference number.

    Their scans and promises are stored, not their tracking status. Entries whose deliveries left the inbox, or can no
    longer be read, are kept. Entries from `without`, deliveries that may be about another shipment, are dropped.
    """
    references = [shipment.reference_number for shipment in locked]
    stored = await scans.entries(session, references)
    promised = await promises.of_shipments(session, references)
    sources = await update_sources.of_shipments(session, references)
    reused = await waybills.reused_by(session, references)
    rebuilt: dict[str, RebuiltTimeline] = {}
    gone: list[tuple[str, Entry]] = []
    new: list[tuple[str, Entry]] = []
    for shipment in locked:
        reference = shipment.reference_number
        updates = [(update, s.delivery) for s in sources[reference] for update in _updates_of(s, reading)]
        dropped = (without or {}).get(reference, ())
        builder = _builder(shipment, stored[reference], promised[reference], updates, dropped, reused[reference])
        differ = differences(stored[reference], builder.timeline)
        gone += [(reference, entry) for entry in (*differ.gone, *differ.changed)]
        new += [(reference, entry) for entry in (*differ.changed, *differ.new)]
        other_promises = set(builder.promises.values()) != set(promised[reference])
        if other_promises:
            await promises.replace(session, reference, builder.promises.values())
        await link_rto_waybills(session, builder)
        differs = bool(differ.gone or differ.new or differ.changed or other_promises)
        rebuilt[reference] = RebuiltTimeline(builder, differs)
    await scans.remove(session, gone)
    await scans.add(session, new)
    return rebuilt


def _builder(
    shipment: Tracked,
    stored: Sequence[Entry],
    promised: Sequence[Promise],
    updates: Sequence[tuple[TrackingUpdate, Delivery]],
    dropped: Sequence[Delivery],
    reused: Mapping[str, datetime],
) -> TimelineBuilder:
    """A builder of what these updates yield, and of what is stored without a delivery."""
    entries, promises_left = _not_read_again(stored, promised, [*dropped, *[delivery for _, delivery in updates]])
    builder = TimelineBuilder(shipment, entries, promises_left)
    for update, delivery in updates:
        builder.add(since(update, reused.get(update.waybill)) if reused else update, delivery)
    return builder


def _not_read_again(
    stored: Sequence[Entry], promised: Sequence[Promise], deliveries: Sequence[Delivery]
) -> tuple[list[Entry], list[Promise]]:
    """What is stored without one of these deliveries."""
    brought = [(d.received_at, d.source) for d in deliveries]
    if len(promised) < _FEW and brought == [(e.received_at, e.source) for e in stored]:  # most often
        return [], [p for p in promised if (p.received_at, p.source) not in brought]
    read_again = set(brought)  # a set's hashes take longer than to compare few
    return (
        [copy(e) for e in stored if (e.received_at, e.source) not in read_again],
        [p for p in promised if (p.received_at, p.source) not in read_again],
    )


def _updates_of(update_source: update_sources.UpdateSource, reading: Reading) -> list[TrackingUpdate]:
    try:
        return [update for update in reading.of(update_source.delivery) if update.entry in update_source.entries]
    except Unreadable:
        return []
