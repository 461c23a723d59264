"""The NDR desk: every open failed delivery, and one instruction for as many of them as are chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from awbridge.clickpost.models.ndr import NdrAction
from awbridge.clickpost.wire.tracking_codes import ndr_name
from awbridge.domain.cursors import make_cursor
from awbridge.domain.orders.action import Action, ActionKind
from awbridge.domain.orders.bulk import MOST_AT_ONCE
from awbridge.domain.orders.shipment import Shipment
from awbridge.steps.orders import bulk
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.customer_page import answers as customer_answers
from awbridge.store.orders import actions, lists, shipments
from awbridge.web.pages.form import read_form
from awbridge.web.pages.language import gettext, gettext_noop
from awbridge.web.pages.orders.list_query import PAGE_SIZE
from awbridge.web.pages.orders.shipment_url import shipment_url
from awbridge.web.pages.orders.shipments import Listed
from awbridge.web.pages.orders.shown_answer import ShownAnswer
from awbridge.web.pages.page_route import ANY_VALUE, PageRoute
from awbridge.web.pages.page_templates import PageTemplates
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


def routes(store: Store, clock: Clock, templates: PageTemplates, zone: ZoneInfo) -> list[PageRoute]:
    """The routes, on this store."""

    async def opened(found: list[Shipment]) -> list[OpenFailure]:
        return await _opened(store, clock(), found)

    def today() -> date:
        return clock().astimezone(zone).date()

    async def ndr_desk(request: Request) -> Response:
        after = read_cursor(request.query_params.get("cursor"))
        async with store.read() as session:
            found = await lists.in_ndr(session, after=after, limit=PAGE_SIZE + 1)
        page, last = found[:PAGE_SIZE], found[PAGE_SIZE - 1 : PAGE_SIZE]
        following = ""
        if len(found) > PAGE_SIZE and last[0].ndr_at:
            following = f"/ndr?{urlencode({'cursor': make_cursor(last[0].ndr_at, last[0].reference_number)})}"
        return templates.page("ndr", rows=await opened(page), following=following, today=today(), day=today() + _DAY)

    async def chosen(request: Request) -> tuple[dict[str, str], list[str], dict[str, dict[str, str]]]:
        fields = await read_form(request)
        values = dict(fields)
        references = list(dict.fromkeys(no_nul(value) for name, value in fields if name == "reference"))
        if values.get("instruction") not in {action.value for action in NdrAction}:
            raise HTTPException(422, "Choose an instruction: deliver again, or return to origin.")
        if len(references) > MOST_AT_ONCE:
            raise HTTPException(422, f"Choose at most {MOST_AT_ONCE} shipments at once.")
        instruction = {"action": values["instruction"]}
        if instruction["action"] == NdrAction.REATTEMPT:
            instruction["preferred_date"] = values.get("day", "")
        return instruction, references, _changes(fields, instruction["action"])

    async def preview_ndr(request: Request) -> Response:
        instruction, references, changes = await chosen(request)
        async with store.read() as session:
            found = {s.reference_number: s for s in await shipments.get_many(session, references)}
        rows = await opened([found[reference] for reference in references if reference in found])
        return templates.page(
            "ndr_preview", instruction=instruction, rows=rows, results=None, fields=CHANGES, changes=changes
        )

    async def act_on_ndr(request: Request) -> Response:
        instruction, references, changes = await chosen(request)
        results = await bulk.instruct(
            store=store, clock=clock, references=references, instruction=dict(instruction), changes=changes
        )
        linked = [(shipment_url(result.reference_number), result) for result in results]
        return templates.page("ndr_preview", instruction=instruction, rows=[], results=linked)

    return [
        PageRoute("/ndr", ndr_desk, parameters={"cursor": ANY_VALUE}),
        PageRoute("/ndr/preview", preview_ndr, method="POST"),
        PageRoute("/ndr/act", act_on_ndr, method="POST"),
    ]


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
