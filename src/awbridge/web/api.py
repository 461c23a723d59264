"""The HTTP API under /v1."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, cast

from fastapi import APIRouter, Body, Path, Query, Request, Response
from starlette.exceptions import HTTPException

from awbridge.domain.errors import NotFound
from awbridge.domain.shipment import Shipment, State
from awbridge.sinks.addresses import Network
from awbridge.steps import intake
from awbridge.steps.clock import Clock
from awbridge.store import Store, attempts, couriers, notices, scans, shipments
from awbridge.store.couriers import CourierAccount
from awbridge.web import telling, views

LARGEST_BATCH = 1000
LARGEST_BODY = 16 * 1024 * 1024  # bytes

Reference = str


def _read_cursor(cursor: str | None) -> tuple[datetime, str] | None:
    if not cursor:
        return None
    try:
        at, reference = json.loads(base64.urlsafe_b64decode(cursor))
        if "\x00" in reference:
            raise ValueError("no database keeps a NUL")
        return datetime.fromisoformat(at).astimezone(UTC), reference.encode().decode()
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise HTTPException(400, "cursor is not one that this API gave; leave it out to start anew") from None


def _cursor(at: datetime, reference: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([at.isoformat(), reference]).encode()).decode()


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")


async def _json_body(request: Request) -> Any:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise HTTPException(413, f"a request has at most {LARGEST_BODY // 2**20} MiB; send several batches")
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"the body is not JSON: {error}") from None


def _no_nul(reference_number: str) -> str:
    if "\x00" in reference_number:
        raise NotFound("there is no shipment with a NUL in its reference number")
    return reference_number


async def _known(store: Store, reference_number: str) -> Shipment:
    async with store.read() as session:
        shipment = await shipments.get(session, _no_nul(reference_number))
    if shipment is None:
        raise NotFound(f"there is no shipment {reference_number}")
    return shipment


def router(store: Store, clock: Clock, *, networks: Sequence[Network] = (), country: str = "IN") -> APIRouter:
    """The routes, on this store. `networks` are private ones that endpoints may lie in; `country` is that of phones."""
    api = APIRouter(prefix="/v1")
    api.include_router(telling.router(store, clock, networks=networks, country=country))
    order_body = {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "description": "ClickPost's create-order payload, one or a list of up to 1000; `transporter` "
                        "may stand in place of courier_partner and account_code, `region` is india or world.",
                        "oneOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}],
                    }
                }
            },
        }
    }

    @api.post("/shipments", status_code=202, tags=["shipments"], openapi_extra=order_body)
    async def create_shipments(request: Request, response: Response) -> Any:
        """Take in one order or a list; all or none. 202: stored, push follows. 200: all were known already."""
        body = await _json_body(request)
        orders = cast("list[Any]", body) if isinstance(body, list) else [body]
        if not orders:
            raise HTTPException(422, "the list is empty; send at least one order")
        if len(orders) > LARGEST_BATCH:
            raise HTTPException(
                413, f"a batch has at most {LARGEST_BATCH} orders, this one {len(orders)}; send several"
            )
        try:
            taken = await intake.take_in(store=store, clock=clock, orders=orders)
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
            found = await shipments.newest(session, state=state, before=_read_cursor(cursor), limit=limit + 1)
        page = found[:limit]
        after = _cursor(page[-1].created_at, page[-1].reference_number) if len(found) > limit else None
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
        _no_nul(reference_number)
        return views.shipment_view(await intake.retry(store=store, clock=clock, reference_number=reference_number))

    @api.post("/shipments/{reference_number:path}/cancel", tags=["shipments"])
    async def cancel_shipment(reference_number: str) -> views.ShipmentView:
        """Cancel it: at once when ClickPost cannot hold it, else as soon as ClickPost has cancelled it too."""
        _no_nul(reference_number)
        return views.shipment_view(await intake.cancel(store=store, clock=clock, reference_number=reference_number))

    @api.put("/shipments/{reference_number:path}/payload", tags=["shipments"], openapi_extra=order_body)
    async def change_payload(reference_number: str, request: Request) -> views.ShipmentWithPayload:
        """Replace the payload of a shipment that ClickPost does not hold yet, and push it again."""
        _no_nul(reference_number)
        order = await _json_body(request)
        changed = await intake.change_payload(store=store, clock=clock, reference_number=reference_number, order=order)
        return views.shipment_with_payload(changed)

    @api.get("/shipments/{reference_number:path}", tags=["shipments"])
    async def show_shipment(reference_number: str) -> views.ShipmentWithPayload:
        """One shipment: state, success, no_of_retries, waybill, label_url, status."""
        return views.shipment_with_payload(await _known(store, reference_number))

    @api.get("/couriers", tags=["couriers"])
    async def list_couriers() -> list[views.CourierView]:
        """Every transporter and the courier account it is mapped to."""
        async with store.read() as session:
            return [views.courier_view(a) for a in await couriers.every(session)]

    @api.put("/couriers/{transporter:path}", tags=["couriers"])
    async def put_courier(
        transporter: Annotated[str, Path(max_length=200)], body: Annotated[views.CourierBody, Body()]
    ) -> views.CourierView:
        """Add a transporter, or map it anew."""
        account = CourierAccount(transporter=_no_nul(transporter), **body.model_dump())
        async with store.write() as session:
            await couriers.put(session, [account], now=clock())
        return views.courier_view(account)

    @api.delete("/couriers/{transporter:path}", status_code=204, tags=["couriers"])
    async def remove_courier(transporter: str) -> None:
        """Forget a transporter. Shipments that named it keep what they resolved to."""
        async with store.write() as session:
            if not await couriers.remove(session, _no_nul(transporter)):
                raise NotFound(f"there is no transporter {transporter}")

    _ = (create_shipments, list_shipments, show_shipment, show_scans, show_attempts, retry_shipment, cancel_shipment)
    _ = (change_payload, list_couriers, put_courier, remove_courier, show_notices)
    return api
