"""Records that ClickPost holds a shipment, from whichever call or update that is known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog
from msgspec.structs import replace

from awbridge.clickpost.orders.create import placed_differences
from awbridge.domain.notify import events as happened
from awbridge.domain.notify.events import ShipmentEvent
from awbridge.domain.orders.outcome import Placed
from awbridge.domain.orders.shipment import Shipment
from awbridge.store.engine.database import Session
from awbridge.store.notify import events
from awbridge.store.orders import shipments
from awbridge.store.registration import dispatch
from awbridge.store.registration.dispatch import Placing

log = structlog.get_logger()


def difference_of(shipment: Shipment, placed: Placed) -> str | None:
    """Where ClickPost holds something other than was requested; None where all that it shows agrees."""
    return "; ".join(placed_differences(shipment, placed)) or None


def placing_of(shipment: Shipment, placed: Placed, *, next_poll_at: datetime) -> Placing:
    """What to record of a placed shipment, and when tracking polls it first."""
    difference = difference_of(shipment, placed)
    return Placing(shipment=shipment, placed=placed, difference=difference, next_poll_at=next_poll_at)


async def place(session: Session, placings: Sequence[Placing], *, now: datetime) -> list[ShipmentEvent]:
    """Record these shipments as placed. Returns an event for each new waybill; logs waybills that are in use twice."""
    for shared in await dispatch.place(session, placings, now=now):
        log.warning(
            "waybill.reused",
            waybill=shared.waybill,
            courier=shared.courier_partner_id,
            reference=shared.reference_number,
            other_courier=shared.other_courier_partner_id,
            other_reference=shared.other_reference_number,
        )
    return [_event(placing, now) for placing in placings if placing.is_news]


def _event(placing: Placing, now: datetime) -> ShipmentEvent:
    # The courier that holds it may be another than was requested.
    shipment = placing.shipment
    if placing.courier != shipment.courier_partner_id:
        shipment = replace(shipment, courier_partner_id=placing.courier)
    return happened.placed(shipment, placing.placed.waybill, label_url=placing.placed.label_url, now=now)


async def record_found(
    session: Session, shipment: Shipment, placed: Placed, *, ask_at: datetime, now: datetime
) -> None:
    """Record that ClickPost holds a shipment that push did not place, and cancel it there where that was requested.

    `ask_at`: when tracking polls it first. Changes nothing where it is recorded as placed already.
    """
    row = (await dispatch.lock(session, [shipment.reference_number])).get(shipment.reference_number)
    if row is None or row.success:
        return
    placing = placing_of(shipment, placed, next_poll_at=ask_at)
    if placed_events := await place(session, [placing], now=now):
        await events.write(session, placed_events, now=now)
    if row.cancel_is_asked:
        await shipments.cancel(session, shipment.reference_number, now=now)
