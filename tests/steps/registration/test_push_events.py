"""Push and cancel store events and milestones in the transaction that records the result of the call."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from awbridge.clickpost.wire.answers import CancelAnswer, FoundOrder, OrderAnswer
from awbridge.domain.call import Call
from awbridge.domain.orders.outcome import Outcome, Placed, Rejected, TryLater
from awbridge.domain.orders.shipment import Region, State
from awbridge.steps.registration.cancel import CancelPolicy, cancel_due
from awbridge.steps.registration.push import push_due
from awbridge.steps.registration.record import FinishedCall, record
from awbridge.steps.registration.verdict import PushPolicy
from awbridge.store import Store
from awbridge.store.notify import endpoints, notices
from awbridge.store.orders import shipments
from tests.support.notices import a_payload
from tests.support.rows import T0, add, claim_in, fetch
from tests.support.world import SetClock

CALL = Call(api="create-order", method="POST", url="https://clickpost.example")


class Answers:
    def __init__(self, outcome: Outcome | None = None) -> None:
        self._outcome = outcome

    async def create_order(self, order: object, /, *, region: Region = Region.INDIA) -> OrderAnswer:
        assert self._outcome
        return OrderAnswer(outcome=self._outcome, call=CALL)

    async def find_order(self, reference_number: str, *, region: Region = Region.INDIA) -> FoundOrder:
        return FoundOrder(placed=None, known=True, call=CALL, denied=True)

    async def cancel_order(self, waybill: str, cp_id: int, account_code: str, **_: object) -> CancelAnswer:
        return CancelAnswer(call=CALL, cancelled=True, message="done")


async def pushed(store: Store, outcome: Outcome, *, rounds: int = 1) -> SetClock:
    clock = SetClock()
    await add(store, "R", payload=a_payload("R"))
    async with store.write() as session:
        await endpoints.add(session, "https://erp.example/", now=T0)
    policy = PushPolicy(retry_delays=(1.0,))
    for _ in range(rounds):
        await push_due(store=store, clickpost=Answers(outcome), clock=clock, policy=policy)
        clock.forward(minutes=1)
    return clock


async def kinds(store: Store) -> list[str]:
    return [row["kind"] for row in await fetch(store, "SELECT kind FROM events ORDER BY id")]


async def reached(store: Store) -> list[str]:
    async with store.read() as session:
        return [r.milestone.value for r in await notices.milestones_of(session, "R")]


async def test_placed_is_one_event_with_waybill_and_label(store: Store) -> None:
    await pushed(store, Placed(waybill="AWB1", label_url="https://labels.example/1"), rounds=2)
    (event,) = await fetch(store, "SELECT kind, body, packed_body FROM events")
    body = json.loads(event["body"])
    assert (body["type"], body["data"]["waybill"]) == ("shipment.placed", "AWB1")
    assert body["data"]["label_url"] == "https://labels.example/1"
    assert await reached(store) == ["awb_generated"]


@pytest.mark.parametrize("second", [Placed(waybill="AWB1", already=True), TryLater(message="courier down")])
async def test_two_calls_of_one_shipment_that_are_recorded_together_are_one_event(
    store: Store, second: Outcome
) -> None:
    """The database was away for longer than a lease: the same process called again, then recorded both answers."""
    await add(store, "R", payload=a_payload("R"))
    async with store.write() as session:
        await endpoints.add(session, "https://erp.example/", now=T0)
        [shipment] = await claim_in(session, owner="second", until=T0 + timedelta(minutes=1))
    answers = [("first", Placed(waybill="AWB1")), ("second", second)]
    calls = [
        FinishedCall(
            shipment=shipment,
            owner=owner,
            account=shipment.account,
            probe=False,
            answer=OrderAnswer(outcome=outcome, call=CALL),
            asked=None,
            answered_at=T0,
        )
        for owner, outcome in answers
    ]
    for order in (calls, calls[::-1]):
        await record(store, order, T0, PushPolicy(retry_delays=(1.0,)))
        assert await kinds(store) == ["shipment.placed"]
        async with store.read() as session:
            found = await shipments.get(session, "R")
        assert found
        assert (found.state, found.waybill, found.problem) == (State.PLACED, "AWB1", None)


@pytest.mark.parametrize(
    ("outcome", "rounds", "events"),
    [
        (Rejected(message="bad pincode"), 2, ["shipment.rejected"]),
        (TryLater(message="courier down"), 1, []),
        (TryLater(message="courier down"), 5, ["shipment.gave_up"]),
    ],
)
async def test_an_outcome_that_needs_a_person_is_an_event_and_no_earlier_try_is(
    store: Store, outcome: Outcome, rounds: int, events: list[str]
) -> None:
    await pushed(store, outcome, rounds=rounds)
    assert await kinds(store) == events
    assert await reached(store) == []


async def test_cancelled_at_clickpost_is_an_event(store: Store) -> None:
    clock = await pushed(store, Placed(waybill="AWB1"))
    async with store.write() as session:
        await shipments.cancel(session, "R", now=clock())
    await cancel_due(store=store, clickpost=Answers(), clock=clock, policy=CancelPolicy(retry_delays=(1.0,)))
    assert await kinds(store) == ["shipment.placed", "shipment.cancelled"]
    assert sorted(await reached(store)) == ["awb_generated", "cancelled"]
