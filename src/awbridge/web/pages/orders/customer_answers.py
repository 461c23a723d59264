"""Customers' answers on the operators' pages: what waits, what confirming it would do, and the results."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from awbridge.domain.cursors import make_cursor
from awbridge.domain.customer_page.answers import AnswerState
from awbridge.domain.errors import NotFound, NotPossible, PayloadRefused
from awbridge.domain.orders.bulk import MOST_AT_ONCE, BulkResult
from awbridge.domain.people.actor import named_actor
from awbridge.steps.customer_page import answers as steps
from awbridge.steps.customer_page.answers import LONGEST_NOTE, AnswerPolicy, AnswerPreview
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.customer_page import answers
from awbridge.store.orders import shipments
from awbridge.web.pages.form import WrongField, read_form
from awbridge.web.pages.language import gettext, gettext_noop
from awbridge.web.pages.orders.list_query import PAGE_SIZE
from awbridge.web.pages.orders.shipment_url import shipment_url
from awbridge.web.pages.orders.shown_answer import ANSWERS_PATH, ShownAnswer
from awbridge.web.pages.page_route import ANY_VALUE, PageRoute
from awbridge.web.pages.page_templates import PageTemplates
from awbridge.web.requested import read_cursor

_CONFIRM, _DISMISS = "confirm", "dismiss"


class AnswerPages:
    """The list of answers that wait, one answer, and decisions about many."""

    def __init__(self, store: Store, clock: Clock, templates: PageTemplates, policy: AnswerPolicy) -> None:
        self._store = store
        self._clock = clock
        self._templates = templates
        self._policy = policy

    def routes(self) -> list[PageRoute]:
        """The routes."""
        return [
            PageRoute(ANSWERS_PATH, self.listed, parameters={"cursor": ANY_VALUE}),
            PageRoute(f"{ANSWERS_PATH}/preview", self.preview, method="POST"),
            PageRoute(f"{ANSWERS_PATH}/act", self.act, method="POST"),
            PageRoute(f"{ANSWERS_PATH}/{{answer_id}}", self.one),
        ]

    async def listed(self, request: Request) -> Response:
        """Answers that wait for an operator, the oldest first."""
        return await self._listed(read_cursor(request.query_params.get("cursor")))

    async def _listed(
        self, after: tuple[datetime, str] | None = None, *, problem: str = "", chosen: Collection[str] = ()
    ) -> Response:
        async with self._store.read() as session:
            found = await answers.waiting(session, after=after, limit=PAGE_SIZE + 1)
            page = found[:PAGE_SIZE]
            about = {
                s.reference_number: s
                for s in await shipments.get_many(session, sorted({a.reference_number for a in page}))
            }
        following = ""
        if len(found) > PAGE_SIZE:
            cursor = make_cursor(page[-1].received_at, page[-1].id)
            following = f"{ANSWERS_PATH}?{urlencode({'cursor': cursor})}"
        rows = [ShownAnswer(answer=a, shipment=about.get(a.reference_number)) for a in page]
        return self._templates.page(
            "orders/answers",
            status=422 if problem else 200,
            rows=rows,
            following=following,
            problem=problem,
            chosen=chosen,
        )

    async def one(self, request: Request) -> Response:
        """One answer: what the customer wants, what became of it, and what confirming it would do."""
        answer_id = request.path_params["answer_id"]
        found = await self._previews([answer_id])
        if not found:
            raise NotFound(f"There is no answer {answer_id}.")
        return self._shown(found)

    async def preview(self, request: Request) -> Response:
        """What confirming the chosen answers would do."""
        fields = await read_form(request)
        try:
            ids, _, _ = _chosen(fields)
        except WrongField as error:
            return await self._listed(problem=str(error), chosen={value for name, value in fields if name == "answer"})
        return self._shown(await self._previews(ids))

    async def _previews(self, ids: Sequence[str]) -> list[AnswerPreview]:
        return await steps.preview(store=self._store, clock=self._clock, policy=self._policy, answer_ids=ids)

    def _shown(
        self, found: Sequence[AnswerPreview], *, problems: Mapping[str, str] | None = None, note: str = ""
    ) -> Response:
        rows = [(ShownAnswer(answer=one.answer, shipment=one.shipment), one) for one in found]
        waiting = [row.answer.id for row, _ in rows if row.answer.state is AnswerState.RECEIVED]
        return self._templates.page(
            "orders/answer",
            status=422 if problems else 200,
            rows=rows,
            waiting=waiting,
            longest_note=LONGEST_NOTE,
            results=None,
            problems=problems or {},
            note=note,
        )

    async def act(self, request: Request) -> Response:
        """Confirm or dismiss each of the chosen answers, with a result for each."""
        fields = await read_form(request)
        ids, decision, note = _chosen(fields)
        problems = dict[str, str]()
        if decision not in (_CONFIRM, _DISMISS):
            problems["decision"] = gettext("Choose what to do: confirm or dismiss.")
        if len(note) > LONGEST_NOTE:
            problems["note"] = gettext("At most %s characters, please.") % LONGEST_NOTE
        if problems:
            return self._shown(await self._previews(ids), problems=problems, note=note)
        results = [await self._decide(answer_id, decision, note) for answer_id in ids]
        linked = [(shipment_url(result.reference_number), result) for result in results]
        return self._templates.page("orders/answer", rows=[], waiting=[], longest_note=LONGEST_NOTE, results=linked)

    async def _decide(self, answer_id: str, decision: str, note: str) -> BulkResult:
        store, clock = self._store, self._clock
        try:
            reference = (await steps.show(store=store, answer_id=answer_id)).reference_number
        except NotFound as problem:
            return BulkResult(reference_number="", done=False, text=f"{problem}.")
        try:
            if decision == _DISMISS:
                await steps.dismiss(store=store, clock=clock, answer_id=answer_id, by=named_actor("pages"), note=note)
                return BulkResult(reference_number=reference, done=True, text=gettext_noop("Dismissed."))
            settled = await steps.confirm(
                store=store, clock=clock, policy=self._policy, answer_id=answer_id, by=named_actor("pages"), note=note
            )
        except (NotFound, NotPossible) as problem:
            return BulkResult(reference_number=reference, done=False, text=f"{problem}.")
        except PayloadRefused as refused:
            problems = "; ".join(f"{p.path} {p.problem}".strip() for p in refused.problems)
            return BulkResult(reference_number=reference, done=False, text=f"{problems}.")
        text = gettext_noop("Will be sent to the courier.")
        if settled.state is AnswerState.DONE:
            text = gettext_noop("Recorded as dealt with.")
        return BulkResult(reference_number=reference, done=True, text=text)


def _chosen(fields: Sequence[tuple[str, str]]) -> tuple[list[str], str, str]:
    """(the ids of the answers, the decision, the note) of a form. Raises WrongField."""
    values = dict(fields)
    ids = list(dict.fromkeys(value for name, value in fields if name == "answer"))
    if not ids:
        raise WrongField("answer", gettext("Choose at least one answer."))
    if len(ids) > MOST_AT_ONCE:
        raise WrongField("answer", gettext("Choose at most %s answers at once.") % MOST_AT_ONCE)
    return ids, values.get("decision", ""), values.get("note", "")
