"""The page of one reconciliation: its progress, its differences by kind, and decisions on chosen ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from awbridge.clickpost.wire.tracking_codes import status_name
from awbridge.domain.errors import NotPossible, NotValid
from awbridge.domain.orders.bulk import Consequence
from awbridge.domain.privacy import Privacy
from awbridge.domain.reconciliation.decisions import Decision, consequence
from awbridge.domain.reconciliation.differences import DifferenceKind
from awbridge.steps.audit.bundle import bundle_of
from awbridge.steps.orders.shipment_columns import courier_name
from awbridge.steps.reconciliation.decide import LONGEST_REASON, decide
from awbridge.steps.records.reconciliation_run import known_run
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.reconciliation import differences
from awbridge.store.reconciliation.differences import Difference, Seen
from awbridge.web.pages.form import read_form
from awbridge.web.pages.language import gettext_noop
from awbridge.web.pages.orders.shipment_url import shipment_url
from awbridge.web.pages.page_route import ANY_VALUE, PageRoute
from awbridge.web.pages.page_templates import PageTemplates
from awbridge.web.pages.reconciliation.runs import TABLE_NAMES
from awbridge.web.pages.wording import sentence
from awbridge.web.requested import parse_id, read_id
from awbridge.web.zip_response import zip_response

PAGE_SIZE = 100  # differences
KIND_NAMES = {
    DifferenceKind.MISSING_THERE: gettext_noop("Missing at ClickPost"),
    DifferenceKind.MISSING_HERE: gettext_noop("Missing here"),
    DifferenceKind.STATUS: gettext_noop("Status differs"),
    DifferenceKind.COURIER: gettext_noop("Courier differs"),
    DifferenceKind.WAYBILL: gettext_noop("AWB differs"),
}
ADVICE = {
    DifferenceKind.MISSING_THERE: gettext_noop(
        "ClickPost does not list these shipments. Recheck them: a report lists only what changed. Push again what it "
        "really lacks, or send ClickPost the evidence."
    ),
    DifferenceKind.MISSING_HERE: gettext_noop(
        "ClickPost holds these, and awbridge does not. They were placed by another system: register their AWBs to "
        "track them, or mark them as solved."
    ),
    DifferenceKind.STATUS: gettext_noop(
        "ClickPost has a newer status. awbridge polls these shipments by itself; recheck them to compare at once."
    ),
    DifferenceKind.COURIER: gettext_noop(
        "Another courier carries these. Look at each shipment, then mark it as solved or send ClickPost the evidence."
    ),
    DifferenceKind.WAYBILL: gettext_noop(
        "ClickPost holds these under another AWB. Look for a second parcel before you mark one as solved."
    ),
}
DECISION_NAMES = {
    Decision.RECHECK: gettext_noop("Recheck"),
    Decision.PUSH_AGAIN: gettext_noop("Push again"),
    Decision.SOLVE: gettext_noop("Mark as solved"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownDifference:
    """A difference as a row."""

    difference: Difference

    @property
    def url(self) -> str:
        """The page of its shipment; "" if awbridge has none."""
        held = self.difference.ours is not None and self.difference.reference_number
        return shipment_url(self.difference.reference_number or "") if held else ""

    @property
    def ours(self) -> str:
        """What awbridge held."""
        return side_in_words(self.difference.ours)

    @property
    def theirs(self) -> str:
        """What ClickPost held."""
        return side_in_words(self.difference.theirs)


def side_in_words(seen: Seen | None) -> str:
    """One side of a difference in a few words; "" where it holds nothing."""
    if seen is None:
        return ""
    number = seen.get("courier_partner_id")
    courier = courier_name(number, None) if number else ""
    status = status_name(seen.get("status_code"), seen.get("status_description")) or seen.get("state")
    return ", ".join(str(part) for part in (seen.get("waybill"), courier, status) if part)


class DifferencePages:
    """The page of a reconciliation, on one store. `privacy`: what evidence for ClickPost may show."""

    def __init__(self, store: Store, clock: Clock, templates: PageTemplates, privacy: Privacy) -> None:
        self._store = store
        self._clock = clock
        self._templates = templates
        self._privacy = privacy

    def routes(self) -> list[PageRoute]:
        """The routes of the page."""
        parameters = {"kind": [kind.value for kind in DifferenceKind], "state": ("all",), "cursor": ANY_VALUE}
        path = "/reconciliation/{number}"
        return [
            PageRoute(path, self.show, parameters=parameters),
            PageRoute(f"{path}/preview", self.preview, method="POST"),
            PageRoute(f"{path}/act", self.act, method="POST"),
            PageRoute(f"{path}/evidence/{{difference}}", self.evidence),
        ]

    async def show(self, request: Request) -> Response:
        """The run and a page of its differences: open ones, or all."""
        run = await known_run(self._store, parse_id(request.path_params["number"]))
        query = request.query_params
        kind = DifferenceKind(query["kind"]) if query.get("kind") else None
        after = parse_id(query["cursor"]) if query.get("cursor") else 0
        listed = differences.listed if query.get("state") == "all" else differences.listed_open
        async with self._store.read() as session:
            found = await listed(session, run.id, kind=kind, after=after, limit=PAGE_SIZE + 1)
            open_now = await differences.count_open(session, run.id)
        page, following = found[:PAGE_SIZE], ""
        if len(found) > PAGE_SIZE:
            chosen = {name: query[name] for name in ("kind", "state") if query.get(name)}
            following = f"/reconciliation/{run.id}?{urlencode({**chosen, 'cursor': page[-1].id})}"
        groups = {k: [ShownDifference(difference=d) for d in page if d.kind is k] for k in DifferenceKind}
        return self._templates.page(
            "reconciliation/run",
            run=run,
            table=TABLE_NAMES[run.kind],
            groups={k: rows for k, rows in groups.items() if rows},
            kind=kind,
            everything=query.get("state") == "all",
            open_now=open_now,
            names=KIND_NAMES,
            advice=ADVICE,
            decisions=DECISION_NAMES,
            following=following,
        )

    async def preview(self, request: Request) -> Response:
        """What a decision would do to each chosen difference."""
        run = await known_run(self._store, parse_id(request.path_params["number"]))
        decision, ids, _ = await _chosen(request)
        return self._page(run.id, decision, rows=await self._rows(run.id, decision, ids))

    async def _rows(
        self, run_id: int, decision: Decision, ids: Sequence[int]
    ) -> list[tuple[ShownDifference, Consequence]]:
        """The chosen differences of a run, and what the decision would do to each."""
        async with self._store.read() as session:
            found = [await differences.get(session, run_id, number) for number in ids]
        return [
            (ShownDifference(difference=d), consequence(decision, d.kind, d.state, d.pushed_at)) for d in found if d
        ]

    async def act(self, request: Request) -> Response:
        """Decide on the chosen differences; a result for each."""
        number = parse_id(request.path_params["number"])
        decision, ids, reason = await _chosen(request)
        try:
            results = await decide(
                store=self._store,
                clock=self._clock,
                reconciliation_id=number,
                difference_ids=ids,
                decision=decision,
                reason=reason,
            )
        except (NotPossible, NotValid) as error:
            rows = await self._rows(number, decision, ids)
            return self._page(number, decision, rows=rows, problem=sentence(str(error)), reason=reason)
        return self._page(number, decision, results=results)

    def _page(
        self,
        number: int,
        decision: Decision,
        *,
        rows: object = (),
        results: object = None,
        problem: str = "",
        reason: str = "",
    ) -> Response:
        return self._templates.page(
            "reconciliation/decide",
            status=422 if problem else 200,
            problems={"reason": problem} if problem else {},
            reason=reason,
            number=number,
            decision=decision,
            name=DECISION_NAMES[decision],
            names=KIND_NAMES,
            rows=rows,
            results=results,
            longest=LONGEST_REASON,
        )

    async def evidence(self, request: Request) -> Response:
        """The zip of a difference for ClickPost."""
        number = parse_id(request.path_params["difference"])
        content = await bundle_of(
            store=self._store,
            clock=self._clock,
            reconciliation_id=parse_id(request.path_params["number"]),
            difference_id=number,
            privacy=self._privacy,
        )
        return zip_response(content, f"difference-{number}")


async def _chosen(request: Request) -> tuple[Decision, list[int], str]:
    fields = await read_form(request)
    values = dict(fields)
    try:
        decision = Decision(values.get("decision", ""))
    except ValueError:
        raise HTTPException(422, "Choose what to do: recheck, push again, or mark as solved.") from None
    ids = dict.fromkeys(
        found for name, value in fields if name == "difference" if (found := read_id(value)) is not None
    )
    return decision, list(ids), values.get("reason", "")
