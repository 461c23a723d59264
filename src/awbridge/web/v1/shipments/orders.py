"""The routes that accept, list, show, change and replace shipments."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import Body, Query, Request, Response
from pydantic import Field, StrictBool
from starlette.exceptions import HTTPException

from awbridge.domain.cursors import make_cursor
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.shipment import Shipment
from awbridge.domain.people.actor import named_actor
from awbridge.steps.orders import amend, intake
from awbridge.steps.orders.amend import Edit
from awbridge.steps.orders.listing import read_page
from awbridge.steps.runtime import traces
from awbridge.steps.tracking.shipment_details import shipment_details
from awbridge.store.couriers import accounts
from awbridge.store.orders import lists, waybills
from awbridge.web.contexts import ApiContext
from awbridge.web.dependencies import ApiDep, StoreDep
from awbridge.web.requested import read_cursor
from awbridge.web.v1.request_parsing import LARGEST_BATCH, NO_NUL, json_body
from awbridge.web.v1.shipments.lists import ShipmentQuery
from awbridge.web.v1.shipments.lookup import ReferenceDep, ShipmentDep, viewing_for
from awbridge.web.v1.strict import OwnBody, refuse_unknown_parameters, v1_router
from awbridge.web.v1.views.shipments import (
    AcceptedShipment,
    IntakeResultView,
    PayloadView,
    ShipmentPage,
    ShipmentWithPayload,
    intake_view,
    page_json,
    payload_views,
    shipment_with_payload,
)

# web/described/order_bodies.py describes it.
_ORDER_BODY: JsonObject = {"requestBody": {"required": True, "content": {"application/json": {"schema": {}}}}}

router = v1_router("/shipments", tags=["shipments"])


class ReplaceBody(OwnBody):
    """How the new shipment differs from the one that it replaces. Every field is optional."""

    reference_number: str | None = Field(
        None, min_length=1, max_length=200, pattern=NO_NUL, description="By default the old one with -R2 appended."
    )
    payload: dict[str, Any] | None = Field(
        None, description="A whole order, as in POST /v1/shipments, instead of the old shipment's payload."
    )
    set: dict[str, Any] = Field({}, description='Fields by path, e.g. {"shipment_details.weight": 500}.')
    after_cancel: StrictBool = Field(False, description="Hold the new shipment until the old one is cancelled.")


@router.post(
    "",
    status_code=202,
    openapi_extra=_ORDER_BODY,
    responses={
        202: {"model": AcceptedShipment | IntakeResultView, "description": "Stored; push follows."},
        200: {"model": AcceptedShipment | IntakeResultView, "description": "All were known already."},
    },
)
async def create_shipments(request: Request, response: Response, api: ApiDep) -> Any:
    """Accept one order or a list, all or none. 202: stored, push follows. 200: all were known already."""
    body = await json_body(request)
    orders = cast("list[Any]", body) if isinstance(body, list) else [body]
    if not orders:
        raise HTTPException(422, "the list is empty; send at least one order")
    if len(orders) > LARGEST_BATCH:
        raise HTTPException(413, f"a batch has at most {LARGEST_BATCH} orders, this one {len(orders)}; send several")
    began_at = api.clock()
    try:
        results = await intake.take_in(store=api.store, clock=api.clock, orders=orders, allocation=api.allocation)
    except intake.BatchRefused as error:
        if not isinstance(body, list):
            raise error.errors[0] from None
        raise
    new = [result.shipment.reference_number for result in results if result.created]
    if not new:
        response.status_code = 200
    if traces.current:
        caller = request.headers.get("traceparent", "")
        traces.current.accepted(new, caller=caller, began_at=began_at, ended_at=api.clock())
    viewing = viewing_for(api)
    accepted = [intake_view(result, viewing) for result in results]
    return {"shipments": accepted} if isinstance(body, list) else accepted[0]


@router.get("", response_model=ShipmentPage)
async def list_shipments(api: ApiDep, wanted: Annotated[ShipmentQuery, Query()]) -> Response:
    """Shipments, newest first; those of a waybill, an order or a phone number; or those that need attention: stuck,
    sla_breached, ndr, piece_exception, silent or not_cancelled. Filters combine with each other and with any list.
    Where matches are rare, a page may hold fewer than `limit`, even none; the list ends where `next` is null.
    """
    now, after = api.clock(), read_cursor(wanted.cursor)
    listing = wanted.listing(api.zone, now)
    async with api.store.read() as session:
        page = await read_page(session, listing, api.stuck_after, now=now, after=after, limit=wanted.limit)
    following = make_cursor(*page.end) if page.end else None
    return Response(page_json(page.shipments, viewing_for(api), following=following), media_type="application/json")


@router.put("/{reference_number:path}/payload", openapi_extra=_ORDER_BODY)
async def change_payload(
    reference: ReferenceDep,
    request: Request,
    api: ApiDep,
    reason: Annotated[str, Query(max_length=500, description="Stored with the new payload.")] = "",
) -> ShipmentWithPayload:
    """Replace the payload of a shipment that ClickPost does not hold, and push it again. Earlier payloads are kept."""
    order = await json_body(request)
    changed = await intake.change_payload(
        store=api.store,
        clock=api.clock,
        reference_number=reference,
        order=order,
        changed_by=named_actor("api"),
        reason=reason.replace("\x00", ""),
        allocation=api.allocation,
    )
    return await _with_payload(api, changed, order)


@router.get("/{reference_number:path}/payloads")
async def show_payloads(reference: ReferenceDep, store: StoreDep) -> list[PayloadView]:
    """Every payload of the shipment, oldest first, with the changed fields."""
    return payload_views(await amend.payloads(store=store, reference_number=reference))


@router.post(
    "/{reference_number:path}/replace",
    status_code=202,
    responses={200: {"model": ShipmentWithPayload, "description": "It was replaced in this way before."}},
)
async def replace_shipment(
    reference: ReferenceDep, response: Response, api: ApiDep, body: Annotated[ReplaceBody | None, Body()] = None
) -> ShipmentWithPayload:
    """Send the order again under a new reference number and cancel the old one. 202: stored. 200: done before."""
    wanted = body or ReplaceBody()  # pyright: ignore[reportCallIssue] every field has a default
    result = await amend.replace(
        store=api.store,
        clock=api.clock,
        reference_number=reference,
        edit=Edit(order=wanted.payload, fields=wanted.set),
        successor=wanted.reference_number,
        after_cancel=wanted.after_cancel,
        allocation=api.allocation,
    )
    if not result.created:
        response.status_code = 200
    return await _with_payload(api, result.shipment)


# Last: a reference number may contain a slash, so this path matches every other one below /shipments.
@router.get("/{reference_number:path}")
async def show_shipment(shipment: ShipmentDep, request: Request, api: ApiDep) -> ShipmentWithPayload:
    """One shipment with its payload, status, milestones, delivery attempts, NDR, NPR and EDD history."""
    refuse_unknown_parameters(request)
    async with api.store.read() as session:
        shown = lists.shown(shipment, await accounts.held(session, now=api.clock()))
    return await _with_payload(api, shown)


async def _with_payload(api: ApiContext, shipment: Shipment, order: JsonObject | None = None) -> ShipmentWithPayload:
    now = api.clock()
    async with api.store.read() as session:
        pieces = await waybills.pieces(session, shipment)
        details = await shipment_details(session, shipment, limits=api.stuck_after, now=now)
    return shipment_with_payload(shipment, pieces, details, viewing_for(api), order)
