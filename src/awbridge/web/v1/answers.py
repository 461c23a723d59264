"""The routes of customers' answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from awbridge.domain.customer_page.answers import AnswerState, CustomerAnswer
from awbridge.steps.customer_page import answers as steps
from awbridge.store.customer_page import answers
from awbridge.web.dependencies import ApiDep, StoreDep
from awbridge.web.v1.request_parsing import NO_NUL, make_cursor, read_cursor
from awbridge.web.v1.shipments.lookup import ShipmentDep
from awbridge.web.v1.strict import OwnBody
from awbridge.web.v1.views import Cursor, Limit, View

router = APIRouter(tags=["customers' answers"])


class AnswerView(View):
    """What a customer answered on the page of a parcel, and what became of it."""

    id: str
    reference_number: str
    waybill: str = Field(description="The box of a multi-piece shipment; empty for the whole shipment.")
    kind: str = Field(description="deliver_again, new_phone, new_address, pick_up, refuse or not_received.")
    day: date | None = Field(description="The day that the customer chose for the next attempt.")
    body: dict[str, Any] = Field(description="The new phone number, address and landmark, as far as they were given.")
    state: str = Field(description="received, sent, done, refused, overtaken, dismissed or replaced.")
    why: str | None = Field(description="Why it ended, or the operator's note.")
    about_at: datetime = Field(description="The time of the failed delivery, or of the delivery, that it is about.")
    ndr_code: int | None = Field(description="Why that delivery failed.")
    action: str | None = Field(description="The id of its NDR action.")
    settled_by: str | None = Field(description="Who confirmed or dismissed it; rule: a rule of the settings.")
    received_at: datetime
    settled_at: datetime | None
    updated_at: datetime


class AnswerPage(BaseModel):
    """A page of answers. Pass `next` as `cursor` to get the following page; null on the last."""

    answers: list[AnswerView]
    next: str | None


class AnswerList(BaseModel):
    """All answers to one shipment, the oldest first."""

    answers: list[AnswerView]


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
        store=api.store, clock=api.clock, policy=api.answers, answer_id=answer_id, by="api", note=note
    )


@router.post("/answers/{answer_id}/dismiss", response_model=AnswerView)
async def dismiss_answer(answer_id: str, api: ApiDep, body: DecisionBody | None = None) -> CustomerAnswer:
    """Decide against an answer. Nothing is sent."""
    note = body.note if body else ""
    return await steps.dismiss(store=api.store, clock=api.clock, answer_id=answer_id, by="api", note=note)
