"""Every action ends: by ClickPost's answer, by tracking, or by a person who states the outcome."""

from __future__ import annotations

from datetime import timedelta

import pytest

from awbridge.domain.errors import NotFound, NotPossible
from awbridge.domain.orders.action import Action, ActionKind, ActionState, ended_by_tracking
from awbridge.domain.tracking.lifecycle import Bucket, StatusInfo
from awbridge.steps.orders import actions as asking
from awbridge.steps.orders import intake
from awbridge.steps.registration.cancel import CancelPolicy, cancel_due
from awbridge.steps.tracking.apply import ApplyPolicy, apply_due
from awbridge.store import Store
from awbridge.store.orders import actions
from awbridge.store.tracking import inbox
from tests.steps.registration.test_cancel import Vendor
from tests.support.acting import LOST, FakeClickPost, a_pickup, a_world_pickup, act, ask, now_of, says
from tests.support.rows import T0, add, delivery, place
from tests.support.world import INDIA, SetClock, as_body, webhook

pytestmark = pytest.mark.heavy

EDIT = {"order_type": "PREPAID"}
AGAIN = {"action": "REATTEMPT", "preferred_date": "2026-11-05"}
THINGS = {"length": 10, "breadth": 10, "height": 10, "weight": 500, "items": [{"sku": "S", "quantity": 1, "price": 1}]}


@pytest.fixture
async def placed(store: Store) -> Store:
    await add(store, "R", payload={"shipment_details": {"reference_number": "R", **THINGS}})
    await place(store, "R", "AWB1")
    return store


async def hear(store: Store, clock: SetClock, code: int) -> None:
    clock.forward(minutes=10)
    body = as_body(webhook("AWB1", code, clock()))
    async with store.write() as session:
        await inbox.add(session, [delivery(f"{code} {clock()}", body=body, received_at=clock())])
    await apply_due(store=store, clock=clock, policy=ApplyPolicy(zone=INDIA))


async def an_unclear_pickup(store: Store, clock: SetClock) -> Action:
    body = a_world_pickup(reference_number="R")
    action = (await asking.ask_pickup(store=store, clock=clock, body=body)).action
    await act(store, FakeClickPost(LOST), clock)
    after = await now_of(store, action)
    assert (after.state, after.reference_number) == (ActionState.UNCLEAR, "R")
    return after


@pytest.mark.parametrize(("code", "name"), [(25, "OutForPickup"), (4, "PickedUp"), (5, "InTransit"), (8, "Delivered")])
async def test_a_pickup_of_which_nobody_knew_is_done_when_the_courier_comes(
    placed: Store, code: int, name: str
) -> None:
    clock = SetClock()
    action = await an_unclear_pickup(placed, clock)
    await hear(placed, clock, code)
    after = await now_of(placed, action)
    assert (after.state, after.result, after.problem) == (ActionState.DONE, {"tracking": name}, None)
    assert after.done_at == clock()


async def test_an_unpublished_status_is_named_by_its_description(placed: Store) -> None:
    clock = SetClock()
    action = await an_unclear_pickup(placed, clock)
    clock.forward(minutes=10)
    status = {"clickpost_status_code": 45, "clickpost_status_description": "Handed over"}
    body = webhook("AWB1", 45, clock())
    body = body | status | {"additional": {"latest_status": body["additional"]["latest_status"] | status}}
    async with placed.write() as session:
        await inbox.add(session, [delivery("45", body=as_body(body), received_at=clock())])
    await apply_due(store=placed, clock=clock, policy=ApplyPolicy(zone=INDIA))
    assert (await now_of(placed, action)).result == {"tracking": "Handed over"}


@pytest.mark.parametrize("code", [1, 2, 3, 28])
async def test_an_unclear_pickup_stays_one_while_nobody_has_come(placed: Store, code: int) -> None:
    clock = SetClock()
    action = await an_unclear_pickup(placed, clock)
    await hear(placed, clock, code)
    assert await now_of(placed, action) == action


@pytest.mark.parametrize(("code", "name"), [(10, "CancelledOrder"), (23, "Expired")])
async def test_an_unclear_pickup_is_over_when_there_is_nothing_to_fetch(placed: Store, code: int, name: str) -> None:
    clock = SetClock()
    action = await an_unclear_pickup(placed, clock)
    await hear(placed, clock, code)
    after = await now_of(placed, action)
    assert (after.state, after.next_try_at) == (ActionState.OVERTAKEN, None)
    assert after.problem == f"there is nothing left to pick up: tracking shows {name}"


async def test_a_pickup_that_was_to_be_tried_again_sends_no_second_van_after_the_first(placed: Store) -> None:
    clock = SetClock()
    body = a_world_pickup(reference_number="R")
    action = (await asking.ask_pickup(store=placed, clock=clock, body=body)).action
    await act(placed, FakeClickPost(says(301, "Invalid key")), clock)
    assert (await now_of(placed, action)).state is ActionState.DUE
    await hear(placed, clock, 4)
    after = await now_of(placed, action)
    assert (after.state, after.next_try_at) == (ActionState.OVERTAKEN, None)
    clock.forward(days=1)
    vendor = FakeClickPost()
    assert await act(placed, vendor, clock) == 0
    assert vendor.requests == []


@pytest.mark.parametrize("code", [6, 8, 12])
async def test_an_answer_to_a_failed_delivery_is_over_once_the_courier_continues(placed: Store, code: int) -> None:
    clock = SetClock()
    await hear(placed, clock, 9)
    action = await ask(placed, clock, ActionKind.NDR, AGAIN)
    await act(placed, FakeClickPost(says(500)), clock)
    assert (await now_of(placed, action)).state is ActionState.DUE
    await hear(placed, clock, 9)
    assert (await now_of(placed, action)).state is ActionState.DUE
    await hear(placed, clock, code)
    after = await now_of(placed, action)
    assert after.state is ActionState.OVERTAKEN
    assert after.problem is not None
    assert after.problem.startswith("the courier continued without it: tracking shows ")


async def test_an_edit_that_was_refused_needs_nobody_after_the_end(placed: Store) -> None:
    clock = SetClock()
    refused = await ask(placed, clock, ActionKind.EDIT, EDIT)
    await act(placed, FakeClickPost(says(400, "no")), clock)
    label = await ask(placed, clock, ActionKind.LABEL)
    await hear(placed, clock, 6)
    assert (await now_of(placed, refused)).state is ActionState.REFUSED
    await hear(placed, clock, 8)
    assert (await now_of(placed, refused)).state is ActionState.OVERTAKEN
    assert (await now_of(placed, label)).state is ActionState.DUE, "a label is wanted after the end too"


async def test_what_is_done_stays_done(placed: Store) -> None:
    clock = SetClock()
    done = await ask(placed, clock, ActionKind.EDIT, EDIT)
    await act(placed, FakeClickPost(), clock)
    before = await now_of(placed, done)
    await hear(placed, clock, 8)
    assert await now_of(placed, done) == before


async def test_a_late_answer_to_what_tracking_ended_is_kept_as_the_fact_it_is(placed: Store) -> None:
    clock, vendor = SetClock(), FakeClickPost()
    action = await ask(placed, clock, ActionKind.EDIT, EDIT)
    vendor.on_request = lambda: hear(placed, clock, 8)
    await act(placed, vendor, clock)
    assert (await now_of(placed, action)).state is ActionState.DONE
    refused = await ask_before_the_end(placed, clock)
    assert refused.state is ActionState.OVERTAKEN


async def ask_before_the_end(store: Store, clock: SetClock) -> Action:
    """An edit whose refusal comes back after tracking has shown the end."""
    await add(store, "S")
    await place(store, "S", "AWB2")
    action = await ask(store, clock, ActionKind.EDIT, EDIT, reference_number="S")
    vendor = FakeClickPost(says(400, "no"))

    async def end() -> None:
        body = as_body(webhook("AWB2", 8, clock()))
        async with store.write() as session:
            await inbox.add(session, [delivery("end of S", body=body, received_at=clock())])
        await apply_due(store=store, clock=clock, policy=ApplyPolicy(zone=INDIA))

    vendor.on_request = end
    await act(store, vendor, clock)
    return await now_of(store, action)


async def test_cancelling_at_clickpost_ends_what_was_wanted_of_the_shipment(placed: Store) -> None:
    clock = SetClock()
    pickup = await an_unclear_pickup(placed, clock)
    edit = await ask(placed, clock, ActionKind.EDIT, EDIT)
    await intake.cancel(store=placed, clock=clock, reference_number="R")
    await cancel_due(store=placed, clickpost=Vendor(), clock=clock, policy=CancelPolicy())
    for action in (pickup, edit):
        after = await now_of(placed, action)
        assert (after.state, after.problem) == (ActionState.OVERTAKEN, "R is cancelled")


async def test_a_person_says_that_an_unclear_pickup_is_booked(store: Store) -> None:
    clock = SetClock()
    action = (await asking.ask_pickup(store=store, clock=clock, body=a_pickup())).action
    with pytest.raises(NotPossible, match="is due"):
        await asking.settle(store=store, clock=clock, action_id=action.id, held=True, by="cli")
    await act(store, FakeClickPost(LOST), clock)
    clock.forward(hours=1)
    settled = await asking.settle(store=store, clock=clock, action_id=action.id, held=True, by="cli")
    assert (settled.state, settled.result, settled.problem) == (ActionState.DONE, {"settled_by": "cli"}, None)
    assert settled.done_at == T0 + timedelta(hours=1)
    again = await asking.settle(store=store, clock=clock, action_id=action.id, held=True, by="api")
    assert again == settled


async def test_a_person_says_that_nothing_is_booked_and_may_still_ask_for_it(store: Store) -> None:
    clock = SetClock()
    action = (await asking.ask_pickup(store=store, clock=clock, body=a_pickup())).action
    await act(store, FakeClickPost(LOST), clock)
    settled = await asking.settle(store=store, clock=clock, action_id=action.id, held=False, by="cli")
    assert settled.state is ActionState.OVERTAKEN
    assert settled.problem == "not done, according to cli: retry it if it is still wanted"
    assert (await asking.retry(store=store, clock=clock, action_id=action.id)).state is ActionState.DUE
    with pytest.raises(NotFound):
        await asking.settle(store=store, clock=clock, action_id="0" * 24, held=False, by="cli")


async def test_what_is_over_counts_no_more(placed: Store) -> None:
    clock = SetClock()
    await an_unclear_pickup(placed, clock)
    await hear(placed, clock, 10)
    async with placed.read() as session:
        assert await actions.newest(session, state=ActionState.UNCLEAR, limit=5) == []
        assert len(await actions.newest(session, state=ActionState.OVERTAKEN, limit=5)) == 1


@pytest.mark.parametrize(
    ("box", "bucket", "final", "is_over"), [("", 4, False, True), ("B", 4, False, False), ("B", 6, True, True)]
)
def test_an_answer_about_one_box_ends_with_the_journey_alone(box: str, bucket: int, final: bool, is_over: bool) -> None:
    body = {**AGAIN, **({"waybill": box} if box else {})}
    action = Action(
        id="0" * 24,
        kind=ActionKind.NDR,
        reference_number="R",
        body=body,
        idempotency_key=None,
        state=ActionState.DUE,
        tries=0,
        next_try_at=T0,
        problem=None,
        result=None,
        requested_at=T0,
        done_at=None,
        updated_at=T0,
    )
    info = StatusInfo(code=6, name="s", bucket=Bucket(bucket), step=1, final=final)
    assert (ended_by_tracking(action, info, None) is not None) is is_over
