"""The routes of customers' answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import Query
from pydantic import Field

from awbridge.domain.cursors import make_cursor
from awbridge.domain.customer_page.answers import AnswerState, CustomerAnswer
from awbridge.domain.people.actor import named_actor
from awbridge.steps.customer_page import answers as steps
from awbridge.store.customer_page import answers
from awbridge.web.dependencies import ApiDep, StoreDep
from awbridge.web.requested import read_cursor
from awbridge.web.v1.request_parsing import NO_NUL, Cursor, Limit
from awbridge.web.v1.shipments.lookup import ShipmentDep
from awbridge.web.v1.strict import OwnBody, v1_router
from awbridge.web.v1.views.answers import AnswerList, AnswerPage, AnswerView

router = v1_router(tags=["customers' answers"])


class DecisionBody(OwnBody):
    """A decision about an answer."""

    note: str = Field(
        "", max_length=steps.LONGEST_NOTE, pattern=NO_NUL, description="For operators; not for customers."
    )


@router.get("/answers")
async def list_answers(
    store: StoreDep,
    state: Annotated[AnswerState | None, Query(description="Only answers in this state.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> AnswerPage:
    """Customers' answers, newest first."""
    async with store.read() as session:
        found = await answers.newest(session, state=state, before=read_cursor(cursor), limit=limit + 1)
    return _page(found, limit)


def _page(found: Sequence[CustomerAnswer], limit: int) -> AnswerPage:
    """The page of so many answers; `found` has one more if there is another page."""
    page = found[:limit]
    after = make_cursor(page[-1].received_at, page[-1].id) if len(found) > limit else None
    return AnswerPage(answers=[AnswerView.model_validate(answer) for answer in page], next=after)


@router.get("/shipments/{reference_number:path}/answers")
async def answers_of_shipment(shipment: ShipmentDep, store: StoreDep) -> AnswerList:
    """The customer's answers about a shipment, oldest first."""
    reference = shipment.reference_number
    async with store.read() as session:
        found = (await answers.of_shipments(session, [reference])).get(reference, [])
    return AnswerList(answers=[AnswerView.model_validate(answer) for answer in found])


@router.post("/answers/{answer_id}/confirm", response_model=AnswerView)
async def confirm_answer(answer_id: str, api: ApiDep, body: DecisionBody | None = None) -> CustomerAnswer:
    """Send an answer to the courier as an NDR action. One without an instruction is recorded as dealt with."""
    note = body.note if body else ""
    return await steps.confirm(
        store=api.store, clock=api.clock, policy=api.answers, answer_id=answer_id, by=named_actor("api"), note=note
    )


@router.post("/answers/{answer_id}/dismiss", response_model=AnswerView)
async def dismiss_answer(answer_id: str, api: ApiDep, body: DecisionBody | None = None) -> CustomerAnswer:
    """Decide against an answer. Nothing is sent."""
    note = body.note if body else ""
    return await steps.dismiss(store=api.store, clock=api.clock, answer_id=answer_id, by=named_actor("api"), note=note)
