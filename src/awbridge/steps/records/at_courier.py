"""What an order is at the courier: the payload that was placed, with the edits that were made there since."""

from __future__ import annotations

from awbridge.clickpost.orders.edits import with_courier_edits
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.action import ActionKind
from awbridge.domain.orders.shipment import Shipment
from awbridge.store.engine.database import Session
from awbridge.store.orders import actions, payload_versions


async def order_at_courier(session: Session, shipment: Shipment) -> JsonObject:
    """The order with what was edited at the courier since it got its payload, fit to be sent anew.

    Raises PayloadRefused with the fields that an order has no place for.
    """
    versions = await payload_versions.of_shipment(session, shipment)
    since = versions[-1].changed_at
    edits = [
        action.body
        for action in await actions.of_shipment(session, shipment.reference_number)
        if action.kind is ActionKind.EDIT and action.done_at and action.done_at >= since
    ]
    return with_courier_edits(shipment.payload, edits, region=shipment.region)
