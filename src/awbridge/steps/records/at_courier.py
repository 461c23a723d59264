"""The order as the courier holds it: the placed payload, with the edits made at the courier since."""

from __future__ import annotations

from awbridge.clickpost.orders.edits import with_courier_edits
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.action import ActionKind
from awbridge.domain.orders.shipment import Shipment
from awbridge.store.engine.database import Session
from awbridge.store.orders import actions, payload_versions


async def order_at_courier(session: Session, shipment: Shipment) -> JsonObject:
    """The order with the edits made at the courier, so that it can be sent again.

    Raises PayloadRefused with the edited fields that an order does not have.
    """
    versions = await payload_versions.of_shipment(session, shipment)
    since = versions[-1].changed_at
    edits = [
        action.body
        for action in await actions.of_shipment(session, shipment.reference_number)
        if action.kind is ActionKind.EDIT and action.done_at and action.done_at >= since
    ]
    return with_courier_edits(shipment.payload, edits, region=shipment.region)
