"""Cancel: what is placed and not wanted any more is taken back at ClickPost."""

from __future__ import annotations

from typing import Any

import pytest

from awbridge.clickpost.answers import CancelAnswer
from awbridge.domain.call import Call
from awbridge.domain.shipment import State
from awbridge.steps import intake
from awbridge.steps.cancel import CONFIRM_AFTER, cancel_due
from awbridge.store import Store
from tests.steps.world import SetClock, attempts_of, get
from tests.store.rows import T0, add, place

DELAYS = (60.0, 300.0, 900.0)


class Vendor:
    def __init__(self, **answer: Any) -> None:
        self.answer: dict[str, Any] = {"cancelled": True, "message": "ok", **answer}
        self.calls: list[tuple[str, int, str]] = []

    async def cancel_order(self, waybill: str, cp_id: int, account_code: str) -> CancelAnswer:
        self.calls.append((waybill, cp_id, account_code))
        return CancelAnswer(call=Call(api="cancel_order", method="GET", url="u"), **self.answer)


async def run(store: Store, vendor: Vendor, clock: SetClock) -> int:
    return await cancel_due(store=store, clickpost=vendor, clock=clock, retry_delays=DELAYS)


@pytest.fixture
async def unwanted(store: Store) -> Store:
    """A store with one placed shipment that somebody wants cancelled."""
    await add(store, "R")
    await place(store, "R", "AWB1")
    await intake.cancel(store=store, clock=SetClock(), reference_number="R")
    return store


async def test_an_unwanted_shipment_is_cancelled_at_clickpost_once(unwanted: Store) -> None:
    vendor, clock = Vendor(), SetClock()
    assert await run(unwanted, vendor, clock) == 1
    after = await get(unwanted, "R")
    assert (after.state, after.problem, after.cancel_asked_at) == (State.CANCELLED, None, T0)
    clock.forward(days=9)
    assert await run(unwanted, vendor, clock) == 0
    assert vendor.calls == [("AWB1", 4, "main")]
    assert [a.outcome for a in await attempts_of(unwanted, "R")] == ["cancelled"]


async def test_what_nobody_wants_cancelled_is_left_alone(store: Store) -> None:
    await add(store, "R")
    await place(store, "R", "AWB1")
    vendor = Vendor()
    assert await run(store, vendor, SetClock()) == 0
    assert vendor.calls == []


async def test_a_cancellation_that_is_done_later_is_asked_about_until_it_is(unwanted: Store) -> None:
    vendor, clock = Vendor(cancelled=False, accepted=True, again=True), SetClock()
    await run(unwanted, vendor, clock)
    after = await get(unwanted, "R")
    assert (after.state, after.problem, after.next_try_at) == (State.PLACED, "cancelling", T0 + CONFIRM_AFTER)
    vendor.answer["cancelled"] = True
    clock.now += CONFIRM_AFTER
    assert await run(unwanted, vendor, clock) == 1
    assert (await get(unwanted, "R")).state is State.CANCELLED


async def test_a_failure_that_passes_is_tried_until_the_delays_are_used_up(unwanted: Store) -> None:
    vendor, clock = Vendor(cancelled=False, again=True, message="away"), SetClock()
    while (due := (await get(unwanted, "R")).next_try_at) is not None:
        clock.now = due
        assert await run(unwanted, vendor, clock) == 1
    after = await get(unwanted, "R")
    assert (after.state, after.problem) == (State.PLACED, "not cancelled at ClickPost: away")
    assert (after.cancel_tries, after.no_of_retries) == (len(vendor.calls), 0)
    assert len(vendor.calls) == len(DELAYS) + 1


async def test_a_broken_account_never_uses_up_the_tries_of_a_cancellation(unwanted: Store) -> None:
    vendor, clock = Vendor(cancelled=False, again=True, misconfigured=True, message="bad key"), SetClock()
    for _ in range(3 * len(DELAYS)):
        assert await run(unwanted, vendor, clock) == 1
        clock.now += CONFIRM_AFTER
    vendor.answer["cancelled"] = True
    await run(unwanted, vendor, clock)
    assert (await get(unwanted, "R")).state is State.CANCELLED


async def test_a_final_refusal_is_shown_and_not_repeated(unwanted: Store) -> None:
    vendor, clock = Vendor(cancelled=False, message="waybill is invalid"), SetClock()
    await run(unwanted, vendor, clock)
    after = await get(unwanted, "R")
    assert (after.state, after.next_try_at) == (State.PLACED, None)
    assert "waybill is invalid" in (after.problem or "")
    await intake.cancel(store=unwanted, clock=clock, reference_number="R")
    assert await run(unwanted, vendor, clock) == 1, "a person may insist"
