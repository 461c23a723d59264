"""Shipments that may be placed at ClickPost: settled by the first payload, by ClickPost's answer, or by a person."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from awbridge.clickpost.client.async_client import AsyncClickPost
from awbridge.domain.errors import NotPossible, PayloadRefused
from awbridge.domain.orders.shipment import SettleBy, State
from awbridge.domain.tracking.scan import Source
from awbridge.sandbox import SandboxConfig, running
from awbridge.steps.couriers import couriers as courier_steps
from awbridge.steps.orders import amend, intake, settle
from awbridge.steps.orders.amend import Edit
from awbridge.steps.tracking.apply import ApplyPolicy, apply_due
from awbridge.store import Store
from awbridge.store.notify import endpoints
from awbridge.store.orders import lists
from awbridge.store.tracking import inbox
from awbridge.store.tracking.inbox import NewDelivery
from tests.steps.registration.test_one_parcel import ACCOUNTS, AIR, ROAD, World
from tests.support.rows import claim_in, fetch
from tests.support.world import SetClock, attempts_of, get

pytestmark = pytest.mark.heavy


@pytest.fixture
async def world(store: Store) -> AsyncIterator[World]:
    """As documented: no fetch by reference, and a payload may be refused before its reference number is read."""
    config = SandboxConfig(
        accounts=ACCOUNTS, serviceable_share=1, fetch_by_reference=False, payload_before_reference=True
    )
    async with (
        running(config) as sandbox,
        AsyncClickPost(username="sandbox", key="sandbox-key", url=sandbox.url) as clickpost,
    ):
        await courier_steps.put_couriers(store=store, clock=SetClock(), accounts=[AIR, ROAD])
        made = World(store, sandbox, clickpost)
        await made.begin(served=True)
        yield made


def who(world: World, reference: str = "R") -> dict[str, Any]:
    return {"store": world.store, "clock": world.clock, "reference_number": reference}


async def go(world: World, times: int = 1) -> None:
    for _ in range(times):
        await world.time()


async def outcomes(world: World) -> list[str]:
    return [a.outcome for a in await attempts_of(world.store, "R")]


async def test_what_the_courier_says_it_holds_goes_nowhere_else_and_needs_a_person(world: World) -> None:
    async with world.store.write() as session:
        await endpoints.add(session, "https://erp.example/", now=world.clock())
    world.spoil("held_by_courier")
    await go(world, 6)
    after = await get(world.store, "R")
    assert (after.state, after.maybe_placed, after.settle_by) == (State.GAVE_UP, True, SettleBy.ASKING)
    assert "says that it holds this order already" in (after.problem or "")
    assert [s.reference_number for s in await world.all()] == ["R"], "no fallback"
    assert await outcomes(world) == ["try_later", "already_held", "not_found"]
    [event] = await fetch(world.store, "SELECT kind, body, packed_body FROM events")
    assert event["kind"] == "shipment.gave_up"
    assert json.loads(event["body"])["data"]["maybe_placed"] is True
    with pytest.raises(NotPossible, match="says that it already holds R"):
        await amend.change(**who(world), edit=Edit(fields={"shipment_details.weight": 700}), changed_by="t")


@pytest.mark.parametrize("how", ["retry", "cancel"])
async def test_a_retry_or_cancellation_queries_clickpost_and_sends_nothing(world: World, how: str) -> None:
    world.spoil("held_by_courier")
    await go(world, 3)
    sent = world.sandbox.registry.create_calls["R"]
    await (intake.retry if how == "retry" else intake.cancel)(**who(world))
    await go(world, 3)
    after = await get(world.store, "R")
    assert (after.state, after.maybe_placed, after.next_try_at) == (State.GAVE_UP, True, None)
    assert world.sandbox.registry.create_calls["R"] == sent
    await settle.not_held(**who(world), by="ops")
    assert (await get(world.store, "R")).state is (State.CANCELLED if how == "cancel" else State.GAVE_UP)


async def test_a_refused_edit_of_what_a_lost_call_placed_is_settled_by_the_first_payload(world: World) -> None:
    world.spoil("cut_after_placing")
    await go(world)
    await amend.change(**who(world), edit=Edit(fields={"shipment_details.order_type": "EXCHANGE"}), changed_by="t")
    await go(world)
    after = await get(world.store, "R")
    assert (after.state, after.waybill) == (State.PLACED, world.sandbox.registry.orders["R"].waybill)
    assert "the change did not reach it" in (after.difference or "")
    versions = [a.payload_version for a in await attempts_of(world.store, "R") if a.api == "create-order"]
    assert versions == [1, 2, 1]


async def test_a_refused_edit_of_what_may_stand_can_neither_be_replaced_nor_is_cancelled_here(world: World) -> None:
    world.spoil("cut_before_placing")
    await go(world)
    exchange = Edit(fields={"shipment_details.order_type": "EXCHANGE"})
    await amend.change(**who(world), edit=exchange, changed_by="t")
    world.sandbox.inject_fault("error_code", code=315, times=2)
    await go(world)
    after = await get(world.store, "R")
    assert (after.state, after.maybe_placed) == (State.GAVE_UP, True)
    assert "An earlier call may have placed it" in (after.problem or "")
    with pytest.raises(NotPossible, match="R may be placed at ClickPost: a second shipment would be a second parcel"):
        await amend.replace(**who(world), edit=Edit())
    await intake.cancel(**who(world))
    await go(world)
    after = await get(world.store, "R")  # the first payload went out once more, and was placed and cancelled
    assert (after.state, after.success) == (State.CANCELLED, True)
    assert await world.live(but_leaving=False) == []


async def test_the_couriers_own_reason_settles_what_a_lost_call_left_and_not_what_the_courier_left(
    world: World,
) -> None:
    nobody = [account.model_copy(update={"not_served": ("560",)}) for account in ACCOUNTS[:1]]
    for fault, state in (("cut_before_placing", State.CANCELLED), (329, State.GAVE_UP)):
        await world.begin(served=True)
        world.spoil(fault)
        await go(world)
        served = world.sandbox.config
        world.sandbox.config = served.model_copy(update={"accounts": (*nobody, *ACCOUNTS[1:])})
        await go(world, 6)
        world.sandbox.config = served
        after = await get(world.store, "R")
        assert (after.state, after.maybe_placed) == (state, state is State.GAVE_UP)


async def test_a_queued_order_that_is_refused_in_the_end_is_refused(world: World) -> None:
    world.sandbox.inject_fault("async_orders")
    await go(world)
    assert (await get(world.store, "R")).maybe_placed
    world.sandbox.registry.pending_orders.clear()
    world.sandbox.inject_fault("error_code", code=315)
    await go(world)
    after = await get(world.store, "R")
    assert (after.state, after.maybe_placed) == (State.REJECTED, False)


async def test_a_worker_killed_in_the_call_leaves_the_payload_that_it_sent(store: Store, world: World) -> None:
    async with store.write() as session:
        await claim_in(session, owner="dead", now=world.clock())
    world.clock.forward(minutes=5)
    async with store.write() as session:
        await claim_in(session, owner="next", now=world.clock())
    after = await get(store, "R")
    assert (after.maybe_placed, after.held_version) == (True, 1)


@pytest.mark.parametrize("state", ["gave_up", "retrying"])
async def test_a_delivery_that_names_the_reference_proves_that_it_is_held(world: World, state: str) -> None:
    world.spoil("held_by_courier")
    await go(world, 6 if state == "gave_up" else 1)
    body = {
        "waybill": "AWB77",
        "cp_id": 4,
        "clickpost_status_code": 5,
        "timestamp": "2026-11-03 10:00:00",
        "additional": {"latest_status": {"reference_number": "R"}},
    }
    async with world.store.write() as session:
        await inbox.add(session, [NewDelivery("d1", Source.WEBHOOK, json.dumps(body).encode(), world.clock())])
    await apply_due(store=world.store, clock=world.clock, policy=ApplyPolicy(zone=ZoneInfo("Asia/Kolkata")))
    after = await get(world.store, "R")
    assert (after.state, after.waybill, after.maybe_placed, after.status_code) == (State.PLACED, "AWB77", False, 5)


async def test_a_person_may_say_the_waybill(world: World) -> None:
    world.spoil("held_by_courier")
    await go(world, 3)
    with pytest.raises(PayloadRefused, match="is not a waybill"):
        await settle.held_as(**who(world), waybill="N/A", by="ops")
    with pytest.raises(PayloadRefused, match="was rounded"):
        await settle.held_as(**who(world), waybill="4.04877E+12", by="ops")
    with pytest.raises(PayloadRefused, match="control or invisible character"):
        await settle.held_as(**who(world), waybill="AWB\a77", by="ops")
    for pasted in ("`AWB77 ", "AWB77"):  # a dashboard's guard; twice is once
        after = await settle.held_as(**who(world), waybill=pasted, by="ops")
    assert (after.state, after.waybill, after.maybe_placed, after.settled_by) == (State.PLACED, "AWB77", False, "ops")
    assert after.next_poll_at == world.clock()
    with pytest.raises(NotPossible, match="nothing is open about what ClickPost holds"):
        await settle.not_held(**who(world), by="ops")


async def test_a_waybill_of_another_shipment_is_not_taken(world: World) -> None:
    world.spoil("held_by_courier")
    await go(world, 3)
    await settle.held_as(**who(world), waybill="AWB77", by="ops")
    order = (await get(world.store, "R")).payload
    order["shipment_details"]["reference_number"] = "S"
    await intake.take_in(store=world.store, clock=world.clock, orders=[order])
    world.spoil("held_by_courier")
    await go(world, 3)
    with pytest.raises(PayloadRefused, match="belongs to shipment R, which is under way"):
        await settle.held_as(**who(world, "S"), waybill="AWB77", by="ops")


async def test_after_a_persons_word_the_fallback_is_free_again(world: World) -> None:
    world.spoil(329)
    await go(world)
    nobody = [account.model_copy(update={"not_served": ("560",)}) for account in ACCOUNTS[:1]]
    world.sandbox.config = world.sandbox.config.model_copy(update={"accounts": (*nobody, *ACCOUNTS[1:])})
    await go(world, 6)
    assert [s.reference_number for s in await world.all()] == ["R"]
    await settle.not_held(**who(world), by="ops")
    await intake.retry(**who(world))
    await go(world, 3)
    assert {s.reference_number: s.state for s in await world.all()} == {"R": State.CANCELLED, "R-2": State.PLACED}


async def test_what_is_being_sent_is_not_settled_by_anybody(store: Store, world: World) -> None:
    world.spoil(329)
    await go(world)
    async with store.write() as session:
        await claim_in(session, owner="worker", now=world.clock())
    with pytest.raises(NotPossible, match="R is being sent right now"):
        await settle.not_held(**who(world), by="ops")
    async with store.read() as session:
        assert (await lists.newest(session))[0].maybe_placed
