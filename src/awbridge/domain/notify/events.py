"""Shipment events: what webhook subscribers receive and customers are notified about. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum

from msgspec import Struct, field

from awbridge.domain.customer_page.links import Linked, TrackLinks
from awbridge.domain.json import JsonObject
from awbridge.domain.notify.event_data import AnswerData, PieceData, StatusData
from awbridge.domain.orders.shipment import Shipment, State, Tracked
from awbridge.domain.tracking.lifecycle import Sighting, StatusInfo
from awbridge.domain.tracking.milestones import Milestone
from awbridge.domain.tracking.pieces import PieceStatus
from awbridge.domain.tracking.returns import ReturnEvent


class EventKind(StrEnum):
    """The types of outgoing webhooks."""

    SHIPMENT_PLACED = "shipment.placed"
    """ClickPost holds the shipment."""
    SHIPMENT_REJECTED = "shipment.rejected"
    """ClickPost will never accept the payload: a person is needed."""
    SHIPMENT_GAVE_UP = "shipment.gave_up"
    """All attempts are used up: a person is needed."""
    SHIPMENT_CANCELLED = "shipment.cancelled"
    """It was cancelled at ClickPost, or tracking shows Cancelled; or a successor replaced it."""
    SHIPMENT_NOT_CANCELLED = "shipment.not_cancelled"
    """Its cancellation failed."""
    STATUS_CHANGED = "status.changed"
    """The current status has another code."""
    NDR_RAISED = "ndr.raised"
    """A delivery failed, each time."""
    DELIVERED = "delivered"
    """It was delivered, once."""
    RTO_STARTED = "rto.started"
    """It returns to its sender, once."""
    RTO_DELIVERED = "rto.delivered"
    """It is back at its sender, once."""
    LOST = "lost"
    """It is lost, once."""
    DAMAGED = "damaged"
    """It is damaged, once."""
    DELAYED = "delayed"
    """It is past its expected day."""
    STUCK = "stuck"
    """It had no scan for longer than `AWBRIDGE_STUCK_TRANSIT_HOURS` and the related settings allow.

    Or none since it was placed.
    """
    RETURN_PLACED = "return.placed"
    """The customer requested a return from ClickPost."""
    RETURN_APPROVED = "return.approved"
    """The return was approved."""
    RETURN_REJECTED = "return.rejected"
    """The return was rejected."""
    RETURN_UPDATED = "return.updated"
    """ClickPost reports something else about the return; `name` says what."""
    EXCHANGE_PLACED = "exchange.placed"
    """The customer requested an exchange from ClickPost."""
    EXCHANGE_APPROVED = "exchange.approved"
    """The exchange was approved."""
    EXCHANGE_REJECTED = "exchange.rejected"
    """The exchange was rejected."""
    PIECE_STATUS_CHANGED = "piece.status_changed"
    """The current status of a piece has another code."""
    PIECE_NDR_RAISED = "piece.ndr_raised"
    """A delivery of a piece failed, each time."""
    PIECE_DELIVERED = "piece.delivered"
    """A piece was delivered, once."""
    PIECE_RTO_STARTED = "piece.rto_started"
    """A piece returns to its sender, once."""
    PIECE_RTO_DELIVERED = "piece.rto_delivered"
    """A piece is back at its sender, once."""
    PIECE_LOST = "piece.lost"
    """A piece is lost, once."""
    PIECE_DAMAGED = "piece.damaged"
    """A piece is damaged, once."""
    CUSTOMER_ANSWERED = "customer.answered"
    """The customer answered on the page of the parcel."""


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

# Separate kinds: a lost box is not a lost shipment.
PIECE_KIND_OF = {
    Milestone.FAILED_DELIVERY: EventKind.PIECE_NDR_RAISED,
    Milestone.DELIVERED: EventKind.PIECE_DELIVERED,
    Milestone.RTO_STARTED: EventKind.PIECE_RTO_STARTED,
    Milestone.RTO_DELIVERED: EventKind.PIECE_RTO_DELIVERED,
    Milestone.LOST: EventKind.PIECE_LOST,
    Milestone.DAMAGED: EventKind.PIECE_DAMAGED,
}


class ShipmentEvent(Struct, frozen=True, kw_only=True, gc=False):
    """One event of a shipment: `kinds` go to subscribers, `milestone` (if any) to customer notices.

    `at` is the time of the status, `fresh_at` the vendor's own time of it, `ndr_code` the reason of a failed delivery.
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
    """The part that all events share: the shipment's identifiers, never the customer's data. `with_link` adds to it.

    `replaces` and `replaced_by` show that a shipment corrects another within one order and does not end the order.
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


def with_link(body: str, shipment: Linked, links: TrackLinks) -> str:
    """An event as it is sent: with the present link to the customer's page, null where there is none.

    Added when it is sent, so that a link that was revoked, or made with an old key, is not sent again.
    """
    event = json.loads(body)
    event["data"] = {**event.get("data", {}), "track_url": links.url(shipment)}
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


def placed(shipment: Shipment, waybill: str, *, label_url: str | None, now: datetime) -> ShipmentEvent:
    """The shipment was placed and has a waybill."""
    data = about(shipment, waybill=waybill, label_url=label_url)
    return _event(data, now, EventKind.SHIPMENT_PLACED, milestone=Milestone.AWB_GENERATED)


def _event(data: JsonObject, at: datetime, *kinds: EventKind, milestone: Milestone | None = None) -> ShipmentEvent:
    return ShipmentEvent(reference_number=data["reference_number"], at=at, kinds=kinds, data=data, milestone=milestone)


def stopped(
    shipment: Shipment, state: State, problem: str | None, *, maybe_placed: bool = False, now: datetime
) -> list[ShipmentEvent]:
    """The shipment needs a person (rejected, gave up); empty for every other state.

    With `maybe_placed` the parcel may still travel: subscribers must not ship it another way.
    """
    kinds = {State.REJECTED: EventKind.SHIPMENT_REJECTED, State.GAVE_UP: EventKind.SHIPMENT_GAVE_UP}
    if state not in kinds:
        return []
    return [_event(about(shipment, problem=problem, maybe_placed=maybe_placed), now, kinds[state])]


def cancelled(shipment: Tracked, *, now: datetime) -> ShipmentEvent:
    """ClickPost or the courier cancelled the shipment."""
    return _event(about(shipment), now, EventKind.SHIPMENT_CANCELLED, milestone=Milestone.CANCELLED)


def not_cancelled(shipment: Tracked, cancellation: str, problem: str, *, now: datetime) -> ShipmentEvent:
    """A cancellation ended without cancelling the shipment. `cancellation` is its state, which says why."""
    data = about(shipment, cancellation=str(cancellation), problem=problem)
    return _event(data, now, EventKind.SHIPMENT_NOT_CANCELLED)


def superseded(shipment: Shipment, *, now: datetime) -> ShipmentEvent:
    """A successor replaced a shipment that was never placed. Customers are not notified."""
    return _event(about(shipment), now, EventKind.SHIPMENT_CANCELLED)


def moved(
    shipment: Tracked,
    *,
    before: Sighting | None,
    after: Sighting | None,
    latest: Sighting | None,
    info: StatusInfo | None,
    milestone_of: Callable[[int], Milestone | None],
    ndr_code: int | None,
    edd: str | None,
    fresh_at: datetime | None = None,
    ndr_name: str = "",
) -> list[ShipmentEvent]:
    """The events of a change of status by one round of deliveries.

    `latest` is the newest latest_status among them. A customer is notified of a milestone only if it is the shipment's
    current status. Older scans notify nobody.
    """
    if after is None or info is None:
        return []
    milestone = milestone_of(after.code)
    kinds = _kinds(before, after, milestone_of, EventKind.STATUS_CHANGED, KIND_OF)
    reached = milestone if latest == after else None
    if not kinds and reached is None:
        return []
    status = _status(info, after)
    return [
        ShipmentEvent(
            reference_number=shipment.reference_number,
            at=after.seen_at,
            kinds=kinds,
            data=about(shipment, status=status, ndr_code=ndr_code, ndr_name=ndr_name, edd=edd),
            milestone=reached,
            status_code=after.code,
            ndr_code=ndr_code,
            fresh_at=fresh_at if reached else None,
        )
    ]


def _kinds(
    before: Sighting | None,
    after: Sighting,
    milestone_of: Callable[[int], Milestone | None],
    changed: EventKind,
    of_milestone: Mapping[Milestone, EventKind],
) -> tuple[EventKind, ...]:
    """`changed` if the code changed, and the kind of a new milestone."""
    kinds = (changed,) if before is None or before.code != after.code else ()
    was, milestone = milestone_of(before.code) if before else None, milestone_of(after.code)
    # A second failed delivery is a new event; a second scan of the return journey is not.
    is_new = milestone != was or (milestone is Milestone.FAILED_DELIVERY and after != before)
    if milestone is not None and milestone in of_milestone and is_new:
        return (*kinds, of_milestone[milestone])
    return kinds


def _status(info: StatusInfo, seen: Sighting) -> StatusData:
    return {
        "code": info.code,
        "name": info.name,
        "bucket": int(info.bucket),
        "at": seen.seen_at.isoformat(),
        "final": info.final,
    }


def piece_moved(
    shipment: Tracked,
    piece: PieceStatus,
    *,
    before: Sighting | None,
    info: StatusInfo,
    milestone_of: Callable[[int], Milestone | None],
) -> list[ShipmentEvent]:
    """The events of a change of a piece's status. Customers are not notified."""
    after = piece.sighting
    if after is None:
        return []
    kinds = _kinds(before, after, milestone_of, EventKind.PIECE_STATUS_CHANGED, PIECE_KIND_OF)
    if not kinds:
        return []
    failure = piece.failures[-1] if piece.failures else None
    changed: PieceData = {
        "waybill": piece.waybill,
        "status": _status(info, after),
        "ndr_code": failure.ndr_code if failure else None,
        "ndr_name": failure.ndr_name if failure else "",
    }
    return [_event(about(shipment, piece=changed), after.seen_at, *kinds)]


def returned(shipment: Tracked, event: ReturnEvent, *, at: datetime, name: str) -> ShipmentEvent:
    """A customer requested a return or an exchange of this shipment, or it was decided. The status does not change."""
    fields = asdict(event)
    kind = EventKind(fields.pop("kind"))
    return _event(about(shipment, **{"return": {"name": name, **fields}}), at, kind)


def customer_answered(shipment: Tracked, answer: AnswerData, *, at: datetime) -> ShipmentEvent:
    """A customer answered on the page of the parcel."""
    return _event(about(shipment, answer=answer), at, EventKind.CUSTOMER_ANSWERED)


def overdue(shipment: Shipment, milestone: Milestone, *, since: datetime) -> ShipmentEvent:
    """A shipment is late or stuck by the clock. `since`: the time of its latest status, or of placing it."""
    status_at = shipment.status_at.isoformat() if shipment.status_at else None
    return ShipmentEvent(
        reference_number=shipment.reference_number,
        at=since,
        kinds=(KIND_OF[milestone],),
        data=about(shipment, edd=shipment.edd, status_code=shipment.status_code, status_at=status_at),
        milestone=milestone,
        status_code=shipment.status_code,
    )
