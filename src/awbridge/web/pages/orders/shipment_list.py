"""The list of shipments: tabs with counts, filters, saved views, columns, search and export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from awbridge.clickpost.orders.order_facts import digits_of_number
from awbridge.domain.cursors import make_cursor
from awbridge.domain.customer_page.links import NO_LINKS, TrackLinks
from awbridge.domain.errors import FieldProblem, NotValid, PayloadRefused
from awbridge.domain.orders.attention import Need
from awbridge.domain.orders.bulk import MOST_AT_ONCE
from awbridge.domain.orders.shipment import Shipment
from awbridge.domain.tracking.overdue import StuckAfter
from awbridge.steps.orders import look_up
from awbridge.steps.orders.export import Export
from awbridge.steps.orders.listing import read_page
from awbridge.steps.orders.saved_views import remove_view, save_view
from awbridge.steps.orders.shipment_columns import COLUMNS, SHOWN, courier_name, read_columns
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.audit import samples
from awbridge.store.couriers import accounts, couriers
from awbridge.store.engine.database import Session
from awbridge.store.handover import parcels
from awbridge.store.handover.parcels import HandOverState
from awbridge.store.notify import attention
from awbridge.store.orders import saved_views
from awbridge.store.orders.saved_views import SavedView
from awbridge.web.pages.form import read_form
from awbridge.web.pages.language import gettext, gettext_noop
from awbridge.web.pages.orders.list_query import (
    BUCKET_NAMES,
    PAGE_SIZE,
    PARAMETERS,
    STATE_NAMES,
    TABS,
    Tab,
    TypedOnList,
    chips,
    list_url,
    read_query,
)
from awbridge.web.pages.orders.shipment_url import shipment_url
from awbridge.web.pages.orders.shipments import Listed
from awbridge.web.pages.page_route import ANY_VALUE, PageRoute
from awbridge.web.pages.page_templates import HEADERS, PageTemplates
from awbridge.web.pages.wording import sentence
from awbridge.web.requested import read_cursor
from awbridge.web.shipment_export import FORMATS, export_response

COLUMNS_COOKIE = "awbridge_columns"
_A_YEAR = 365 * 86400  # seconds
_LONGEST_QUERY = 2000  # characters of a saved view
# What names one person or shipment is searched for, not saved for everyone.
_NOT_SAVED = ("waybill", "order_id", "q", "phone_tail", "cursor")
_LIST = dict.fromkeys((*PARAMETERS, "columns", "cursor"), ANY_VALUE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTab:
    """A tab with its count (None: not counted)."""

    name: str
    url: str
    count: int | None
    is_current: bool


class ShipmentListPages:
    """The pages of lists, on one store. `zone`: of days and of exported times."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        templates: PageTemplates,
        stuck_after: StuckAfter,
        zone: ZoneInfo,
        links: TrackLinks = NO_LINKS,
    ) -> None:
        self._links = links
        self._store = store
        self._clock = clock
        self._templates = templates
        self._stuck_after = stuck_after
        self._zone = zone

    def routes(self) -> list[PageRoute]:
        """The routes of these pages."""
        exported = {name: value for name, value in _LIST.items() if name != "cursor"}
        return [
            PageRoute("/shipments", self.list_shipments, parameters=_LIST),
            *(PageRoute(f"/shipments.{kind}", self.export, parameters=exported) for kind in FORMATS),
            PageRoute("/shipments.tabs", self.show_tabs, parameters=_LIST),
            PageRoute("/search", self.search, parameters={"q": ANY_VALUE}),
            PageRoute("/shipments/views", self.save_view, method="POST"),
            PageRoute("/shipments/views/remove", self.remove_view, method="POST"),
            PageRoute("/shipments/columns", self.choose_columns, method="POST"),
        ]

    async def list_shipments(self, request: Request) -> Response:
        """A page of a list, with its tabs and filters."""
        return await self.shown(request, request.query_params)

    async def shown(self, request: Request, given: Mapping[str, str], typed: TypedOnList | None = None) -> Response:
        """The list of these parameters. `typed`: what was wrong on its page, which is shown again."""
        try:
            parameters, query = read_query(given)
            columns, after = _columns(request, given), read_cursor(query.cursor)
            listing = query.listing(self._zone, self._clock())
        except PayloadRefused as refused:
            return await self._refused(request, given, refused)
        now, typed = self._clock(), typed or TypedOnList()
        async with self._store.read() as session:
            page = await read_page(session, listing, self._stuck_after, now=now, after=after, limit=PAGE_SIZE)
            printed = await parcels.states_of(session, [shipment.reference_number for shipment in page.shipments])
            tabs = await self._tabs(session, parameters, _columns_in_url(columns, given))
            choices = await _choices(session)
        chosen = {"columns": ",".join(columns)} if columns != SHOWN else {}
        following = ""
        if page.end:
            in_url = _columns_in_url(columns, given)
            following = f"/shipments?{urlencode({**parameters, **in_url, 'cursor': make_cursor(*page.end)})}"
        return self._templates.page(
            "orders/shipments",
            status=422 if typed.problems else 200,
            rows=[self._row(s, printed[s.reference_number]) for s in page.shipments],
            columns=columns,
            every_column=COLUMNS,
            **tabs,
            chips=chips(parameters),
            values={name: parameters.get(name, "") for name in PARAMETERS},
            **choices,
            list_parameter=_of_list(parameters),
            query=urlencode({name: value for name, value in parameters.items() if name != "cursor"}),
            saved=_saved({**parameters, **chosen}),
            clear=list_url(_of_list(parameters)),
            exports={kind: list_url({**parameters, **chosen}, path=f"/shipments.{kind}") for kind in FORMATS},
            following=following,
            searched_back_to=page.end[0] if page.end and len(page.shipments) < PAGE_SIZE else None,
            first_page=after is None,
            most=MOST_AT_ONCE,
            typed=typed,
        )

    async def _refused(self, request: Request, given: Mapping[str, str], refused: PayloadRefused) -> Response:
        """The page without a list: its filter is not valid. Each field holds what was typed."""
        values = {name: given.get(name, "").strip() for name in PARAMETERS}
        async with self._store.read() as session:
            tabs = await self._tabs(session, {}, {})
            choices = await _choices(session)
        return self._templates.page(
            "orders/shipments",
            status=422,
            rows=[],
            columns=SHOWN,
            every_column=COLUMNS,
            **tabs,
            chips=[],
            values=values,
            **choices,
            list_parameter=_of_list(values),
            query="",
            saved="",
            clear="/shipments",
            exports={kind: f"/shipments.{kind}" for kind in FORMATS},
            following="",
            searched_back_to=None,
            first_page=True,
            most=MOST_AT_ONCE,
            typed=TypedOnList(problems={problem.path: problem.problem for problem in refused.problems}),
        )

    async def show_tabs(self, request: Request) -> Response:
        """The tabs of a list alone, for its live update."""
        given = request.query_params
        parameters, _query = read_query(given)
        in_url = _columns_in_url(_columns(request, given), given)
        async with self._store.read() as session:
            tabs = await self._tabs(session, parameters, in_url)
        return self._templates.page("orders/tabs", **tabs)

    async def _tabs(self, session: Session, parameters: Mapping[str, str], in_url: Mapping[str, str]) -> dict[str, Any]:
        """The tabs with their counts, and which of them is open. `in_url`: the columns that the URL names."""
        views = await saved_views.every(session)
        needs = await self._needs(session, self._clock())
        opened = _saved({**parameters, **in_url})
        view = next((view for view in views if view.query == opened), None)
        current = next((tab for tab in TABS if parameters.get(tab.parameter) == tab.value), None)
        return {
            "tabs": _tabs(current, view, needs),
            "views": _view_tabs(views, view),
            "view": view,
            "current": current,
            "tabs_url": list_url({**parameters, **in_url}, path="/shipments.tabs"),
        }

    async def _needs(self, session: Session, now: datetime) -> Mapping[Need, int]:
        sample = await samples.large(session, now=now)
        return sample.figures.needs if sample else await attention.count(session, self._stuck_after, now=now)

    async def search(self, request: Request) -> Response:
        """The shipments with exactly this reference number, waybill or order id, else with a phone number that ends in
        these digits; a single one is opened.
        """
        text = request.query_params.get("q", "").replace("\x00", "\ufffd").strip()
        async with self._store.read() as session:
            found = await look_up.search(session, text, limit=PAGE_SIZE + 1)
        if not found and (digits := _phone_in(text)):
            return RedirectResponse(f"/shipments?{urlencode({'phone_tail': digits})}", 303, headers=HEADERS)
        if len(found) == 1:
            return RedirectResponse(shipment_url(found[0].reference_number), 303, headers=HEADERS)
        if len(found) > PAGE_SIZE:
            return RedirectResponse(f"/shipments?{urlencode({'q': text})}", 303, headers=HEADERS)
        rows = [self._row(shipment) for shipment in found]
        return self._templates.page("search", rows=rows, columns=SHOWN, every_column=COLUMNS, search=text)

    def _row(self, shipment: Shipment, handed_over: HandOverState | None = None) -> Listed:
        return Listed(shipment=shipment, handed_over=handed_over, links=self._links)

    async def export(self, request: Request) -> Response:
        """The whole list as a file, in the columns that are shown."""
        _, query = read_query(request.query_params)
        wanted = Export(
            listing=query.listing(self._zone, self._clock()),
            zone=self._zone,
            columns=_columns(request, request.query_params),
            stuck_after=self._stuck_after,
            links=self._links,
        )
        kind = request.url.path.rpartition(".")[2]
        return await export_response(self._store, self._clock, wanted, kind, HEADERS)

    async def save_view(self, request: Request) -> Response:
        """Save the list as a view for everyone, and open it."""
        fields = dict(await read_form(request))
        query, name = _checked(fields.get("query", "")), fields.get("name", "")
        if not query:
            raise HTTPException(422, gettext("There is nothing to save: filter the list first, or choose columns."))
        try:
            await save_view(store=self._store, clock=self._clock, name=name, query=query)
        except NotValid as error:
            typed = TypedOnList(problems={"name": sentence(str(error))}, view_name=name)
            return await self.shown(request, dict(parse_qsl(query)), typed)
        return RedirectResponse(f"/shipments?{query}", 303, headers=HEADERS)

    async def remove_view(self, request: Request) -> Response:
        """Remove a view."""
        await remove_view(store=self._store, name=dict(await read_form(request)).get("name", ""))
        return RedirectResponse("/shipments", 303, headers=HEADERS)

    async def choose_columns(self, request: Request) -> Response:
        """Remember the chosen columns in a cookie and show the list again."""
        fields = await read_form(request)
        given = dict(parse_qsl(dict(fields).get("query", "")))
        parameters, _ = read_query(given)
        try:
            chosen = _read_columns(",".join(value for name, value in fields if name == "column"))
        except PayloadRefused as refused:
            return await self.shown(request, parameters, TypedOnList(problems={"column": refused.problems[0].problem}))
        answer = RedirectResponse(list_url(parameters), 303, headers=HEADERS)
        answer.set_cookie(COLUMNS_COOKIE, ".".join(chosen), max_age=_A_YEAR, httponly=True, samesite="lax")
        return answer


async def _choices(session: Session) -> dict[str, Any]:
    """What the fields of the filter and of a move can be set to."""
    every = await accounts.every(session)
    return {
        "states": STATE_NAMES,
        "buckets": BUCKET_NAMES,
        "couriers": sorted({(courier_name(a.courier_partner_id), a.courier_partner_id) for a in every}),
        "accounts": sorted((courier_name(a.courier_partner_id, a.account_code), a.state.account) for a in every),
        "transporters": [account.transporter for account in await couriers.every(session) if account.active],
    }


def _columns_in_url(columns: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    return {"columns": ",".join(columns)} if given.get("columns") else {}


def _columns(request: Request, given: Mapping[str, str]) -> tuple[str, ...]:
    """The columns of the URL, else those that the visitor chose last."""
    if named := given.get("columns"):
        return _read_columns(named)
    try:
        return read_columns(request.cookies.get(COLUMNS_COOKIE, "").replace(".", ","))
    except ValueError:  # of another version
        return SHOWN


def _read_columns(text: str) -> tuple[str, ...]:
    try:
        return read_columns(text)
    except ValueError as error:
        raise PayloadRefused([FieldProblem("columns", str(error))]) from None


def _phone_in(text: str) -> str:
    """The digits of a text that may be a phone number or its end; "" if it has letters or too many digits."""
    if any(sign.isalpha() for sign in text) or sum(sign.isdecimal() for sign in text) > 13:
        return ""
    return digits_of_number(text)


def _of_list(parameters: Mapping[str, str]) -> dict[str, str]:
    """The parameter that chooses the tab."""
    chosen = {(tab.parameter, tab.value) for tab in TABS}
    return {name: value for name, value in parameters.items() if (name, value) in chosen}


def _saved(parameters: Mapping[str, str]) -> str:
    """The query of a view: what can be saved of a list, in one order."""
    return urlencode({name: value for name, value in sorted(parameters.items()) if name not in _NOT_SAVED})


def _checked(query: str) -> str:
    """A query from a form, checked as that of a list."""
    if len(query) > _LONGEST_QUERY:
        raise HTTPException(422, gettext("The filter is too long to be saved."))
    given = dict(parse_qsl(query))
    parameters, wanted = read_query(given)
    wanted.check()
    columns = _read_columns(given.get("columns", ""))
    return _saved({**parameters, **({"columns": ",".join(columns)} if columns != SHOWN else {})})


def _tabs(current: Tab | None, view: SavedView | None, needs: Mapping[Need, int]) -> list[ShownTab]:
    shown = [
        ShownTab(
            name=tab.name,
            url=tab.url,
            count=needs.get(tab.need) if tab.need else None,
            is_current=tab == current and view is None,
        )
        for tab in TABS
    ]
    every = ShownTab(
        name=gettext_noop("All"), url="/shipments", count=None, is_current=current is None and view is None
    )
    return [every, *shown]


def _view_tabs(views: list[SavedView], current: SavedView | None) -> list[ShownTab]:
    return [
        ShownTab(name=view.name, url=f"/shipments?{view.query}", count=None, is_current=view == current)
        for view in views
    ]
