"""The NDR desk: every open failed delivery, and one instruction for as many of them as are chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from awbridge.clickpost.models.ndr import NdrAction
from awbridge.clickpost.wire.tracking_codes import ndr_name
from awbridge.domain.cursors import make_cursor
from awbridge.domain.moments import read_day
from awbridge.domain.orders.action import Action, ActionKind
from awbridge.domain.orders.bulk import MOST_AT_ONCE
from awbridge.domain.orders.shipment import Shipment
from awbridge.steps.orders import bulk
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.customer_page import answers as customer_answers
from awbridge.store.orders import actions, lists, shipments
from awbridge.web.pages.form import WrongField, read_form
from awbridge.web.pages.language import gettext, gettext_noop
from awbridge.web.pages.orders.list_query import PAGE_SIZE
from awbridge.web.pages.orders.shipment_url import shipment_url
from awbridge.web.pages.orders.shipments import Listed
from awbridge.web.pages.orders.shown_answer import ShownAnswer
from awbridge.web.pages.page_route import ANY_VALUE, PageRoute
from awbridge.web.pages.page_templates import PageTemplates
from awbridge.web.pages.wording import sentence
from awbridge.web.requested import no_nul, read_cursor

_DAY = timedelta(days=1)
CHANGES = {
    "phone_number": gettext_noop("New phone number"),
    "address": gettext_noop("New address"),
    "landmark": gettext_noop("New landmark"),
    "drop_pincode": gettext_noop("New pincode"),
}
"""What a customer may correct for the next attempt: the field of the instruction, and its label."""
_BOX = "waybill"  # the piece of a multi-piece shipment that an instruction is about


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFailure(Listed):
    """A shipment whose last delivery failed. `answer`: the newest instruction that is not carried out yet.

    `customer`: the customer's last answer.
    """

    now: datetime
    answer: Action | None = None
    customer: ShownAnswer | None = None

    @property
    def reason(self) -> str:
        """Why the delivery failed; "" if ClickPost gave no reason."""
        return gettext(ndr_name(self.shipment.ndr_code, self.shipment.ndr_description or ""))

    @property
    def days_open(self) -> int:
        """Whole days since the failed delivery."""
        return max(0, (self.now - self.shipment.ndr_at) // _DAY) if self.shipment.ndr_at else 0

    @property
    def answered(self) -> str:
        """The instruction that is in progress or needs a person; "" if there is none."""
        if self.answer is None:
            return ""
        instruction = str(self.answer.body.get("action", "")).replace("_", " ").lower()
        return f"{instruction}: {self.answer.state.value.replace('_', ' ')}"


class NdrDesk:
    """The pages, on one store. Days are those of `zone`."""

    def __init__(self, store: Store, clock: Clock, templates: PageTemplates, zone: ZoneInfo) -> None:
        self._store = store
        self._clock = clock
        self._templates = templates
        self._zone = zone

    def routes(self) -> list[PageRoute]:
        """The routes of these pages."""
        return [
            PageRoute("/ndr", self.show, parameters={"cursor": ANY_VALUE}),
            PageRoute("/ndr/preview", self.preview, method="POST"),
            PageRoute("/ndr/act", self.act, method="POST"),
        ]

    async def _opened(self, found: list[Shipment]) -> list[OpenFailure]:
        return await _opened(self._store, self._clock(), found)

    def _today(self) -> date:
        return self._clock().astimezone(self._zone).date()

    async def show(self, request: Request) -> Response:
        """The desk."""
        return await self._shown(read_cursor(request.query_params.get("cursor")))

    async def _shown(
        self,
        after: tuple[datetime, str] | None = None,
        *,
        problems: Mapping[str, str] | None = None,
        typed: Sequence[tuple[str, str]] = (),
    ) -> Response:
        """The desk. `problems`: by field, with the fields that were `typed`."""
        values = dict(typed)
        async with self._store.read() as session:
            found = await lists.in_ndr(session, after=after, limit=PAGE_SIZE + 1)
        page, last = found[:PAGE_SIZE], found[PAGE_SIZE - 1 : PAGE_SIZE]
        following = ""
        if len(found) > PAGE_SIZE and last[0].ndr_at:
            following = f"/ndr?{urlencode({'cursor': make_cursor(last[0].ndr_at, last[0].reference_number)})}"
        return self._templates.page(
            "ndr",
            status=422 if problems else 200,
            rows=await self._opened(page),
            following=following,
            today=self._today(),
            day=values.get("day", (self._today() + _DAY).isoformat()),
            instruction=values.get("instruction", NdrAction.REATTEMPT.value),
            chosen={value for name, value in typed if name == "reference"},
            problems=problems or {},
        )

    def _read(self, fields: Sequence[tuple[str, str]]) -> tuple[dict[str, str], list[str], dict[str, dict[str, str]]]:
        """The instruction, the shipments and their changes of a form. Raises WrongField, NotFound."""
        values = dict(fields)
        references = list(dict.fromkeys(no_nul(value) for name, value in fields if name == "reference"))
        if values.get("instruction") not in {action.value for action in NdrAction}:
            raise WrongField("instruction", gettext("Choose an instruction: deliver again, or return to origin."))
        if len(references) > MOST_AT_ONCE:
            raise WrongField("reference", gettext("Choose at most %s shipments at once.") % MOST_AT_ONCE)
        instruction = {"action": values["instruction"]}
        if instruction["action"] == NdrAction.REATTEMPT:
            instruction["preferred_date"] = self._read_attempt(values.get("day", "")).isoformat()
        return instruction, references, _changes(fields, instruction["action"])

    def _read_attempt(self, text: str) -> date:
        """The day of the next attempt. Raises WrongField."""
        try:
            day = read_day(text)
        except ValueError as error:
            raise WrongField("day", sentence(str(error))) from None
        if day < self._today():
            raise WrongField("day", gettext("That day is over: choose today or a later one."))
        return day

    async def _rows_of(self, references: Sequence[str]) -> list[OpenFailure]:
        async with self._store.read() as session:
            found = {s.reference_number: s for s in await shipments.get_many(session, references)}
        return await self._opened([found[reference] for reference in references if reference in found])

    async def preview(self, request: Request) -> Response:
        """What the instruction would do, with a form for what changes."""
        fields = await read_form(request)
        try:
            instruction, references, changes = self._read(fields)
        except WrongField as error:
            return await self._shown(problems={error.field: str(error)}, typed=fields)
        rows = await self._rows_of(references)
        return self._templates.page(
            "ndr_preview", instruction=instruction, rows=rows, results=None, fields=CHANGES, changes=changes
        )

    async def act(self, request: Request) -> Response:
        """Instruct the couriers, with a result for each shipment."""
        instruction, references, changes = self._read(await read_form(request))
        results = await bulk.instruct(
            store=self._store, clock=self._clock, references=references, instruction=dict(instruction), changes=changes
        )
        linked = [(shipment_url(result.reference_number), result) for result in results]
        entered = {reference for reference, given in changes.items() if given.keys() - {_BOX}}
        not_done = [r.reference_number for r in results if not (r.done or r.repeated)]
        refused = [reference for reference in not_done if reference in entered]
        return self._templates.page(
            "ndr_preview",
            status=422 if refused else 200,
            instruction=instruction,
            rows=await self._rows_of(refused),
            results=linked,
            fields=CHANGES,
            changes=changes,
        )


async def _opened(store: Store, now: datetime, found: Sequence[Shipment]) -> list[OpenFailure]:
    """These shipments with what was requested for them, and what their customers answered."""
    async with store.read() as session:
        references = [s.reference_number for s in found]
        requested = await actions.open_of(session, references)
        given = await customer_answers.of_shipments(session, references)
    newest = {a.reference_number: a for a in requested if a.kind is ActionKind.NDR}
    last = {reference: ShownAnswer(answer=theirs[-1]) for reference, theirs in given.items()}
    return [
        OpenFailure(shipment=s, now=now, answer=newest.get(s.reference_number), customer=last.get(s.reference_number))
        for s in found
    ]


def _changes(fields: Sequence[tuple[str, str]], action: str) -> dict[str, dict[str, str]]:
    """What a form changes for single shipments. A field belongs to the reference before it."""
    found: dict[str, dict[str, str]] = {}
    reference = ""
    names = {_BOX} | (CHANGES.keys() if action == NdrAction.REATTEMPT else set[str]())
    for name, value in fields:
        if name == "reference":
            reference = value
        elif name in names and reference and (text := " ".join(value.split())):
            found.setdefault(reference, {})[name] = text
    return found
