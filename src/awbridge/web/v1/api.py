"""The HTTP API under /v1, about shipments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, cast
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Body, Depends, Query, Request, Response
from starlette.exceptions import HTTPException

from awbridge.domain.couriers.allocation import Allocation
from awbridge.domain.errors import FieldProblem, NotFound, NotPossible, PayloadRefused
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.shipment import Shipment, State
from awbridge.domain.tracking.overdue import DEFAULT_STUCK_AFTER, StuckAfter, silent_since
from awbridge.sinks.addresses import Network
from awbridge.steps.orders import amend, intake, look_up, settle
from awbridge.steps.orders.amend import Edit
from awbridge.steps.polling.track_order import resume_polling
from awbridge.steps.polling.watch import coverage
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.tracking.shipment_details import shipment_details
from awbridge.store import Store
from awbridge.store.audit import attempts
from awbridge.store.couriers import accounts
from awbridge.store.engine.database import Session
from awbridge.store.notify import notices
from awbridge.store.orders import shipments, waybills
from awbridge.store.registration import cancellations
from awbridge.store.tracking import scans
from awbridge.web.v1 import actions, reconciliations, subscribers, views
from awbridge.web.v1.accounts import add_routes
from awbridge.web.v1.evidence import AuditContext
from awbridge.web.v1.evidence import add_routes as add_evidence_routes
from awbridge.web.v1.reading import json_body, make_cursor, no_nul, read_cursor
from awbridge.web.v1.strict import known_parameters_only, refuse_unknown_parameters

LARGEST_BATCH = 1000
ASK_AGAIN = timedelta(hours=2)

Reference = str


async def _known(store: Store, reference_number: str) -> Shipment:
    async with store.read() as session:
        shipment = await shipments.get(session, no_nul(reference_number))
    if shipment is None:
        raise NotFound(f"there is no shipment {reference_number}")
    return shipment


def _storable(text: str | None) -> str | None:
    """What is looked for, without what no database keeps."""
    return None if text is None else text.replace("\x00", "\ufffd").strip()


class _Lists:
    """Which list was asked for, page by page, and by which time its pages go on."""

    def __init__(
        self,
        limits: StuckAfter,
        now: datetime,
        after: tuple[datetime, str] | None,
        limit: int,
        *,
        waybill: str | None = None,
        order_id: str | None = None,
    ) -> None:
        self._limits, self._now, self._after, self._limit = limits, now, after, limit
        self._waybill, self._order_id = waybill, order_id

    async def fetch(self, session: Session, which: str | None, state: State | None) -> list[Shipment]:
        """The shipments of the next page, one more than it holds."""
        now, after, limit = self._now, self._after, self._limit + 1
        if which == "stuck":
            return await shipments.stuck(session, self._limits, now=now, after=after, limit=limit)
        if which == "sla_breached":
            return await shipments.sla_breached(session, now=now, after=after, limit=limit)
        if which == "ndr":
            return await shipments.in_ndr(session, after=after, limit=limit)
        if which == "piece_exception":
            return await shipments.piece_exceptions(session, after=after, limit=limit)
        if which == "silent":
            return await shipments.aged_out(session, before=after, limit=limit)
        if which == "not_cancelled":
            return [*await cancellations.need_a_person(session, after=after, limit=limit)]
        if self._waybill is not None:
            return _after(await look_up.of_waybill(session, self._waybill), after)[:limit]
        if self._order_id is not None:
            return await shipments.newest_of_order(session, self._order_id, before=after, limit=limit)
        held = await accounts.held(session, now=now)
        return await shipments.newest(session, state=state, before=after, limit=limit, held=held)

    @staticmethod
    def time_of(which: str | None, shipment: Shipment) -> datetime:
        """The time by which a list is ordered."""
        times = {
            "stuck": silent_since(shipment),
            "sla_breached": shipment.edd_due_at,
            "ndr": shipment.ndr_at,
            "piece_exception": shipment.piece_exception_at,
            "silent": shipment.aged_out_at,
            "not_cancelled": shipment.cancel_requested_at,
        }
        return times.get(which or "") or shipment.created_at


def _after(found: list[Shipment], after: tuple[datetime, str] | None) -> list[Shipment]:
    return [s for s in found if after is None or (s.created_at, s.reference_number) < after]


def _one_list(**asked: bool) -> str | None:
    chosen = [name for name, wanted in asked.items() if wanted]
    if len(chosen) > 1:
        raise HTTPException(400, f"{' and '.join(chosen)} are lists of their own; ask for one at a time")
    if chosen[:1] in (["state"], ["waybill"], ["order_id"]):
        return None
    return chosen[0] if chosen else None


def router(
    store: Store,
    clock: Clock,
    *,
    allocation: Allocation = Allocation.RULES,
    zone: str = "Asia/Kolkata",
    desk: AuditContext | None = None,
    ask_again: timedelta = ASK_AGAIN,
    stuck_after: StuckAfter = DEFAULT_STUCK_AFTER,
    networks: Sequence[Network] = (),
    country: str = "IN",
) -> APIRouter:
    """The routes about shipments, accounts, evidence, reconciliations and telling. `zone` is the account's: its days,
    and times without one. One shipment is not asked for twice within `ask_again`. `networks` are private ones that
    endpoints may lie in; `country` is that of phones.
    """
    api = APIRouter(prefix="/v1", dependencies=[Depends(known_parameters_only)])
    desk = desk or AuditContext()
    add_evidence_routes(api, store, clock, desk)
    api.include_router(reconciliations.router(store, clock, ZoneInfo(zone), privacy=desk.privacy["clickpost"]))
    api.include_router(subscribers.router(store, clock, networks=networks, country=country))

    def view(shipment: Shipment) -> views.ShipmentView:
        return views.shipment_view(shipment, stuck_after, clock())

    async def whole_view(shipment: Shipment, given: JsonObject | None = None) -> views.ShipmentWithPayload:
        now = clock()
        async with store.read() as session:
            pieces = await waybills.pieces(session, shipment)
            truth = await shipment_details(session, shipment, limits=stuck_after, now=now)
        return views.shipment_with_payload(shipment, pieces, truth, stuck_after, now, given)

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

    @api.post(
        "/shipments",
        status_code=202,
        tags=["shipments"],
        openapi_extra=order_body,
        responses={
            202: {"model": views.AcceptedShipment | views.IntakeResultView, "description": "Stored; push follows."},
            200: {"model": views.AcceptedShipment | views.IntakeResultView, "description": "All were known already."},
        },
    )
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
        shown = [views.intake_view(t, stuck_after, clock()) for t in taken]
        return {"shipments": shown} if isinstance(body, list) else shown[0]

    @api.get("/shipments", tags=["shipments"])
    async def list_shipments(
        state: Annotated[State | None, Query(description="Only shipments in this state.")] = None,
        stuck: Annotated[bool, Query(description="Only those without a scan for too long, the longest first.")] = False,
        sla_breached: Annotated[bool, Query(description="Only open ones past their expected date.")] = False,
        ndr: Annotated[bool, Query(description="Only those whose last delivery failed, the oldest first.")] = False,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        cursor: Annotated[str | None, Query(description="`next` of the page before.")] = None,
        silent: Annotated[bool, Query(description="Only those asked for no more, being silent too long.")] = False,
        piece_exception: Annotated[
            bool,
            Query(description="Only those with a piece that is lost, damaged or on its way back, the oldest first."),
        ] = False,
        not_cancelled: Annotated[
            bool,
            Query(description="Only those whose cancellation was refused or given up, the longest asked for first."),
        ] = False,
        waybill: Annotated[
            str | None, Query(description="Only those that this waybill belongs to: their own, of a piece, or RTO.")
        ] = None,
        order_id: Annotated[str | None, Query(description="Only those of this order.")] = None,
    ) -> views.ShipmentPage:
        """Shipments, newest first; those of a waybill or an order; or those that need somebody: stuck, sla_breached,
        ndr, piece_exception, silent or not_cancelled.
        """
        which = _one_list(
            state=state is not None,
            stuck=stuck,
            sla_breached=sla_breached,
            ndr=ndr,
            silent=silent,
            not_cancelled=not_cancelled,
            piece_exception=piece_exception,
            waybill=waybill is not None,
            order_id=order_id is not None,
        )
        wanted = {"waybill": _storable(waybill), "order_id": _storable(order_id)}
        lists = _Lists(stuck_after, clock(), read_cursor(cursor), limit, **wanted)
        async with store.read() as session:
            found = await lists.fetch(session, which, state)
        page = found[:limit]
        after = make_cursor(lists.time_of(which, page[-1]), page[-1].reference_number) if len(found) > limit else None
        return views.ShipmentPage(shipments=[view(s) for s in page], next=after)

    # A reference number may hold a slash: the routes with an ending come before the one without.
    @api.get("/shipments/{reference_number:path}/scans", tags=["shipments"])
    async def show_scans(reference_number: str) -> list[views.ScanView]:
        """The timeline, oldest scan first."""
        children = (await _known(store, reference_number)).children
        async with store.read() as session:
            return [views.scan_view(s, children) for s in await scans.timeline(session, reference_number)]

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
        return view(await intake.retry(store=store, clock=clock, reference_number=reference_number))

    @api.post("/shipments/{reference_number:path}/cancel", tags=["shipments"])
    async def cancel_shipment(reference_number: str) -> views.ShipmentView:
        """Cancel it: at once when ClickPost cannot hold it, else as soon as ClickPost has cancelled it too."""
        no_nul(reference_number)
        return view(await intake.cancel(store=store, clock=clock, reference_number=reference_number))

    @api.post("/shipments/{reference_number:path}/settle", tags=["shipments"])
    async def settle_shipment(reference_number: str, body: views.SettleBody) -> views.ShipmentView:
        """Say what ClickPost's dashboard shows of a shipment that may stand there: nothing, or its waybill."""
        no_nul(reference_number)
        if not body.held:
            return view(await settle.not_held(store=store, clock=clock, reference_number=reference_number, by="api"))
        if body.waybill is None:
            raise PayloadRefused([FieldProblem("waybill", "is required where held is true")])
        held = await settle.held_as(
            store=store,
            clock=clock,
            reference_number=reference_number,
            waybill=body.waybill,
            courier_partner_id=body.courier_partner_id,
            by="api",
        )
        return view(held)

    @api.post("/shipments/{reference_number:path}/ask", tags=["shipments"])
    async def ask_shipment(reference_number: str) -> views.ShipmentView:
        """Ask ClickPost for its timeline at once, or as soon as that may be; a silent one is on the schedule again."""
        await _known(store, reference_number)
        asked = await resume_polling(store=store, clock=clock, references=[reference_number], ask_again=ask_again)
        if not asked:
            raise NotPossible(f"{reference_number} has no waybill yet, or has reached its end: there is nothing to ask")
        return view(await _known(store, reference_number))

    @api.put("/shipments/{reference_number:path}/payload", tags=["shipments"], openapi_extra=order_body)
    async def change_payload(
        reference_number: str,
        request: Request,
        reason: Annotated[str, Query(max_length=500, description="Kept with the new payload.")] = "",
    ) -> views.ShipmentWithPayload:
        """Replace the payload of a shipment that ClickPost does not hold, and push it again. Old ones are kept."""
        order = await json_body(request)
        changed = await intake.change_payload(
            store=store,
            clock=clock,
            reference_number=no_nul(reference_number),
            order=order,
            changed_by="api",
            reason=reason.replace("\x00", ""),
            allocation=allocation,
        )
        return await whole_view(changed, order)

    @api.get("/shipments/{reference_number:path}/payloads", tags=["shipments"])
    async def show_payloads(reference_number: str) -> list[views.PayloadView]:
        """Every payload that it had, the first one first, with what changed."""
        return views.payload_views(await amend.payloads(store=store, reference_number=no_nul(reference_number)))

    @api.post(
        "/shipments/{reference_number:path}/replace",
        status_code=202,
        tags=["shipments"],
        responses={200: {"model": views.ShipmentWithPayload, "description": "It was replaced so already."}},
    )
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
        return await whole_view(taken.shipment)

    @api.get("/coverage", tags=["health"])
    async def show_coverage() -> views.CoverageView:
        """Which minutes updated-order covers, whether webhooks come, and what they bring of each courier's scans."""
        return views.coverage_view(await coverage(store=store, clock=clock))

    actions.add(api, store, clock)

    @api.get("/shipments/{reference_number:path}", tags=["shipments"])
    async def show_shipment(reference_number: str, request: Request) -> views.ShipmentWithPayload:
        """One shipment with its payload, status, milestones, delivery attempts, NDR, NPR and EDD history."""
        shipment = await _known(store, reference_number)
        refuse_unknown_parameters(request)
        async with store.read() as session:
            shown = shipments.shown(shipment, await accounts.held(session, now=clock()))
        return await whole_view(shown)

    add_routes(api, store, clock, zone)
    _ = (create_shipments, list_shipments, show_shipment, show_scans, show_attempts, retry_shipment, cancel_shipment)
    _ = (change_payload, show_payloads, replace_shipment, ask_shipment, settle_shipment, show_coverage, show_notices)
    return api
