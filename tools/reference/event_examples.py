"""An example of each outgoing event, made by the functions that make the events. All of its data is invented."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from awbridge.clickpost.wire.tracking_codes import NDR_NAMES, milestone_of, status_info
from awbridge.domain.customer_page.links import LinkKeys, TrackLinks
from awbridge.domain.json import JsonObject
from awbridge.domain.notify import events
from awbridge.domain.notify.events import EventKind, ShipmentEvent
from awbridge.domain.orders.cancellation import CancelState
from awbridge.domain.orders.shipment import Region, Shipment, State, StoredPayload
from awbridge.domain.tracking.lifecycle import Sighting, sighting
from awbridge.domain.tracking.milestones import Failure, Milestone
from awbridge.domain.tracking.pieces import PieceStatus
from awbridge.domain.tracking.returns import ReturnEvent

_AT = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
_LINKS = TrackLinks("https://track.shop.example", LinkKeys(["a-key-of-the-documentation"]))
_NDR = 1
_BOX = "1234567891"

# Status codes that lead to an event, each after the one before it: in transit, or another status on its way.
_BEFORE, _IN_TRANSIT = 5, 5
_MOVES: Mapping[EventKind, tuple[int, int]] = {
    EventKind.STATUS_CHANGED: (_BEFORE, 6),
    EventKind.NDR_RAISED: (6, 9),
    EventKind.DELIVERED: (6, 8),
    EventKind.RTO_STARTED: (9, 12),
    EventKind.RTO_DELIVERED: (13, 14),
    EventKind.LOST: (_IN_TRANSIT, 16),
    EventKind.DAMAGED: (_IN_TRANSIT, 17),
}
_PIECE_MOVES: Mapping[EventKind, tuple[int, int]] = {
    EventKind.PIECE_STATUS_CHANGED: _MOVES[EventKind.STATUS_CHANGED],
    EventKind.PIECE_NDR_RAISED: _MOVES[EventKind.NDR_RAISED],
    **{kind: _MOVES[events.KIND_OF[milestone]] for milestone, kind in events.PIECE_KIND_OF.items()},
}
_RETURNS: Mapping[EventKind, int] = {
    EventKind.RETURN_PLACED: 101,
    EventKind.RETURN_APPROVED: 102,
    EventKind.RETURN_REJECTED: 103,
    EventKind.RETURN_UPDATED: 104,
    EventKind.EXCHANGE_PLACED: 101,
    EventKind.EXCHANGE_APPROVED: 102,
    EventKind.EXCHANGE_REJECTED: 103,
}
_NAME_OF_RETURN = {103: "Return Request Rejected", 104: "Return Request Updated"}


def examples() -> Mapping[EventKind, JsonObject]:
    """The body of each kind of event as it is sent. Raises ValueError where a kind has none."""
    shipment = _shipment()
    found: dict[EventKind, JsonObject] = {}
    for kind, happening in _happenings(shipment):
        if kind not in happening.kinds:
            raise ValueError(f"the example of {kind} is one of {', '.join(happening.kinds)}")
        body = json.dumps({"type": kind.value, "timestamp": happening.at.isoformat(), "data": happening.data})
        found[kind] = json.loads(events.with_link(body, shipment, _LINKS))
    if missing := [kind.value for kind in EventKind if kind not in found]:
        raise ValueError(f"tools/reference/event_examples.py has no example of {', '.join(missing)}")
    return found


def _happenings(shipment: Shipment) -> Iterator[tuple[EventKind, ShipmentEvent]]:
    label = "https://labels.example/1234567890.pdf"
    yield EventKind.SHIPMENT_PLACED, events.placed(shipment, "1234567890", label_url=label, now=_AT)
    why = "the pincode 560001 is not serviceable (ClickPost code 319)"
    for kind, state in ((EventKind.SHIPMENT_REJECTED, State.REJECTED), (EventKind.SHIPMENT_GAVE_UP, State.GAVE_UP)):
        (stopped,) = events.stopped(replace(shipment, waybill=None), state, why, now=_AT)
        yield kind, stopped
    yield EventKind.SHIPMENT_CANCELLED, events.cancelled(shipment, now=_AT)
    why = "not cancelled: the shipment ended otherwise (Delivered)"
    yield EventKind.SHIPMENT_NOT_CANCELLED, events.not_cancelled(shipment, CancelState.OVERTAKEN, why, now=_AT)
    for kind, codes in _MOVES.items():
        yield kind, _moved(shipment, *codes)
    for kind, codes in _PIECE_MOVES.items():
        yield kind, _piece_moved(shipment, *codes)
    for kind, milestone in ((EventKind.DELAYED, Milestone.DELAYED), (EventKind.STUCK, Milestone.STUCK)):
        yield kind, events.overdue(shipment, milestone, since=_AT)
    for kind, code in _RETURNS.items():
        yield kind, _returned(shipment, kind, code)
    answer: events.AnswerData = {
        "id": "2af0c9d1e4b35678",
        "kind": "deliver_again",
        "state": "received",
        "day": "2026-11-25",
        "waybill": None,
    }
    yield EventKind.CUSTOMER_ANSWERED, events.customer_answered(shipment, answer, at=_AT)


def _sighting(code: int, at: datetime) -> Sighting:
    return sighting(status_info(code), at, at)


def _failure(code: int) -> int | None:
    return _NDR if milestone_of(code) is Milestone.FAILED_DELIVERY else None


def _moved(shipment: Shipment, before: int, after: int) -> ShipmentEvent:
    latest = _sighting(after, _AT)
    ndr = _failure(after)
    (moved,) = events.moved(
        shipment,
        before=_sighting(before, _AT - timedelta(hours=4)),
        after=latest,
        latest=latest,
        info=status_info(after),
        milestone_of=milestone_of,
        ndr_code=ndr,
        ndr_name=NDR_NAMES[ndr] if ndr else "",
        edd="2026-11-24",
    )
    return moved


def _piece_moved(shipment: Shipment, before: int, after: int) -> ShipmentEvent:
    ndr = _failure(after)
    failures = (Failure(at=_AT, ndr_code=ndr, ndr_name=NDR_NAMES[ndr], remark=""),) if ndr else ()
    (moved,) = events.piece_moved(
        shipment,
        PieceStatus(waybill=_BOX, sighting=_sighting(after, _AT), failures=failures),
        before=_sighting(before, _AT - timedelta(hours=4)),
        info=status_info(after),
        milestone_of=milestone_of,
    )
    return moved


def _returned(shipment: Shipment, kind: EventKind, code: int) -> ShipmentEvent:
    is_booked = kind in (EventKind.RETURN_APPROVED, EventKind.EXCHANGE_APPROVED)
    happened = ReturnEvent(
        kind=kind.value,
        return_reference_number="RET-1001",
        return_waybill="9876543210" if is_booked else "",
        return_courier_partner_id=25 if is_booked else None,
        self_shipped=False,
        items=[{"sku": "SHIRT-M", "quantity": 1, "return_reason": "too small"}],
    )
    return events.returned(shipment, happened, at=_AT, name=status_info(code, _NAME_OF_RETURN.get(code, "")).name)


def _shipment() -> Shipment:
    """A placed shipment in transit."""
    status = status_info(_IN_TRANSIT)
    return Shipment(
        reference_number="ORDER-1001",
        order_id="1001",
        transporter="Delhivery Surface",
        courier_partner_id=4,
        account_code=None,
        state=State.PLACED,
        delivery_type="FORWARD",
        waybill="1234567890",
        children=(),
        status_code=status.code,
        status_at=_AT,
        status_bucket=int(status.bucket),
        status_step=status.step,
        final=False,
        edd="2026-11-22",
        ndr_code=None,
        last_tracked_at=_AT,
        last_polled_at=None,
        created_at=_AT - timedelta(days=3),
        region=Region.INDIA,
        stored_payload=StoredPayload.of({}),
        success=True,
        no_of_retries=0,
        problem=None,
        next_try_at=None,
        waiting_since_at=None,
        payload_changed_at=None,
        cancel_tries=0,
        sent_at=None,
        placed_at=_AT - timedelta(days=3),
        label_url=None,
        sort_code=None,
        security_key=None,
        vendor_order_id=None,
        aged_out_at=None,
        updated_at=_AT,
    )
