"""The routes that show a shipment's timeline, poll ClickPost for it, and show what polling and webhooks cover."""

from __future__ import annotations

from fastapi import APIRouter

from awbridge.domain.errors import NotPossible
from awbridge.steps.polling.catch_up import resume_polling
from awbridge.steps.polling.watch import coverage
from awbridge.store.tracking import scans
from awbridge.web.dependencies import ApiDep, ClockDep, StoreDep
from awbridge.web.v1.orders_views import ShipmentView, shipment_view
from awbridge.web.v1.shipment_lookup import ShipmentDep, find_shipment
from awbridge.web.v1.tracking_views import CoverageView, ScanView, coverage_view, scan_view

router = APIRouter()


@router.get("/shipments/{reference_number:path}/scans", tags=["shipments"])
async def show_scans(shipment: ShipmentDep, store: StoreDep) -> list[ScanView]:
    """The timeline, oldest scan first."""
    async with store.read() as session:
        return [scan_view(s, shipment.children) for s in await scans.timeline(session, shipment.reference_number)]


@router.post("/shipments/{reference_number:path}/ask", tags=["shipments"])
async def ask_shipment(shipment: ShipmentDep, api: ApiDep) -> ShipmentView:
    """Ask ClickPost for its timeline at once, or as soon as that may be; a silent one is on the schedule again."""
    reference = shipment.reference_number
    resumed = await resume_polling(
        store=api.store, clock=api.clock, references=[reference], ask_again=api.poll_again_after
    )
    if not resumed:
        raise NotPossible(f"{reference} has no waybill yet, or has reached its end: there is nothing to ask")
    return shipment_view(await find_shipment(api.store, reference), api.stuck_after, api.clock())


@router.get("/coverage", tags=["health"])
async def show_coverage(store: StoreDep, clock: ClockDep) -> CoverageView:
    """Which minutes updated-order covers, whether webhooks come, and what they bring of each courier's scans."""
    return coverage_view(await coverage(store=store, clock=clock))
