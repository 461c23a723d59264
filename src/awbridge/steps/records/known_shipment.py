"""Reads one shipment that must exist."""

from __future__ import annotations

from awbridge.domain.errors import NotFound
from awbridge.domain.orders.shipment import Shipment
from awbridge.store.engine.database import Session
from awbridge.store.orders import shipments


async def known_shipment(session: Session, reference_number: str) -> Shipment:
    """The shipment of this reference number. Raises NotFound."""
    shipment = await shipments.get(session, reference_number)
    if shipment is None:
        raise NotFound(f"there is no shipment {reference_number}")
    return shipment
