"""The pages of shipments: search, lists, one shipment with its timeline, and actions on many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from awbridge.clickpost.wire.tracking_codes import COURIER_NAMES, status_name
from awbridge.domain.errors import NotFound
from awbridge.domain.orders.bulk import MOST_AT_ONCE, BulkAction, consequence
from awbridge.domain.orders.shipment import Shipment, State
from awbridge.domain.privacy import without_people
from awbridge.domain.tracking.lifecycle import Bucket
from awbridge.domain.tracking.overdue import StuckAfter
from awbridge.steps.orders import bulk, look_up
from awbridge.steps.orders.bulk import BulkResult
from awbridge.steps.polling.track_order import resume_polling
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.tracking.shipment_details import shipment_details
from awbridge.store import Store
from awbridge.store.couriers import accounts
from awbridge.store.handover import parcels
from awbridge.store.handover.parcels import HandOverState
from awbridge.store.orders import lists, shipments, waybills
from awbridge.web.pages.form import read_form
from awbridge.web.pages.orders.timeline import deliveries, timeline
from awbridge.web.pages.page_route import ANY_VALUE, PageRoute
from awbridge.web.pages.page_templates import HEADERS, PageTemplates, pretty
from awbridge.web.v1 import order_lists
from awbridge.web.v1.order_lists import ShipmentQuery
from awbridge.web.v1.request_parsing import make_cursor, no_nul, read_cursor

PAGE_SIZE = 50
MOST_DELIVERIES = 50  # of a shipment, as received
_ON = ("true",)
_ACTIONS = frozenset(action.value for action in BulkAction)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A list that can be chosen: its query parameter and value, and its name on the page."""

    name: str
    parameter: str
    value: str
    title: str

    @property
    def url(self) -> str:
        return f"/shipments?{self.parameter}={self.value}"


def _list(name: str, parameter: str, title: str) -> Filter:
    return Filter(name=name, parameter=parameter, value="true", title=title)


def _state(state: State, name: str, title: str) -> Filter:
    return Filter(name=name, parameter="state", value=state.value, title=title)


ATTENTION = (
    _state(State.REJECTED, "Rejected", "Rejected: correct the payload, then retry"),
    _state(State.GAVE_UP, "Gave up", "Retries exhausted"),
    _state(State.HELD, "Held", "Held while the courier account has an incident"),
    _list("NDR", "ndr", "Open failed deliveries (NDR), oldest first"),
    _list("Late", "sla_breached", "Past the expected date, most overdue first"),
    _list("Stuck", "stuck", "Without a scan for too long, longest first"),
    _list("Pieces", "piece_exception", "A piece is lost, damaged or returning, oldest first"),
    _list("Not cancelled", "not_cancelled", "Cancellation refused or given up, oldest first"),
    _list("Silent", "silent", "No longer polled, for lack of updates"),
)
PROGRESS = (
    _state(State.ALLOCATING, "Allocating", "Waiting for a recommended courier"),
    _state(State.READY, "Ready", "Ready to be pushed"),
    _state(State.WAITING, "Waiting", "The courier is processing the order"),
    _state(State.RETRYING, "Retrying", "Failed for the moment; retried later"),
    _state(State.PLACED, "Placed", "Registered with ClickPost"),
    _state(State.CANCELLED, "Cancelled", "Cancelled"),
)
_PARAMETERS = {
    "state": [state.value for state in State],
    **{choice.parameter: _ON for choice in ATTENTION if choice.value == "true"},
    **dict.fromkeys(("waybill", "order_id", "q", "cursor"), ANY_VALUE),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A shipment as a row of a list."""

    shipment: Shipment
    handed_over: HandOverState | None = None

    @property
    def url(self) -> str:
        return shipment_url(self.shipment.reference_number)

    @property
    def courier(self) -> str:
        """The courier's name and account; "" while none is allocated."""
        return courier_name(self.shipment.courier_partner_id, self.shipment.account_code)

    @property
    def problem(self) -> str:
        """Why it is not placed, without personal data in ClickPost's text; "" if there is no problem."""
        problem = self.shipment.problem
        return without_people(problem, self.shipment.payload) if problem else ""

    @property
    def status(self) -> str:
        """The tracking status; "" before the first scan."""
        return status_name(self.shipment.status_code, self.shipment.status_description)


def shipment_url(reference: str) -> str:
    """The page of a shipment. A reference number may contain any character."""
    return f"/shipments/{quote(reference, safe='')}"


def courier_name(courier_partner_id: int, account_code: str | None = None) -> str:
    """The courier's name and account code; "" while none is allocated."""
    if not courier_partner_id:
        return ""
    name = COURIER_NAMES.get(courier_partner_id, f"courier {courier_partner_id}")
    return f"{name} · {account_code}" if account_code else name


async def _chosen(request: Request) -> tuple[BulkAction, list[str]]:
    """The action and the shipments of a form. Raises HTTPException 422."""
    fields = await read_form(request)
    chosen = [value for name, value in fields if name == "action"]
    if len(chosen) != 1 or chosen[0] not in _ACTIONS:
        raise HTTPException(422, "Choose an action: retry, cancel or poll.")
    references = list(dict.fromkeys(no_nul(value) for name, value in fields if name == "reference"))
    if len(references) > MOST_AT_ONCE:
        raise HTTPException(422, f"Choose at most {MOST_AT_ONCE} shipments at once.")
    return BulkAction(chosen[0]), references


class ShipmentPages:
    """The pages of shipments, on one store. `poll_again_after`: the shortest time between two polls of one."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        templates: PageTemplates,
        zone: ZoneInfo,
        stuck_after: StuckAfter,
        poll_again_after: timedelta,
    ) -> None:
        self._zone = zone
        self._store = store
        self._clock = clock
        self._templates = templates
        self._stuck_after = stuck_after
        self._poll_again_after = poll_again_after

    def routes(self) -> list[PageRoute]:
        """The routes of these pages."""
        return [
            PageRoute("/shipments", self.list_shipments, parameters=_PARAMETERS),
            PageRoute("/search", self.search, parameters={"q": ANY_VALUE}),
            PageRoute("/shipments/preview", self.preview, method="POST"),
            PageRoute("/shipments/act", self.act, method="POST"),
            PageRoute("/shipments/{reference:path}", self.show_shipment),
        ]

    async def list_shipments(self, request: Request) -> Response:
        """A list of shipments, newest first or those that need a person."""
        wanted = ShipmentQuery.model_validate({**request.query_params, "limit": PAGE_SIZE})
        wanted.check()
        now, after = self._clock(), read_cursor(wanted.cursor)
        async with self._store.read() as session:
            found = await order_lists.fetch(session, wanted, self._stuck_after, now=now, after=after)
            page = found[:PAGE_SIZE]
            states = await parcels.states_of(session, [s.reference_number for s in page])
        following = ""
        if len(found) > PAGE_SIZE:
            cursor = make_cursor(*order_lists.position(wanted, page[-1]))
            following = f"/shipments?{urlencode({**request.query_params, 'cursor': cursor})}"
        chosen = {(name, value) for name, value in request.query_params.items() if name != "cursor"}
        current = next((c for c in (*ATTENTION, *PROGRESS) if (c.parameter, c.value) in chosen), None)
        return self._templates.page(
            "shipments",
            rows=[Listed(shipment=s, handed_over=states[s.reference_number]) for s in page],
            attention=ATTENTION,
            progress=PROGRESS,
            current=current,
            following=following,
            first_page=after is None,
            search="",
        )

    async def search(self, request: Request) -> Response:
        """The shipments with exactly this reference number, waybill or order id; a single one is opened."""
        text = request.query_params.get("q", "").replace("\x00", "\ufffd").strip()
        async with self._store.read() as session:
            found = await look_up.search(session, text, limit=PAGE_SIZE + 1)
        if len(found) == 1:
            return RedirectResponse(shipment_url(found[0].reference_number), 303, headers=HEADERS)
        if len(found) > PAGE_SIZE:
            return RedirectResponse(f"/shipments?{urlencode({'q': text})}", 303, headers=HEADERS)
        return self._templates.page("search", rows=[Listed(shipment=s) for s in found], search=text)

    async def show_shipment(self, request: Request) -> Response:
        """One shipment with its timeline."""
        reference = no_nul(request.path_params["reference"])
        async with self._store.read() as session:
            stored = await shipments.get(session, reference)
            if stored is None:
                raise NotFound(f"There is no shipment {reference}.")
            shipment = lists.shown(stored, await accounts.held(session, now=self._clock()))
            details = await shipment_details(session, shipment, limits=self._stuck_after, now=self._clock())
            pieces = await waybills.pieces(session, shipment)
            entries = await timeline(session, shipment)
            received = await deliveries(session, shipment)
            handed_over = (await parcels.states_of(session, [reference]))[reference]
        possible = {action: consequence(action, shipment) for action in BulkAction}
        return self._templates.page(
            "shipment",
            shipment=shipment,
            row=Listed(shipment=shipment),
            details=details,
            pieces=list(zip(pieces, details.pieces, strict=False)),
            entries=entries,
            deliveries=received[:MOST_DELIVERIES],
            more_deliveries=max(0, len(received) - MOST_DELIVERIES),
            handed_over=handed_over,
            failed_pieces=[piece.waybill for piece in details.pieces if piece.ndr_at],
            in_ndr=shipment.status_bucket == Bucket.FAILED_DELIVERY,
            tomorrow=self._clock().astimezone(self._zone).date() + timedelta(days=1),
            possible=possible,
            payload=pretty(shipment.payload),
            url=shipment_url,
            quoted=quote(reference, safe=""),
            correct=f"/payload/{quote(reference, safe='')}",
        )

    async def preview(self, request: Request) -> Response:
        """What an action would do to each of the chosen shipments."""
        action, references = await _chosen(request)
        async with self._store.read() as session:
            found = {s.reference_number: s for s in await shipments.get_many(session, references)}
            held = await accounts.held(session, now=self._clock())
        chosen = [lists.shown(found[reference], held) for reference in references if reference in found]
        rows = [(Listed(shipment=s), consequence(action, s)) for s in chosen]
        return self._templates.page("bulk", action=action, rows=rows, results=None)

    async def act(self, request: Request) -> Response:
        """Do it, with a result for each."""
        action, references = await _chosen(request)
        if action is BulkAction.POLL:
            results = await self._poll(references)
        else:
            results = await bulk.act_on(store=self._store, clock=self._clock, action=action, references=references)
        return self._templates.page(
            "bulk", action=action, rows=[], results=[(shipment_url(r.reference_number), r) for r in results]
        )

    async def _poll(self, references: Sequence[str]) -> list[BulkResult]:
        again = self._poll_again_after
        resumed = await resume_polling(store=self._store, clock=self._clock, references=references, ask_again=again)
        texts = {True: "Will be polled.", False: "Nothing to poll: no AWB yet, or its status is final."}
        return [BulkResult(reference_number=r, done=r in resumed, text=texts[r in resumed]) for r in references]
