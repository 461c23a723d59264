"""The events and log entries that follow from the updates of one shipment."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from awbridge.clickpost.tracking.scan_parts import FUTURE_TOLERANCE
from awbridge.clickpost.wire.tracking_codes import milestone_of, ndr_name, status_info
from awbridge.domain.notify import events as happened
from awbridge.domain.notify.events import ShipmentEvent
from awbridge.domain.orders.shipment import Tracked
from awbridge.domain.tracking.pieces import PieceStatus, agree
from awbridge.domain.tracking.promise import edd_day
from awbridge.steps.tracking.stored_status import stored_sighting
from awbridge.steps.tracking.timeline_builder import TimelineBuilder
from awbridge.store.tracking.tracking_status import TrackingStatus

log = structlog.get_logger()


def log_oddities(builder: TimelineBuilder) -> None:
    """Log new scans of the future, and new EDDs that are no date."""
    for entry in builder.timeline.new:
        if entry.scanned_at > entry.received_at + FUTURE_TOLERANCE:
            ahead = (entry.scanned_at - entry.received_at).total_seconds()
            reference = builder.shipment.reference_number
            log.warning("scan.in_future", reference=reference, source=entry.source.value, ahead_seconds=int(ahead))
    for promise in builder.new_promises:
        if edd_day(promise.edd) is None:
            log.warning("edd.unreadable", reference=builder.shipment.reference_number, source=promise.source)


def status_events(builder: TimelineBuilder, earlier: Tracked, status: TrackingStatus) -> list[ShipmentEvent]:
    """The events of a shipment's status change, for customers and webhook subscribers."""
    returns = [
        happened.returned(builder.shipment, e.return_event, at=e.seen_at, name=status_info(e.code, e.description).name)
        for e in builder.timeline.new
        if e.return_event
    ]
    latest, milestone = builder.latest, milestone_of
    if builder.has_only_piece_entries:
        milestones = [milestone_of(p.sighting.code) if p.sighting else None for p in builder.pieces()]
        latest, milestone = (status.sighting, milestone_of) if agree(milestones) else (None, _no_milestone)
    return returns + happened.moved(
        builder.shipment,
        before=stored_sighting(earlier),
        after=status.sighting,
        latest=latest,
        info=status_info(status.sighting.code, status.status_description or "") if status.sighting else None,
        milestone_of=milestone,
        ndr_code=status.ndr_code,
        ndr_name=ndr_name(status.ndr_code, status.ndr_description or ""),
        edd=status.edd,
        fresh_at=builder.fresh_at,
    )


def _no_milestone(_code: int) -> None:
    """The milestone of a shipment whose pieces are at several milestones."""
    return


def piece_events(builder: TimelineBuilder, pieces: Sequence[PieceStatus]) -> list[ShipmentEvent]:
    """The events of the status changes of a shipment's pieces, for webhook subscribers."""
    return [
        event
        for piece in pieces
        if (seen := piece.sighting)
        for event in happened.piece_moved(
            builder.shipment,
            piece,
            before=builder.pieces_before.get(piece.waybill),
            info=status_info(seen.code, piece.name),
            milestone_of=milestone_of,
        )
    ]
