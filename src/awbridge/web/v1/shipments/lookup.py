"""The shipment in a request's path, as a dependency of routes, and what its view is made with."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from awbridge.domain.errors import NotFound
from awbridge.domain.orders.shipment import Shipment
from awbridge.store import Store
from awbridge.store.orders import shipments
from awbridge.web.dependencies import ApiContext, StoreDep
from awbridge.web.v1.request_parsing import no_nul
from awbridge.web.v1.views.shipments import Viewing


async def find_shipment(store: Store, reference_number: str) -> Shipment:
    """The shipment. Raises NotFound."""
    async with store.read() as session:
        shipment = await shipments.get(session, no_nul(reference_number))
    if shipment is None:
        raise NotFound(f"there is no shipment {reference_number}")
    return shipment


async def _shipment(reference_number: str, store: StoreDep) -> Shipment:
    return await find_shipment(store, reference_number)


async def _reference(reference_number: str) -> str:
    return no_nul(reference_number)


ShipmentDep = Annotated[Shipment, Depends(_shipment)]
ReferenceDep = Annotated[str, Depends(_reference)]


def viewing_for(api: ApiContext) -> Viewing:
    """What the views of a request are made with."""
    return Viewing(limits=api.stuck_after, now=api.clock(), links=api.links)
