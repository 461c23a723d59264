"""Fallback: another courier, once, and only when it is certain that ClickPost holds nothing."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta
from typing import Any

import pytest

from awbridge.clickpost.orders.create import parse_create_order
from awbridge.clickpost.wire.answers import FoundOrder, OrderAnswer
from awbridge.clickpost.wire.lenient_json import Reply, read_json
from awbridge.domain.call import Call
from awbridge.domain.errors import NotPossible, StoreBusy
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.outcome import Placed, Unknown
from awbridge.domain.orders.shipment import Region, State
from awbridge.steps.orders import intake
from awbridge.steps.orders.reading import read_order
from awbridge.steps.registration.fallback import FallbackPolicy, fallback_due
from awbridge.steps.registration.push import push_due
from awbridge.steps.registration.verdict import PushPolicy
from awbridge.store import Store
from awbridge.store.couriers import couriers
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.store.notify import endpoints
from awbridge.store.orders import shipments
from awbridge.store.registration import dispatch, replacements
from awbridge.store.registration.dispatch import Placing
from tests.support.rows import T0, count, fetch
from tests.support.world import SetClock, TrippingStore, an_order, attempts_of, get

pytestmark = pytest.mark.heavy

PUSH = PushPolicy(retry_delays=(60.0, 60.0, 60.0))
POLICY = FallbackPolicy()
FIRST = CourierAccount(transporter="first", courier_partner_id=4, account_code="one", fallback="second")
SECOND = CourierAccount(transporter="second", courier_partner_id=6, account_code="two", fallback="third")
THIRD = CourierAccount(transporter="third", courier_partner_id=5)


class Vendor:
    """Keeps books as ClickPost does: a reference once, 323 for a repeated one. Refuses by courier."""

    def __init__(self, refusals: dict[int, tuple[int, str]]) -> None:
        self.refusals = refusals
        self.orders: dict[str, JsonObject] = {}
        self.created: list[tuple[str, int]] = []
        self.look_ups: list[str] = []
        self.denies = True
        self.fails = 0
        self.lose = 0

    async def create_order(self, payload: JsonObject, *, region: Region = Region.INDIA) -> OrderAnswer:
        details = payload["shipment_details"]
        reference, courier = details["reference_number"], details["courier_partner"]
        self.created.append((reference, courier))
        if self.lose:
            self.lose -= 1
            lost = Call(api="create-order", method="POST", url="u", error="ReadTimeout")
            return OrderAnswer(outcome=Unknown(message="no answer"), call=lost)
        code, message = self.refusals.get(courier, (200, "ok"))
        if reference in self.orders:
            code = 323
        body: JsonObject = {"meta": {"status": code, "success": code in (200, 323), "message": message}}
        if code in (200, 323):
            self.orders.setdefault(reference, payload)
            body["result"] = {"waybill": f"AWB-{reference}", "reference_number": reference}
        text = json.dumps(body)
        reply = Reply(http_status=200, body=read_json(text.encode()), text=text)
        call = Call(api="create-order", method="POST", url="u", http_status=200, business_status=code, response=text)
        return OrderAnswer(outcome=parse_create_order(reply, reference), call=call)

    async def find_order(self, reference_number: str, *, region: Region = Region.INDIA) -> FoundOrder:
        self.look_ups.append(reference_number)
        call = Call(api="fetch-order", method="GET", url="u", http_status=200)
        if self.fails:
            self.fails -= 1
            return FoundOrder(placed=None, known=False, call=call)
        if reference_number in self.orders:
            placed = Placed(waybill=f"AWB-{reference_number}", already=True)
            return FoundOrder(placed=placed, known=True, call=call)
        return FoundOrder(placed=None, known=True, denied=self.denies, call=call)


NO_RETURNS = {4: (311, "The courier partner takes no returns")}
NOT_SERVED = {4: (319, "Drop pincode is not serviceable")}


@pytest.fixture
async def configured(store: Store) -> Store:
    async with store.write() as session:
        await couriers.put(session, [FIRST, SECOND, THIRD], now=T0)
    return store


async def take_in(store: Store, clock: SetClock, reference: str = "REF", **details: Any) -> None:
    order = {**an_order(reference, **details), "transporter": "first"}
    await intake.take_in(store=store, clock=clock, orders=[order])


async def fall_back(store: Store, vendor: Vendor, clock: SetClock, policy: FallbackPolicy = POLICY) -> int:
    return await fallback_due(store=store, clickpost=vendor, clock=clock, policy=policy)


async def run(store: Store, vendor: Vendor, clock: SetClock, *, minutes: int = 12) -> None:
    """Push and fallback, side by side, for a while."""
    for _ in range(minutes):
        await push_due(store=store, clickpost=vendor, clock=clock, policy=PUSH)
        await fall_back(store, vendor, clock)
        clock.forward(seconds=70)


async def test_a_clear_refusal_goes_to_the_next_courier_under_a_fresh_reference(configured: Store) -> None:
    clock, vendor = SetClock(), Vendor(NO_RETURNS)
    await take_in(configured, clock)
    await run(configured, vendor, clock, minutes=3)
    first, second = await get(configured, "REF"), await get(configured, "REF-2")
    assert (first.state, first.success, first.replaced_by) == (State.CANCELLED, False, "REF-2")
    assert first.problem == "the courier takes no returns (311); replaced by REF-2 under second"
    assert (second.state, second.waybill, second.replaces) == (State.PLACED, "AWB-REF-2", "REF")
    assert (second.transporter, second.courier_partner_id, second.account_code) == ("second", 6, "two")
    assert second.allocated_by == "fallback of REF"
    assert vendor.created == [("REF", 4), ("REF-2", 6)]
    assert set(vendor.orders) == {"REF-2"}
    assert vendor.orders["REF-2"]["shipment_details"]["account_code"] == "two"
    assert [a.outcome for a in await attempts_of(configured, "REF")] == ["rejected", "not_held"]


async def test_the_events_of_a_fallback_name_each_other(configured: Store) -> None:
    clock, vendor = SetClock(), Vendor(NO_RETURNS)
    async with configured.write() as session:
        await endpoints.add(session, "https://erp.example/", now=T0)
    await take_in(configured, clock)
    await run(configured, vendor, clock, minutes=3)
    events = [
        (row["kind"], row["reference_number"], json.loads(row["body"])["data"])
        for row in await fetch(configured, "SELECT kind, reference_number, body, packed_body FROM events ORDER BY id")
    ]
    assert [(kind, reference, data["replaces"], data["replaced_by"]) for kind, reference, data in events] == [
        ("shipment.rejected", "REF", None, None),
        ("shipment.cancelled", "REF", None, "REF-2"),
        ("shipment.placed", "REF-2", "REF", None),
    ]
    assert await fetch(configured, "SELECT milestone FROM milestones WHERE reference_number = 'REF'") == []


async def test_what_belongs_to_the_first_courier_alone_does_not_go_along(configured: Store) -> None:
    clock, vendor = SetClock(), Vendor(NO_RETURNS)
    order: JsonObject = {
        **an_order("REF", vendor_code="AT-ONE", service_type="T"),
        "transporter": "first",
        "courier_custom_fields": {"payor_fedex_account_number": "7"},
    }
    order["pickup_info"]["vendor_code"] = "AT-ONE"
    order["drop_info"]["drop_vendor_code"] = "AT-ONE"
    order["additional"] = {"vendor_code": "AT-ONE", "account_code": "one", "return_info": {"vendor_code": "AT-ONE"}}
    order["additional"] |= {"order_date": "2026-11-02", "customer_id_number": "C7", "multi_modal": {"a": 1}}
    await intake.take_in(store=configured, clock=clock, orders=[order])
    await run(configured, vendor, clock, minutes=3)
    sent = vendor.orders["REF-2"]
    assert "AT-ONE" not in json.dumps(sent)
    assert sent["additional"] == {"order_date": "2026-11-02", "return_info": {}}
    assert not {"courier_custom_fields", "service_type"} & (sent.keys() | sent["shipment_details"].keys())
    assert sent["shipment_details"]["weight"] == 500


async def test_an_unclear_refusal_is_tried_as_often_as_configured_first(configured: Store) -> None:
    clock, vendor = SetClock(), Vendor(NOT_SERVED)
    await take_in(configured, clock)
    await run(configured, vendor, clock)
    assert vendor.created == [("REF", 4)] * 3 + [("REF-2", 6)]
    assert (await get(configured, "REF")).state is State.CANCELLED


async def test_the_chain_continues_and_endings_do_not_pile_up(configured: Store) -> None:
    clock = SetClock()
    vendor = Vendor({4: (311, ""), 6: (311, ""), 5: (311, "")})
    reference = "A-REFERENCE-OF-25-LETTERS"
    await take_in(configured, clock, reference)
    await run(configured, vendor, clock)
    assert vendor.created == [(reference, 4), (f"{reference}-2", 6), ("A-REFERENCE-OF-25--2", 5)]
    last = await get(configured, "A-REFERENCE-OF-25--2")
    assert (last.state, last.replaces, last.replaced_by) == (State.REJECTED, f"{reference}-2", None)
    assert last.account_code is None
    assert vendor.orders == {}


async def test_a_reference_that_is_taken_is_passed_over(configured: Store) -> None:
    clock, vendor = SetClock(), Vendor(NO_RETURNS)
    await take_in(configured, clock)
    order = {**an_order("REF-2"), "transporter": "second"}
    await intake.take_in(store=configured, clock=clock, orders=[order])
    await run(configured, vendor, clock, minutes=3)
    assert (await get(configured, "REF")).replaced_by == "REF-3"
    assert (await get(configured, "REF-2")).replaces is None


@pytest.mark.parametrize(
    "refusal",
    [(314, "weight is wrong"), (319, "Invalid pincode"), (324, "credentials"), (329, "timeout"), (330, "with awb")],
)
async def test_what_no_other_courier_cures_stays(configured: Store, refusal: tuple[int, str]) -> None:
    clock, vendor = SetClock(), Vendor({4: refusal})
    await take_in(configured, clock, **({"awb_number": "A1"} if refusal[0] == 330 else {}))
    await run(configured, vendor, clock)
    # What a courier did not answer in time may stand: ClickPost is asked before a person is needed.
    assert vendor.look_ups == (["REF"] if refusal[0] == 329 else [])
    assert await count(configured, "shipments") == 1


async def test_without_a_fallback_nothing_is_looked_at(configured: Store) -> None:
    clock, vendor = SetClock(), Vendor(NO_RETURNS)
    async with configured.write() as session:
        await couriers.put(session, [dataclasses.replace(FIRST, fallback=None)], now=T0)
    await take_in(configured, clock)
    await push_due(store=configured, clickpost=vendor, clock=clock, policy=PUSH)
    assert await fall_back(configured, vendor, clock) == 0
    assert (await get(configured, "REF")).state is State.REJECTED


async def test_a_fallback_that_is_switched_off_is_passed_over(configured: Store) -> None:
    clock, vendor = SetClock(), Vendor(NO_RETURNS)
    async with configured.write() as session:
        await couriers.put(session, [dataclasses.replace(SECOND, active=False)], now=T0)
    await take_in(configured, clock)
    await run(configured, vendor, clock, minutes=3)
    assert (await get(configured, "REF-2")).transporter == "third"


async def test_a_fallback_that_is_switched_on_again_is_tried(configured: Store) -> None:
    clock, vendor = SetClock(), Vendor(NO_RETURNS)
    off = [dataclasses.replace(a, active=False) for a in (SECOND, THIRD)]
    async with configured.write() as session:
        await couriers.put(session, off, now=T0)
    await take_in(configured, clock)
    await run(configured, vendor, clock, minutes=2)
    assert (await get(configured, "REF")).state is State.REJECTED
    async with configured.write() as session:
        await couriers.put(session, [THIRD], now=T0)
    await run(configured, vendor, clock, minutes=5)
    assert (await get(configured, "REF-2")).transporter == "third"


async def test_an_old_failure_does_not_suddenly_ship_when_a_fallback_is_set(configured: Store) -> None:
    clock, vendor = SetClock(), Vendor(NO_RETURNS)
    await take_in(configured, clock)
    await push_due(store=configured, clickpost=vendor, clock=clock, policy=PUSH)
    clock.forward(days=1, seconds=1)
    assert await fall_back(configured, vendor, clock) == 0


async def test_what_clickpost_holds_after_all_is_placed_and_not_replaced(configured: Store) -> None:
    clock, vendor = SetClock(), Vendor(NO_RETURNS)
    await take_in(configured, clock)
    await push_due(store=configured, clickpost=vendor, clock=clock, policy=PUSH)
    vendor.orders["REF"] = {}
    async with configured.write() as session:
        await endpoints.add(session, "https://erp.example/", now=clock())
    await run(configured, vendor, clock, minutes=2)
    first = await get(configured, "REF")
    assert (first.state, first.waybill, first.replaced_by) == (State.PLACED, "AWB-REF", None)
    assert await count(configured, "shipments") == 1
    assert [row["kind"] for row in await fetch(configured, "SELECT kind FROM events")] == ["shipment.placed"]


async def test_a_question_that_fails_is_asked_again_later(configured: Store) -> None:
    clock, vendor = SetClock(), Vendor(NO_RETURNS)
    vendor.fails = 1
    await take_in(configured, clock)
    await push_due(store=configured, clickpost=vendor, clock=clock, policy=PUSH)
    assert await fall_back(configured, vendor, clock) == 1
    assert await fall_back(configured, vendor, clock) == 0
    clock.forward(minutes=5)
    assert await fall_back(configured, vendor, clock) == 1
    assert (await get(configured, "REF")).replaced_by == "REF-2"


@pytest.mark.parametrize(("lost", "replaced"), [(0, True), (1, False)])
async def test_where_the_question_is_not_understood_a_lost_answer_means_never(
    configured: Store, lost: int, replaced: bool
) -> None:
    clock, vendor = SetClock(), Vendor(NO_RETURNS)
    vendor.denies, vendor.lose = False, lost
    await take_in(configured, clock)
    await run(configured, vendor, clock, minutes=4)
    first = await get(configured, "REF")
    assert first.state is (State.CANCELLED if replaced else State.GAVE_UP)
    assert first.maybe_placed is not replaced
    assert (await count(configured, "shipments") == 2) is replaced


async def test_what_was_left_alone_is_looked_at_again_after_it_changed(configured: Store) -> None:
    clock, vendor = SetClock(), Vendor({4: (314, "weight is wrong")})
    await take_in(configured, clock)
    await push_due(store=configured, clickpost=vendor, clock=clock, policy=PUSH)
    assert await fall_back(configured, vendor, clock) == 1
    assert await fall_back(configured, vendor, clock) == 0
    vendor.refusals = dict(NO_RETURNS)
    clock.forward(seconds=1)
    await intake.retry(store=configured, clock=clock, reference_number="REF")
    await run(configured, vendor, clock, minutes=2)
    assert (await get(configured, "REF")).replaced_by == "REF-2"


async def test_the_replaced_one_can_neither_be_retried_nor_changed(configured: Store) -> None:
    clock, vendor = SetClock(), Vendor(NO_RETURNS)
    await take_in(configured, clock)
    await run(configured, vendor, clock, minutes=2)
    with pytest.raises(NotPossible):
        await intake.retry(store=configured, clock=clock, reference_number="REF")
    order = {**an_order("REF", weight=1), "transporter": "first"}
    with pytest.raises(NotPossible):
        await intake.change_payload(store=configured, clock=clock, reference_number="REF", order=order)
    assert (await intake.cancel(store=configured, clock=clock, reference_number="REF")).replaced_by == "REF-2"


@pytest.mark.parametrize("meanwhile", ["retry", "cancel"])
async def test_what_happens_to_it_during_the_question_wins(configured: Store, meanwhile: str) -> None:
    clock = SetClock()
    act = intake.retry if meanwhile == "retry" else intake.cancel

    class Slow(Vendor):
        async def find_order(self, reference_number: str, *, region: Region = Region.INDIA) -> FoundOrder:
            await act(store=configured, clock=clock, reference_number=reference_number)
            return await super().find_order(reference_number, region=region)

    vendor = Slow(dict(NO_RETURNS))
    await take_in(configured, clock)
    await push_due(store=configured, clickpost=vendor, clock=clock, policy=PUSH)
    await fall_back(configured, vendor, clock)
    assert await count(configured, "shipments") == 1
    after = await get(configured, "REF")
    assert after.state is (State.READY if meanwhile == "retry" else State.CANCELLED)
    assert (await fetch(configured, "SELECT lease_owner FROM shipments"))[0]["lease_owner"] is None


@pytest.mark.parametrize("write", [1, 2])
async def test_killed_at_any_write_nothing_ships_twice_and_nothing_is_lost(configured: Store, write: int) -> None:
    clock, vendor = SetClock(), Vendor(NO_RETURNS)
    await take_in(configured, clock)
    await push_due(store=configured, clickpost=vendor, clock=clock, policy=PUSH)
    tripping = TrippingStore(configured, busy=lambda n: n == write)
    with pytest.raises(StoreBusy):
        await fall_back(tripping.as_store, vendor, clock)
    clock.forward(minutes=3)  # the lease of the dead runs out
    await run(configured, vendor, clock, minutes=3)
    assert set(vendor.orders) == {"REF-2"}
    assert await count(configured, "shipments") == 2
    assert (await get(configured, "REF")).replaced_by == "REF-2"


async def test_killed_within_the_one_transaction_neither_half_is_stored(configured: Store) -> None:
    clock, vendor = SetClock(), Vendor(NO_RETURNS)
    await take_in(configured, clock)
    await push_due(store=configured, clickpost=vendor, clock=clock, policy=PUSH)
    tripping = TrippingStore(configured, marker="replaced by")  # the successor is added, the first not ended yet
    with pytest.raises(Exception, match="a_table_that_does_not_exist"):
        await fall_back(tripping.as_store, vendor, clock)
    assert await count(configured, "shipments") == 1
    clock.forward(minutes=3)
    await run(configured, vendor, clock, minutes=3)
    assert set(vendor.orders) == {"REF-2"}


async def test_what_a_killed_fallback_held_can_be_cancelled(configured: Store) -> None:
    clock, vendor = SetClock(), Vendor(NO_RETURNS)
    await take_in(configured, clock)
    await push_due(store=configured, clickpost=vendor, clock=clock, policy=PUSH)
    with pytest.raises(StoreBusy):
        await fall_back(TrippingStore(configured, busy=lambda n: n == 2).as_store, vendor, clock)
    await intake.cancel(store=configured, clock=clock, reference_number="REF")
    clock.forward(minutes=3)
    await fall_back(configured, vendor, clock)
    assert (await get(configured, "REF")).state is State.CANCELLED
    assert await count(configured, "shipments") == 1


async def test_two_fallbacks_at_once_make_one_successor(configured: Store) -> None:
    clock, vendor = SetClock(), Vendor(NO_RETURNS)
    await take_in(configured, clock)
    await push_due(store=configured, clickpost=vendor, clock=clock, policy=PUSH)
    async with configured.write() as session:  # one that outlived its lease, still at work
        late = await replacements.claim_replaceable(
            session,
            owner="late",
            now=clock(),
            until=clock() + timedelta(seconds=1),
            not_before=T0 - timedelta(days=1),
            failures=1,
            limit=9,
        )
    assert [s.reference_number for s in late] == ["REF"]
    clock.forward(seconds=2)
    await run(configured, vendor, clock, minutes=2)
    async with configured.write() as session:
        new = read_order({**an_order("X"), "transporter": "second"}, {"second": SECOND})
        assert not await replacements.supersede(session, "REF", "late", new, problem="p", now=clock())
    assert await count(configured, "shipments") == 2


async def test_one_that_is_placed_after_all_is_taken_back_at_clickpost(configured: Store) -> None:
    clock, vendor = SetClock(), Vendor(NO_RETURNS)
    await take_in(configured, clock)
    await run(configured, vendor, clock, minutes=2)
    first = await get(configured, "REF")
    async with configured.write() as session:  # a worker thought dead brings a waybill
        late = Placing(shipment=first, placed=Placed(waybill="LATE"), difference=None, next_poll_at=None)
        await dispatch.place(session, [late], now=clock())
    await fall_back(configured, vendor, clock)
    after = await get(configured, "REF")
    assert after.cancel_requested_at is not None
    assert after.next_try_at is not None  # the cancel step's turn


async def test_deliveries_that_name_the_order_only_find_the_successor(configured: Store) -> None:
    clock, vendor = SetClock(), Vendor(NO_RETURNS)
    await take_in(configured, clock)
    await run(configured, vendor, clock, minutes=2)
    async with configured.read() as session:
        assert await shipments.of_orders(session, ["order of REF"]) == {"order of REF": ["REF-2"]}
