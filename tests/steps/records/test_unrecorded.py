"""What was answered while the database was away is kept on this machine, and recorded once when it is back."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncGenerator, Generator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import stamina

from awbridge.clickpost.wire.answers import CancelAnswer, FoundOrder, OrderAnswer
from awbridge.domain.call import Call
from awbridge.domain.errors import StoreBusy, VendorError
from awbridge.domain.notify.alarm_causes import AlarmCause
from awbridge.domain.orders.outcome import TryLater
from awbridge.domain.orders.shipment import State
from awbridge.domain.reconciliation.differences import DifferenceKind, Ours
from awbridge.steps.audit.keep_calls import CallRecorder
from awbridge.steps.orders import intake
from awbridge.steps.polling.policy import CatchUpPolicy
from awbridge.steps.polling.track_order import poll_due
from awbridge.steps.polling.updated_order import cover_next_window
from awbridge.steps.reconciliation.differences import recheck
from awbridge.steps.reconciliation.reconcile import ReconcilePolicy, begin_day, reconcile_due
from awbridge.steps.records.unrecorded import QUIET_AFTER, Unrecorded
from awbridge.steps.registration.allocate import AllocatePolicy, allocate_due
from awbridge.steps.registration.cancel import CancelPolicy, cancel_due
from awbridge.steps.registration.fallback import FallbackPolicy, fallback_due
from awbridge.steps.registration.push import Push, push_due
from awbridge.steps.registration.verdict import PushPolicy
from awbridge.store import Store
from awbridge.store.audit.attempts import NewAttempt
from awbridge.store.couriers import couriers
from awbridge.store.reconciliation import differences
from awbridge.store.reconciliation.differences import Finding
from tests.steps.polling import test_catch_up
from tests.steps.registration import test_allocate, test_fallback
from tests.support.evidence_rows import call
from tests.support.rows import T0, add, count, fetch, place, sql
from tests.support.world import INDIA, SetClock, TrippingStore, attempts_of

FAILED = Call(api="create-order", method="POST", url="u?key=***", request="{}", http_status=500, response="busy", ms=7)


@pytest.fixture(autouse=True)
def impatient() -> Generator[None]:
    """A database that is away stays away for longer than anybody's patience."""
    with stamina.set_testing(True, attempts=1):
        yield


def attempt(reference: str | None = "R", **changes: Any) -> NewAttempt:
    values: dict[str, Any] = {"call": FAILED, "reference_number": reference, "outcome": "try_later", "made_at": T0}
    return NewAttempt(**{**values, **changes})


def place_for(tmp_path: Path, clock: SetClock | None = None, *, most: int = 10_000) -> Unrecorded:
    return Unrecorded(tmp_path / "unrecorded", clock=clock or SetClock(), most_bytes=most)


async def test_a_failed_call_of_push_survives_a_database_that_stays_away(store: Store, tmp_path: Path) -> None:
    clock, kept = SetClock(), place_for(tmp_path)
    await add(store, "R")

    class Vendor:
        async def create_order(self, order: Any, /, **_: Any) -> OrderAnswer:
            return OrderAnswer(outcome=TryLater(message="busy"), call=FAILED)

    away = TrippingStore(store, busy=lambda number: number > 1)
    vendor: Any = Vendor()
    push = Push(store=away.as_store, clickpost=vendor, clock=clock, policy=PushPolicy(), unrecorded=kept)
    await asyncio.gather(push.round(), return_exceptions=True)
    await push.drain()
    assert await count(store, "attempts") == 0
    [file] = (tmp_path / "unrecorded").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert await kept.record(store) == 1
    [known] = await attempts_of(store, "R")
    assert (known.api, known.response, known.outcome, known.made_at) == ("create-order", "busy", "try_later", T0)
    assert list((tmp_path / "unrecorded").iterdir()) == []
    assert await kept.record(store) == 0


async def test_a_call_that_cancels_is_kept_too(store: Store, tmp_path: Path) -> None:
    clock, kept = SetClock(), place_for(tmp_path)
    await add(store, "R")
    await place(store, "R", "AWB1")
    await intake.cancel(store=store, clock=clock, reference_number="R")

    class Vendor:
        async def cancel_order(self, waybill: str, cp_id: int, account_code: str, **_: object) -> CancelAnswer:
            return CancelAnswer(cancelled=False, again=True, message="busy", call=FAILED)

    away = TrippingStore(store, busy=lambda number: number > 1)
    with pytest.raises(StoreBusy):
        await cancel_due(store=away.as_store, clickpost=Vendor(), clock=clock, policy=CancelPolicy(), unrecorded=kept)
    assert await kept.record(store) == 1
    assert [a.outcome for a in await attempts_of(store, "R")] == ["not_cancelled"]


async def test_a_file_that_is_recorded_twice_is_recorded_once(store: Store, tmp_path: Path) -> None:
    kept = place_for(tmp_path)
    await kept.keep([attempt(), attempt(None)])
    [file] = (tmp_path / "unrecorded").iterdir()
    content = file.read_bytes()
    await asyncio.gather(kept.record(store), place_for(tmp_path).record(store))
    file.write_bytes(content)  # as after a kill between recording and deleting
    await kept.record(store)
    assert await count(store, "attempts") == 2


async def test_while_the_database_is_away_the_files_stay(store: Store, tmp_path: Path) -> None:
    kept = place_for(tmp_path)
    await kept.keep([attempt()])
    with pytest.raises(StoreBusy):
        await kept.record(TrippingStore(store, busy=lambda _: True).as_store)
    assert await kept.record(store) == 1


@pytest.mark.parametrize("full", ["limit", "disk"])
async def test_what_finds_no_place_is_counted_and_alarmed(
    store: Store, tmp_path: Path, full: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SetClock()
    kept = place_for(tmp_path, clock, most=10 if full == "limit" else 10_000)
    if full == "disk":
        monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    await kept.keep([attempt(), attempt()])
    assert kept.dropped == 2
    assert list((tmp_path / "unrecorded").iterdir()) == [], "no half of a file stays"
    await kept.record(store)
    [alarm] = await fetch(
        store, "SELECT text FROM alarms WHERE cause = $1 AND cleared_at IS NULL", AlarmCause.CALLS_DROPPED
    )
    assert alarm["text"].startswith("2 calls to ClickPost could not be recorded")
    clock.now += QUIET_AFTER + timedelta(seconds=1)
    await kept.record(store)
    assert await fetch(store, "SELECT text FROM alarms WHERE cleared_at IS NULL") == []


async def test_a_call_that_the_database_refuses_does_not_hold_up_the_others(store: Store, tmp_path: Path) -> None:
    kept = place_for(tmp_path)
    await kept.keep([attempt("A"), attempt("BAD"), attempt("C")])
    assert await kept.record(TrippingStore(store, marker="BAD").as_store) == 2
    assert (await count(store, "attempts"), kept.dropped) == (2, 1)


async def test_a_file_that_cannot_be_read_is_laid_aside_and_counted(store: Store, tmp_path: Path) -> None:
    kept = place_for(tmp_path)
    await kept.keep([attempt()])
    [file] = (tmp_path / "unrecorded").iterdir()
    file.write_text("{")
    await kept.keep([attempt()])
    assert await kept.record(store) == 1
    assert kept.dropped == 1
    assert [f.suffix for f in (tmp_path / "unrecorded").iterdir()] == [".unreadable"]


async def test_the_queue_of_other_calls_goes_onto_the_disk_when_it_is_full(store: Store, tmp_path: Path) -> None:
    kept = place_for(tmp_path)
    hook = CallRecorder(SetClock(), capacity=2, unrecorded=kept)
    for _ in range(5):
        hook(call(None, api="fetch-accounts", business_status=301))
    assert hook.dropped == 0
    assert await hook.flush(store) + await kept.record(store) == 5
    assert await count(store, "attempts") == 5


# The other steps that call ClickPost. The database goes away while the call is out.


class AwayOnce(TrippingStore):
    """A store that is away from the moment on at which ClickPost has been called."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, busy=lambda _: self.called)
        self.called = False

    def answer(self, api: str) -> Call:
        self.called = True
        return Call(api=api, method="POST", url="u?key=***", http_status=500, response="busy")

    def fail(self, api: str) -> VendorError:
        return VendorError(f"{api} is away", call=self.answer(api), again=True)


class Failing:
    """ClickPost, which fails at whatever it is asked."""

    def __init__(self, away: AwayOnce) -> None:
        self.away = away

    async def recommend(self, _: Any) -> Any:
        raise self.away.fail("recommend")

    async def find_order(self, _: str, **__: Any) -> FoundOrder:
        return FoundOrder(placed=None, known=False, call=self.away.answer("fetch-order"))

    async def fetch_order(self, *_: Any, **__: Any) -> Any:
        raise self.away.fail("fetch-order")

    async def track_order(self, *_: Any) -> Any:
        raise self.away.fail("track-order")

    async def updated_order(self, *_: Any, **__: Any) -> AsyncGenerator[Any]:
        raise self.away.fail("updated-order")
        yield

    async def fetch_shipment_count(self, *_: Any) -> Any:
        raise self.away.fail("fetch-shipment-count")


async def _allocating(store: Store, clock: SetClock) -> None:
    async with store.write() as session:
        await couriers.put(session, test_allocate.ACCOUNTS, now=clock())
    await test_allocate.allocating(store)


async def _sent_before(store: Store, clock: SetClock) -> None:
    await _allocating(store, clock)
    async with store.write() as session:
        await session.execute(sql("UPDATE shipments SET maybe_placed = TRUE"))


async def _refused(store: Store, clock: SetClock) -> None:
    async with store.write() as session:
        await couriers.put(session, [test_fallback.FIRST, test_fallback.SECOND], now=clock())
    await test_fallback.take_in(store, clock)
    refusing = test_fallback.Vendor(test_fallback.NO_RETURNS)
    await push_due(store=store, clickpost=refusing, clock=clock, policy=PushPolicy())


async def _silent(store: Store, clock: SetClock) -> None:
    await test_catch_up.silent(store, 1)
    clock.forward(days=1)


async def _a_day(store: Store, clock: SetClock) -> None:
    await begin_day(store=store, clock=clock, zone=INDIA, day=clock().date())


async def _missing_there(store: Store, clock: SetClock) -> None:
    await add(store, "R", now=clock())
    await place(store, "R", "AWB1", now=clock())
    async with store.write() as session:
        ours = Ours(reference_number="R", waybill="AWB1", courier_partner_id=4, state=State.PLACED)
        missing = Finding(kind=DifferenceKind.MISSING_THERE, ours=ours, theirs=None)
        await differences.add(session, 1, [missing], check_at=clock(), now=clock())


async def _nothing(store: Store, clock: SetClock) -> None:
    del store, clock


def _due(step: Any, **more: Any) -> Any:
    def work(world: dict[str, Any], unrecorded: Unrecorded) -> Any:
        return step(**world, **more, unrecorded=unrecorded)

    return work


def _polling(step: Any) -> Any:
    def work(world: dict[str, Any], unrecorded: Unrecorded) -> Any:
        return step(**world, policy=CatchUpPolicy(unrecorded=unrecorded))

    return work


@pytest.mark.parametrize(
    ("before", "step", "api", "reference"),
    [
        (_allocating, _due(allocate_due, policy=AllocatePolicy()), "recommend", "R"),
        (_sent_before, _due(allocate_due, policy=AllocatePolicy()), "fetch-order", "R"),
        (_refused, _due(fallback_due, policy=FallbackPolicy()), "fetch-order", "REF"),
        (_silent, _polling(poll_due), "track-order", None),
        (_nothing, _polling(cover_next_window), "updated-order", None),
        (_a_day, _due(reconcile_due, policy=ReconcilePolicy(zone=INDIA)), "fetch-shipment-count", None),
        (_missing_there, _due(recheck), "fetch-order", "R"),
    ],
    ids=["recommendation", "looked_for", "fallback", "track_order", "updated_order", "count", "difference"],
)
async def test_the_failed_calls_of_every_step_survive_a_database_that_goes_away(
    store: Store, tmp_path: Path, before: Any, step: Any, api: str, reference: str | None
) -> None:
    clock, kept, away = SetClock(), place_for(tmp_path), AwayOnce(store)
    await before(store, clock)
    earlier = await count(store, "attempts")
    with pytest.raises(StoreBusy):
        await step({"store": away.as_store, "clickpost": Failing(away), "clock": clock}, kept)
    assert await count(store, "attempts") == earlier
    assert await kept.record(store) == 1
    [newest] = await fetch(store, "SELECT api, reference_number, packed_call FROM attempts ORDER BY id DESC LIMIT 1")
    assert (newest["api"], newest["reference_number"], newest["response"]) == (api, reference, "busy")


async def test_other_calls_go_onto_the_disk_at_once_so_that_a_kill_loses_none(store: Store, tmp_path: Path) -> None:
    hook = CallRecorder(SetClock(), unrecorded=place_for(tmp_path))
    hook(call(None, api="fetch-accounts", business_status=301))
    with pytest.raises(StoreBusy):
        await hook.flush(TrippingStore(store, busy=lambda _: True).as_store)
    del hook
    assert await place_for(tmp_path).record(store) == 1


async def test_a_call_of_the_queue_that_the_database_refuses_raises_the_alarm_too(store: Store, tmp_path: Path) -> None:
    kept = place_for(tmp_path)
    hook = CallRecorder(SetClock(), unrecorded=kept)
    hook(call(None, api="fetch-accounts", business_status=301, error="BAD"))
    assert await hook.flush(TrippingStore(store, marker="BAD").as_store) == 1
    assert hook.dropped == 1
    await kept.record(store)
    assert await count(store, "alarms") == 1


async def test_what_a_killed_process_had_half_written_is_read_as_far_as_it_goes(store: Store, tmp_path: Path) -> None:
    kept = place_for(tmp_path)
    await kept.keep([attempt("A"), attempt("B")])
    [file] = (tmp_path / "unrecorded").iterdir()
    half = file.with_suffix(".part")
    half.write_bytes(file.read_bytes()[:-9])
    file.unlink()
    assert await kept.record(store) == 0, "it may be being written"
    os.utime(half, (0, 0))
    assert await kept.record(store) == 1
    assert [a.api for a in await attempts_of(store, "A")] == ["create-order"]
    assert kept.dropped == 1
    assert [f.suffix for f in (tmp_path / "unrecorded").iterdir()] == [".unreadable"]


async def test_the_alarm_ends_also_after_a_restart_of_the_process(store: Store, tmp_path: Path) -> None:
    clock = SetClock()
    before = place_for(tmp_path, clock)
    before.drop(1)
    await before.record(store)
    after = place_for(tmp_path, clock)
    await after.record(store)
    assert len(await fetch(store, "SELECT cause FROM alarms WHERE cleared_at IS NULL")) == 1
    clock.now += QUIET_AFTER
    await after.record(store)
    assert await fetch(store, "SELECT cause FROM alarms WHERE cleared_at IS NULL") == []
