"""Cancel: what is placed and not wanted any more is taken back at ClickPost."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from awbridge.clickpost.wire.answers import CancelAnswer
from awbridge.domain.call import Call
from awbridge.domain.orders import cancellation
from awbridge.domain.orders.cancellation import CancelState
from awbridge.domain.orders.shipment import State
from awbridge.domain.privacy_setting import read_privacy
from awbridge.sinks.objects import Objects
from awbridge.steps.audit.publish import Destination
from awbridge.steps.audit.report import ReportPolicy, report_failures
from awbridge.steps.notify.health_monitor import HealthMonitor, Machine
from awbridge.steps.orders import intake
from awbridge.steps.registration.cancel import CONFIRM_AFTER, LONGEST_PAUSE, CancelPolicy, cancel_due
from awbridge.steps.tracking.apply import ApplyPolicy, apply_due
from awbridge.store import Store
from awbridge.store.audit import attempts
from awbridge.store.notify import alarms, endpoints
from awbridge.store.tracking import inbox
from tests.support.rows import T0, add, delivery, fetch, place, sql
from tests.support.world import INDIA, SetClock, as_body, attempts_of, get, webhook

pytestmark = pytest.mark.heavy

DELAYS = (60.0, 300.0, 900.0)
POLICY = CancelPolicy(retry_delays=DELAYS)


class Vendor:
    def __init__(self, **answer: Any) -> None:
        self.answer: dict[str, Any] = {"cancelled": True, "message": "ok", **answer}
        self.calls: list[tuple[str, int, str]] = []

    async def cancel_order(self, waybill: str, cp_id: int, account_code: str, **_: object) -> CancelAnswer:
        self.calls.append((waybill, cp_id, account_code))
        return CancelAnswer(call=Call(api="cancel-order", method="GET", url="u"), **self.answer)


async def run(store: Store, vendor: Vendor, clock: SetClock) -> int:
    return await cancel_due(store=store, clickpost=vendor, clock=clock, policy=POLICY)


async def hear(store: Store, code: int, clock: SetClock, *, at: datetime = T0) -> None:
    body = as_body(webhook("AWB1", code, at))
    async with store.write() as session:
        await inbox.add(session, [delivery(f"{code} {at}", body=body, received_at=clock())])
    await apply_due(store=store, clock=clock, policy=ApplyPolicy(zone=INDIA))


@pytest.fixture
async def unwanted(store: Store) -> Store:
    """A store with one placed shipment whose cancellation is requested."""
    await add(store, "R")
    await place(store, "R", "AWB1")
    await intake.cancel(store=store, clock=SetClock(), reference_number="R")
    return store


async def test_an_unwanted_shipment_is_cancelled_at_clickpost_once(unwanted: Store) -> None:
    vendor, clock = Vendor(), SetClock()
    assert await run(unwanted, vendor, clock) == 1
    after = await get(unwanted, "R")
    assert (after.state, after.problem, after.cancel_requested_at) == (State.CANCELLED, None, T0)
    clock.forward(days=9)
    assert await run(unwanted, vendor, clock) == 0
    assert vendor.calls == [("AWB1", 4, "main")]
    assert [a.outcome for a in await attempts_of(unwanted, "R")] == ["cancelled"]


async def test_the_policy_says_whether_clickpost_sets_the_status_itself(unwanted: Store) -> None:
    seen: list[object] = []

    class Asked(Vendor):
        async def cancel_order(self, waybill: str, cp_id: int, account_code: str, **how: object) -> CancelAnswer:
            seen.append(how)
            return await super().cancel_order(waybill, cp_id, account_code)

    later, clock = Asked(cancelled=False, accepted=True, again=True), SetClock()
    await cancel_due(store=unwanted, clickpost=later, clock=clock, policy=POLICY)
    clock.forward(hours=1)
    await cancel_due(store=unwanted, clickpost=later, clock=clock, policy=replace(POLICY, update_status=True))
    assert seen == [{"update_status": False}, {"update_status": True}]


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


async def test_a_courier_that_never_confirms_is_asked_less_and_less_often_and_then_a_person_is(
    unwanted: Store,
) -> None:
    async with unwanted.write() as session:
        await endpoints.add(session, "https://erp.example/", now=T0)
    vendor, clock = Vendor(cancelled=False, accepted=True, again=True), SetClock()
    while (due := (await get(unwanted, "R")).next_try_at) is not None:
        assert due - clock.now <= LONGEST_PAUSE
        clock.now = due
        assert await run(unwanted, vendor, clock) == 1
    assert clock.now - T0 == POLICY.deadline
    assert len(vendor.calls) < 25
    asked = cancellation.of_shipment(await get(unwanted, "R"))
    assert asked
    assert asked.state is CancelState.GAVE_UP
    assert "did not confirm" in (asked.problem or "")
    assert (asked.success, asked.no_of_retries, asked.next_try_at) == (False, 0, None)
    [event] = await fetch(unwanted, "SELECT kind, body, packed_body FROM events")
    assert (event["kind"], json.loads(event["body"])["data"]["cancellation"]) == ("shipment.not_cancelled", "gave_up")
    outcomes = [a.outcome for a in await attempts_of(unwanted, "R")]
    assert outcomes == ["pending"] * (len(outcomes) - 1) + ["gave_up"], "a courier that works on it is no failure"


@pytest.mark.parametrize("answer", [{"accepted": True, "again": True}, {"again": True, "message": "away"}])
async def test_a_cancellation_that_gave_up_is_shown_alarmed_of_and_reported_as_a_registration_is(
    unwanted: Store, answer: dict[str, Any], tmp_path: Path
) -> None:
    vendor, clock = Vendor(cancelled=False, **answer), SetClock()
    while (due := (await get(unwanted, "R")).next_try_at) is not None:
        clock.now = due
        await run(unwanted, vendor, clock)
    asked = cancellation.of_shipment(await get(unwanted, "R"))
    assert asked
    tries = 0 if "accepted" in answer else len(DELAYS) + 1
    assert (asked.state, asked.success, asked.no_of_retries, asked.next_try_at) == (
        *(CancelState.GAVE_UP, False, tries, None),
    )
    machine = Machine(name="one", free_share=lambda: 0.5, least_free=0.1)
    await HealthMonitor(store=unwanted, clock=clock, loops=list, machine=machine).check()
    async with unwanted.read() as session:
        assert "not_cancelled" in {alarm.cause for alarm in await alarms.open_now(session)}
    own = Destination(name="own", privacy=read_privacy(""))
    day = clock.now.astimezone(INDIA).date()
    [made] = await report_failures(
        store=unwanted,
        objects=Objects.open(f"file://{tmp_path}/objects"),
        clock=clock,
        policy=ReportPolicy(zone=INDIA, destinations=(own,)),
        day=day,
        mail=False,
    )
    assert made.content
    with zipfile.ZipFile(io.BytesIO(made.content)) as found:
        [row] = csv.DictReader(io.StringIO(found.read("cancel-order.csv").decode("utf-8-sig")))
    calls_of_the_day = [a for a in await attempts_of(unwanted, "R") if a.made_at.astimezone(INDIA).date() == day]
    assert (row["reference_number"], row["state"], row["given_up"]) == ("R", "gave_up", "yes")
    assert int(row["tries_of_the_day"]) == len(calls_of_the_day) > 1
    assert int(row["tries_so_far"]) == tries


async def test_a_repeated_request_starts_again_with_all_its_tries_and_time(unwanted: Store) -> None:
    vendor, clock = Vendor(cancelled=False, accepted=True, again=True), SetClock()
    while (due := (await get(unwanted, "R")).next_try_at) is not None:
        clock.now = due
        await run(unwanted, vendor, clock)
    await intake.cancel(store=unwanted, clock=clock, reference_number="R")
    again = await get(unwanted, "R")
    assert (again.cancel_requested_at, again.cancel_tries, again.cancel_state) == (clock.now, 0, "asked")
    assert await run(unwanted, vendor, clock) == 1
    assert (await get(unwanted, "R")).next_try_at == clock.now + CONFIRM_AFTER


@pytest.mark.parametrize("state", ["asked", "waiting", "gave_up", "refused"])
@pytest.mark.parametrize(
    ("code", "ends", "kind"),
    [
        (10, CancelState.CANCELLED, "shipment.cancelled"),
        (8, CancelState.OVERTAKEN, "shipment.not_cancelled"),
        (12, CancelState.OVERTAKEN, "shipment.not_cancelled"),
        (14, CancelState.OVERTAKEN, "shipment.not_cancelled"),
        (16, CancelState.OVERTAKEN, "shipment.not_cancelled"),
    ],
)
async def test_tracking_ends_a_cancellation_however_clickpost_answered(
    unwanted: Store, state: str, code: int, ends: CancelState, kind: str
) -> None:
    clock = SetClock()
    async with unwanted.write() as session:
        await endpoints.add(session, "https://erp.example/", now=T0)
        await session.execute(sql("UPDATE shipments SET cancel_state = $1"), state)
    await hear(unwanted, code, clock)
    after = await get(unwanted, "R")
    asked = cancellation.of_shipment(after)
    assert asked
    assert (asked.state, after.next_try_at) == (ends, None)
    assert (after.state is State.CANCELLED) is (ends is CancelState.CANCELLED)
    assert (after.problem is None) is (ends is CancelState.CANCELLED)
    clock.forward(days=9)
    assert await run(unwanted, Vendor(), clock) == 0, "nobody asks ClickPost any more"
    await hear(unwanted, code, clock, at=T0 + timedelta(hours=1))
    kinds = [row["kind"] for row in await fetch(unwanted, "SELECT kind FROM events ORDER BY id")]
    assert kinds.count(kind) == 1


@pytest.mark.parametrize("code", [1, 4, 5, 6, 9, 11])
async def test_a_parcel_on_its_way_ends_no_cancellation(unwanted: Store, code: int) -> None:
    clock = SetClock()
    await hear(unwanted, code, clock)
    assert (await get(unwanted, "R")).next_try_at is not None
    assert await run(unwanted, Vendor(), clock) == 1


async def test_an_earlier_tracking_status_settles_an_undecided_answer(unwanted: Store) -> None:
    clock = SetClock()
    async with unwanted.write() as session:
        await session.execute(sql("UPDATE shipments SET status_code = 8, final = $1"), True)
    await run(unwanted, Vendor(cancelled=False, accepted=True, again=True), clock)
    after = await get(unwanted, "R")
    assert (after.state, after.cancel_state, after.next_try_at) == (State.PLACED, "overtaken", None)
    assert after.problem == "not cancelled: the shipment ended otherwise (Delivered)"


async def test_a_tracking_update_during_the_call_sends_one_event(unwanted: Store) -> None:
    clock = SetClock()
    async with unwanted.write() as session:
        await endpoints.add(session, "https://erp.example/", now=T0)

    class Slow(Vendor):
        async def cancel_order(self, waybill: str, cp_id: int, account_code: str, **_: object) -> CancelAnswer:
            await hear(unwanted, 10, clock)
            return await super().cancel_order(waybill, cp_id, account_code)

    await run(unwanted, Slow(), clock)
    assert (await get(unwanted, "R")).state is State.CANCELLED
    kinds = [row["kind"] for row in await fetch(unwanted, "SELECT kind FROM events ORDER BY id")]
    assert kinds == ["status.changed", "shipment.cancelled"]


async def test_two_workers_who_learn_of_one_cancellation_tell_it_once(unwanted: Store) -> None:
    clock = SetClock()
    async with unwanted.write() as session:
        await endpoints.add(session, "https://erp.example/", now=T0)

    class Slow(Vendor):
        async def cancel_order(self, waybill: str, cp_id: int, account_code: str, **_: object) -> CancelAnswer:
            if not self.calls:
                self.calls.append((waybill, cp_id, account_code))
                clock.now += POLICY.lease
                await run(unwanted, self, clock)
            return await super().cancel_order(waybill, cp_id, account_code)

    await run(unwanted, Slow(), clock)
    assert [row["kind"] for row in await fetch(unwanted, "SELECT kind FROM events")] == ["shipment.cancelled"]


async def test_being_asked_for_a_slower_pace_uses_up_no_try(unwanted: Store) -> None:
    vendor, clock = Vendor(cancelled=False, again=True, counts=False, retry_after=7.0), SetClock()
    await run(unwanted, vendor, clock)
    after = await get(unwanted, "R")
    assert (after.cancel_tries, after.cancel_state, after.next_try_at) == (0, "retrying", T0 + timedelta(seconds=7))


async def test_a_broken_account_ends_the_cancellation_at_its_deadline(unwanted: Store) -> None:
    vendor, clock = Vendor(cancelled=False, again=True, misconfigured=True, message="bad key"), SetClock()
    while (due := (await get(unwanted, "R")).next_try_at) is not None:
        clock.now = due
        await run(unwanted, vendor, clock)
    assert clock.now - T0 == POLICY.deadline
    after = await get(unwanted, "R")
    assert after.cancel_state == "gave_up"
    assert "bad key. It was tried for 72 h" in (after.problem or "")


async def test_no_call_begins_that_could_outlive_the_lease(store: Store) -> None:
    for number in range(4):
        await add(store, f"R{number}")
        await place(store, f"R{number}", f"AWB{number}")
        await intake.cancel(store=store, clock=SetClock(), reference_number=f"R{number}")
    clock, minute = SetClock(), timedelta(seconds=60)

    class Slow(Vendor):
        async def cancel_order(self, waybill: str, cp_id: int, account_code: str, **_: object) -> CancelAnswer:
            clock.now += minute
            return await super().cancel_order(waybill, cp_id, account_code)

    vendor = Slow()
    policy = CancelPolicy(lease=2.5 * minute, longest_call=minute)
    await cancel_due(store=store, clickpost=vendor, clock=clock, policy=policy)
    assert len(vendor.calls) == 2


async def test_a_broken_account_never_uses_up_the_tries_of_a_cancellation(unwanted: Store) -> None:
    vendor, clock = Vendor(cancelled=False, again=True, misconfigured=True, message="bad key"), SetClock()
    for _ in range(3 * len(DELAYS)):
        assert await run(unwanted, vendor, clock) == 1
        clock.now = (await get(unwanted, "R")).next_try_at or clock.now
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


async def test_the_daily_report_shows_a_cancellation_that_gave_up_in_its_own_terms(unwanted: Store) -> None:
    vendor, clock = Vendor(cancelled=False, again=True, message="away"), SetClock()
    while (due := (await get(unwanted, "R")).next_try_at) is not None:
        clock.now = due
        await run(unwanted, vendor, clock)
    listed = [call async for call in attempts.failed_between(unwanted, T0, clock.now + timedelta(days=1))]
    assert {(call.state, call.no_of_retries) for call in listed} == {("gave_up", len(DELAYS) + 1)}
