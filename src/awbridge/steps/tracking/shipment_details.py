"""Everything known about a shipment: milestones, delivery attempts, failures with reasons, EDD history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from awbridge.clickpost.wire.tracking_codes import status_info
from awbridge.domain.orders.shipment import Shipment
from awbridge.domain.tracking import milestones, promise
from awbridge.domain.tracking.milestones import DeliveryAttempt, Failure, Milestone, PickupFailure, Reached, StatusEvent
from awbridge.domain.tracking.overdue import StuckAfter, late_since, sla_breached, stuck_since
from awbridge.domain.tracking.pieces import PieceStatus
from awbridge.domain.tracking.promise import Promise
from awbridge.domain.tracking.returns import ReturnEvent
from awbridge.domain.tracking.timeline import Entry
from awbridge.steps.records.pieces import event_of, piece_statuses
from awbridge.store.engine.database import Session
from awbridge.store.orders import waybills
from awbridge.store.tracking import promises, scans


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestones:
    """When each was reached first; None: not reached, as far as is known.

    `delayed_at`: the promised day was over, and the parcel neither delivered nor on its way back.
    """

    placed_at: datetime | None
    out_for_pickup_at: datetime | None
    picked_up_at: datetime | None
    out_for_delivery_at: datetime | None
    failed_delivery_at: datetime | None
    delivered_at: datetime | None
    delayed_at: datetime | None
    rto_marked_at: datetime | None
    rto_delivered_at: datetime | None
    cancelled_at: datetime | None
    lost_at: datetime | None
    damaged_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentDetails:
    """Everything derived of one shipment, as of now.

    `waybill_shared_with`: other shipments with the same waybill: another use of it, or another courier's.
    """

    milestones: Milestones
    delivery_attempts: list[DeliveryAttempt]
    delivery_attempt_count: int
    ndr: list[Failure]
    npr: list[PickupFailure]
    edd_history: list[Promise]
    stuck_since: datetime | None
    sla_breached: bool
    forward_reference_number: str | None
    waybill_shared_with: list[str]
    returns: list[ReturnNews]
    pieces: list[PieceStatus]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnNews:
    """One event of a return or an exchange that the customer asked for: when, its code and name, and what it says."""

    at: datetime
    code: int
    name: str
    remark: str
    event: ReturnEvent


async def shipment_details(
    session: Session, shipment: Shipment, *, limits: StuckAfter, now: datetime
) -> ShipmentDetails:
    """What is known of a shipment."""
    reference = shipment.reference_number
    entries = (await scans.entries(session, [reference]))[reference]
    promised = (await promises.of_shipments(session, [reference]))[reference]
    own = [e for e in entries if e.waybill not in shipment.children and not e.return_event]
    happenings = list(map(event_of, own))
    tries = milestones.attempts(happenings)
    since = stuck_since(shipment, limits, now)
    ways = [happenings] if own else [_of_piece(child, entries) for child in shipment.children]
    found = milestones.reached_by_all(ways, placed_at=shipment.placed_at, stuck_since=since)
    turned_back_at = milestones.first(found, Milestone.RTO_STARTED)
    return ShipmentDetails(
        milestones=_milestones(found, late_since(shipment, now, turned_back_at=turned_back_at)),
        delivery_attempts=tries,
        delivery_attempt_count=milestones.count_made(tries),
        ndr=milestones.failures(happenings),
        npr=milestones.pickup_failures(happenings),
        edd_history=promise.changes(promised),
        stuck_since=since,
        sla_breached=sla_breached(shipment, now),
        forward_reference_number=shipment.forward_reference_number or await _forward(session, shipment),
        waybill_shared_with=await _holders(session, shipment, shipment.waybill),
        returns=_returns(entries),
        pieces=piece_statuses(shipment.children, entries) if shipment.children else [],
    )


def _of_piece(waybill: str, entries: Sequence[Entry]) -> list[StatusEvent]:
    return [event_of(e) for e in entries if e.waybill == waybill and not e.return_event]


def _returns(entries: Sequence[Entry]) -> list[ReturnNews]:
    news = [
        ReturnNews(
            at=e.seen_at,
            code=e.code,
            name=status_info(e.code, e.description).name,
            remark=e.remark,
            event=e.return_event,
        )
        for e in entries
        if e.return_event
    ]
    return sorted(news, key=lambda r: (r.at, r.code))


def _milestones(found: list[Reached], delayed_at: datetime | None) -> Milestones:
    def first(milestone: Milestone) -> datetime | None:
        return milestones.first(found, milestone)

    return Milestones(
        placed_at=first(Milestone.AWB_GENERATED),
        out_for_pickup_at=first(Milestone.OUT_FOR_PICKUP),
        picked_up_at=first(Milestone.SHIPPED),
        out_for_delivery_at=first(Milestone.OUT_FOR_DELIVERY),
        failed_delivery_at=first(Milestone.FAILED_DELIVERY),
        delivered_at=first(Milestone.DELIVERED),
        delayed_at=delayed_at,
        rto_marked_at=first(Milestone.RTO_STARTED),
        rto_delivered_at=first(Milestone.RTO_DELIVERED),
        cancelled_at=first(Milestone.CANCELLED),
        lost_at=first(Milestone.LOST),
        damaged_at=first(Milestone.DAMAGED),
    )


async def _forward(session: Session, shipment: Shipment) -> str | None:
    """The forward shipment of a return that names only a waybill which one shipment has."""
    holders = await _holders(session, shipment, shipment.forward_waybill)
    return holders[0] if len(holders) == 1 else None


async def _holders(session: Session, shipment: Shipment, waybill: str | None) -> list[str]:
    """Which other shipments have a waybill."""
    known = (await waybills.find(session, [waybill])).get(waybill, []) if waybill else []
    return sorted({k.reference_number for k in known} - {shipment.reference_number})
