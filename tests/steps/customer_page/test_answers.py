"""Customers' answers: counted digits, one open answer, one instruction however many confirm, and what becomes of it."""

from __future__ import annotations

import asyncio
import json
from datetime import date, timedelta
from typing import Any

import pytest
import structlog

from awbridge.domain.customer_page.answers import MOST_ANSWERS, WRONG_DIGITS, AnswerState, CustomerAnswerKind
from awbridge.domain.errors import NotFound, NotPossible
from awbridge.domain.notify.events import EventKind
from awbridge.domain.orders.action import ActionKind, ActionState, NewAction
from awbridge.domain.people.actor import Actor, ActorKind, acting
from awbridge.domain.people.role import Role
from awbridge.steps.customer_page import answers as steps
from awbridge.steps.customer_page.answers import ReceiveOutcome
from awbridge.steps.customer_page.follow_answers import follow_answers
from awbridge.steps.orders.actions import retry
from awbridge.store import Store
from awbridge.store.notify import endpoints
from awbridge.store.orders import actions
from awbridge.store.people import audit_log
from tests.support.acting import FakeClickPost, act, says
from tests.support.answers import DIGITS, PHONE, failed_delivery, given, policy, scanned, stored
from tests.support.rows import T0, fetch, sql
from tests.support.world import INDIA, SetClock

OPERATOR = Actor(kind=ActorKind.PERSON, name="asha", role=Role.OPERATOR)
NEW_ADDRESS = {"kind": "new_address", "address": "7 Hidden Lane, Aundh", "landmark": "behind the red temple"}


@pytest.fixture
async def clock(store: Store) -> SetClock:
    """The clock of a store with one failed delivery, R-1."""
    clock = SetClock()
    await failed_delivery(store, clock)
    return clock


async def bodies(store: Store, name: str = "R-1") -> list[dict[str, Any]]:
    """The instructions about a shipment."""
    async with store.read() as session:
        return [a.body for a in await actions.of_shipment(session, name) if a.kind is ActionKind.NDR]


async def confirm(store: Store, clock: SetClock, answer_id: str, **more: Any) -> AnswerState:
    settled = await steps.confirm(store=store, clock=clock, policy=policy(), answer_id=answer_id, by="test", **more)
    return settled.state


async def follow(store: Store, clock: SetClock) -> int:
    return await follow_answers(store=store, clock=clock, zone=INDIA)


async def last(store: Store, name: str = "R-1") -> AnswerState:
    return (await stored(store, name))[-1].state


async def test_an_answer_waits_for_an_operator_and_sends_nothing(store: Store, clock: SetClock) -> None:
    received = await given(store, clock)
    assert received.outcome is ReceiveOutcome.RECEIVED
    [answer] = await stored(store)
    assert (answer.kind, answer.state, answer.ndr_code) == (CustomerAnswerKind.DELIVER_AGAIN, AnswerState.RECEIVED, 1)
    assert answer.day == date(2026, 11, 4)
    assert await bodies(store) == []


async def test_a_confirmed_answer_becomes_an_instruction(store: Store, clock: SetClock) -> None:
    answer = (await given(store, clock, **NEW_ADDRESS)).answer
    assert answer
    with acting(OPERATOR):
        assert await confirm(store, clock, answer.id) is AnswerState.SENT
    assert await bodies(store) == [
        {
            "action": "REATTEMPT",
            "preferred_date": "2026-11-04",
            "address": NEW_ADDRESS["address"],
            "landmark": NEW_ADDRESS["landmark"],
        }
    ]
    async with store.read() as session:
        said = await audit_log.page(session, subject="R-1", limit=9)
    assert {entry.action for entry in said} == {"answer.confirmed", "action.requested"}
    assert "Hidden" not in repr(said)
    assert (await stored(store))[-1].settled_by == "asha"


async def test_a_refusal_returns_the_parcel(store: Store, clock: SetClock) -> None:
    answer = (await given(store, clock, kind="refuse")).answer
    assert answer
    await confirm(store, clock, answer.id)
    assert await bodies(store) == [{"action": "INITIATE_RTO"}]


async def test_two_operators_who_confirm_at_once_make_one_instruction(store: Store, clock: SetClock) -> None:
    answer = (await given(store, clock)).answer
    assert answer
    results = await asyncio.gather(*(confirm(store, clock, answer.id) for _ in range(4)), return_exceptions=True)
    assert results.count(AnswerState.SENT) == 1
    assert sum(isinstance(result, NotPossible) for result in results) == 3
    assert len(await bodies(store)) == 1


async def test_one_who_confirms_and_one_who_dismisses_do_not_both_succeed(store: Store, clock: SetClock) -> None:
    answer = (await given(store, clock)).answer
    assert answer
    results = await asyncio.gather(
        confirm(store, clock, answer.id),
        steps.dismiss(store=store, clock=clock, answer_id=answer.id, by="test"),
        return_exceptions=True,
    )
    assert sum(isinstance(result, NotPossible) for result in results) == 1
    assert len(await bodies(store)) == (1 if await last(store) is AnswerState.SENT else 0)


async def test_a_rule_sends_exactly_one_instruction(store: Store, clock: SetClock) -> None:
    rules = "4/1/deliver_again=send"
    outcomes = [r.outcome for r in await asyncio.gather(*(given(store, clock, rules=rules) for _ in range(3)))]
    assert sorted(outcomes) == sorted([ReceiveOutcome.SENT, ReceiveOutcome.CLOSED, ReceiveOutcome.CLOSED])
    assert len(await bodies(store)) == 1
    [answer] = await stored(store)
    assert (answer.state, answer.settled_by) == (AnswerState.SENT, "rule")
    with pytest.raises(NotPossible, match="is sent by rule"):
        await confirm(store, clock, answer.id)


async def test_a_rule_for_another_reason_does_not_send(store: Store, clock: SetClock) -> None:
    assert (await given(store, clock, rules="4/6/*=send")).outcome is ReceiveOutcome.RECEIVED
    assert await bodies(store) == []


async def test_an_answer_that_is_not_offered_is_not_taken(store: Store, clock: SetClock) -> None:
    assert (await given(store, clock, rules="*/*/refuse=off", kind="refuse")).outcome is ReceiveOutcome.CLOSED
    assert await stored(store) == []


async def test_a_second_answer_replaces_the_first_and_its_data_while_it_is_not_sent(
    store: Store, clock: SetClock
) -> None:
    first = (await given(store, clock, **NEW_ADDRESS)).answer
    clock.forward(minutes=1)
    second = (await given(store, clock, kind="refuse")).answer
    assert first
    assert second
    assert [(a.state, a.body) for a in await stored(store)] == [
        (AnswerState.REPLACED, {}),
        (AnswerState.RECEIVED, {}),
    ]
    with pytest.raises(NotPossible, match="is replaced"):
        await confirm(store, clock, first.id)
    await confirm(store, clock, second.id)
    assert (await given(store, clock)).outcome is ReceiveOutcome.CLOSED


async def test_answers_at_once_leave_one_open(store: Store, clock: SetClock) -> None:
    await asyncio.gather(*(given(store, clock) for _ in range(4)))
    states = [a.state for a in await stored(store)]
    assert states.count(AnswerState.RECEIVED) == 1
    assert states.count(AnswerState.REPLACED) == 3


async def test_guesses_of_the_digits_are_limited_for_an_hour(store: Store, clock: SetClock) -> None:
    guesses = await asyncio.gather(*(given(store, clock, digits=f"{n:04}") for n in range(12)))
    outcomes = [guess.outcome for guess in guesses]
    assert outcomes.count(ReceiveOutcome.WRONG_DIGITS) == WRONG_DIGITS
    assert outcomes.count(ReceiveOutcome.TOO_MANY) == 12 - WRONG_DIGITS
    assert (await given(store, clock)).outcome is ReceiveOutcome.TOO_MANY, "the right ones are not told apart either"
    clock.forward(minutes=59)
    assert (await given(store, clock)).outcome is ReceiveOutcome.TOO_MANY
    clock.forward(minutes=2)
    assert (await given(store, clock)).outcome is ReceiveOutcome.RECEIVED
    assert await stored(store, "R-1")


async def test_right_digits_use_up_no_try(store: Store, clock: SetClock) -> None:
    for _ in range(WRONG_DIGITS + 2):
        assert (await given(store, clock)).outcome is ReceiveOutcome.RECEIVED


async def test_a_parcel_takes_so_many_answers_and_no_more(store: Store, clock: SetClock) -> None:
    for _ in range(MOST_ANSWERS):
        await given(store, clock)
    assert (await given(store, clock)).outcome is ReceiveOutcome.TOO_MANY
    assert len(await stored(store)) == MOST_ANSWERS


async def test_an_erased_parcel_takes_no_answer(store: Store, clock: SetClock) -> None:
    async with store.write() as session:
        await session.execute(sql("UPDATE shipments SET payload = '{}', packed_payload = NULL"))
    for digits in ("0000", DIGITS):
        assert (await given(store, clock, digits=digits)).outcome is ReceiveOutcome.WRONG_DIGITS


async def test_an_answer_ends_when_the_courier_continues(store: Store, clock: SetClock) -> None:
    answer = (await given(store, clock)).answer
    assert answer
    assert await follow(store, clock) == 0
    await scanned(store, clock, 6)
    assert (await given(store, clock)).outcome is ReceiveOutcome.CLOSED
    with pytest.raises(NotPossible, match="no failed delivery"):
        await confirm(store, clock, answer.id)
    assert await follow(store, clock) == 1
    [after] = await stored(store)
    assert after.state is AnswerState.OVERTAKEN
    assert "continued" in (after.why or "")
    assert await follow(store, clock) == 0
    assert await bodies(store) == []


async def test_a_sent_answer_that_tracking_overtakes_ends(store: Store, clock: SetClock) -> None:
    await given(store, clock, rules="*/*/*=send")
    await scanned(store, clock, 8)
    assert await follow(store, clock) == 1
    assert await last(store) is AnswerState.OVERTAKEN


async def test_an_answer_whose_day_is_over_ends(store: Store, clock: SetClock) -> None:
    answer = (await given(store, clock)).answer
    assert answer
    clock.forward(days=3)
    with pytest.raises(NotPossible, match="is over"):
        await confirm(store, clock, answer.id)
    await follow(store, clock)
    assert await last(store) is AnswerState.OVERTAKEN


async def test_a_new_phone_number_is_useful_after_its_day(store: Store, clock: SetClock) -> None:
    answer = (await given(store, clock, kind="new_phone", phone="+91 98765 43210")).answer
    assert answer
    clock.forward(days=3)
    assert await follow(store, clock) == 0
    await confirm(store, clock, answer.id)
    assert await bodies(store) == [
        {"action": "REATTEMPT", "preferred_date": "2026-11-06", "phone_number": "9876543210"}
    ]


async def test_the_customer_learns_what_clickpost_said(store: Store, clock: SetClock) -> None:
    await given(store, clock, rules="*/*/*=send")
    vendor = FakeClickPost(says(400, "not now"))
    await act(store, vendor, clock)
    await follow(store, clock)
    [refused] = await stored(store)
    assert refused.state is AnswerState.REFUSED
    assert "not now" in (refused.why or "")
    assert refused.action
    await retry(store=store, clock=clock, action_id=refused.action)
    await follow(store, clock)
    assert await last(store) is AnswerState.SENT
    await act(store, vendor, clock)
    await follow(store, clock)
    assert await last(store) is AnswerState.DONE
    assert len(await bodies(store)) == 1


async def test_picking_it_up_is_a_task_for_an_operator(store: Store, clock: SetClock) -> None:
    answer = (await given(store, clock, kind="pick_up", rules="*/*/*=send")).answer
    assert answer
    assert answer.state is AnswerState.RECEIVED
    assert await confirm(store, clock, answer.id, note="  agreed with\nthe hub ") is AnswerState.DONE
    [after] = await stored(store)
    assert after.why == "agreed with the hub"
    assert await bodies(store) == []


async def test_a_dismissed_answer_may_be_given_again(store: Store, clock: SetClock) -> None:
    answer = (await given(store, clock)).answer
    assert answer
    with acting(OPERATOR):
        await steps.dismiss(store=store, clock=clock, answer_id=answer.id, by="test", note="no")
    assert await last(store) is AnswerState.DISMISSED
    assert (await given(store, clock)).outcome is ReceiveOutcome.RECEIVED
    with pytest.raises(NotFound):
        await confirm(store, clock, "0" * 24)
    with pytest.raises(NotFound):
        await confirm(store, clock, "no id")


async def test_a_parcel_that_did_not_arrive_is_reported_with_the_proof(store: Store, clock: SetClock) -> None:
    await scanned(store, clock, 8)
    assert (await given(store, clock)).outcome is ReceiveOutcome.CLOSED
    async with store.write() as session:
        new = NewAction(kind=ActionKind.PROOF, reference_number="R-1", body={})
        asked, _ = await actions.add(session, new, now=clock.now)
        await actions.done(session, asked.id, {"proof_url": "https://pod.example/1"}, now=clock.now)
    wrong = await given(store, clock, kind="not_received", digits="0000")
    assert (wrong.outcome, wrong.proof_url) == (ReceiveOutcome.WRONG_DIGITS, "")
    received = await given(store, clock, kind="not_received")
    assert (received.outcome, received.proof_url) == (ReceiveOutcome.RECEIVED, "https://pod.example/1")
    again = await given(store, clock, kind="not_received")
    assert (again.outcome, again.proof_url) == (ReceiveOutcome.CLOSED, "https://pod.example/1")
    assert await follow(store, clock) == 0, "it waits for its operator"
    clock.forward(days=8)
    assert (await given(store, clock, kind="not_received")).outcome is ReceiveOutcome.CLOSED


async def test_a_proof_that_is_no_web_address_is_not_shown(store: Store, clock: SetClock) -> None:
    await scanned(store, clock, 8)
    async with store.write() as session:
        asked, _ = await actions.add(
            session, NewAction(kind=ActionKind.PROOF, reference_number="R-1", body={}), now=clock.now
        )
        await actions.done(session, asked.id, {"proof_url": "javascript:alert(1)"}, now=clock.now)
    assert (await given(store, clock, kind="not_received")).proof_url == ""


async def test_subscribers_and_logs_learn_of_an_answer_and_of_no_person(store: Store, clock: SetClock) -> None:
    async with store.write() as session:
        await endpoints.add(session, "https://shop.example/hook", kinds=[EventKind.CUSTOMER_ANSWERED], now=T0)
    with structlog.testing.capture_logs() as logs:
        await given(store, clock, **NEW_ADDRESS)
        await given(store, clock, kind="new_phone", phone="9876543210", digits="0000")
    [event] = await fetch(store, "SELECT body, packed_body FROM events")
    data = json.loads(event["body"])["data"]
    assert data["reference_number"] == "R-1"
    assert (data["answer"]["kind"], data["answer"]["day"]) == ("new_address", "2026-11-04")
    for private in ("Hidden", "temple", PHONE, DIGITS, "9876543210"):
        assert private not in event["body"] + repr(logs)


async def test_a_preview_shows_what_would_be_sent_or_why_not(store: Store, clock: SetClock) -> None:
    answer = (await given(store, clock, kind="new_phone", phone="9876543210")).answer
    assert answer

    async def shown() -> steps.AnswerPreview:
        [one] = await steps.preview(
            store=store, clock=clock, policy=policy(), answer_ids=[answer.id, answer.id, "none"]
        )
        return one

    before = await shown()
    assert (before.problem, before.body["phone_number"]) == ("", "9876543210")
    await scanned(store, clock, 6)
    assert "not waiting" in (await shown()).problem
    await follow(store, clock)
    assert "is overtaken" in (await shown()).problem


async def test_a_box_of_several_is_instructed_by_its_waybill(store: Store, clock: SetClock) -> None:
    async with store.write() as session:
        await session.execute(sql("""UPDATE shipments SET children = '["AWB1-1", "AWB1-2"]', status_bucket = 3"""))
        await session.execute(sql("UPDATE scans SET waybill = 'AWB1-2'"))
    assert (await given(store, clock)).outcome is ReceiveOutcome.CLOSED
    answer = (await given(store, clock, waybill="AWB1-2")).answer
    assert answer
    assert await follow(store, clock) == 0
    await confirm(store, clock, answer.id)
    assert (await bodies(store))[0]["waybill"] == "AWB1-2"


async def test_an_action_that_is_gone_ends_its_answer(store: Store, clock: SetClock) -> None:
    await given(store, clock, rules="*/*/*=send")
    async with store.write() as session:
        await session.execute(sql("DELETE FROM actions"))
    await follow(store, clock)
    assert await last(store) is AnswerState.OVERTAKEN


async def test_a_sent_answer_waits_for_its_action(store: Store, clock: SetClock) -> None:
    await given(store, clock, rules="*/*/*=send")
    [action] = await fetch(store, "SELECT state FROM actions")
    assert action["state"] == ActionState.DUE
    clock.forward(seconds=timedelta(days=2).total_seconds())
    assert await follow(store, clock) == 0
    assert await last(store) is AnswerState.SENT
