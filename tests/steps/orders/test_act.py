"""Act: what is wanted at ClickPost is done there at least once, a pickup at most once without a person."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from awbridge.domain.call import Call
from awbridge.domain.errors import VendorError
from awbridge.domain.orders.action import Action, ActionKind, ActionState
from awbridge.domain.orders.shipment import State
from awbridge.domain.tracking.lifecycle import Sighting
from awbridge.domain.tracking.scan import Source
from awbridge.steps.orders import actions as asking
from awbridge.steps.orders import intake
from awbridge.steps.orders.act import LONGEST_RECHECK, LONGEST_WAIT, ActPolicy, decide
from awbridge.steps.tracking.apply import ApplyPolicy, apply_due
from awbridge.store import Store
from awbridge.store.tracking import inbox
from awbridge.store.tracking.inbox import NewDelivery
from awbridge.store.tracking.tracking_status import TrackingStatus
from tests.support.acting import (
    KEY,
    LOST,
    NOT_SENT,
    PICKUP_BOOKED,
    POLICY,
    FakeClickPost,
    a_pickup,
    a_registration,
    a_world_pickup,
    act,
    ask,
    now_of,
    ok,
    says,
)
from tests.support.rows import T0, add, claim_due_polls, fetch, place, set_tracking_status
from tests.support.world import INDIA, SetClock, TrippingStore, as_body, attempts_of, get, timeline, webhook

pytestmark = pytest.mark.heavy

EDIT = {"order_type": "PREPAID"}


@pytest.fixture
async def placed(store: Store) -> Store:
    """A store with one placed shipment, R, under waybill AWB1."""
    await add(store, "R")
    await place(store, "R", "AWB1")
    return store


async def set_status(store: Store, bucket: int, *, final: bool = False) -> None:
    sighting = Sighting(seen_at=T0, final=final, step=80, code=9)
    status = TrackingStatus(sighting=sighting, bucket=bucket, edd=None, ndr_code=None)
    async with store.write() as session:
        await set_tracking_status(session, "R", status, last_tracked_at=T0, next_poll_at=None)


async def pickup(store: Store, clock: SetClock, body: Any = None, **more: Any) -> Action:
    return (await asking.ask_pickup(store=store, clock=clock, body=body or a_pickup(), **more)).action


async def test_an_edit_reaches_clickpost_with_waybill_and_courier(placed: Store) -> None:
    clock, vendor = SetClock(), FakeClickPost()
    action = await ask(placed, clock, ActionKind.EDIT, {"order_type": "COD", "cod_value": 120})
    assert action.state is ActionState.DUE
    clock.forward(seconds=1)
    assert await act(placed, vendor, clock) == 1
    after = await now_of(placed, action)
    assert (after.state, after.result, after.problem) == (ActionState.DONE, {"message": "SUCCESS"}, None)
    assert (after.done_at, after.next_try_at) == (T0 + timedelta(seconds=1), None)
    assert vendor.bodies == [{"order_type": "COD", "cod_value": 120, "awb_number": "AWB1", "courier_partner": 4}]
    assert await act(placed, vendor, clock) == 0
    (call,) = await attempts_of(placed, "R")
    assert (call.api, call.outcome, call.business_status) == ("edit-order", "done", 200)
    assert KEY not in call.url + call.request


async def test_a_fresh_label_is_stored_on_the_shipment(placed: Store) -> None:
    clock, vendor = SetClock(), FakeClickPost(ok(shipping_label="https://labels.example/2.pdf"))
    action = await ask(placed, clock, ActionKind.LABEL, {"regenerate": True})
    await act(placed, vendor, clock)
    assert (await get(placed, "R")).label_url == "https://labels.example/2.pdf"
    assert (await now_of(placed, action)).result == {"label_url": "https://labels.example/2.pdf"}
    assert vendor.requests[0].url.params["regenerate"] == "true"


@pytest.mark.parametrize("kind", [ActionKind.LABEL, ActionKind.SECURITY_KEY, ActionKind.PROOF])
async def test_what_does_not_exist_yet_is_asked_for_again(placed: Store, kind: ActionKind) -> None:
    clock = SetClock()
    vendor = FakeClickPost(ok(), usual=ok(shipping_label="https://x/l", security_key="k", pod_url="https://x/p"))
    action = await ask(placed, clock, kind)
    await act(placed, vendor, clock)
    after = await now_of(placed, action)
    assert (after.state, after.tries) == (ActionState.DUE, 1)
    assert "yet" in (after.problem or "")
    clock.now = after.next_try_at or T0
    await act(placed, vendor, clock)
    assert (await now_of(placed, action)).state is ActionState.DONE


async def test_a_label_that_is_no_web_address_is_not_stored(placed: Store) -> None:
    clock, vendor = SetClock(), FakeClickPost(ok(shipping_label="javascript:alert(1)"))
    action = await ask(placed, clock, ActionKind.LABEL)
    await act(placed, vendor, clock)
    assert (await get(placed, "R")).label_url is None
    assert (await now_of(placed, action)).state is ActionState.DUE


async def test_a_security_key_is_stored_on_the_shipment(placed: Store) -> None:
    clock, vendor = SetClock(), FakeClickPost(ok(security_key="open-sesame"))
    action = await ask(placed, clock, ActionKind.SECURITY_KEY)
    await act(placed, vendor, clock)
    assert (await get(placed, "R")).security_key == "open-sesame"
    assert (await now_of(placed, action)).state is ActionState.DONE


async def test_the_proof_of_delivery_is_the_result(placed: Store) -> None:
    clock, vendor = SetClock(), FakeClickPost(ok(pod_url="https://pods.example/1"))
    action = await ask(placed, clock, ActionKind.PROOF)
    await act(placed, vendor, clock)
    assert (await now_of(placed, action)).result == {"proof_url": "https://pods.example/1"}


async def test_whatsapp_messages_are_switched_in_the_order_asked(placed: Store) -> None:
    clock, vendor = SetClock(), FakeClickPost(says(500), usual=ok())
    off = await ask(placed, clock, ActionKind.WHATSAPP, {"enabled": False})
    clock.forward(seconds=1)
    on = await ask(placed, clock, ActionKind.WHATSAPP, {"enabled": True})
    assert await act(placed, vendor, clock) == 1, "the second waits for the end of the first"
    assert await act(placed, vendor, clock) == 0
    clock.now = (await now_of(placed, off)).next_try_at or T0
    while await act(placed, vendor, clock):
        pass
    assert (await now_of(placed, on)).state is ActionState.DONE
    assert [b["whatsapp_disable"] for b in vendor.bodies] == [True, True, False]


async def test_a_failed_delivery_is_reattempted_as_the_customer_requests(placed: Store) -> None:
    await set_status(placed, 5)
    clock, vendor = SetClock(), FakeClickPost()
    requested = {
        "action": "REATTEMPT",
        "address": "7 New Road",
        "preferred_date": "2026-11-04",
        "phone_number": 9000000001,
    }
    action = await ask(placed, clock, ActionKind.NDR, {**requested, "landmark": ""})
    await act(placed, vendor, clock)
    assert (await now_of(placed, action)).state is ActionState.DONE
    own = {"waybill": "AWB1", "cp_id": 4, "account_code": "main"}
    assert vendor.bodies == [{**own, **requested, "phone_number": "9000000001"}]


async def test_no_instruction_goes_out_once_the_parcel_is_on_its_way_again(placed: Store) -> None:
    await set_status(placed, 5)
    clock, vendor = SetClock(), FakeClickPost(says(500))
    action = await ask(placed, clock, ActionKind.NDR, {"action": "INITIATE_RTO"})
    await act(placed, vendor, clock)
    await set_status(placed, 6, final=True)
    clock.forward(days=1)
    await act(placed, vendor, clock)
    after = await now_of(placed, action)
    assert (after.state, len(vendor.requests)) == (ActionState.REFUSED, 1)
    assert "status: delivered" in (after.problem or "")


async def test_a_final_refusal_states_clickposts_message_and_what_to_do(placed: Store) -> None:
    clock, vendor = SetClock(), FakeClickPost(says(307, "order type?"))
    action = await ask(placed, clock, ActionKind.EDIT, EDIT)
    await act(placed, vendor, clock)
    after = await now_of(placed, action)
    assert (after.state, after.next_try_at) == (ActionState.REFUSED, None)
    assert "order type?" in (after.problem or "")
    assert "Set order_type to PREPAID" in (after.problem or "")
    clock.forward(days=9)
    assert await act(placed, vendor, clock) == 0
    assert [a.outcome for a in await attempts_of(placed, "R")] == ["refused"]


async def test_a_failure_that_passes_is_tried_until_the_delays_are_used_up(placed: Store) -> None:
    clock, vendor = SetClock(), FakeClickPost(usual=503)
    action = await ask(placed, clock, ActionKind.EDIT, EDIT)
    while (due := (await now_of(placed, action)).next_try_at) is not None:
        clock.now = due
        assert await act(placed, vendor, clock) == 1
    after = await now_of(placed, action)
    assert (after.state, after.tries) == (ActionState.GAVE_UP, len(POLICY.retry_delays) + 1)
    vendor.usual = ok()
    await asking.retry(store=placed, clock=clock, action_id=action.id)
    await act(placed, vendor, clock)
    assert (await now_of(placed, action)).state is ActionState.DONE


@pytest.mark.parametrize("lost", [LOST, NOT_SENT])
async def test_a_call_whose_answer_was_lost_is_made_again(placed: Store, lost: Exception) -> None:
    clock, vendor = SetClock(), FakeClickPost(lost)
    action = await ask(placed, clock, ActionKind.EDIT, EDIT)
    await act(placed, vendor, clock)
    clock.forward(minutes=2)
    await act(placed, vendor, clock)
    assert (await now_of(placed, action)).state is ActionState.DONE
    assert [a.outcome for a in await attempts_of(placed, "R")] == ["try_later", "done"]


async def test_a_rate_limit_uses_up_no_try_and_is_obeyed(placed: Store) -> None:
    clock, vendor = SetClock(), FakeClickPost((says(429), {"retry-after": "40"}))
    action = await ask(placed, clock, ActionKind.EDIT, EDIT)
    await act(placed, vendor, clock)
    after = await now_of(placed, action)
    assert (after.state, after.tries) == (ActionState.DUE, 0)
    assert after.next_try_at is not None
    assert timedelta(seconds=40) <= after.next_try_at - T0 <= timedelta(seconds=60)


async def test_an_account_incident_uses_up_no_try(placed: Store) -> None:
    clock, vendor = SetClock(), FakeClickPost(*[says(301, "bad key")] * 9)
    action = await ask(placed, clock, ActionKind.EDIT, EDIT)
    for _ in range(9):
        assert await act(placed, vendor, clock) == 1
        after = await now_of(placed, action)
        assert (after.state, after.tries) == (ActionState.DUE, 0)
        assert "bad key" in (after.problem or "")
        clock.now += POLICY.hold
    await act(placed, vendor, clock)
    assert (await now_of(placed, action)).state is ActionState.DONE


async def test_an_action_waits_until_its_shipment_has_a_waybill(store: Store) -> None:
    await add(store, "R")
    clock, vendor = SetClock(), FakeClickPost()
    action = await ask(store, clock, ActionKind.EDIT, EDIT)
    assert action.state is ActionState.WAITING
    await act(store, vendor, clock)
    after = await now_of(store, action)
    assert (after.state, after.tries) == (ActionState.WAITING, 0)
    assert after.problem == "waits for the waybill: R is ready"
    assert after.next_try_at is not None
    assert after.next_try_at - T0 < timedelta(seconds=5)
    await place(store, "R", "AWB1")
    clock.now = after.next_try_at
    await act(store, vendor, clock)
    assert (await now_of(store, action)).state is ActionState.DONE
    assert len(vendor.requests) == 1


async def test_looking_for_the_waybill_becomes_rarer_and_ends(store: Store) -> None:
    await add(store, "R")
    clock, vendor = SetClock(), FakeClickPost()
    action = await ask(store, clock, ActionKind.LABEL)
    looks = 0
    while (due := (await now_of(store, action)).next_try_at) and due - T0 < timedelta(days=1):
        clock.now, looks = due, looks + 1
        await act(store, vendor, clock)
    assert due is not None
    assert due - clock.now == LONGEST_RECHECK
    assert looks < 200
    clock.now = T0 + LONGEST_WAIT
    await act(store, vendor, clock)
    assert (await now_of(store, action)).state is ActionState.REFUSED
    assert vendor.requests == []


async def test_an_action_is_dropped_with_the_reason_when_its_shipment_ends_without_waybill(store: Store) -> None:
    await add(store, "R")
    clock, vendor = SetClock(), FakeClickPost()
    action = await ask(store, clock, ActionKind.LABEL)
    await intake.cancel(store=store, clock=clock, reference_number="R")
    await act(store, vendor, clock)
    after = await now_of(store, action)
    assert (after.state, after.problem) == (ActionState.REFUSED, "R was cancelled before it had a waybill")
    assert vendor.requests == []


async def test_a_pickup_is_asked_for_once_and_shows_its_confirmation(store: Store) -> None:
    clock, vendor = SetClock(), FakeClickPost(PICKUP_BOOKED)
    action = await pickup(store, clock)
    assert action.reference_number is None
    await act(store, vendor, clock)
    after = await now_of(store, action)
    assert (after.state, after.result) == (ActionState.DONE, {"confirmation_number": "6", "location": "DELKL"})
    assert vendor.bodies == [a_pickup()]
    assert vendor.requests[0].url.path == "/api/v1/create-pickup/"
    assert [row["outcome"] for row in await fetch(store, "SELECT outcome FROM attempts")] == ["done"]


@pytest.mark.parametrize("answer", [LOST, 500, 503, 404, says(329), says(354), says(202), ok() | {"meta": {}}], ids=str)
async def test_a_pickup_that_may_stand_is_never_repeated_by_itself(store: Store, answer: Any) -> None:
    clock, vendor = SetClock(), FakeClickPost(answer, usual=PICKUP_BOOKED)
    action = await pickup(store, clock)
    await act(store, vendor, clock)
    after = await now_of(store, action)
    assert (after.state, after.next_try_at) == (ActionState.UNCLEAR, None)
    assert "repeat it on purpose" in (after.problem or "")
    clock.forward(days=9)
    assert await act(store, vendor, clock) == 0
    assert len(vendor.requests) == 1
    await asking.retry(store=store, clock=clock, action_id=action.id)
    await act(store, vendor, clock)
    assert (await now_of(store, action)).state is ActionState.DONE
    assert len(vendor.requests) == 2


@pytest.mark.parametrize("answer", [NOT_SENT, (says(429), {"retry-after": "1"}), says(301), says(351)], ids=str)
async def test_a_pickup_that_cannot_stand_is_tried_again(store: Store, answer: Any) -> None:
    clock, vendor = SetClock(), FakeClickPost(answer, usual=PICKUP_BOOKED)
    action = await pickup(store, clock)
    await act(store, vendor, clock)
    assert (await now_of(store, action)).state is ActionState.DUE
    clock.forward(minutes=10)
    await act(store, vendor, clock)
    assert (await now_of(store, action)).state is ActionState.DONE


async def test_a_pickup_that_clickpost_refuses_needs_a_person(store: Store) -> None:
    clock, vendor = SetClock(), FakeClickPost(says(400, "pickup_pincode is wrong"))
    action = await pickup(store, clock)
    await act(store, vendor, clock)
    after = await now_of(store, action)
    assert after.state is ActionState.REFUSED
    assert "pickup_pincode is wrong" in (after.problem or "")


async def test_a_world_pickup_takes_the_waybill_of_its_shipment(store: Store) -> None:
    order = {"shipment_details": {"items": [{"sku": "S1"}], "weight": 500, "order_type": "COD"}}
    await add(store, "R", payload=order)
    clock, vendor = SetClock(), FakeClickPost(ok(confirmation_number="C1"))
    action = await pickup(store, clock, a_world_pickup(reference_number="R"))
    assert (action.state, action.reference_number) == (ActionState.WAITING, "R")
    await act(store, vendor, clock)
    assert vendor.requests == []
    await place(store, "R", "AWB1")
    clock.forward(minutes=1)
    await act(store, vendor, clock)
    assert (await now_of(store, action)).state is ActionState.DONE
    own = {"awb_number": "AWB1", "courier_partner_id": 4, "account_code": "main", "reference_number": "R"}
    assert vendor.bodies[0]["shipment_details"] == {**own, "items": [{"sku": "S1"}], "weight": 500}
    assert vendor.requests[0].url.path == "/api/v2/create-pickup/"


async def test_a_killed_worker_s_action_is_made_by_another_after_the_lease(placed: Store) -> None:
    clock, vendor = SetClock(), FakeClickPost()
    action = await ask(placed, clock, ActionKind.EDIT, EDIT)
    await kill_in_the_call(placed, vendor, clock)
    assert await act(placed, vendor, clock) == 0, "the lease still runs"
    clock.now += POLICY.lease
    assert await act(placed, vendor, clock) == 1
    assert (await now_of(placed, action)).state is ActionState.DONE
    assert len(vendor.requests) == 2


async def kill_in_the_call(store: Store, vendor: FakeClickPost, clock: SetClock) -> None:
    """A worker that dies while ClickPost works."""
    reached = asyncio.Event()

    async def stay() -> None:
        reached.set()
        await asyncio.sleep(60)

    vendor.on_request = stay
    worker = asyncio.create_task(act(store, vendor, clock))
    await reached.wait()
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    vendor.on_request = None


async def test_a_killed_worker_s_pickup_becomes_unclear(store: Store) -> None:
    clock, vendor = SetClock(), FakeClickPost(usual=PICKUP_BOOKED)
    action = await pickup(store, clock)
    await kill_in_the_call(store, vendor, clock)
    clock.now += POLICY.lease
    assert await act(store, vendor, clock) == 0
    after = await now_of(store, action)
    assert (after.state, len(vendor.requests)) == (ActionState.UNCLEAR, 1)
    assert "was stopped" in (after.problem or "")


async def test_a_late_answer_still_ends_an_unclear_pickup(store: Store) -> None:
    clock, vendor = SetClock(), FakeClickPost(usual=PICKUP_BOOKED)
    action = await pickup(store, clock)

    async def another_worker() -> None:
        clock.now += POLICY.lease
        vendor.on_request = None
        await act(store, vendor, clock)
        assert (await now_of(store, action)).state is ActionState.UNCLEAR

    vendor.on_request = another_worker
    await act(store, vendor, clock)
    after = await now_of(store, action)
    assert (after.state, after.problem, len(vendor.requests)) == (ActionState.DONE, None, 1)


async def test_who_lost_the_lease_does_not_undo_what_another_got_done(placed: Store) -> None:
    clock, vendor = SetClock(), FakeClickPost(ok(), says(307))
    action = await ask(placed, clock, ActionKind.EDIT, EDIT)

    async def another_worker() -> None:
        clock.now += POLICY.lease
        vendor.on_request = None
        await act(placed, vendor, clock)

    vendor.on_request = another_worker
    await act(placed, vendor, clock)
    assert (await now_of(placed, action)).state is ActionState.DONE
    assert len(vendor.requests) == 2


async def test_two_workers_do_not_make_one_action_twice(placed: Store) -> None:
    clock, vendor = SetClock(), FakeClickPost(usual=PICKUP_BOOKED)
    asked = [await pickup(placed, clock) for _ in range(12)]
    done = await asyncio.gather(*(act(placed, vendor, clock) for _ in range(4)))
    assert sum(done) == len(vendor.requests) == 12
    assert {(await now_of(placed, a)).state for a in asked} == {ActionState.DONE}


async def test_an_answer_is_kept_although_the_database_stumbles(placed: Store) -> None:
    clock, vendor = SetClock(), FakeClickPost(usual=PICKUP_BOOKED)
    action = await pickup(placed, clock)
    stumbling = TrippingStore(placed, busy=lambda write: write in (2, 3))
    await act(stumbling.as_store, vendor, clock)
    assert (await now_of(placed, action)).state is ActionState.DONE
    assert len(vendor.requests) == 1


async def test_an_action_that_fails_within_awbridge_does_not_stop_the_others(placed: Store) -> None:
    clock, vendor = SetClock(), FakeClickPost(RuntimeError("a bug"), usual=ok())
    bad = await ask(placed, clock, ActionKind.EDIT, EDIT)
    await act(placed, vendor, clock)
    after = await now_of(placed, bad)
    assert (after.state, after.tries) == (ActionState.DUE, 1)
    good = await ask(placed, clock, ActionKind.WHATSAPP, {"enabled": True})
    await act(placed, vendor, clock)
    assert (await now_of(placed, good)).state is ActionState.DONE


async def test_a_registered_waybill_becomes_a_shipment_that_webhooks_reach(store: Store) -> None:
    clock, vendor = SetClock(), FakeClickPost(ok(tracking_id=491815220, security_key="k-1"))
    early = NewDelivery("early", Source.WEBHOOK, as_body(webhook("ELSEWHERE1", 5, T0)), T0)
    async with store.write() as session:
        await inbox.add(session, [early])
    await apply_due(store=store, clock=clock, policy=ApplyPolicy(zone=INDIA))
    asked = await asking.ask_registration(store=store, clock=clock, body=a_registration())
    await act(store, vendor, clock)
    after = await now_of(store, asked.action)
    assert after.state is ActionState.DONE
    assert after.result == {"already": False, "tracking_id": "491815220", "reference_number": "FOREIGN-1"}
    shipment = await get(store, "FOREIGN-1")
    assert (shipment.state, shipment.success, shipment.waybill) == (State.PLACED, True, "ELSEWHERE1")
    assert (shipment.order_id, shipment.security_key, shipment.next_try_at) == ("O-1", "k-1", None)
    async with store.write() as session:
        (to_ask,) = await claim_due_polls(session, now=T0, next_poll_at=T0 + timedelta(hours=1))
    assert to_ask.waybill == "ELSEWHERE1", "its story began elsewhere, so tracking is asked at once"
    await apply_due(store=store, clock=clock, policy=ApplyPolicy(zone=INDIA))
    assert [s.status_code for s in await timeline(store, "FOREIGN-1")] == [5]


async def test_a_waybill_that_clickpost_knew_before_is_registered_too(store: Store) -> None:
    clock, vendor = SetClock(), FakeClickPost(LOST, says(303, "Waybill already registered"))
    asked = await asking.ask_registration(store=store, clock=clock, body=a_registration())
    await act(store, vendor, clock)
    clock.forward(minutes=2)
    await act(store, vendor, clock)
    after = await now_of(store, asked.action)
    assert (after.state, (after.result or {})["already"]) == (ActionState.DONE, True)
    assert (await get(store, "FOREIGN-1")).waybill == "ELSEWHERE1"


async def test_a_registration_asked_twice_makes_one_shipment(store: Store) -> None:
    clock, vendor = SetClock(), FakeClickPost(ok(), says(303))
    first = await asking.ask_registration(store=store, clock=clock, body=a_registration())
    clock.forward(seconds=1)
    second = await asking.ask_registration(store=store, clock=clock, body=a_registration())
    while await act(store, vendor, clock):
        pass
    assert {(await now_of(store, a.action)).state for a in (first, second)} == {ActionState.DONE}
    assert len(await fetch(store, "SELECT 1 AS one FROM shipments")) == 1


async def test_a_registration_whose_reference_was_taken_meanwhile_says_so(store: Store) -> None:
    clock, vendor = SetClock(), FakeClickPost()
    asked = await asking.ask_registration(store=store, clock=clock, body=a_registration())
    await add(store, "FOREIGN-1")
    await act(store, vendor, clock)
    after = await now_of(store, asked.action)
    assert after.state is ActionState.REFUSED
    assert "FOREIGN-1 is another shipment's" in (after.problem or "")
    assert (await get(store, "FOREIGN-1")).waybill is None


async def test_a_refused_registration_makes_no_shipment(store: Store) -> None:
    clock, vendor = SetClock(), FakeClickPost(says(302))
    asked = await asking.ask_registration(store=store, clock=clock, body=a_registration())
    await act(store, vendor, clock)
    assert (await now_of(store, asked.action)).state is ActionState.REFUSED
    assert await fetch(store, "SELECT 1 AS one FROM shipments") == []


@pytest.mark.parametrize("kind", ["throttled", "configuration"])
def test_an_action_ends_where_the_account_stays_broken(kind: str) -> None:
    policy = ActPolicy()
    call = Call(api="edit-order", method="POST", url="u")
    error = VendorError("edit-order: bad key", call=call, again=True, kind=kind)
    asked = Action(
        id="0" * 24,
        kind=ActionKind.EDIT,
        reference_number="R",
        body={},
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
    before, late = T0 + policy.deadline - timedelta(seconds=1), T0 + policy.deadline
    assert decide(asked, error, before, policy).state is ActionState.DUE
    ended = decide(asked, error, late, policy)
    assert (ended.state, ended.next_try_at, ended.tries) == (ActionState.GAVE_UP, None, 0)
    assert "It was tried for 72 h" in (ended.problem or "")
    retried = dataclasses.replace(asked, retried_at=late)
    assert decide(retried, error, late, policy).state is ActionState.DUE
