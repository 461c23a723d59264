"""The pages of one shipment with its timeline, and of actions on many."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qsl, quote, urlencode
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from awbridge.clickpost.wire.tracking_codes import ndr_name, status_name
from awbridge.domain.customer_page.links import NO_LINKS, TrackLinks
from awbridge.domain.errors import NotFound, NotPossible, NotValid
from awbridge.domain.orders.bulk import MOST_AT_ONCE, BulkAction, BulkResult, Consequence, consequence
from awbridge.domain.orders.shipment import Shipment
from awbridge.domain.tracking.lifecycle import Bucket
from awbridge.domain.tracking.overdue import StuckAfter
from awbridge.steps.couriers import moving
from awbridge.steps.orders import bulk
from awbridge.steps.orders.listing import read_page
from awbridge.steps.orders.shipment_columns import COLUMNS, Showing, courier_name, problem_of
from awbridge.steps.polling.track_order import resume_polling
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.tracking.shipment_details import shipment_details
from awbridge.store import Store
from awbridge.store.couriers import accounts
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.store.customer_page import answers
from awbridge.store.handover import parcels
from awbridge.store.handover.parcels import HandOverState
from awbridge.store.orders import lists, shipments, waybills
from awbridge.web.pages.form import read_form
from awbridge.web.pages.language import gettext
from awbridge.web.pages.orders.list_query import TypedOnList, list_url, read_query
from awbridge.web.pages.orders.shipment_url import shipment_url
from awbridge.web.pages.orders.shown_answer import ShownAnswer
from awbridge.web.pages.orders.timeline import deliveries, timeline
from awbridge.web.pages.page_route import PageRoute
from awbridge.web.pages.page_templates import PageTemplates, pretty
from awbridge.web.pages.wording import sentence, status_words
from awbridge.web.requested import no_nul
from awbridge.web.v1.shipments.lists import ShipmentQuery

MOST_DELIVERIES = 50  # of a shipment, as received
MOVE = "move"  # to another transporter: an action of the couriers' step
_ACTIONS = frozenset((*(action.value for action in BulkAction), MOVE))
_UTC = ZoneInfo("UTC")
_MOST_PAGES = 40  # read in search of the shipments that a bulk action means


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A shipment as a row of a list."""

    shipment: Shipment
    handed_over: HandOverState | None = None
    links: TrackLinks = NO_LINKS

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
        return problem_of(self.shipment)

    @property
    def ndr(self) -> str:
        """Why the last delivery failed; "" if it did not."""
        return gettext(ndr_name(self.shipment.ndr_code, self.shipment.ndr_description or ""))

    def text(self, column: str) -> str:
        """The text of a column that is no time."""
        return str(COLUMNS[column].read(self.shipment, Showing(zone=_UTC, links=self.links)))

    @property
    def status(self) -> str:
        """The tracking status; "" before the first scan."""
        return status_words(status_name(self.shipment.status_code, self.shipment.status_description))


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The action and the shipments of a form. `to`: the transporter of a move.

    `query`, `back`: the list that they are of. `are_more`: it has more shipments than can be chosen at once.
    """

    action: str
    references: Sequence[str]
    to: str = ""
    query: str = ""
    back: str = "/shipments"
    are_more: bool = False


class ShipmentPages:
    """The pages of one shipment, and of actions on many.

    `list_again`: the page of a list with what was chosen there. `poll_again_after`: the shortest time between two polls
    of one. `zone`: of the days in filters.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        templates: PageTemplates,
        list_again: Callable[[Request, Mapping[str, str], TypedOnList], Awaitable[Response]],
        stuck_after: StuckAfter,
        poll_again_after: timedelta,
        zone: ZoneInfo,
        links: TrackLinks = NO_LINKS,
    ) -> None:
        self._links = links
        self._store = store
        self._clock = clock
        self._templates = templates
        self._list_again = list_again
        self._stuck_after = stuck_after
        self._poll_again_after = poll_again_after
        self._zone = zone

    def routes(self) -> list[PageRoute]:
        """The routes of these pages."""
        return [
            PageRoute("/shipments/preview", self.preview, method="POST"),
            PageRoute("/shipments/act", self.act, method="POST"),
            PageRoute("/shipments/{reference:path}", self.show_shipment),
        ]

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
            given = (await answers.of_shipments(session, [reference])).get(reference, [])
        possible = {action: consequence(action, shipment) for action in BulkAction}
        return self._templates.page(
            "shipment",
            shipment=shipment,
            row=Listed(shipment=shipment),
            track_url=self._links.url(shipment),
            details=details,
            pieces=list(zip(pieces, details.pieces, strict=False)),
            entries=entries,
            deliveries=received[:MOST_DELIVERIES],
            more_deliveries=max(0, len(received) - MOST_DELIVERIES),
            handed_over=handed_over,
            answers=[ShownAnswer(answer=one) for one in reversed(given)],
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
        fields = await read_form(request)
        try:
            chosen = await self._chosen(fields)
            async with self._store.read() as session:
                stored = {s.reference_number: s for s in await shipments.get_many(session, chosen.references)}
                held = await accounts.held(session, now=self._clock())
                account = await moving.destination(session, chosen.to) if chosen.action == MOVE else None
        except (NotValid, NotPossible, NotFound) as error:
            values = dict(fields)
            typed = TypedOnList(
                problems={"to" if values.get("action") == MOVE else "action": sentence(str(error))},
                references={value for name, value in fields if name == "reference"},
                all=values.get("all") == "true",
                to=values.get("to", ""),
            )
            return await self._list_again(request, dict(parse_qsl(values.get("query", ""))), typed)
        found = [lists.shown(stored[reference], held) for reference in chosen.references if reference in stored]
        rows = [(Listed(shipment=s), _consequence(chosen.action, s, account)) for s in found]
        return self._templates.page("bulk", action=chosen.action, chosen=chosen, rows=rows, results=None)

    async def act(self, request: Request) -> Response:
        """Do it, with a result for each."""
        chosen = await self._chosen(await read_form(request))
        results = await self._results(chosen)
        shown = [(shipment_url(result.reference_number), result) for result in results]
        return self._templates.page("bulk", action=chosen.action, chosen=chosen, rows=[], results=shown)

    async def _results(self, chosen: Chosen) -> list[BulkResult]:
        store, clock, references = self._store, self._clock, chosen.references
        if chosen.action == MOVE:
            return await moving.move_each(store=store, clock=clock, references=references, to_transporter=chosen.to)
        if chosen.action == BulkAction.POLL:
            return await self._poll(references)
        return await bulk.act_on(store=store, clock=clock, action=BulkAction(chosen.action), references=references)

    async def _poll(self, references: Sequence[str]) -> list[BulkResult]:
        again = self._poll_again_after
        resumed = await resume_polling(store=self._store, clock=self._clock, references=references, ask_again=again)
        texts = {True: "Will be polled.", False: "Nothing to poll: no AWB yet, or its status is final."}
        return [BulkResult(reference_number=r, done=r in resumed, text=texts[r in resumed]) for r in references]

    async def _chosen(self, fields: Sequence[tuple[str, str]]) -> Chosen:
        """The action and the shipments of a form: the checked ones, or all of its list. Raises NotValid."""
        values = dict(fields)
        actions = [value for name, value in fields if name == "action"]
        if len(actions) != 1 or actions[0] not in _ACTIONS:
            raise NotValid(gettext("Choose an action: retry, cancel, poll or move."))
        if actions[0] == MOVE and not values.get("to"):
            raise NotValid(gettext("Choose the transporter to move the shipments to."))
        parameters, query = read_query(dict(parse_qsl(values.get("query", ""))))
        references = list(dict.fromkeys(no_nul(value) for name, value in fields if name == "reference"))
        are_more = False
        if values.get("all") == "true":
            references, are_more = await self._all_of(query)
        if len(references) > MOST_AT_ONCE:
            raise NotValid(gettext("Choose at most %s shipments at once.") % MOST_AT_ONCE)
        to, back = no_nul(values.get("to", "")), list_url(parameters)
        return Chosen(
            action=actions[0], references=references, to=to, query=urlencode(parameters), back=back, are_more=are_more
        )

    async def _all_of(self, query: ShipmentQuery) -> tuple[list[str], bool]:
        """The first MOST_AT_ONCE shipments of a list, and whether there are more."""
        now, after = self._clock(), None
        listing, found = query.listing(self._zone, now), list[str]()
        async with self._store.read() as session:
            for _page in range(_MOST_PAGES):
                left = MOST_AT_ONCE - len(found)
                page = await read_page(session, listing, self._stuck_after, now=now, after=after, limit=left)
                found += [shipment.reference_number for shipment in page.shipments]
                after = page.end
                if after is None or len(found) >= MOST_AT_ONCE:
                    break
        return found, after is not None


def _consequence(action: str, shipment: Shipment, account: CourierAccount | None) -> Consequence:
    if account is not None:
        return moving.consequence_of_move(shipment, account)
    return consequence(BulkAction(action), shipment)
