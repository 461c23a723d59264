"""Revokes the link of a shipment to the customer's page: the old one opens nothing any more, and there is a new one."""

from __future__ import annotations

from awbridge.domain.errors import NotFound, NotPossible
from awbridge.domain.orders.shipment import Shipment
from awbridge.domain.people.audited import AuditAction
from awbridge.steps.records.known_shipment import known_shipment
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.customer_page import links
from awbridge.store.orders import shipments
from awbridge.store.people import audit_log


async def revoke_link(*, store: Store, clock: Clock, reference_number: str) -> Shipment:
    """Give a shipment a new link in place of the present one. Returns the shipment.

    Raises NotFound, or NotPossible where its personal data is erased: it has no link.
    """
    async with store.write() as session:
        shipment = (await shipments.lock_many(session, [reference_number])).get(reference_number)
        if shipment is None:
            raise NotFound(f"there is no shipment {reference_number}")
        if not await links.renew(session, shipment):
            raise NotPossible(f"the personal data of {reference_number} is erased: its link opens nothing")
        renewed = await known_shipment(session, reference_number)
        sides = {
            "before": {"revoked": shipment.link_generation},
            "after": {"revoked": renewed.link_generation},
        }
        await audit_log.record(session, AuditAction.LINK_REVOKED, reference_number, **sides, now=clock())
        return renewed
