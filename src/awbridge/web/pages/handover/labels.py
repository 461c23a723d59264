"""The pages on which labels are printed: what waits, by courier account; a preview; print runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from awbridge.documents.making import DocumentMaker, is_installed
from awbridge.domain.cursors import make_cursor
from awbridge.domain.errors import NotFound, NotValid
from awbridge.domain.handover.labels import Layout
from awbridge.domain.moments import read_day
from awbridge.domain.orders.bulk import MOST_AT_ONCE
from awbridge.domain.orders.shipment import Shipment
from awbridge.domain.people.actor import named_actor
from awbridge.steps.handover import print_labels
from awbridge.steps.handover.print_labels import FetchesLabels
from awbridge.steps.orders.shipment_columns import courier_name
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.engine.database import Session
from awbridge.store.handover import parcels, print_runs
from awbridge.store.handover.parcels import MOST_COUNTED, HandOverState, WaitingParcels
from awbridge.web.pages.form import WrongField, read_form
from awbridge.web.pages.language import gettext
from awbridge.web.pages.orders.list_query import PAGE_SIZE
from awbridge.web.pages.orders.shipment_url import shipment_url
from awbridge.web.pages.orders.shipments import Listed
from awbridge.web.pages.page_route import ANY_VALUE, PageRoute
from awbridge.web.pages.page_templates import HEADERS, PageTemplates
from awbridge.web.pages.wording import sentence
from awbridge.web.pdf_response import pdf_response
from awbridge.web.requested import no_nul, parse_id, read_cursor

BY = "page"
_DAYS = 3
_SHOWN = ("to_print", "to_hand_over", "all")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """A courier account with what waits there."""

    waiting: WaitingParcels
    since: date

    @property
    def courier(self) -> str:
        """Its courier and account code."""
        return courier_name(self.waiting.courier_partner_id, self.waiting.account_code)

    @property
    def url(self) -> str:
        """The list of its parcels."""
        return f"/labels/parcels?{urlencode({'account': self.waiting.account, 'since': self.since.isoformat()})}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingParcel(Listed):
    """A parcel that waits, with what was printed of it."""

    state: HandOverState  # as `handed_over`, always known


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelForm:
    """What a form of these pages chose: shipments, or whole accounts since a day."""

    references: Sequence[str]
    accounts: Sequence[str]
    since: date
    layout: Layout


def first_moment(day: date, zone: ZoneInfo) -> datetime:
    """The start of a day of the account."""
    return datetime(day.year, day.month, day.day, tzinfo=zone)


class LabelPages:
    """The pages of labels, on one store."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        templates: PageTemplates,
        zone: ZoneInfo,
        labels: FetchesLabels,
        documents: DocumentMaker,
    ) -> None:
        self._store = store
        self._clock = clock
        self._templates = templates
        self._zone = zone
        self._labels = labels
        self._documents = documents

    def routes(self) -> list[PageRoute]:
        """The routes of these pages."""
        listed = dict.fromkeys(("account", "since", "cursor"), ANY_VALUE) | {"show": _SHOWN}
        return [
            PageRoute("/labels", self.overview, parameters={"since": ANY_VALUE}),
            PageRoute("/labels/parcels", self.list_parcels, parameters=listed),
            PageRoute("/labels/preview", self.preview, method="POST"),
            PageRoute("/labels/print", self.print, method="POST"),
            PageRoute("/labels/prints", self.list_prints, parameters={"before": ANY_VALUE}),
            PageRoute("/labels/prints/{print_id}", self.show_print),
            PageRoute("/labels/prints/{print_id}/pdf", self.download_print),
            PageRoute("/labels/of/{reference:path}", self.download_label, parameters={"piece": ANY_VALUE}),
        ]

    def default_since(self) -> date:
        """The day from which on parcels are shown: yesterday's leftovers are not to be missed."""
        return self._clock().astimezone(self._zone).date() - timedelta(days=_DAYS - 1)

    def read_since(self, text: str) -> date:
        """A day of a query or form; the default if empty. Raises NotValid."""
        if not text.strip():
            return self.default_since()
        try:
            day = read_day(text)
            first_moment(day, self._zone).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise NotValid(str(error)) from None
        return day

    async def overview(self, request: Request) -> Response:
        """What waits for its courier, by courier account."""
        return await self._overview(request.query_params.get("since", ""), {})

    async def _overview(
        self, typed: str, problems: Mapping[str, str], chosen: Sequence[tuple[str, str]] = ()
    ) -> Response:
        """The overview since a day. `problems`: by field, with the fields that were `chosen` in the form."""
        try:
            since = self.read_since(typed)
        except NotValid as error:
            since, problems = self.default_since(), {"since": sentence(str(error))}
        async with self._store.read() as session:
            found = await parcels.by_account(session, since=first_moment(since, self._zone))
            usual = await _usual_layout(session)
        return self._templates.page(
            "handover/labels",
            status=422 if problems else 200,
            problems=problems,
            typed=typed or since.isoformat(),
            chosen={value for name, value in chosen if name == "account"},
            rows=[AccountRow(waiting=one, since=since) for one in found],
            since=since,
            today=self._clock().astimezone(self._zone).date(),
            layouts=list(Layout),
            usual=usual,
            is_cut=sum(one.parcels for one in found) >= MOST_COUNTED,
            most=MOST_COUNTED,
            installed=is_installed(),
        )

    async def list_parcels(self, request: Request) -> Response:
        """The parcels of one account, to choose some of them."""
        return await self._parcels(request.query_params, {})

    async def _parcels(
        self, query: Mapping[str, str], problems: Mapping[str, str], chosen: Sequence[tuple[str, str]] = ()
    ) -> Response:
        """The parcels of a query. `problems`: by field, with the fields that were `chosen` in the form."""
        account, since = query.get("account", "").replace("\x00", ""), self.read_since(query.get("since", ""))
        show = query.get("show", _SHOWN[0])
        async with self._store.read() as session:
            found = await parcels.of_account(
                session,
                account,
                since=first_moment(since, self._zone),
                to_print=show == "to_print",
                to_hand_over=show == "to_hand_over",
                after=read_cursor(query.get("cursor")),
                limit=PAGE_SIZE + 1,
            )
            states = await parcels.states_of(session, [s.reference_number for s in found])
            usual = await _usual_layout(session)
        page, following = found[:PAGE_SIZE], ""
        last = page[-1] if len(found) > PAGE_SIZE else None
        if last and last.placed_at:
            cursor = make_cursor(last.placed_at, last.reference_number)
            following = f"/labels/parcels?{urlencode({**query, 'cursor': cursor})}"
        base = {"account": account, "since": since.isoformat()}
        return self._templates.page(
            "handover/parcels",
            status=422 if problems else 200,
            problems=problems,
            chosen={value for name, value in chosen if name == "reference"},
            rows=[WaitingParcel(shipment=s, state=states[s.reference_number]) for s in page],
            courier=_account_name(account, page),
            account=account,
            since=since,
            show=show,
            tabs=[(name, f"/labels/parcels?{urlencode({**base, 'show': name})}") for name in _SHOWN],
            following=following,
            layouts=list(Layout),
            usual=usual,
        )

    async def choice_again(self, fields: Sequence[tuple[str, str]], error: WrongField) -> Response:
        """The page on which parcels or accounts were chosen, with what was chosen and what is wrong."""
        values, problems = dict(fields), {error.field: sentence(str(error))}
        if not values.get("of"):
            return await self._overview(values.get("since", ""), problems, fields)
        query = {"account": values["of"], "since": values.get("since", ""), "show": values.get("show", "")}
        return await self._parcels(
            {**query, "show": query["show"] if query["show"] in _SHOWN else "all"}, problems, fields
        )

    def read_choice(self, fields: Sequence[tuple[str, str]]) -> LabelForm:
        """The choice of a form. Raises WrongField, NotFound."""
        values = dict(fields)
        layout = values.get("layout", Layout.A4_FOUR.value)
        if layout not in {one.value for one in Layout}:
            raise WrongField("layout", gettext("Choose a layout."))
        references = list(dict.fromkeys(no_nul(value) for name, value in fields if name == "reference"))
        if len(references) > MOST_AT_ONCE:
            raise WrongField("reference", gettext("Choose at most %s shipments at once.") % MOST_AT_ONCE)
        return LabelForm(
            references=references,
            accounts=list(dict.fromkeys(value for name, value in fields if name == "account")),
            since=self.read_since(values.get("since", "")),
            layout=Layout(layout),
        )

    async def _chosen(self, form: LabelForm) -> tuple[list[str], bool]:
        """The shipments to print, and whether more than fit into one run wait."""
        chosen = list(form.references)
        async with self._store.read() as session:
            for account in form.accounts:
                found = await parcels.of_account(
                    session,
                    account,
                    since=first_moment(form.since, self._zone),
                    to_print=True,
                    limit=MOST_AT_ONCE + 1,
                )
                chosen += [s.reference_number for s in found]
        chosen = list(dict.fromkeys(chosen))
        return chosen[:MOST_AT_ONCE], len(chosen) > MOST_AT_ONCE

    async def preview(self, request: Request) -> Response:
        """Which labels are here, before anything is printed. Labels that are not here yet are fetched."""
        fields = await read_form(request)
        try:
            form = self.read_choice(fields)
        except WrongField as error:
            return await self.choice_again(fields, error)
        chosen, more = await self._chosen(form)
        ready = await print_labels.prepare(store=self._store, fetcher=self._labels, references=chosen)
        async with self._store.read() as session:
            states = await parcels.states_of(session, chosen)
        rows = [(one, shipment_url(one.reference_number), states[one.reference_number]) for one in ready]
        rows.sort(key=lambda row: not row[0].problem)  # what needs a person comes first
        return self._templates.page(
            "handover/preview", rows=rows, layout=form.layout, more=more, most=MOST_AT_ONCE, installed=is_installed()
        )

    async def print(self, request: Request) -> Response:
        """Print them: the page of the print run follows."""
        form = self.read_choice(await read_form(request))
        if not form.references:
            raise HTTPException(422, gettext("Choose at least one shipment."))
        printed = await print_labels.print_labels(
            store=self._store,
            fetcher=self._labels,
            documents=self._documents,
            clock=self._clock,
            references=form.references,
            layout=form.layout,
            by=named_actor(BY),
        )
        return RedirectResponse(f"/labels/prints/{printed.run.id}", 303, headers=HEADERS)

    async def list_prints(self, request: Request) -> Response:
        """Print runs, newest first."""
        before = request.query_params.get("before")
        async with self._store.read() as session:
            found = await print_runs.newest(session, before=parse_id(before) if before else None, limit=PAGE_SIZE + 1)
        following = f"/labels/prints?before={found[PAGE_SIZE - 1].id}" if len(found) > PAGE_SIZE else ""
        return self._templates.page("handover/prints", runs=found[:PAGE_SIZE], following=following)

    async def show_print(self, request: Request) -> Response:
        """One print run, with what became of each shipment."""
        run_id = parse_id(request.path_params["print_id"])
        async with self._store.read() as session:
            run = await print_runs.get(session, run_id)
            lines = await print_runs.lines(session, run_id) if run else []
        if run is None:
            raise NotFound(f"There is no print run {run_id}.")
        rows = [(line, shipment_url(line.reference_number)) for line in lines]
        rows.sort(key=lambda row: (row[0].problem is None, row[0].warning is None))
        return self._templates.page("handover/print_run", run=run, rows=rows)

    async def download_print(self, request: Request) -> Response:
        """The PDF of a print run."""
        run_id = parse_id(request.path_params["print_id"])
        printed = await print_labels.print_again(
            store=self._store, fetcher=self._labels, documents=self._documents, run_id=run_id
        )
        return pdf_response(printed.pdf, f"labels-{run_id}")

    async def download_label(self, request: Request) -> Response:
        """The label of one shipment."""
        reference = no_nul(request.path_params["reference"])
        piece = request.query_params.get("piece")
        content = await print_labels.label_file(
            store=self._store,
            fetcher=self._labels,
            documents=self._documents,
            reference_number=reference,
            piece=parse_id(piece) if piece else None,
        )
        return pdf_response(content, f"label-{reference}")


async def _usual_layout(session: Session) -> Layout:
    """The layout that was printed last: printers stay what they are."""
    last = await print_runs.newest(session, limit=1)
    return last[0].layout if last else Layout.A4_FOUR


def _account_name(account: str, page: Sequence[Shipment]) -> str:
    if page:
        return courier_name(page[0].courier_partner_id, page[0].account_code)
    courier, _, code = account.partition(":")
    return courier_name(int(courier), code) if courier.isascii() and courier.isdecimal() else account
