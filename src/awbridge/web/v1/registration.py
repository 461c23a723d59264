"""The routes that push a shipment again, cancel it, settle whether ClickPost holds it, revoke its link, show calls."""

from __future__ import annotations

from pydantic import BaseModel, Field, StrictBool

from awbridge.domain.errors import FieldProblem, PayloadRefused
from awbridge.domain.people.actor import named_actor
from awbridge.steps.customer_page.revoke_link import revoke_link
from awbridge.steps.orders import intake, settle
from awbridge.store.audit import attempts
from awbridge.web.dependencies import ApiDep, StoreDep
from awbridge.web.v1.request_parsing import NO_NUL, Limit, Number
from awbridge.web.v1.shipments.lookup import ReferenceDep, ShipmentDep, viewing_for
from awbridge.web.v1.strict import v1_router
from awbridge.web.v1.views.attempts import AttemptPage, AttemptView
from awbridge.web.v1.views.shipments import ShipmentView, shipment_view

router = v1_router("/shipments/{reference_number:path}", tags=["shipments"])


class SettleBody(BaseModel):
    """Whether ClickPost or the courier holds a shipment that may be placed."""

    held: StrictBool = Field(
        description="False: neither ClickPost nor the courier holds it. True: held under `waybill`."
    )
    waybill: str | None = Field(None, min_length=1, max_length=200, pattern=NO_NUL)
    courier_partner_id: int | None = Field(
        None, gt=0, lt=2**31, description="The courier of the waybill, if it is not the shipment's."
    )


@router.post("/retry")
async def retry_shipment(reference: ReferenceDep, api: ApiDep) -> ShipmentView:
    """Push the shipment again now, with all its attempts."""
    retried = await intake.retry(store=api.store, clock=api.clock, reference_number=reference)
    return shipment_view(retried, viewing_for(api))


@router.post("/cancel")
async def cancel_shipment(reference: ReferenceDep, api: ApiDep) -> ShipmentView:
    """Cancel the shipment: at once if ClickPost cannot hold it, otherwise when ClickPost has cancelled it."""
    cancelled = await intake.cancel(store=api.store, clock=api.clock, reference_number=reference)
    return shipment_view(cancelled, viewing_for(api))


@router.post("/settle")
async def settle_shipment(reference: ReferenceDep, body: SettleBody, api: ApiDep) -> ShipmentView:
    """Record whether ClickPost holds a shipment that may be placed, and under which waybill."""
    if not body.held:
        settled = await settle.not_held(
            store=api.store, clock=api.clock, reference_number=reference, by=named_actor("api")
        )
    elif body.waybill is None:
        raise PayloadRefused([FieldProblem("waybill", "is required if held is true")])
    else:
        settled = await settle.held_as(
            store=api.store,
            clock=api.clock,
            reference_number=reference,
            waybill=body.waybill,
            courier_partner_id=body.courier_partner_id,
            by=named_actor("api"),
        )
    return shipment_view(settled, viewing_for(api))


@router.post("/link/revoke")
async def revoke_customers_link(reference: ReferenceDep, api: ApiDep) -> ShipmentView:
    """Give the shipment a new link to the customer's page. The old one opens nothing any more."""
    renewed = await revoke_link(store=api.store, clock=api.clock, reference_number=reference)
    return shipment_view(renewed, viewing_for(api))


@router.get("/attempts")
async def show_attempts(shipment: ShipmentDep, store: StoreDep, limit: Limit = 50, cursor: Number = 0) -> AttemptPage:
    """The calls to ClickPost about the shipment, oldest first."""
    async with store.read() as session:
        found = await attempts.page_of_shipment(session, shipment.reference_number, after=cursor, limit=limit + 1)
    page = found[:limit]
    after = str(page[-1].id) if len(found) > limit else None
    return AttemptPage(attempts=[AttemptView.model_validate(attempt) for attempt in page], next=after)
