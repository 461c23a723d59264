"""A cancellation that meets a push, in any order: it ends cancelled, or placed and then cancelled; never lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from awbridge.clickpost.wire.answers import CancelAnswer, FoundOrder, OrderAnswer
from awbridge.domain.call import Call
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.outcome import Outcome, Pending, Placed, Rejected, TryLater, Unknown
from awbridge.domain.orders.shipment import Region, State
from awbridge.steps.orders import intake, settle
from awbridge.steps.registration.cancel import CancelPolicy, cancel_due
from awbridge.steps.registration.push import PushPolicy, push_due
from awbridge.store import Store
from awbridge.store.audit import figures
from tests.support.rows import add, place
from tests.support.world import SetClock, attempts_of, get

pytestmark = pytest.mark.heavy

POLICY = PushPolicy()
PLACED = Placed(waybill="AWB1")
KNOWN = Placed(waybill="AWB1", already=True)
CALL = Call(api="create-order", method="POST", url="u")


class Vendor:
    """Answers orders with the outcomes given, then with 323; cancels on request unless configured otherwise."""

    def __init__(self, *outcomes: Outcome, cancels: tuple[dict[str, Any], ...] = ()) -> None:
        self.outcomes = list(outcomes)
        self.cancels = list(cancels)
        self.during_order: Callable[[], Awaitable[object]] | None = None
        self.during_cancel: Callable[[], Awaitable[object]] | None = None
        self.can_be_asked = True
        self.orders = 0
        self.cancelled: list[str] = []

    async def create_order(self, payload: JsonObject, *, region: Region = Region.INDIA) -> OrderAnswer:
        self.orders += 1
        if during := self.during_order:
            self.during_order = None
            await during()
        return OrderAnswer(outcome=self.outcomes.pop(0) if self.outcomes else KNOWN, call=CALL)

    async def find_order(self, reference_number: str, *, region: Region = Region.INDIA) -> FoundOrder:
        return FoundOrder(placed=None, known=self.can_be_asked, call=CALL)

    async def cancel_order(self, waybill: str, cp_id: int, account_code: str, **_: object) -> CancelAnswer:
        if during := self.during_cancel:
            self.during_cancel = None
            await during()
        answer = self.cancels.pop(0) if self.cancels else {"cancelled": True}
        if answer["cancelled"]:
            self.cancelled.append(waybill)
        return CancelAnswer(call=CALL, **{"message": "text", **answer})


async def push(store: Store, vendor: Vendor, clock: SetClock) -> int:
    return await push_due(store=store, clickpost=vendor, clock=clock, policy=POLICY)


async def cancel(store: Store, vendor: Vendor, clock: SetClock) -> int:
    return await cancel_due(
        store=store, clickpost=vendor, clock=clock, policy=CancelPolicy(retry_delays=POLICY.retry_delays)
    )


async def want_cancelled(store: Store, clock: SetClock) -> None:
    await intake.cancel(store=store, clock=clock, reference_number="R")


async def run_to_the_end(store: Store, vendor: Vendor, clock: SetClock) -> None:
    """Both steps, as time passes, until nothing is due any more."""
    while (due := (await get(store, "R")).next_try_at) is not None:
        clock.now = max(clock.now, due)
        if not await push(store, vendor, clock) + await cancel(store, vendor, clock):
            clock.now += POLICY.lease
    after = await get(store, "R")
    assert after.state is State.CANCELLED, after.problem


async def test_asked_before_the_first_call_it_is_never_sent(store: Store) -> None:
    clock, vendor = SetClock(), Vendor()
    await add(store, "R")
    await want_cancelled(store, clock)
    await run_to_the_end(store, vendor, clock)
    assert (vendor.orders, vendor.cancelled) == (0, [])


@pytest.mark.parametrize(
    ("outcomes", "cancelled"),
    [
        ((PLACED,), ["AWB1"]),
        ((Unknown(message="lost"), KNOWN), ["AWB1"]),
        ((TryLater(message="busy", maybe_placed=True), PLACED), ["AWB1"]),
        ((TryLater(message="busy"),), []),
        ((Pending(), Pending(), PLACED), ["AWB1"]),
        ((Rejected(message="no"),), []),
    ],
    ids=["placed", "lost", "later", "not taken", "pending", "rejected"],
)
async def test_asked_during_the_call_it_is_settled_first_and_then_cancelled(
    store: Store, outcomes: tuple[Outcome, ...], cancelled: list[str]
) -> None:
    clock, vendor = SetClock(), Vendor(*outcomes)
    await add(store, "R")
    vendor.during_order = lambda: want_cancelled(store, clock)
    await run_to_the_end(store, vendor, clock)
    assert (vendor.orders, vendor.cancelled) == (len(outcomes), cancelled)
    assert (await get(store, "R")).success is bool(cancelled)


@pytest.mark.parametrize(
    "first",
    [Unknown(message="lost"), TryLater(message="busy", maybe_placed=True), Pending()],
    ids=lambda o: type(o).__name__,
)
async def test_asked_between_two_calls_it_is_settled_first_and_then_cancelled(store: Store, first: Outcome) -> None:
    clock, vendor = SetClock(), Vendor(first, PLACED)
    await add(store, "R")
    await push(store, vendor, clock)
    await want_cancelled(store, clock)
    assert (await get(store, "R")).state is not State.CANCELLED, "ClickPost may hold it"
    await run_to_the_end(store, vendor, clock)
    assert vendor.cancelled == ["AWB1"]


async def test_asked_between_two_calls_what_nobody_can_hold_is_cancelled_at_once(store: Store) -> None:
    """Sending it once more, to learn what there is to cancel, would make the parcel that nobody wants."""
    clock, vendor = SetClock(), Vendor(TryLater(message="busy"), PLACED)
    await add(store, "R")
    await push(store, vendor, clock)
    await want_cancelled(store, clock)
    assert (await get(store, "R")).state is State.CANCELLED
    clock.forward(days=1)
    assert await push(store, vendor, clock) == 0
    assert (vendor.orders, vendor.cancelled) == (1, [])


async def test_a_refusal_is_no_end_until_clickpost_was_asked_what_the_lost_call_left(store: Store) -> None:
    clock = SetClock()
    vendor = Vendor(Unknown(message="lost"), Rejected(message="no"), Rejected(message="no"))
    await add(store, "R")
    await push(store, vendor, clock)
    await want_cancelled(store, clock)
    vendor.can_be_asked = False
    clock.forward(minutes=10)
    await push(store, vendor, clock)
    after = await get(store, "R")
    assert (after.state, after.maybe_placed) == (State.RETRYING, True)
    vendor.can_be_asked = True
    clock.forward(hours=9)
    await push(store, vendor, clock)
    after = await get(store, "R")
    assert (after.state, after.maybe_placed, after.next_try_at) == (State.GAVE_UP, True, None)
    assert (vendor.orders, vendor.cancelled) == (3, [])
    await settle.not_held(store=store, clock=clock, reference_number="R", by="ops")
    assert (await get(store, "R")).state is State.CANCELLED


async def test_a_cancel_ends_what_every_call_was_refused(store: Store) -> None:
    clock = SetClock()
    refused = TryLater(message="ClickPost 319", unclear=True, refused=True)
    vendor = Vendor(refused, refused)
    await add(store, "R")
    vendor.during_order = lambda: want_cancelled(store, clock)
    await run_to_the_end(store, vendor, clock)
    assert (vendor.orders, vendor.cancelled) == (1, [])


async def test_asked_after_the_call_it_is_cancelled_there(store: Store) -> None:
    clock, vendor = SetClock(), Vendor(PLACED)
    await add(store, "R")
    await push(store, vendor, clock)
    await want_cancelled(store, clock)
    await run_to_the_end(store, vendor, clock)
    assert (vendor.orders, vendor.cancelled) == (1, ["AWB1"])


async def test_a_push_worker_killed_in_the_call_does_not_lose_the_cancellation(store: Store) -> None:
    clock, vendor = SetClock(), Vendor()
    await add(store, "R")
    reached = asyncio.Event()

    async def die() -> None:
        reached.set()
        await asyncio.sleep(60)

    vendor.during_order = die
    worker = asyncio.create_task(push(store, vendor, clock))
    await reached.wait()
    await want_cancelled(store, clock)
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    await run_to_the_end(store, vendor, clock)
    assert (vendor.orders, vendor.cancelled) == (2, ["AWB1"])


async def test_a_cancel_whose_answer_was_lost_is_made_again(store: Store) -> None:
    clock, vendor = SetClock(), Vendor(PLACED, cancels=({"cancelled": False, "again": True},))
    await add(store, "R")
    vendor.during_order = lambda: want_cancelled(store, clock)
    await run_to_the_end(store, vendor, clock)
    outcomes = [a.outcome for a in await attempts_of(store, "R")]
    assert outcomes == ["placed", "not_cancelled", "cancelled"]


async def test_a_cancel_worker_that_lost_its_lease_does_not_undo_the_cancellation(store: Store) -> None:
    clock = SetClock()
    vendor = Vendor(PLACED, cancels=({"cancelled": True}, {"cancelled": False}))
    await add(store, "R")
    await push(store, vendor, clock)
    await want_cancelled(store, clock)

    async def another_worker() -> None:
        clock.forward(minutes=2)
        await cancel(store, vendor, clock)
        assert (await get(store, "R")).state is State.CANCELLED

    vendor.during_cancel = another_worker
    await cancel(store, vendor, clock)
    after = await get(store, "R")
    assert (after.state, after.problem) == (State.CANCELLED, None)


async def test_several_workers_of_both_steps_cancel_once(store: Store) -> None:
    clock, vendor = SetClock(), Vendor(PLACED)
    await add(store, "R")
    vendor.during_order = lambda: want_cancelled(store, clock)
    for _ in range(3):
        await asyncio.gather(*(step(store, vendor, clock) for step in (push, cancel) for _ in range(3)))
    assert (await get(store, "R")).state is State.CANCELLED
    assert (vendor.orders, vendor.cancelled) == (1, ["AWB1"])


async def test_a_cancellation_that_clickpost_refused_is_seen(store: Store) -> None:
    clock = SetClock()
    refusal = {"cancelled": False, "message": "too late", "advice": "Check the waybill."}
    vendor = Vendor(PLACED, cancels=(refusal,))
    await add(store, "R", "OTHER")
    await place(store, "OTHER", "AWB2")
    await push(store, vendor, clock)
    await want_cancelled(store, clock)
    assert await counted(store) == (1, 0, 0)
    await cancel(store, vendor, clock)
    after = await get(store, "R")
    assert after.problem == "not cancelled at ClickPost: too late. Check the waybill."
    assert await counted(store) == (0, 1, 0)
    await want_cancelled(store, clock)
    await run_to_the_end(store, vendor, clock)
    assert await counted(store) == (0, 0, 0)


async def counted(store: Store) -> tuple[int, int, int]:
    async with store.read() as session:
        counts = await figures.cancels(session)
    return counts["asked"], counts["refused"], counts["unsettled"]


async def test_a_cancellation_outlives_a_push_that_gave_up_and_resumes_when_requested_again(store: Store) -> None:
    clock = SetClock()
    vendor = Vendor(*[Unknown(message="lost")] * (len(POLICY.retry_delays) + 1))
    await add(store, "R")
    await push(store, vendor, clock)
    await want_cancelled(store, clock)
    while (due := (await get(store, "R")).next_try_at) is not None:
        clock.now = due
        await push(store, vendor, clock)
    assert (await get(store, "R")).state is State.GAVE_UP
    assert await counted(store) == (0, 0, 1)
    await want_cancelled(store, clock)
    await run_to_the_end(store, vendor, clock)
    assert vendor.cancelled == ["AWB1"]
