"""Ends a requested cancellation by the tracking status, whatever ClickPost answers."""

from __future__ import annotations

from datetime import datetime

import structlog

from awbridge.clickpost.wire.tracking_codes import milestone_of, status_info
from awbridge.domain.notify import events as happened
from awbridge.domain.notify.events import ShipmentEvent
from awbridge.domain.orders.cancellation import CancelState, ended_by_tracking
from awbridge.domain.orders.shipment import Tracked
from awbridge.store.engine.database import Session
from awbridge.store.registration import cancellations

log = structlog.get_logger()


async def end_by_tracking(
    session: Session, shipment: Tracked, status_code: int | None, *, now: datetime
) -> list[ShipmentEvent]:
    """End a cancellation where the shipment's current status settles it; returns the events.

    The caller holds the shipment locked.
    """
    if shipment.cancel_requested_at is None or status_code is None:
        return []
    info = status_info(status_code)
    ending = ended_by_tracking(milestone=milestone_of(status_code), final=info.final, status=info.name)
    if ending is None:
        return []
    reference = shipment.reference_number
    if ending.state is CancelState.CANCELLED:
        if not await cancellations.cancelled(session, reference, now=now):
            return []
        log.info("shipment.cancelled", reference=reference)
        return [happened.cancelled(shipment, now=now)]
    problem = ending.problem or ""
    if not await cancellations.overtaken(session, reference, problem, now=now):
        return []
    log.warning("shipment.not_cancelled", reference=reference, again=False)
    return [happened.not_cancelled(shipment, ending.state, problem, now=now)]
