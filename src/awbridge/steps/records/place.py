"""Places shipments that ClickPost holds, and warns where a waybill was given to a second one. No loop of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog

from awbridge.store.engine.database import Session
from awbridge.store.registration import dispatch
from awbridge.store.registration.dispatch import Placing

log = structlog.get_logger()


async def place(session: Session, placings: Sequence[Placing], *, now: datetime) -> None:
    """Keep what ClickPost answered of these. A waybill that is another shipment's too is logged."""
    for shared in await dispatch.place(session, placings, now=now):
        log.warning(
            "waybill.reused",
            waybill=shared.waybill,
            courier=shared.courier_partner_id,
            reference=shared.reference_number,
            other_courier=shared.other_courier_partner_id,
            other_reference=shared.other_reference_number,
        )
