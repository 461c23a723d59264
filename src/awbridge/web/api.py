"""The HTTP API under /v1."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Annotated, Any, cast

from fastapi import APIRouter, Body, Path, Query, Request, Response
from starlette.exceptions import HTTPException

from awbridge.domain.errors import NotFound
from awbridge.domain.overdue import DEFAULT_STUCK_AFTER, StuckAfter, silent_since
from awbridge.domain.shipment import Shipment, State
from awbridge.steps import intake
from awbridge.steps.clock import Clock
from awbridge.steps.truth import truth_of
from awbridge.store import Store, attempts, couriers, scans, shipments
from awbridge.store.couriers import CourierAccount
from awbridge.store.database import Session
from awbridge.web import views

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


class _Lists:
    """Which list was asked for, page by page, and by which time its pages go on."""

    def __init__(self, limits: StuckAfter, now: datetime, after: tuple[datetime, str] | None, limit: int) -> None:
        self._limits, self._now, self._after, self._limit = limits, now, after, limit

    async def fetch(self, session: Session, which: str | None, state: State | None) -> list[Shipment]:
        """The shipments of the next page, one more than it holds."""
        now, after, limit = self._now, self._after, self._limit + 1
        if which == "stuck":
            return await shipments.stuck(session, self._limits, now=now, after=after, limit=limit)
        if which == "sla_breached":
            return await shipments.sla_breached(session, now=now, after=after, limit=limit)
        if which == "ndr":
            return await shipments.in_ndr(session, after=after, limit=limit)
        return await shipments.newest(session, state=state, before=after, limit=limit)

    @staticmethod
    def time_of(which: str | None, shipment: Shipment) -> datetime:
        """The time by which a list is ordered."""
        times = {"stuck": silent_since(shipment), "sla_breached": shipment.edd_due_at, "ndr": shipment.ndr_at}
        return times.get(which or "") or shipment.created_at


def _one_list(**asked: bool) -> str | None:
    chosen = [name for name, wanted in asked.items() if wanted]
    if len(chosen) > 1:
        raise HTTPException(400, f"{' and '.join(chosen)} are lists of their own; ask for one at a time")
    if chosen == ["state"]:
        return None
    return chosen[0] if chosen else None


def router(store: Store, clock: Clock, stuck_after: StuckAfter = DEFAULT_STUCK_AFTER) -> APIRouter:
    """The routes, on this store."""
    api = APIRouter(prefix="/v1")

    def view(shipment: Shipment) -> views.ShipmentView:
        return views.shipment_view(shipment, stuck_after, clock())

    async def whole_view(shipment: Shipment) -> views.ShipmentWithPayload:
        now = clock()
        async with store.read() as session:
            truth = await truth_of(session, shipment, limits=stuck_after, now=now)
        return views.shipment_with_payload(shipment, truth, stuck_after, now)

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
        shown = [view(t.shipment) for t in taken]
        return {"shipments": shown} if isinstance(body, list) else shown[0]

    @api.get("/shipments", tags=["shipments"])
    async def list_shipments(
        state: Annotated[State | None, Query(description="Only shipments in this state.")] = None,
        stuck: Annotated[bool, Query(description="Only those without a scan for too long, the longest first.")] = False,
        sla_breached: Annotated[bool, Query(description="Only open ones past their expected date.")] = False,
        ndr: Annotated[bool, Query(description="Only those whose last delivery failed, the oldest first.")] = False,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        cursor: Annotated[str | None, Query(description="`next` of the page before.")] = None,
    ) -> views.ShipmentPage:
        """Shipments, newest first; or those that need somebody: stuck, sla_breached or ndr."""
        which = _one_list(state=state is not None, stuck=stuck, sla_breached=sla_breached, ndr=ndr)
        lists = _Lists(stuck_after, clock(), _read_cursor(cursor), limit)
        async with store.read() as session:
            found = await lists.fetch(session, which, state)
        page = found[:limit]
        after = _cursor(lists.time_of(which, page[-1]), page[-1].reference_number) if len(found) > limit else None
        return views.ShipmentPage(shipments=[view(s) for s in page], next=after)

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

    @api.post("/shipments/{reference_number:path}/retry", tags=["shipments"])
    async def retry_shipment(reference_number: str) -> views.ShipmentView:
        """Push it again at once, with all its tries."""
        _no_nul(reference_number)
        return view(await intake.retry(store=store, clock=clock, reference_number=reference_number))

    @api.post("/shipments/{reference_number:path}/cancel", tags=["shipments"])
    async def cancel_shipment(reference_number: str) -> views.ShipmentView:
        """Cancel it: at once when ClickPost cannot hold it, else as soon as ClickPost has cancelled it too."""
        _no_nul(reference_number)
        return view(await intake.cancel(store=store, clock=clock, reference_number=reference_number))

    @api.put("/shipments/{reference_number:path}/payload", tags=["shipments"], openapi_extra=order_body)
    async def change_payload(reference_number: str, request: Request) -> views.ShipmentWithPayload:
        """Replace the payload of a shipment that ClickPost does not hold yet, and push it again."""
        _no_nul(reference_number)
        order = await _json_body(request)
        changed = await intake.change_payload(store=store, clock=clock, reference_number=reference_number, order=order)
        return await whole_view(changed)

    @api.get("/shipments/{reference_number:path}", tags=["shipments"])
    async def show_shipment(reference_number: str) -> views.ShipmentWithPayload:
        """One shipment: state, waybill, label_url, status, milestones, attempts_made, ndr, edd_history."""
        return await whole_view(await _known(store, reference_number))

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
    _ = (change_payload, list_couriers, put_courier, remove_courier)
    return api
