"""The routes that show a shipment's timeline, poll ClickPost for it, and show what polling and webhooks cover."""

from __future__ import annotations

from awbridge.domain.errors import NotPossible
from awbridge.steps.polling.track_order import resume_polling
from awbridge.steps.polling.watch import Coverage, coverage
from awbridge.store.tracking import scans
from awbridge.web.dependencies import ApiDep, ClockDep, StoreDep
from awbridge.web.requested import find_shipment
from awbridge.web.v1.shipments.lookup import ShipmentDep, viewing_for
from awbridge.web.v1.strict import v1_router
from awbridge.web.v1.views.shipments import ShipmentView, shipment_view
from awbridge.web.v1.views.tracking import CoverageView, ScanView, scan_view

router = v1_router()


@router.get("/shipments/{reference_number:path}/scans", tags=["shipments"])
async def show_scans(shipment: ShipmentDep, store: StoreDep) -> list[ScanView]:
    """The shipment's timeline, oldest scan first."""
    async with store.read() as session:
        return [scan_view(s, shipment.children) for s in await scans.timeline(session, shipment.reference_number)]


@router.post("/shipments/{reference_number:path}/ask", tags=["shipments"])
async def ask_shipment(shipment: ShipmentDep, api: ApiDep) -> ShipmentView:
    """Poll ClickPost for the shipment now, or as soon as allowed. A shipment no longer polled is scheduled again."""
    reference = shipment.reference_number
    resumed = await resume_polling(
        store=api.store, clock=api.clock, references=[reference], ask_again=api.poll_again_after
    )
    if not resumed:
        raise NotPossible(f"{reference} has no waybill yet, or its status is final: there is nothing to poll")
    return shipment_view(await find_shipment(api.store, reference), viewing_for(api))


@router.get("/coverage", tags=["health"], response_model=CoverageView)
async def show_coverage(store: StoreDep, clock: ClockDep) -> Coverage:
    """Which minutes of updated-order are covered, and which share of each courier's scans comes by webhook."""
    return await coverage(store=store, clock=clock)
