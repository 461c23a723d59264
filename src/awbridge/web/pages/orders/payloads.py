"""The page that corrects a payload: field by field, checked before it is pushed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from awbridge.domain.couriers.allocation_mode import Allocation
from awbridge.domain.errors import FieldProblem, NotPossible, PayloadRefused
from awbridge.domain.orders.shipment import Shipment
from awbridge.domain.people.actor import named_actor
from awbridge.steps.orders import amend
from awbridge.steps.orders.amend import Edit, PayloadDifference
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.orders import payload_versions
from awbridge.web.pages.form import read_form
from awbridge.web.pages.language import gettext
from awbridge.web.pages.orders.payload_form import (
    changed_paths,
    edited_fields,
    sections,
    text_of,
    typed_fields,
    without_place,
)
from awbridge.web.pages.orders.shipment_url import shipment_url
from awbridge.web.pages.page_route import PageRoute
from awbridge.web.pages.page_templates import HEADERS, PageTemplates
from awbridge.web.requested import find_shipment, no_nul

CHANGED_BY = "page"
LONGEST_REASON = 500  # characters
_CHECK, _PUSH = "check", "push"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checked:
    """The state of the form. `obstacle`: why the payload cannot be changed now."""

    differences: Sequence[PayloadDifference] = ()
    problems: Sequence[FieldProblem] = ()
    warnings: Sequence[FieldProblem] = ()
    obstacle: str | None = None
    typed: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    reason: str = ""
    checked: bool = False
    conflict: bool = False


class PayloadPages:
    """The page that corrects a payload, on one store."""

    def __init__(self, store: Store, clock: Clock, templates: PageTemplates, allocation: Allocation) -> None:
        self._store = store
        self._clock = clock
        self._templates = templates
        self._allocation = allocation

    def routes(self) -> list[PageRoute]:
        """The routes of the page."""
        return [
            PageRoute("/payload/{reference:path}", self.edit_payload),
            PageRoute("/payload/{reference:path}", self.submit_payload, method="POST"),
        ]

    async def _check(self, shipment: Shipment, typed: Mapping[str, str]) -> _Checked:
        try:
            seen = await amend.preview(
                store=self._store,
                reference_number=shipment.reference_number,
                edit=Edit(fields=edited_fields(shipment.payload, typed)),
                allocation=self._allocation,
            )
        except PayloadRefused as refused:
            return _Checked(problems=refused.problems, typed=typed)
        return _Checked(
            differences=seen.differences,
            problems=seen.problems,
            warnings=seen.warnings,
            obstacle=seen.obstacle,
            typed=typed,
        )

    def _shown(self, shipment: Shipment, state: _Checked, *, status: int = 200) -> Response:
        return self._templates.page(
            "payload",
            status=status,
            shipment=shipment,
            url=shipment_url(shipment.reference_number),
            sections=sections(shipment.payload, state.problems, state.typed),
            elsewhere=without_place(state.problems),
            state=state,
            text_of=text_of,
            longest_reason=LONGEST_REASON,
            problems={"reason": gettext("At most %s characters, please.") % LONGEST_REASON}
            if len(state.reason) > LONGEST_REASON
            else {},
        )

    async def edit_payload(self, request: Request) -> Response:
        """The fields of the payload, with what is wrong with them."""
        shipment = await find_shipment(self._store, no_nul(request.path_params["reference"]))
        return self._shown(shipment, await self._check(shipment, {}))

    async def submit_payload(self, request: Request) -> Response:
        """Check the fields, or save them and push the shipment again."""
        shipment = await find_shipment(self._store, no_nul(request.path_params["reference"]))
        form = await read_form(request)
        values = dict(form)
        typed, reason = typed_fields(form), values.get("reason", "")
        step = values.get("step")
        if step not in (_CHECK, _PUSH):
            raise HTTPException(422, gettext("Choose a button of the form."))
        if values.get("version") != str(shipment.payload_version):
            own = await self._own_changes(shipment, typed, values.get("version", ""))
            state = await self._check(shipment, own)
            return self._shown(shipment, replace(state, reason=reason, conflict=True), status=409)
        state = await self._check(shipment, typed)
        if len(reason) > LONGEST_REASON:
            return self._shown(shipment, replace(state, reason=reason), status=422)
        ready = state.differences and not state.problems and not state.obstacle
        if step == _PUSH and ready:
            return await self._push(shipment, typed, reason)
        status = 422 if state.problems else 200
        return self._shown(shipment, replace(state, reason=reason, checked=True), status=status)

    async def _own_changes(self, shipment: Shipment, typed: Mapping[str, str], version: str) -> Mapping[str, str]:
        """What this form changed in the version that it showed: not what somebody else changed since."""
        async with self._store.read() as session:
            versions = await payload_versions.of_shipment(session, shipment)
        shown = next((v.payload for v in versions if str(v.version) == version), shipment.payload)
        return {path: typed[path] for path in changed_paths(shown, typed)}

    async def _push(self, shipment: Shipment, typed: Mapping[str, str], reason: str) -> Response:
        try:
            await amend.change(
                store=self._store,
                clock=self._clock,
                reference_number=shipment.reference_number,
                edit=Edit(fields=edited_fields(shipment.payload, typed)),
                changed_by=named_actor(CHANGED_BY),
                reason=reason,
                allocation=self._allocation,
            )
        except PayloadRefused as refused:
            return self._shown(shipment, _Checked(problems=refused.problems, typed=typed, reason=reason, checked=True))
        except NotPossible as impossible:
            return self._shown(shipment, _Checked(obstacle=str(impossible), typed=typed, reason=reason), status=409)
        return RedirectResponse(shipment_url(shipment.reference_number), 303, headers=HEADERS)
