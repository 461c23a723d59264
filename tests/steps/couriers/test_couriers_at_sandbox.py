"""Sync, recommendation and fallback over the wire, against a simulated ClickPost that keeps its own books."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from awbridge.clickpost.client.async_client import AsyncClickPost
from awbridge.domain.couriers.allocation_mode import Allocation
from awbridge.domain.orders.shipment import State
from awbridge.sandbox import Sandbox, SandboxConfig, SimulatedAccount, running
from awbridge.steps.couriers import couriers as courier_steps
from awbridge.steps.couriers.sync_couriers import sync_couriers
from awbridge.steps.orders import intake
from awbridge.steps.registration.allocate import AllocatePolicy, allocate_due
from awbridge.steps.registration.fallback import FallbackPolicy, fallback_due
from awbridge.steps.registration.push import push_due
from awbridge.steps.registration.verdict import PushPolicy
from awbridge.store import Store
from awbridge.store.couriers import couriers
from tests.support.world import SetClock, an_order, attempts_of, get

pytestmark = pytest.mark.heavy

ACCOUNTS = (
    SimulatedAccount(
        courier_partner_id=4, courier_name="Delhivery", account_code="road", not_served=("411",), rvp=False
    ),
    SimulatedAccount(courier_partner_id=5, courier_name="Bluedart", account_code="air"),
    SimulatedAccount(courier_partner_id=6, courier_name="XpressBees", account_code="off", account_active=False),
)


@dataclass
class Bridge:
    store: Store
    sandbox: Sandbox
    clickpost: AsyncClickPost
    clock: SetClock

    async def run(self, rounds: int = 6) -> None:
        push = PushPolicy(retry_delays=(60.0,) * 4)
        for _ in range(rounds):
            world = {"store": self.store, "clickpost": self.clickpost, "clock": self.clock}
            await allocate_due(**world, policy=AllocatePolicy())
            await push_due(**world, policy=push)
            await fallback_due(**world, policy=FallbackPolicy(failures=2))
            self.clock.forward(seconds=70)

    async def take_in(self, reference: str, *, transporter: str | None = None, **details: object) -> None:
        order = an_order(reference, **details)
        order["pickup_info"]["pickup_country"] = order["drop_info"]["drop_country"] = "IN"
        for field in ("courier_partner", "account_code"):
            del order["shipment_details"][field]
        if transporter:
            order["transporter"] = transporter
        await intake.take_in(
            store=self.store, clock=self.clock, orders=[order], allocation=Allocation.RULES_THEN_RECOMMENDATION
        )


@pytest.fixture
async def bridge(store: Store) -> AsyncIterator[Bridge]:
    """A bridge whose transporters came by sync; `road` falls back to `air`."""
    async with (
        running(SandboxConfig(accounts=ACCOUNTS, serviceable_share=1)) as sandbox,
        AsyncClickPost(username="sandbox", key="sandbox-key", url=sandbox.url) as clickpost,
    ):
        clock = SetClock()
        await sync_couriers(store=store, clickpost=clickpost, clock=clock, apply=True)
        async with store.read() as session:
            [road] = [a for a in await couriers.every(session) if a.transporter == "road"]
        await courier_steps.put_couriers(store=store, clock=clock, accounts=[replace(road, fallback="air")])
        yield Bridge(store, sandbox, clickpost, clock)


async def test_sync_brings_the_accounts_with_their_state(bridge: Bridge) -> None:
    async with bridge.store.read() as session:
        found = {a.transporter: (a.courier_partner_id, a.active) for a in await couriers.every(session)}
    assert found == {"road": (4, True), "air": (5, True), "off": (6, False)}


async def test_the_recommended_courier_carries_an_order_that_names_none(bridge: Bridge) -> None:
    await bridge.take_in("R")
    await bridge.run(2)
    after = await get(bridge.store, "R")
    assert (after.state, after.transporter, after.allocated_by) == (State.PLACED, "air", "recommendation")
    assert bridge.sandbox.registry.orders["R"].cp_id == 5
    assert [a.api for a in await attempts_of(bridge.store, "R")] == ["recommend", "create-order"]


async def test_a_place_that_nobody_serves_needs_a_person(bridge: Bridge) -> None:
    await bridge.take_in("R", delivery_type="RVP", rvp_reason="too small")
    bridge.sandbox.config = SandboxConfig(accounts=ACCOUNTS[:1], serviceable_share=1)
    await bridge.run(1)
    after = await get(bridge.store, "R")
    assert after.state is State.REJECTED
    assert "Pin code not serviceable" in (after.problem or "")


@pytest.mark.parametrize("lost", ["cut_before_placing", "http_500", "slow", "html_body"])
async def test_not_serviceable_goes_to_the_fallback_once(bridge: Bridge, lost: str) -> None:
    await bridge.take_in("R", transporter="road")
    bridge.sandbox.inject_fault(lost, reference_number="R")  # pyright: ignore[reportArgumentType]
    await bridge.run()
    first, second = await get(bridge.store, "R"), await get(bridge.store, "R-2")
    assert (first.state, first.replaced_by) == (State.CANCELLED, "R-2")
    assert "not serviceable (319)" in (first.problem or "")
    assert (second.state, second.transporter) == (State.PLACED, "air")
    assert {r: o.cp_id for r, o in bridge.sandbox.registry.orders.items()} == {"R-2": 5}


async def test_returns_that_a_courier_does_not_take_go_to_the_fallback(bridge: Bridge) -> None:
    await bridge.take_in("R", transporter="road", delivery_type="RVP", rvp_reason="too small")
    await bridge.run(2)
    assert {r: o.cp_id for r, o in bridge.sandbox.registry.orders.items()} == {"R-2": 5}


async def test_an_order_whose_answer_was_lost_is_never_replaced(bridge: Bridge) -> None:
    await bridge.take_in("R", transporter="air")
    bridge.sandbox.inject_fault("cut_after_placing", reference_number="R")
    await bridge.run()
    assert (await get(bridge.store, "R")).state is State.PLACED
    assert set(bridge.sandbox.registry.orders) == {"R"}


async def test_the_client_looks_up_what_the_sandbox_holds(bridge: Bridge) -> None:
    nothing = await bridge.clickpost.find_order("R")
    assert (nothing.placed, nothing.denied, nothing.call.business_status) == (None, True, 330)
    await bridge.take_in("R", transporter="air")
    await bridge.run(1)
    found = await bridge.clickpost.find_order("R")
    assert found.placed is not None
    assert (found.placed.waybill, found.denied) == ((await get(bridge.store, "R")).waybill, False)
