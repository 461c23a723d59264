"""What happened to a shipment, as own systems and customers are told of it. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from awbridge.domain.json import JsonObject
from awbridge.domain.lifecycle import Sighting, StatusInfo
from awbridge.domain.milestones import Milestone
from awbridge.domain.shipment import Shipment, State, Tracked


class EventKind(StrEnum):
    """The types of outgoing webhooks."""

    SHIPMENT_PLACED = "shipment.placed"
    SHIPMENT_REJECTED = "shipment.rejected"
    SHIPMENT_GAVE_UP = "shipment.gave_up"
    SHIPMENT_CANCELLED = "shipment.cancelled"
    SHIPMENT_NOT_CANCELLED = "shipment.not_cancelled"
    STATUS_CHANGED = "status.changed"
    NDR_RAISED = "ndr.raised"
    DELIVERED = "delivered"
    RTO_STARTED = "rto.started"
    RTO_DELIVERED = "rto.delivered"
    LOST = "lost"
    DAMAGED = "damaged"
    DELAYED = "delayed"
    STUCK = "stuck"


KIND_OF = {
    Milestone.FAILED_DELIVERY: EventKind.NDR_RAISED,
    Milestone.DELIVERED: EventKind.DELIVERED,
    Milestone.RTO_STARTED: EventKind.RTO_STARTED,
    Milestone.RTO_DELIVERED: EventKind.RTO_DELIVERED,
    Milestone.LOST: EventKind.LOST,
    Milestone.DAMAGED: EventKind.DAMAGED,
    Milestone.DELAYED: EventKind.DELAYED,
    Milestone.STUCK: EventKind.STUCK,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing that happened: `kinds` go to own systems, `milestone` (if any) to the customer's notices.

    `at` is when the status was that says so, `fresh_at` how old that is by the vendor's own word, `ndr_code` why a
    delivery failed.
    """

    reference_number: str
    at: datetime
    kinds: tuple[EventKind, ...] = ()
    data: JsonObject = field(default_factory=dict[str, object])
    milestone: Milestone | None = None
    status_code: int | None = None
    ndr_code: int | None = None
    fresh_at: datetime | None = None


def about(shipment: Tracked, **more: object) -> JsonObject:
    """What every event says of its shipment: its names, never the customer's.

    `replaces` and `replaced_by` say that a shipment is a correction within one order: nothing that ends the order.
    """
    return {
        "reference_number": shipment.reference_number,
        "order_id": shipment.order_id,
        "transporter": shipment.transporter,
        "courier_partner_id": shipment.courier_partner_id,
        "delivery_type": shipment.delivery_type,
        "waybill": shipment.waybill,
        "replaces": shipment.replaces,
        "replaced_by": shipment.replaced_by,
        **more,
    }


def placed(shipment: Shipment, waybill: str, *, label_url: str | None, now: datetime) -> Happening:
    """ClickPost holds the shipment: there is a waybill."""
    return Happening(
        reference_number=shipment.reference_number,
        at=now,
        kinds=(EventKind.SHIPMENT_PLACED,),
        data=about(shipment, waybill=waybill, label_url=label_url),
        milestone=Milestone.AWB_GENERATED,
    )


def stopped(
    shipment: Shipment, state: State, problem: str | None, *, may_stand: bool = False, now: datetime
) -> list[Happening]:
    """A person is needed (rejected, gave up); empty for every other state.

    With `may_stand` the parcel may travel all the same: whoever is told must not send it another way.
    """
    kinds = {State.REJECTED: EventKind.SHIPMENT_REJECTED, State.GAVE_UP: EventKind.SHIPMENT_GAVE_UP}
    if state not in kinds:
        return []
    data = about(shipment, problem=problem, may_stand=may_stand)
    return [Happening(reference_number=shipment.reference_number, at=now, kinds=(kinds[state],), data=data)]


def cancelled(shipment: Tracked, *, now: datetime) -> Happening:
    """ClickPost, or its courier, took the shipment back."""
    return Happening(
        reference_number=shipment.reference_number,
        at=now,
        kinds=(EventKind.SHIPMENT_CANCELLED,),
        data=about(shipment),
        milestone=Milestone.CANCELLED,
    )


def not_cancelled(shipment: Tracked, cancellation: str, problem: str, *, now: datetime) -> Happening:
    """A cancellation came to its end, and the shipment is not cancelled. `cancellation`: its state, which says why."""
    return Happening(
        reference_number=shipment.reference_number,
        at=now,
        kinds=(EventKind.SHIPMENT_NOT_CANCELLED,),
        data=about(shipment, cancellation=str(cancellation), problem=problem),
    )


def superseded(shipment: Shipment, *, now: datetime) -> Happening:
    """A successor took the place of a shipment that ClickPost never held. That is no news for the customer."""
    return Happening(
        reference_number=shipment.reference_number,
        at=now,
        kinds=(EventKind.SHIPMENT_CANCELLED,),
        data=about(shipment),
    )


def moved(
    shipment: Tracked,
    *,
    before: Sighting | None,
    after: Sighting | None,
    told: Sighting | None,
    info: StatusInfo | None,
    milestone_of: Callable[[int], Milestone | None],
    ndr_code: int | None,
    edd: str | None,
    fresh_at: datetime | None = None,
) -> list[Happening]:
    """What one round of deliveries did to where a shipment stands.

    `told` is the newest latest_status among them. A customer is told of a milestone only when that is where the
    shipment stands: the scan around it, and anything older, moves nobody's phone.
    """
    if after is None or info is None:
        return []
    milestone = milestone_of(after.code)
    was = milestone_of(before.code) if before else None
    kinds: list[EventKind] = []
    if before is None or before.code != after.code:
        kinds.append(EventKind.STATUS_CHANGED)
    # A second failed delivery is news again; a second entry about the way back is not.
    news = milestone != was or (milestone is Milestone.FAILED_DELIVERY and after != before)
    if milestone is not None and milestone in KIND_OF and news:
        kinds.append(KIND_OF[milestone])
    reached = milestone if told == after else None
    if not kinds and reached is None:
        return []
    status = {
        "code": info.code,
        "name": info.name,
        "bucket": int(info.bucket),
        "at": after.seen_at.isoformat(),
        "final": info.final,
    }
    return [
        Happening(
            reference_number=shipment.reference_number,
            at=after.seen_at,
            kinds=tuple(kinds),
            data=about(shipment, status=status, ndr_code=ndr_code, edd=edd),
            milestone=reached,
            status_code=after.code,
            ndr_code=ndr_code,
            fresh_at=fresh_at if reached else None,
        )
    ]


def noticed(shipment: Shipment, milestone: Milestone, *, since: datetime) -> Happening:
    """The clock shows that a shipment is late or stuck. `since`: its latest status' time, or that of placing it."""
    status_at = shipment.status_at.isoformat() if shipment.status_at else None
    return Happening(
        reference_number=shipment.reference_number,
        at=since,
        kinds=(KIND_OF[milestone],),
        data=about(shipment, edd=shipment.edd, status_code=shipment.status_code, status_at=status_at),
        milestone=milestone,
        status_code=shipment.status_code,
    )
