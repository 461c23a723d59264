"""Catch up: every minute is covered, over outages too; silent shipments are polled, five a call, not too often."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from awbridge.clickpost.tracking.track import UpdatedPage
from awbridge.clickpost.wire.answers import TrackAnswer
from awbridge.domain.call import Call
from awbridge.domain.errors import VendorError
from awbridge.domain.orders.shipment import Piece, WaybillKind
from awbridge.steps.polling.policy import POLLING, CatchUpPolicy
from awbridge.steps.polling.track_order import PolledAll, poll_all, poll_due, resume_polling
from awbridge.steps.polling.updated_order import cover_next_window, cover_span
from awbridge.steps.runtime.pace import Pace
from awbridge.steps.tracking.apply import ApplyPolicy, apply_due
from awbridge.store import Store
from awbridge.store.orders import waybills
from awbridge.store.orders.waybills import NewWaybill
from awbridge.store.polling import polls, windows
from awbridge.store.tracking import inbox
from tests.support.rows import MINUTE, T0, add, count, delivery, fetch, place
from tests.support.world import INDIA, SetClock, as_body, get, webhook

pytestmark = pytest.mark.heavy

POLICY = CatchUpPolicy()
CALL = Call(api="updated_order", method="GET", url="u", http_status=503, error="away")


class Vendor:
    """Remembers what was asked. `pages` is what every window holds; `failing` says how often to fail."""

    def __init__(self) -> None:
        self.windows: list[tuple[datetime, datetime]] = []
        self.asked: list[tuple[int, list[str]]] = []
        self.pages: list[list[dict[str, Any]]] = [[]]
        self.failing = 0
        self.fail_after_page = 0
        self.retry_after: float | None = None
        self.again = True
        self.pages_asked: list[int] = []

    async def updated_order(
        self, start: datetime, end: datetime, *, window: timedelta, page: str = ""
    ) -> AsyncIterator[UpdatedPage]:
        for number, items in enumerate(self.pages[int(page or 0) :], start=int(page or 0)):
            self.pages_asked.append(number)
            if self.failing and number >= self.fail_after_page:
                self.failing -= 1
                raise VendorError("updated-order is away", call=CALL, again=self.again, retry_after=self.retry_after)
            following = str(number + 1) if number + 1 < len(self.pages) else ""
            yield UpdatedPage(items=items, next_url=None, next_page=following)
        self.windows.append((start, end))

    async def track_order(self, waybills: Sequence[str], cp_id: int) -> TrackAnswer:
        self.asked.append((cp_id, list(waybills)))
        if self.failing:
            self.failing -= 1
            raise VendorError("track-order is away", call=CALL, again=True)
        items = [{"waybill": w, "cp_id": cp_id, "result": {"scans": [{"clickpost_status_code": 5}]}} for w in waybills]
        return TrackAnswer(items=items, call=CALL)


async def cover(store: Store, vendor: Vendor, clock: SetClock) -> int:
    return await cover_next_window(store=store, clickpost=vendor, clock=clock, policy=POLICY)


async def ask(store: Store, vendor: Vendor, clock: SetClock) -> int:
    return await poll_due(store=store, clickpost=vendor, clock=clock, policy=POLICY)


async def ask_all(store: Store, vendor: Vendor, clock: SetClock) -> int:
    asked = 0
    while more := await ask(store, vendor, clock):
        asked += more
    return asked


def assert_contiguous(found: list[tuple[datetime, datetime]]) -> None:
    ordered = sorted(found)
    assert [start for start, _ in ordered[1:]] == [end for _, end in ordered[:-1]]


async def test_windows_follow_one_another_over_hours_of_outage_and_stay_within_the_vendors_limit(store: Store) -> None:
    clock, vendor = SetClock(), Vendor()
    while await cover(store, vendor, clock):
        pass
    assert vendor.windows == [(T0 - 10 * MINUTE, T0 - MINUTE)]
    clock.forward(minutes=7)
    assert await cover(store, vendor, clock) == 1
    clock.forward(hours=5)  # this process was dead
    while await cover(store, vendor, clock):
        pass
    assert_contiguous(vendor.windows)
    assert max(end for _, end in vendor.windows) == clock.now - POLICY.lag
    assert max(end - start for start, end in vendor.windows) <= POLICY.window
    assert await cover(store, vendor, clock) == 0


async def test_what_a_window_holds_is_stored_before_it_counts_as_covered(store: Store) -> None:
    clock, vendor = SetClock(), Vendor()
    vendor.pages = [[{"waybill": "A"}, {"waybill": "B"}], [{"waybill": "C"}]]
    await cover(store, vendor, clock)
    rows = await fetch(store, "SELECT source, received_at FROM inbox")
    assert [(r["source"], r["received_at"]) for r in rows] == [("u", T0)] * 3
    async with store.read() as session:
        [window] = await windows.recent(session, limit=5)
    assert (window.items, window.done_at) == (3, T0)


@pytest.mark.parametrize("fail_after_page", [0, 1])
async def test_a_window_that_failed_is_tried_again_and_nothing_is_skipped(store: Store, fail_after_page: int) -> None:
    clock, vendor = SetClock(), Vendor()
    vendor.pages = [[{"waybill": "A"}], [{"waybill": "B"}]]
    vendor.failing, vendor.fail_after_page = 1, fail_after_page
    assert await cover(store, vendor, clock) == 0
    async with store.read() as session:
        [window] = await windows.recent(session, limit=5)
    assert (window.done_at, window.problem) == (None, "updated-order is away")
    assert [r["outcome"] for r in await fetch(store, "SELECT outcome FROM attempts")] == ["failed"]
    clock.forward(seconds=59)
    assert await cover(store, vendor, clock) == 0
    clock.forward(seconds=1)
    assert await cover(store, vendor, clock) == 1
    assert vendor.windows == [(window.from_at, window.to_at)]
    clock.forward(minutes=30)
    while await cover(store, vendor, clock):
        pass
    assert_contiguous(vendor.windows)
    assert await count(store, "inbox") == 2


async def test_clickposts_retry_after_is_respected(store: Store) -> None:
    clock, vendor = SetClock(), Vendor()
    vendor.failing, vendor.retry_after = 1, 240.0
    await cover(store, vendor, clock)
    clock.forward(seconds=61)
    vendor.windows.clear()
    await cover(store, vendor, clock)
    assert (T0 - 10 * MINUTE) not in [start for start, _ in vendor.windows]
    clock.forward(seconds=180)
    await cover(store, vendor, clock)
    assert (T0 - 10 * MINUTE) in [start for start, _ in vendor.windows]


async def test_a_window_of_a_worker_that_died_is_taken_over(store: Store) -> None:
    clock, vendor = SetClock(), Vendor()

    class Dies(Vendor):
        async def updated_order(
            self, start: datetime, end: datetime, *, window: timedelta, page: str = ""
        ) -> AsyncIterator[UpdatedPage]:
            yield UpdatedPage(items=[], next_url=None)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await cover(store, Dies(), clock)
    clock.forward(minutes=5)
    while await cover(store, vendor, clock):
        pass
    assert min(start for start, _ in vendor.windows) == T0 - 10 * MINUTE
    assert_contiguous(vendor.windows)


async def test_a_span_chosen_by_hand_is_covered_and_leaves_the_schedule_alone(store: Store) -> None:
    clock, vendor = SetClock(), Vendor()
    vendor.pages = [[{"waybill": "A"}]]
    start, end = T0 - timedelta(days=3), T0 - timedelta(days=3) + 25 * MINUTE
    asked = await cover_span(store=store, clickpost=vendor, clock=clock, start=start, end=end, policy=POLICY)
    assert asked == 3
    assert (vendor.windows[0][0], vendor.windows[-1][1]) == (start, end)
    assert_contiguous(vendor.windows)
    assert await count(store, "catch_up_windows") == 0
    assert await count(store, "inbox") == 1, "the same item is one row"


async def test_a_window_of_a_span_that_failed_is_fetched_again_and_counted_once(store: Store) -> None:
    clock, vendor = SetClock(), Vendor()
    vendor.pages = [[{"waybill": "A"}], [{"waybill": "B"}]]
    vendor.failing, vendor.fail_after_page, vendor.retry_after = 2, 1, 0.01
    world: dict[str, Any] = {"store": store, "clickpost": vendor, "clock": clock, "policy": POLICY}
    span = {"start": T0 - 20 * MINUTE, "end": T0}
    assert await cover_span(**world, **span, pauses=(0.0, 0.0)) == 4
    assert vendor.windows == [(T0 - 20 * MINUTE, T0 - 10 * MINUTE), (T0 - 10 * MINUTE, T0)]
    assert await count(store, "attempts") == 2, "each failed call is kept"


@pytest.mark.parametrize(("again", "calls"), [(True, 3), (False, 1)])
async def test_a_span_is_given_up_when_no_try_helps_and_says_how_far_it_came(
    store: Store, again: bool, calls: int
) -> None:
    clock, vendor = SetClock(), Vendor()
    vendor.failing, vendor.again = 99, again
    world: dict[str, Any] = {"store": store, "clickpost": vendor, "clock": clock, "policy": POLICY}
    reached: list[datetime] = []
    with pytest.raises(VendorError):
        await cover_span(**world, start=T0 - 20 * MINUTE, end=T0, pauses=(0.0, 0.0), on_window=reached.append)
    assert (len(vendor.pages_asked), reached) == (calls, [])


async def silent(store: Store, count: int, *, courier: int = 4) -> list[str]:
    numbers = [f"AWB-{courier}-{n}" for n in range(count)]
    for number in numbers:
        await add(store, f"R-{number}", courier_partner_id=courier)
        await place(store, f"R-{number}", number)
    return numbers


async def test_silent_shipments_are_asked_for_five_of_one_courier_a_call(store: Store) -> None:
    clock, vendor = SetClock(), Vendor()
    numbers = await silent(store, 12) + await silent(store, 3, courier=5)
    assert await ask(store, vendor, clock) == 0, "they were placed just now"
    clock.forward(days=1)
    assert await ask_all(store, vendor, clock) == 15
    assert sorted(len(asked) for _, asked in vendor.asked) == [2, 3, 5, 5]
    assert all(number.startswith(f"AWB-{courier}-") for courier, asked in vendor.asked for number in asked)
    assert sorted(n for _, asked in vendor.asked for n in asked) == sorted(numbers)
    assert await count(store, "inbox") == 15


async def test_a_shipment_is_not_asked_for_again_before_its_time(store: Store) -> None:
    clock, vendor = SetClock(), Vendor()
    await silent(store, 1)
    clock.forward(days=1)
    assert await ask(store, vendor, clock) == 1
    clock.forward(hours=22, minutes=59)
    assert await ask(store, vendor, clock) == 0, "it was answered: the next day's question is due after 23 hours"
    clock.forward(minutes=1)
    assert await ask(store, vendor, clock) == 1


async def test_a_question_that_failed_is_asked_again_after_two_hours_not_earlier(store: Store) -> None:
    clock, vendor = SetClock(), Vendor()
    await silent(store, 6)
    clock.forward(days=1)
    vendor.failing = 1
    assert await ask_all(store, vendor, clock) == 6
    assert await count(store, "inbox") == 1, "the other call's answer is kept"
    assert await count(store, "attempts") == 1
    clock.forward(hours=1, minutes=59)
    assert await ask(store, vendor, clock) == 0
    clock.forward(minutes=1)
    assert await ask(store, vendor, clock) == 5
    assert await count(store, "inbox") == 6


async def test_a_window_resumes_after_the_last_stored_page(store: Store) -> None:
    clock, vendor = SetClock(), Vendor()
    vendor.pages = [[{"waybill": "A"}], [{"waybill": "B"}], [{"waybill": "C"}]]
    vendor.failing, vendor.fail_after_page = 1, 2
    await cover(store, vendor, clock)
    clock.forward(minutes=1)
    assert await cover(store, vendor, clock) == 1
    assert vendor.pages_asked == [0, 1, 2, 2]
    async with store.read() as session:
        [window] = await windows.recent(session, limit=5)
    assert window.items == 3
    assert await count(store, "inbox") == 3


@pytest.mark.parametrize(("wait", "again"), [(11, True), (1, False)])
async def test_a_window_restarts_when_its_page_is_old_or_was_refused(store: Store, wait: int, again: bool) -> None:
    clock, vendor = SetClock(), Vendor()
    vendor.pages = [[{"waybill": "A"}], [{"waybill": "B"}]]
    vendor.failing, vendor.fail_after_page, vendor.again = 1, 1, again
    await cover(store, vendor, clock)
    clock.forward(minutes=wait)
    assert await cover(store, vendor, clock) == 1
    assert vendor.pages_asked == [0, 1, 0, 1], "a shipment that changed once more has left its page"


async def test_pieces_and_returns_are_polled_too(store: Store) -> None:
    clock, vendor = SetClock(), Vendor()
    await add(store, "R", courier_partner_id=4)
    await place(store, "R", "MAIN", children=("PIECE-1", "PIECE-2"))
    async with store.write() as session:
        await waybills.add(session, [NewWaybill(Piece(waybill="BACK"), 9, "R", WaybillKind.RTO, T0)], now=T0)
    clock.forward(days=1)
    assert await ask_all(store, vendor, clock) == 1
    assert sorted(vendor.asked) == [(4, ["MAIN", "PIECE-1", "PIECE-2"]), (9, ["BACK"])]


async def test_a_full_call_goes_out_a_little_early_and_the_rest_at_its_time(store: Store) -> None:
    clock, vendor = SetClock(), Vendor()
    await silent(store, 7)
    clock.forward(hours=23, minutes=50)
    assert await ask_all(store, vendor, clock) == 5
    clock.forward(minutes=9)
    assert await ask_all(store, vendor, clock) == 0, "two wait for company"
    clock.forward(minutes=1)
    assert await ask_all(store, vendor, clock) == 2


async def test_while_updated_order_catches_up_polling_makes_one_call_a_round(store: Store) -> None:
    clock, vendor = SetClock(), Vendor()
    await cover(store, vendor, clock)
    await silent(store, 20)
    clock.forward(hours=24)  # an outage; updated-order resumes
    await cover(store, vendor, clock)
    assert await ask(store, vendor, clock) == 0  # the loop rests
    assert len(vendor.asked) == 1
    clock.forward(minutes=3)  # it has stalled: polling must find what it does not
    assert await ask_all(store, vendor, clock) == 15


async def test_polling_goes_on_at_full_pace_once_updated_order_is_up_to_date(store: Store) -> None:
    clock, vendor = SetClock(), Vendor()
    await cover(store, vendor, clock)
    await silent(store, 20)
    clock.forward(hours=24)
    while await cover(store, vendor, clock):
        pass
    assert await ask_all(store, vendor, clock) == 20


async def test_a_shipment_silent_for_45_days_goes_onto_a_list_and_back_on_demand(store: Store) -> None:
    clock, vendor = SetClock(), Vendor()
    await silent(store, 1)
    days = 0
    while days < 60 and await ask_all(store, vendor, clock) + (days < 2):
        clock.forward(days=1)
        days += 1
    assert (days, len(vendor.asked)) == (46, 45)
    async with store.read() as session:
        [aged] = await polls.aged_out(session)
    assert (aged.reference_number, aged.aged_out_at) == ("R-AWB-4-0", clock.now)
    await poll_all(store=store, clickpost=vendor, clock=clock, policy=POLICY)
    clock.forward(days=3)
    assert await ask_all(store, vendor, clock) == 0, "asking for everything does not bring it back"
    wanted = {
        "store": store,
        "clock": clock,
        "references": ["R-AWB-4-0", "NONE"],
        "ask_again": POLICY.polling.ask_again,
    }
    assert await resume_polling(**wanted) == ["R-AWB-4-0"]
    asked = len(vendor.asked)
    assert await ask_all(store, vendor, clock) == 1
    assert await resume_polling(**wanted) == ["R-AWB-4-0"]
    clock.forward(hours=1, minutes=59)
    assert await ask_all(store, vendor, clock) == 0, "never twice within two hours"
    clock.forward(minutes=1)
    assert await ask_all(store, vendor, clock) == 1
    assert len(vendor.asked) == asked + 2
    clock.forward(days=1)
    assert await ask_all(store, vendor, clock) == 1, "back on the schedule"


async def test_calls_keep_the_pace(store: Store) -> None:
    clock, vendor, slept = SetClock(), Vendor(), list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    policy = CatchUpPolicy(pace=Pace(POLLING, 2.0, sleep=sleep))
    await silent(store, 12)
    clock.forward(days=1)
    await poll_due(store=store, clickpost=vendor, clock=clock, policy=policy)
    vendor.pages = [[], []]
    await cover_next_window(store=store, clickpost=vendor, clock=clock, policy=policy)
    assert slept == [0.5, 1.0, 1.5], "four calls, half a second apart"


async def test_a_complete_catch_up_asks_for_every_waybill(store: Store) -> None:
    clock, vendor = SetClock(), Vendor()
    numbers = await silent(store, 7)
    await add(store, "NOT-PLACED")
    result = await poll_all(store=store, clickpost=vendor, clock=clock, policy=POLICY)
    assert result == PolledAll(asked=7, known=7, failed=0)
    assert sorted(n for _, asked in vendor.asked for n in asked) == numbers


async def test_a_shipment_polled_on_request_is_not_polled_again_by_the_schedule_within_two_hours(store: Store) -> None:
    clock, vendor = SetClock(), Vendor()
    await silent(store, 1)
    clock.forward(minutes=30)
    await poll_all(store=store, clickpost=vendor, clock=clock, policy=POLICY)
    polled_at = clock.now
    assert (await fetch(store, "SELECT last_polled_at FROM shipments"))[0]["last_polled_at"] == polled_at
    clock.forward(minutes=1)
    await resume_polling(store=store, clock=clock, references=["R-AWB-4-0"], ask_again=POLICY.polling.ask_again)
    assert await ask(store, vendor, clock) == 0
    clock.now = polled_at + POLICY.polling.ask_again
    assert await ask(store, vendor, clock) == 1


async def test_a_complete_catch_up_repeats_failed_polls_and_counts_those_that_keep_failing(store: Store) -> None:
    clock, vendor = SetClock(), Vendor()
    numbers = await silent(store, 7)
    world = {"store": store, "clickpost": vendor, "clock": clock, "policy": POLICY, "pauses": (0.0, 0.0)}
    vendor.failing = 3
    assert await poll_all(**world) == PolledAll(asked=7, known=7, failed=0)
    assert {n for _, asked in vendor.asked for n in asked} == set(numbers)
    vendor.failing = 100
    result = await poll_all(**world)
    assert (result.asked, result.failed) == (7, 7)


async def test_a_webhook_lost_between_two_that_came_is_found_within_the_day(store: Store) -> None:
    """Updates all day long postpone nothing: by the guide every open shipment is polled daily."""
    clock, vendor = SetClock(), Vendor()
    [waybill] = await silent(store, 1)
    for hour in range(1, 25):
        clock.forward(hours=1)
        async with store.write() as session:
            body = webhook(waybill, 5, clock.now, location=f"hub {hour}", order_status_id=hour)
            await inbox.add(session, [delivery(f"osid:{hour}", body=as_body(body), received_at=clock.now)])
        await apply_due(store=store, clock=clock, policy=ApplyPolicy(zone=INDIA))
        await ask(store, vendor, clock)
    assert vendor.asked == [(4, [waybill])]


async def test_a_shipment_at_its_end_is_asked_for_once_more_however_long_it_was_under_way(store: Store) -> None:
    clock, vendor = SetClock(), Vendor()
    [waybill] = await silent(store, 1)
    clock.forward(days=50)
    async with store.write() as session:
        await inbox.add(session, [delivery("osid:1", body=as_body(webhook(waybill, 8, T0)), received_at=clock.now)])
    await apply_due(store=store, clock=clock, policy=ApplyPolicy(zone=INDIA))
    assert await ask(store, vendor, clock) == 0
    clock.forward(hours=2)
    assert await ask(store, vendor, clock) == 1
    clock.forward(days=3)
    assert await ask(store, vendor, clock) == 0
    assert (await get(store, f"R-{waybill}")).aged_out_at is None, "it has ended: nobody needs to look for it"


async def test_calls_are_in_flight_together_and_each_keeps_its_own_answer(store: Store) -> None:
    clock, vendor = SetClock(), SlowVendor()
    await silent(store, 30)
    clock.forward(days=1)
    assert await ask_all(store, vendor, clock) == 30
    assert vendor.most_at_once == 4
    assert await count(store, "inbox") == 30


class SlowVendor(Vendor):
    """Counts how many calls of track-order it answers at once."""

    def __init__(self) -> None:
        super().__init__()
        self.at_once = self.most_at_once = 0

    async def track_order(self, waybills: Sequence[str], cp_id: int) -> TrackAnswer:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0.01)
        self.at_once -= 1
        return await super().track_order(waybills, cp_id)
