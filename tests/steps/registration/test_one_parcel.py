"""Never two live parcels for one order: a model test over a simulated ClickPost, with and without a fetch by reference.

Whatever answers are lost, whatever couriers keep to themselves, whatever people edit, cancel, replace, move or say:
the books of ClickPost and of its couriers never hold two parcels of one order, other than one that is being cancelled.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from awbridge.clickpost.client.async_client import AsyncClickPost
from awbridge.domain.couriers.account_throttle import AccountThrottlePolicy
from awbridge.domain.couriers.allocation_mode import Allocation
from awbridge.domain.errors import IntakeError, NotPossible
from awbridge.domain.orders.shipment import Shipment, State
from awbridge.sandbox import Sandbox, SandboxConfig, SimulatedAccount, running
from awbridge.steps.couriers import couriers as courier_steps
from awbridge.steps.couriers import moving
from awbridge.steps.orders import amend, intake, settle
from awbridge.steps.orders.amend import Edit
from awbridge.steps.registration.allocate import AllocatePolicy, allocate_due
from awbridge.steps.registration.cancel import CancelPolicy, cancel_due
from awbridge.steps.registration.fallback import FallbackPolicy, fallback_due
from awbridge.steps.registration.push import push_due
from awbridge.steps.registration.release import release_due
from awbridge.steps.registration.verdict import PushPolicy
from awbridge.store import Store
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.store.orders import lists
from tests.support.rows import sql
from tests.support.world import SetClock, an_order

pytestmark = pytest.mark.slow  # seconds of processor time

ROAD = CourierAccount(transporter="road", courier_partner_id=4, account_code="road", fallback="air")
AIR = CourierAccount(transporter="air", courier_partner_id=5, account_code="air")
ACCOUNTS = (
    # It refuses returns (311) and exchanges (307) for the payload alone, and 411... as the courier's own refusal.
    SimulatedAccount(
        courier_partner_id=4,
        courier_name="Delhivery",
        account_code="road",
        not_served=("411",),
        rvp=False,
        exchange=False,
    ),
    SimulatedAccount(courier_partner_id=5, courier_name="Bluedart", account_code="air"),
)
PUSH = PushPolicy(
    retry_delays=(60.0,) * 3, waiting_deadline=timedelta(minutes=5), throttle=AccountThrottlePolicy(failures=99)
)
FALLBACK = FallbackPolicy(failures=1)
EMPTIED = (
    *("shipments", "waybills", "attempts", "payload_versions", "events", "event_deliveries", "milestones", "inbox"),
    *("account_states", "notices", "alarms"),
)

# Faults of the next create-order. Those after which a parcel may exist are frequent.
FAULTS = (None, None, *("cut_after_placing", "held_by_courier") * 3, "cut_before_placing", "html_body", 319, 329, 315)
EDITS: dict[str, dict[str, Any]] = {
    "heavier": {"shipment_details.weight": 700},
    "exchange": {"shipment_details.order_type": "EXCHANGE"},
    "prepaid": {"shipment_details.order_type": "PREPAID"},
    "return": {"shipment_details.delivery_type": "RVP", "shipment_details.rvp_reason": "too small"},
    "forward": {"shipment_details.delivery_type": "FORWARD"},
    "unserved": {"drop_info.drop_pincode": "411001"},
    "served": {"drop_info.drop_pincode": "560001"},
    "other courier": {"transporter": "air"},
    "other order id": {"shipment_details.order_id": "77"},
}
ACTIONS = st.one_of(
    st.tuples(st.just("edit"), st.sampled_from(sorted(EDITS))),
    st.tuples(st.just("replace"), st.booleans()),
    st.tuples(st.sampled_from(["time", "cancel", "retry", "move", "person"]), st.none()),
)
OPERATIONS = st.tuples(ACTIONS, st.sampled_from(FAULTS))


@dataclass
class World:
    """One order, its successors, and the vendor and couriers that may hold a parcel of it."""

    store: Store
    sandbox: Sandbox
    clickpost: AsyncClickPost
    clock: SetClock = field(default_factory=SetClock)

    async def begin(self, *, served: bool) -> None:
        await self.sandbox.reset()
        async with self.store.write() as session:
            for table in EMPTIED:
                await session.execute(sql(f"DELETE FROM {table}"))
        order = an_order("R", courier_partner=4, account_code="road") | {"transporter": "road"}
        order["pickup_info"]["pickup_country"] = order["drop_info"]["drop_country"] = "IN"
        order["drop_info"]["drop_pincode"] = "560001" if served else "411001"
        await intake.take_in(store=self.store, clock=self.clock, orders=[order])

    async def all(self) -> list[Shipment]:
        async with self.store.read() as session:
            return await lists.newest(session, limit=50)

    async def newest(self) -> Shipment:
        """The current shipment of the order."""
        return next(s for s in await self.all() if s.replaced_by is None)

    async def time(self) -> None:
        world: dict[str, Any] = {"store": self.store, "clickpost": self.clickpost, "clock": self.clock}
        await push_due(**world, policy=PUSH)
        await fallback_due(**world, policy=FALLBACK)
        await allocate_due(**world, policy=AllocatePolicy())
        await cancel_due(**world, policy=CancelPolicy(retry_delays=PUSH.retry_delays))
        await release_due(store=self.store, clock=self.clock)
        self.clock.forward(seconds=70)

    def spoil(self, fault: Any) -> None:
        """The next create-order goes wrong like this."""
        if fault is not None:
            is_code = isinstance(fault, int)
            self.sandbox.inject_fault("error_code" if is_code else fault, code=fault if is_code else 0)

    async def quiet(self) -> bool:
        """Whether no step is due."""
        return all(s.next_try_at is None and s.waits_for is None for s in await self.all())

    async def do(self, name: str, how: Any) -> None:
        """One thing happens. What is refused is refused."""
        shipment = await self.newest()
        who: dict[str, Any] = {"store": self.store, "clock": self.clock, "reference_number": shipment.reference_number}
        acts: dict[str, Callable[[], Coroutine[Any, Any, Any]]] = {
            "time": self.time,
            "cancel": lambda: intake.cancel(**who),
            "retry": lambda: intake.retry(**who),
            "person": self.person,
            "move": lambda: moving.move_shipments(
                store=self.store, clock=self.clock, from_transporter="road", to_transporter="air"
            ),
            "edit": lambda: amend.change(
                **who, edit=Edit(fields=EDITS[how]), changed_by="model", allocation=Allocation.OFF
            ),
            # What only a courier holds cannot be cancelled through ClickPost: nobody sends another at once.
            "replace": lambda: amend.replace(
                **who, edit=Edit(), after_cancel=how or self.is_at_courier(shipment), allocation=Allocation.OFF
            ),
        }
        with suppress(IntakeError, NotPossible):
            await acts[name]()
        if name != "time":
            await self.time()

    def is_at_courier(self, shipment: Shipment) -> bool:
        return any(reference == shipment.reference_number for reference, _ in self.sandbox.registry.at_courier)

    async def person(self) -> None:
        """A person checks ClickPost's dashboard and the courier, and states the result."""
        for shipment in await self.all():
            if not shipment.maybe_placed or shipment.state is not State.GAVE_UP:
                continue
            who: dict[str, Any] = {"store": self.store, "clock": self.clock, "by": "model"}
            found = self.held(shipment.reference_number)
            if found:
                waybill, courier = found
                await settle.held_as(
                    **who,
                    reference_number=shipment.reference_number,
                    waybill=waybill,
                    courier_partner_id=courier,
                )
            else:
                await settle.not_held(**who, reference_number=shipment.reference_number)

    def held(self, reference: str) -> tuple[str, int] | None:
        vendor = self.sandbox.registry
        if order := vendor.orders.get(reference):
            return order.waybill, order.cp_id
        kept = ((waybill, cp_id) for (of, cp_id), waybill in vendor.at_courier.items() if of == reference)
        return next(kept, None)

    async def live(self, *, but_leaving: bool) -> list[str]:
        """The parcels at ClickPost or a courier; with `but_leaving`, without those that are being cancelled."""
        vendor = self.sandbox.registry
        parcels = {o.waybill for o in vendor.orders.values() if not o.cancelled} | set(vendor.at_courier.values())
        leaving = {s.waybill for s in await self.all() if s.success and s.cancel_requested_at}
        return sorted(parcels - leaving if but_leaving else parcels)


@pytest.fixture(params=[True, False], ids=["fetch_by_reference", "as_documented"])
async def world(store: Store, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    config = SandboxConfig(
        accounts=ACCOUNTS,
        serviceable_share=1,
        fetch_by_reference=request.param,
        payload_before_reference=not request.param,
        tick_seconds=3600,
    )
    async with (
        running(config) as sandbox,
        AsyncClickPost(username="sandbox", key="sandbox-key", url=sandbox.url) as clickpost,
    ):
        clock = SetClock()
        await courier_steps.put_couriers(store=store, clock=clock, accounts=[AIR, ROAD])
        yield World(store, sandbox, clickpost)


async def test_the_model_places_loses_and_keeps_parcels(world: World) -> None:
    """What the next test says would be empty if nothing was ever placed."""
    for fault, held in ((None, True), ("cut_after_placing", True), ("held_by_courier", True), (315, False)):
        await world.begin(served=True)
        world.spoil(fault)
        await world.time()
        assert (len(await world.live(but_leaving=True)) == 1) is held


@given(served=st.booleans(), first=st.sampled_from(FAULTS), operations=st.lists(OPERATIONS, min_size=1, max_size=7))
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
async def test_there_are_never_two_live_parcels_of_one_order(
    world: World, served: bool, first: Any, operations: list[tuple[tuple[str, Any], Any]]
) -> None:
    await world.begin(served=served)
    world.spoil(first)
    await world.time()
    for (name, how), fault in operations:
        world.spoil(fault)
        await world.do(name, how)
        assert len(await world.live(but_leaving=True)) <= 1
    for _ in range(8):
        if await world.quiet():
            break
        await world.time()
        assert len(await world.live(but_leaving=True)) <= 1
    assert len(await world.live(but_leaving=False)) <= 1
    # Every parcel held there is known here as placed, or as maybe placed.
    here = await world.all()
    known = {s.waybill for s in here if s.success}
    open_ones = {s.reference_number for s in here if s.maybe_placed}
    for order in world.sandbox.registry.orders.values():
        assert order.cancelled or order.waybill in known or order.reference_number in open_ones
    for (reference, _), waybill in world.sandbox.registry.at_courier.items():
        assert waybill in known or reference in open_ones
