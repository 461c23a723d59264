"""The shipment in a request's path, as a dependency of routes, and what its view is made with."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from awbridge.domain.orders.shipment import Shipment
from awbridge.web.contexts import ApiContext
from awbridge.web.dependencies import StoreDep
from awbridge.web.requested import find_shipment, no_nul
from awbridge.web.v1.views.shipments import Viewing


async def _shipment(reference_number: str, store: StoreDep) -> Shipment:
    return await find_shipment(store, reference_number)


async def _reference(reference_number: str) -> str:
    return no_nul(reference_number)


ShipmentDep = Annotated[Shipment, Depends(_shipment)]
ReferenceDep = Annotated[str, Depends(_reference)]


def viewing_for(api: ApiContext) -> Viewing:
    """What the views of a request are made with."""
    return Viewing(limits=api.stuck_after, now=api.clock(), links=api.links)
