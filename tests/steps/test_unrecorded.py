"""What was answered while the database was away is kept on this machine, and recorded once when it is back."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import stamina

from awbridge.clickpost.answers import CancelAnswer, OrderAnswer
from awbridge.domain.call import Call
from awbridge.domain.errors import StoreBusy
from awbridge.domain.outcome import TryLater
from awbridge.steps import intake
from awbridge.steps.cancel import CancelPolicy, cancel_due
from awbridge.steps.keep_calls import CallRecorder
from awbridge.steps.push import Push
from awbridge.steps.unrecorded import ALARM, QUIET_AFTER, Unrecorded
from awbridge.steps.verdict import PushPolicy
from awbridge.store import Store
from awbridge.store.attempts import NewAttempt
from tests.steps.evidence import call
from tests.steps.world import SetClock, TrippingStore, attempts_of
from tests.store.rows import T0, add, count, fetch, place

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
    [alarm] = await fetch(store, "SELECT text FROM alarms WHERE cause = $1 AND cleared_at IS NULL", ALARM)
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
