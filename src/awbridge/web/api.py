"""The HTTP API under /v1, about shipments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, cast

from fastapi import APIRouter, Body, Query, Request, Response
from starlette.exceptions import HTTPException

from awbridge.domain.allocation import Allocation
from awbridge.domain.errors import NotFound
from awbridge.domain.shipment import Shipment, State
from awbridge.sinks.addresses import Network
from awbridge.steps import amend, intake
from awbridge.steps.amend import Edit
from awbridge.steps.clock import Clock
from awbridge.store import Store, accounts, attempts, notices, scans, shipments, waybills
from awbridge.web import action_routes, telling, views
from awbridge.web.accounts import add_routes
from awbridge.web.reading import json_body, make_cursor, no_nul, read_cursor

LARGEST_BATCH = 1000

Reference = str


async def _known(store: Store, reference_number: str) -> Shipment:
    async with store.read() as session:
        shipment = await shipments.get(session, no_nul(reference_number))
    if shipment is None:
        raise NotFound(f"there is no shipment {reference_number}")
    return shipment


def router(
    store: Store,
    clock: Clock,
    *,
    allocation: Allocation = Allocation.RULES,
    zone: str = "Asia/Kolkata",
    networks: Sequence[Network] = (),
    country: str = "IN",
) -> APIRouter:
    """The routes about shipments, accounts and telling, on this store. `zone` is the account's, for times without one.

    `networks` are private ones that endpoints may lie in; `country` is that of phones.
    """
    api = APIRouter(prefix="/v1")
    api.include_router(telling.router(store, clock, networks=networks, country=country))
    order_body = {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "description": "ClickPost's create-order payload, one or a list of up to 1000; `transporter` "
                        "may stand in place of courier_partner and account_code, `region` is india or world. Where "
                        "allocation is on, the courier may be left out.",
                        "oneOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}],
                    }
                }
            },
        }
    }

    @api.post("/shipments", status_code=202, tags=["shipments"], openapi_extra=order_body)
    async def create_shipments(request: Request, response: Response) -> Any:
        """Take in one order or a list; all or none. 202: stored, push follows. 200: all were known already."""
        body = await json_body(request)
        orders = cast("list[Any]", body) if isinstance(body, list) else [body]
        if not orders:
            raise HTTPException(422, "the list is empty; send at least one order")
        if len(orders) > LARGEST_BATCH:
            raise HTTPException(
                413, f"a batch has at most {LARGEST_BATCH} orders, this one {len(orders)}; send several"
            )
        try:
            taken = await intake.take_in(store=store, clock=clock, orders=orders, allocation=allocation)
        except intake.BatchRefused as error:
            if not isinstance(body, list):
                raise error.errors[0] from None
            raise
        if not any(t.created for t in taken):
            response.status_code = 200
        shown = [views.shipment_view(t.shipment) for t in taken]
        return {"shipments": shown} if isinstance(body, list) else shown[0]

    @api.get("/shipments", tags=["shipments"])
    async def list_shipments(
        state: Annotated[State | None, Query(description="Only shipments in this state.")] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        cursor: Annotated[str | None, Query(description="`next` of the page before.")] = None,
    ) -> views.ShipmentPage:
        """Shipments, newest first."""
        async with store.read() as session:
            held = await accounts.held(session, now=clock())
            before = read_cursor(cursor)
            found = await shipments.newest(session, state=state, before=before, limit=limit + 1, held=held)
        page = found[:limit]
        after = make_cursor(page[-1].created_at, page[-1].reference_number) if len(found) > limit else None
        return views.ShipmentPage(shipments=[views.shipment_view(s) for s in page], next=after)

    # A reference number may hold a slash: the routes with an ending come before the one without.
    @api.get("/shipments/{reference_number:path}/scans", tags=["shipments"])
    async def show_scans(reference_number: str) -> list[views.ScanView]:
        """The timeline, oldest scan first."""
        await _known(store, reference_number)
        async with store.read() as session:
            return [views.scan_view(s) for s in await scans.timeline(session, reference_number)]

    @api.get("/shipments/{reference_number:path}/attempts", tags=["shipments"])
    async def show_attempts(reference_number: str) -> list[views.AttemptView]:
        """Every call made to ClickPost about this shipment, oldest first."""
        await _known(store, reference_number)
        async with store.read() as session:
            return [views.attempt_view(a) for a in await attempts.of_shipment(session, reference_number)]

    @api.get("/shipments/{reference_number:path}/notices", tags=["shipments"])
    async def show_notices(reference_number: str) -> list[views.MilestoneView]:
        """Why its customer did, or did not, get a message: each milestone, and the notice over each channel."""
        await _known(store, reference_number)
        async with store.read() as session:
            reached = await notices.milestones_of(session, reference_number)
            made = await notices.of_shipment(session, reference_number)
        return [views.milestone_view(r, [n for n in made if n.milestone is r.milestone]) for r in reached]

    @api.post("/shipments/{reference_number:path}/retry", tags=["shipments"])
    async def retry_shipment(reference_number: str) -> views.ShipmentView:
        """Push it again at once, with all its tries."""
        no_nul(reference_number)
        return views.shipment_view(await intake.retry(store=store, clock=clock, reference_number=reference_number))

    @api.post("/shipments/{reference_number:path}/cancel", tags=["shipments"])
    async def cancel_shipment(reference_number: str) -> views.ShipmentView:
        """Cancel it: at once when ClickPost cannot hold it, else as soon as ClickPost has cancelled it too."""
        no_nul(reference_number)
        return views.shipment_view(await intake.cancel(store=store, clock=clock, reference_number=reference_number))

    @api.put("/shipments/{reference_number:path}/payload", tags=["shipments"], openapi_extra=order_body)
    async def change_payload(
        reference_number: str,
        request: Request,
        reason: Annotated[str, Query(max_length=500, description="Kept with the new payload.")] = "",
    ) -> views.ShipmentWithPayload:
        """Replace the payload of a shipment that ClickPost does not hold, and push it again. Old ones are kept."""
        changed = await intake.change_payload(
            store=store,
            clock=clock,
            reference_number=no_nul(reference_number),
            order=await json_body(request),
            changed_by="api",
            reason=reason.replace("\x00", ""),
            allocation=allocation,
        )
        return views.shipment_with_payload(changed)

    @api.get("/shipments/{reference_number:path}/payloads", tags=["shipments"])
    async def show_payloads(reference_number: str) -> list[views.PayloadView]:
        """Every payload that it had, the first one first, with what changed."""
        return views.payload_views(await amend.payloads(store=store, reference_number=no_nul(reference_number)))

    @api.post("/shipments/{reference_number:path}/replace", status_code=202, tags=["shipments"])
    async def replace_shipment(
        reference_number: str, response: Response, body: Annotated[views.ReplaceBody | None, Body()] = None
    ) -> views.ShipmentWithPayload:
        """Send it again under a new reference number and cancel the old one. 202: stored. 200: was so already."""
        asked = body or views.ReplaceBody()  # pyright: ignore[reportCallIssue] all of it has defaults
        taken = await amend.replace(
            store=store,
            clock=clock,
            reference_number=no_nul(reference_number),
            edit=Edit(order=asked.payload, fields=asked.set),
            successor=asked.reference_number,
            after_cancel=asked.after_cancel,
            allocation=allocation,
        )
        if not taken.created:
            response.status_code = 200
        return views.shipment_with_payload(taken.shipment)

    action_routes.add(api, store, clock)

    @api.get("/shipments/{reference_number:path}", tags=["shipments"])
    async def show_shipment(reference_number: str) -> views.ShipmentWithPayload:
        """One shipment: state, success, no_of_retries, waybill, label_url, status."""
        shipment = await _known(store, reference_number)
        async with store.read() as session:
            shown = shipments.shown(shipment, await accounts.held(session, now=clock()))
            return views.shipment_with_payload(shown, await waybills.pieces(session, shipment))

    add_routes(api, store, clock, zone)
    _ = (create_shipments, list_shipments, show_shipment, show_scans, show_attempts, retry_shipment, cancel_shipment)
    _ = (change_payload, show_payloads, replace_shipment, show_notices)
    return api
