"""Push: what becomes of a shipment after each answer, and after workers that die."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
from collections.abc import Callable
from datetime import timedelta

import pytest

from awbridge.clickpost.wire.answers import FoundOrder, OrderAnswer
from awbridge.domain.call import Call
from awbridge.domain.errors import StoreBusy
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.outcome import Misconfigured, Outcome, Pending, Placed, Rejected, TryLater, Unknown
from awbridge.domain.orders.shipment import Region, Shipment, State
from awbridge.steps.orders import intake
from awbridge.steps.registration.push import push_due
from awbridge.steps.registration.verdict import PushPolicy, decide
from awbridge.store import Store
from awbridge.store.couriers import accounts
from awbridge.store.orders import lists, shipments
from tests.support.rows import MINUTE, T0, add
from tests.support.world import SetClock, TrippingStore, an_order, attempts_of, get

pytestmark = pytest.mark.heavy

POLICY = PushPolicy(retry_delays=(60.0, 300.0, 900.0))


class Vendor:
    """Answers by reference number; `placed` by default. Holds an order from the first call on."""

    def __init__(self, answers: dict[str, Outcome] | None = None) -> None:
        self.answers = answers or {}
        self.calls: list[str] = []
        self.regions: list[Region] = []
        self.orders: dict[str, JsonObject] = {}
        self.running = 0
        self.most_at_once = 0
        self.before_answer: Callable[[str], object] | None = None
        self.held: dict[str, Placed] = {}  # what a fetch by reference finds
        self.can_be_asked = True
        self.fetched: list[str] = []

    async def find_order(self, reference_number: str, *, region: Region = Region.INDIA) -> FoundOrder:
        self.fetched.append(reference_number)
        call = Call(api="fetch-order", method="GET", url="u", response="found")
        found = self.held.get(reference_number) if self.can_be_asked else None
        return FoundOrder(placed=found, known=self.can_be_asked, call=call)

    async def create_order(self, order: JsonObject, *, region: Region = Region.INDIA) -> OrderAnswer:
        reference = order["shipment_details"]["reference_number"]
        self.calls.append(reference)
        self.regions.append(region)
        self.running += 1
        self.most_at_once = max(self.running, self.most_at_once)
        await asyncio.sleep(0)
        outcome = self.answers.get(reference)
        if outcome is None:
            already = reference in self.orders
            self.orders.setdefault(reference, order)
            outcome = Placed(waybill=f"AWB-{reference}", already=already)
        if self.before_answer:
            waiting = self.before_answer(reference)
            if asyncio.iscoroutine(waiting):
                await waiting
        self.running -= 1
        return OrderAnswer(outcome=outcome, call=Call(api="create_order", method="POST", url="u", response="answer"))


async def push(store: Store, vendor: Vendor, clock: SetClock, policy: PushPolicy = POLICY) -> int:
    return await push_due(store=store, clickpost=vendor, clock=clock, policy=policy)


async def look(store: Store, reference: str, clock: SetClock) -> Shipment:
    """A shipment as it is shown."""
    async with store.read() as session:
        return lists.shown(await get(store, reference), await accounts.held(session, now=clock()))


async def test_a_due_shipment_is_placed_and_never_sent_again(store: Store) -> None:
    clock, vendor = SetClock(), Vendor()
    await add(store, "R", region=Region.WORLD)
    assert await push(store, vendor, clock) == 1
    after = await get(store, "R")
    assert (after.state, after.success, after.waybill, after.no_of_retries) == (State.PLACED, True, "AWB-R", 0)
    clock.forward(days=10)
    assert await push(store, vendor, clock) == 0
    assert vendor.calls == ["R"]
    assert vendor.regions == [Region.WORLD]


@pytest.mark.parametrize(
    ("outcome", "state", "tries", "problem", "soonest", "latest"),
    [
        (TryLater(message="courier away"), State.RETRYING, 1, "courier away", 60, 66),
        (TryLater(message="slow down", retry_after=600.0), State.RETRYING, 1, "slow down", 600, 600),
        (TryLater(message="429", counts=False, retry_after=7.0), State.RETRYING, 0, "429", 7, 10.5),
        (TryLater(message="429", counts=False), State.RETRYING, 0, "429", 1, 1.5),
        (Unknown(message="no answer"), State.RETRYING, 1, "no answer", 60, 66),
        (Pending(message="queued"), State.WAITING, 0, None, 30, 30),
        (Misconfigured(message="bad key", code=301), State.HELD, 0, "bad key", 300, 300),
        (Rejected(message="bad pincode", fields=("drop_info.drop_pincode",)), State.REJECTED, 0, None, None, None),
    ],
)
async def test_each_answer_leads_to_its_state(
    store: Store,
    outcome: Outcome,
    state: State,
    tries: int,
    problem: str | None,
    soonest: float | None,
    latest: float | None,
) -> None:
    clock = SetClock()
    await add(store, "R")
    await push(store, Vendor({"R": outcome}), clock)
    after = await get(store, "R")
    assert (after.state, after.success, after.no_of_retries) == (state, False, tries)
    if soonest is None or latest is None:
        assert after.next_try_at is None
        assert after.problem == "bad pincode (see drop_info.drop_pincode)"
    else:
        assert after.problem == problem
        assert after.next_try_at is not None
        assert timedelta(seconds=soonest) <= after.next_try_at - T0 <= timedelta(seconds=latest)
    [attempt] = await attempts_of(store, "R")
    assert (
        attempt.outcome
        == {
            TryLater: "try_later",
            Unknown: "unknown",
            Pending: "pending",
            Misconfigured: "misconfigured",
            Rejected: "rejected",
        }[type(outcome)]
    )


async def test_tries_are_used_up_after_one_more_failure_than_there_are_delays(store: Store) -> None:
    clock, vendor = SetClock(), Vendor({"R": TryLater(message="away")})
    await add(store, "R")
    retries: list[int] = []
    while (next_try := (await get(store, "R")).next_try_at) is not None:
        clock.now = next_try
        assert await push(store, vendor, clock) == 1
        retries.append((await get(store, "R")).no_of_retries)
    after = await get(store, "R")
    assert (after.state, after.problem) == (State.GAVE_UP, "away")
    assert retries == [1, 2, 3, 4]
    assert len(vendor.calls) == len(POLICY.retry_delays) + 1
    assert len(await attempts_of(store, "R")) == len(vendor.calls)


async def test_throttling_never_uses_up_a_try(store: Store) -> None:
    clock, vendor = SetClock(), Vendor({"R": TryLater(message="429", counts=False, retry_after=1.0)})
    await add(store, "R")
    for _ in range(3 * len(POLICY.retry_delays)):
        assert await push(store, vendor, clock) == 1
        clock.forward(seconds=2)
    assert (await get(store, "R")).no_of_retries == 0
    vendor.answers.clear()
    await push(store, vendor, clock)
    assert (await get(store, "R")).state is State.PLACED


async def test_a_pending_order_is_asked_for_until_its_deadline_and_then_counts_as_one_failure(store: Store) -> None:
    clock, vendor = SetClock(), Vendor({"R": Pending(message="queued")})
    await add(store, "R")
    while clock.now < T0 + timedelta(hours=1):
        assert await push(store, vendor, clock) == 1
        after = await get(store, "R")
        assert (after.state, after.no_of_retries, after.waiting_since_at) == (State.WAITING, 0, T0)
        clock.forward(seconds=30)
    await push(store, vendor, clock)
    after = await get(store, "R")
    assert (after.state, after.no_of_retries) == (State.RETRYING, 1)
    assert after.problem == "the courier did not finish within 1 h"
    assert after.waiting_since_at is None, "the next wait has a deadline of its own"


async def test_a_pending_order_that_is_finished_is_placed(store: Store) -> None:
    clock, vendor = SetClock(), Vendor({"R": Pending()})
    await add(store, "R")
    await push(store, vendor, clock)
    vendor.answers.clear()
    clock.forward(seconds=30)
    await push(store, vendor, clock)
    after = await get(store, "R")
    assert (after.state, after.waiting_since_at, after.problem) == (State.PLACED, None, None)


async def test_a_broken_account_holds_its_other_shipments_and_resumes_by_itself(store: Store) -> None:
    clock, vendor = SetClock(), Vendor({"A0": Misconfigured(message="bad credentials", code=324)})
    await add(store, "A0")
    await add(store, *(f"A{n}" for n in range(1, 9)), now=T0 + timedelta(seconds=1))
    await add(store, "B", account_code="second", now=T0 + timedelta(seconds=1))
    await push(store, vendor, clock)
    clock.forward(seconds=1)
    await push(store, vendor, clock)
    assert vendor.calls == ["A0", "B"], "the held ones make no noise"
    states = {r: (await look(store, r, clock)).state for r in ("A0", "A1", "A8", "B")}
    assert states == {"A0": State.HELD, "A1": State.HELD, "A8": State.HELD, "B": State.PLACED}
    assert (await look(store, "A8", clock)).problem == "bad credentials"
    vendor.answers.clear()
    clock.forward(seconds=300)
    assert await push(store, vendor, clock) == 9, "one goes first and alone, and the others follow"
    assert (await look(store, "A8", clock)).state is State.PLACED


async def test_an_account_that_stays_broken_is_probed_by_one_shipment_at_a_time(store: Store) -> None:
    names = [f"A{n}" for n in range(9)]
    clock, vendor = SetClock(), Vendor({name: Misconfigured(message="bad key") for name in names})
    await add(store, "A0")
    await add(store, *names[1:], now=T0 + timedelta(seconds=1))
    await push(store, vendor, clock)
    for round_ in range(5):
        clock.forward(seconds=300)
        await push(store, vendor, clock)
        assert len(vendor.calls) == round_ + 2
    assert [(await get(store, name)).no_of_retries for name in names] == [0] * 9


async def test_a_whole_batch_that_failed_together_comes_back_as_one_probe(store: Store) -> None:
    names = [f"A{n}" for n in range(6)]
    clock, vendor = SetClock(), Vendor({name: Misconfigured(message="bad key") for name in names})
    await add(store, *names)
    assert await push(store, vendor, clock) == 6
    clock.forward(seconds=300)
    assert await push(store, vendor, clock) == 1
    vendor.answers.clear()
    clock.forward(seconds=300)
    assert await push(store, vendor, clock) == 6


async def test_a_changed_payload_that_did_not_reach_clickpost_is_a_difference(store: Store) -> None:
    clock, vendor = SetClock(), Vendor({"R": Unknown(message="no answer")})
    await intake.take_in(store=store, clock=clock, orders=[an_order("R")])
    await push(store, vendor, clock)
    clock.forward(minutes=1)
    await intake.change_payload(store=store, clock=clock, reference_number="R", order=an_order("R", weight=900))
    vendor.answers["R"] = Placed(waybill="W", already=True)
    await push(store, vendor, clock)
    after = await get(store, "R")
    assert after.state is State.PLACED
    assert "the change did not reach it" in (after.difference or "")


async def test_a_worker_that_dies_after_its_call_does_not_ship_twice(store: Store) -> None:
    clock, vendor = SetClock(), Vendor()
    await add(store, "R")
    vendor.before_answer = lambda _: asyncio.sleep(60)
    doomed = asyncio.create_task(push(store, vendor, clock))
    while not vendor.orders:
        await asyncio.sleep(0.005)
    doomed.cancel()
    with pytest.raises(asyncio.CancelledError):
        await doomed
    vendor.before_answer = None
    assert await push(store, vendor, clock) == 0, "the lease is not over"
    clock.forward(seconds=POLICY.lease.total_seconds())
    assert await push(store, vendor, clock) == 1
    after = await get(store, "R")
    assert (after.state, after.waybill) == (State.PLACED, "AWB-R")
    assert len(vendor.orders) == 1
    assert len(vendor.calls) == 2


async def test_a_slow_workers_success_is_kept_even_after_its_lease(store: Store) -> None:
    clock, vendor = SetClock(), Vendor()
    await add(store, "R")
    vendor.before_answer = lambda _: clock.forward(seconds=600)
    await push(store, vendor, clock)
    assert (await get(store, "R")).state is State.PLACED


async def test_a_slow_workers_failure_does_not_undo_anothers_success(store: Store) -> None:
    clock = SetClock()
    slow, quick = Vendor({"R": TryLater(message="late word")}), Vendor()
    gate = asyncio.Event()
    slow.before_answer = lambda _: gate.wait()
    await add(store, "R")
    waiting = asyncio.create_task(push(store, slow, clock))
    while not slow.calls:
        await asyncio.sleep(0.005)
    clock.forward(seconds=POLICY.lease.total_seconds())
    await push(store, quick, clock)
    gate.set()
    await waiting
    after = await get(store, "R")
    assert (after.state, after.no_of_retries) == (State.PLACED, 0)
    assert sorted(a.outcome for a in await attempts_of(store, "R")) == ["placed", "try_later"]


async def test_nothing_is_claimed_before_there_is_a_seat_for_it(store: Store) -> None:
    clock, vendor = SetClock(), Vendor()
    await add(store, "A", "B")
    seen: list[Shipment] = []

    async def slow(reference: str) -> None:
        seen.append(await get(store, "B" if reference == "A" else "A"))
        clock.forward(seconds=100)

    vendor.before_answer = slow
    await push(store, vendor, clock, PushPolicy(concurrency=1))
    assert len(vendor.calls) == 2
    assert seen[0].sent_at is None, "the second was not leased while the first was called"


async def test_no_more_calls_are_in_flight_than_allowed(store: Store) -> None:
    vendor = Vendor()
    await add(store, *(f"R{n}" for n in range(12)))
    assert await push(store, vendor, SetClock(), PushPolicy(concurrency=3)) == 12
    assert vendor.most_at_once == 3


async def test_workers_at_once_place_every_order_once(store: Store) -> None:
    vendor, clock = Vendor(), SetClock()
    references = [f"R{n}" for n in range(40)]
    await add(store, *references)
    policy = PushPolicy(batch=5)
    while sum(await asyncio.gather(*(push(store, vendor, clock, policy) for _ in range(4)))):
        pass
    assert sorted(vendor.calls) == sorted(references)


async def test_a_database_that_is_busy_while_answers_are_kept_is_tried_again(store: Store) -> None:
    vendor = Vendor()
    await add(store, "A", "B", "C")
    stumbling = TrippingStore(store, busy=lambda write: write in (2, 3))
    assert await push(stumbling.as_store, vendor, SetClock()) == 3
    assert [(await get(store, r)).state for r in "ABC"] == [State.PLACED] * 3
    assert len(vendor.calls) == 3, "the call is not repeated"
    assert len(await attempts_of(store, "A")) == 1


async def test_an_error_of_one_shipment_is_raised_after_all_others_are_recorded(store: Store) -> None:
    vendor = Vendor()

    def explode(reference: str) -> None:
        if reference == "BAD":
            raise ZeroDivisionError

    vendor.before_answer = explode
    await add(store, "BAD", "A", "B")
    with pytest.raises(ZeroDivisionError):
        await push(store, vendor, SetClock())
    assert [(await get(store, r)).state for r in "AB"] == [State.PLACED] * 2


async def test_a_database_that_is_busy_for_the_claim_makes_no_call(store: Store) -> None:
    vendor = Vendor()
    await add(store, "R")
    with pytest.raises(StoreBusy):
        await push(TrippingStore(store, busy=lambda _: True).as_store, vendor, SetClock())
    assert vendor.calls == []


async def test_another_courier_than_requested_is_a_difference(store: Store) -> None:
    await add(store, "R")
    await push(store, Vendor({"R": Placed(waybill="W", courier_partner_id=5, already=True)}), SetClock())
    assert (await get(store, "R")).difference == "courier partner: requested 4, ClickPost holds 5"


async def test_what_goes_out_carries_the_courier_and_account_of_the_shipment(store: Store) -> None:
    clock, vendor = SetClock(), Vendor()
    await intake.take_in(store=store, clock=clock, orders=[an_order("R")])
    await push(store, vendor, clock)
    sent = vendor.orders["R"]
    assert sent == an_order("R")


@pytest.mark.parametrize(
    ("outcome", "state"),
    [(None, State.PLACED), (Rejected(message="bad"), State.CANCELLED)],
    ids=["placed, then cancelled at ClickPost", "rejected: nothing to cancel there"],
)
async def test_a_cancellation_during_the_call_is_carried_out_after_it(
    store: Store, outcome: Outcome | None, state: State
) -> None:
    clock, vendor = SetClock(), Vendor({"R": outcome} if outcome else {})
    gate = asyncio.Event()
    vendor.before_answer = lambda _: gate.wait()
    await add(store, "R")
    pushing = asyncio.create_task(push(store, vendor, clock))
    while not vendor.calls:
        await asyncio.sleep(0.005)
    await intake.cancel(store=store, clock=clock, reference_number="R")
    gate.set()
    await pushing
    assert (await get(store, "R")).state is state
    async with store.write() as session:
        due = await shipments.claim_cancels(session, owner="c", now=clock(), until=clock() + MINUTE, limit=5)
    assert [s.reference_number for s in due] == ([] if outcome else ["R"])


async def test_deciding_knows_no_answer_for_what_is_placed(store: Store) -> None:
    await add(store, "R")
    with pytest.raises(AssertionError):
        decide(await get(store, "R"), Placed(waybill="x"), T0, POLICY)


async def test_what_may_stand_at_clickpost_does_not_give_up_until_clickpost_was_asked(store: Store) -> None:
    clock, vendor = SetClock(), Vendor({"R": Unknown(message="no answer")})
    vendor.can_be_asked = False
    await add(store, "R")
    for _ in range(8):
        await push(store, vendor, clock)
        clock.forward(hours=2)
    waiting = await get(store, "R")
    assert (waiting.state, waiting.no_of_retries) == (State.RETRYING, 3)
    assert len(vendor.fetched) == 5
    assert [a.outcome for a in await attempts_of(store, "R")][-1] == "not_asked"
    vendor.can_be_asked = True
    vendor.held["R"] = Placed(waybill="AWB-R")
    await push(store, vendor, clock)
    after = await get(store, "R")
    assert (after.state, after.waybill) == (State.PLACED, "AWB-R")


async def test_a_long_queue_is_not_read_into_memory(store: Store) -> None:
    """What is claimed is what can be called: a backlog costs rows, not memory."""
    clock, vendor = SetClock(), Vendor()
    await add(store, *(f"R{n}" for n in range(200)))
    most = 0

    def watch(reference: str) -> None:
        nonlocal most
        if reference.endswith("49"):  # looking at all that lives takes a while
            most = max(most, sum(type(each) is Shipment for each in gc.get_objects()))

    vendor.before_answer = watch
    policy = dataclasses.replace(POLICY, batch=10, concurrency=5)
    assert await push(store, vendor, clock, policy) == 200
    assert most <= 60
