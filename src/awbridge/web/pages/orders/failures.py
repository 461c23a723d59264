"""The page of failures: shipments that could not be placed, by ClickPost's answer, and what to do about each."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from awbridge.clickpost.wire.answer_codes import ANSWER_NAMES, advice_for
from awbridge.domain.orders.bulk import MOST_AT_ONCE, BulkAction, consequence
from awbridge.domain.orders.shipment import State
from awbridge.steps.orders.shipment_columns import courier_name
from awbridge.store import Store
from awbridge.store.orders import shipments
from awbridge.store.registration import failures
from awbridge.store.registration.failures import LOOKED_AT, FailureGroup
from awbridge.web.pages.form import read_form
from awbridge.web.pages.language import gettext, gettext_noop
from awbridge.web.pages.orders.shipments import Chosen, Listed
from awbridge.web.pages.page_route import PageRoute
from awbridge.web.pages.page_templates import PageTemplates

_SHOWN = {
    State.REJECTED: gettext_noop("Rejected: ClickPost refuses the order as it is"),
    State.GAVE_UP: gettext_noop("Gave up: every retry failed"),
    State.RETRYING: gettext_noop("Retrying: failed for the moment"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownGroup:
    """A group of failures with what its answer means."""

    state: State
    group: FailureGroup

    @property
    def courier(self) -> str:
        """The courier's name."""
        return courier_name(self.group.courier_partner_id) or gettext("no courier")

    @property
    def answer(self) -> str:
        """ClickPost's answer: its code and name, or the HTTP status."""
        code, http = self.group.business_status, self.group.http_status
        if code is not None:
            return f"{code} {ANSWER_NAMES.get(code, gettext('not published'))}"
        return f"HTTP {http}" if http else gettext("no response")

    @property
    def advice(self) -> str:
        """What to do about it."""
        return advice_for(self.group.http_status, self.group.business_status)


def routes(store: Store, templates: PageTemplates) -> list[PageRoute]:
    """The routes, on this store."""

    async def list_failures(_request: Request) -> Response:
        async with store.read() as session:
            found = {
                title: [ShownGroup(state=state, group=group) for group in await failures.groups(session, state)]
                for state, title in _SHOWN.items()
            }
        return templates.page("failures", groups=found, looked_at=LOOKED_AT)

    async def preview_group(request: Request) -> Response:
        values = dict(await read_form(request))
        try:
            state = State(values["state"])
            courier, http, code = (int(values[name]) for name in ("courier", "http_status", "business_status"))
        except (KeyError, ValueError):
            raise HTTPException(422, gettext("This form is not one of this page. Open the page again.")) from None
        if not all(-1 < number < 2**31 for number in (courier, http, code)):
            raise HTTPException(422, gettext("This form is not one of this page. Open the page again."))
        async with store.read() as session:
            references = await failures.of_group(
                session,
                state,
                courier_partner_id=courier,
                http_status=http,
                business_status=code,
                limit=MOST_AT_ONCE,
            )
            found = await shipments.get_many(session, references)
        rows = [(Listed(shipment=s), consequence(BulkAction.RETRY, s)) for s in found]
        chosen = Chosen(action=BulkAction.RETRY.value, references=references, back="/failures")
        return templates.page("bulk", action=chosen.action, chosen=chosen, rows=rows, results=None)

    return [
        PageRoute("/failures", list_failures),
        PageRoute("/failures/preview", preview_group, method="POST"),
    ]
