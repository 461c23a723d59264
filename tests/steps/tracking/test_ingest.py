"""Ingest: acknowledged means committed; trouble means come again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import pytest

from awbridge.domain.errors import StoreBusy, StoreError
from awbridge.steps.tracking import ingest
from awbridge.steps.tracking.ingest import Ingest
from awbridge.store import Store
from awbridge.store.tracking.inbox import NewDelivery
from tests.support.rows import count, delivery, fetch
from tests.support.stores import sqlite_only
from tests.support.world import TrippingStore


@asynccontextmanager
async def running(store: Store, **more: object) -> AsyncGenerator[Ingest]:
    made = Ingest(store, **more)  # pyright: ignore[reportArgumentType]
    task = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def identities(store: Store) -> set[str]:
    return {row["identity"] for row in await fetch(store, "SELECT identity FROM inbox")}


async def test_every_acknowledged_delivery_is_committed_at_that_moment(store: Store) -> None:
    async with running(store) as inbox:

        async def hand_in(n: int) -> None:
            await inbox.accept(delivery(f"d{n}"))
            assert f"d{n}" in await identities(store)

        await asyncio.gather(*(hand_in(n) for n in range(200)))
    assert await count(store, "inbox") == 200


async def test_many_callers_share_few_commits(store: Store) -> None:
    counting = TrippingStore(store)
    async with running(counting.as_store) as inbox:
        await asyncio.gather(*(inbox.accept(delivery(f"d{n}")) for n in range(200)))
    assert counting.writes < 20


@sqlite_only
async def test_callers_that_come_again_and_again_settle_in_halves(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    all_came = asyncio.Event()

    async def add_slowly(_: Store, deliveries: Sequence[NewDelivery], **_how: object) -> None:
        sizes.append(len(deliveries))
        await all_came.wait()  # else one and fifteen would take turns for ever
        await asyncio.sleep(0.005)

    monkeypatch.setattr("awbridge.store.tracking.inbox.add_at_once", add_slowly)
    async with running(store, busy=lambda: False) as inbox:

        async def come_again(n: int) -> None:
            for _ in range(10):
                await inbox.accept(delivery(f"d{n}"))

        first = asyncio.create_task(come_again(0))
        while not sizes:
            await asyncio.sleep(0)
        others = [asyncio.create_task(come_again(n)) for n in range(1, 16)]
        await asyncio.sleep(0)
        all_came.set()
        await asyncio.gather(first, *others)
    assert sizes[3:-4] == [8] * len(sizes[3:-4]), "one half is stored while the other is answered"
    assert sum(sizes) == 160


@sqlite_only
async def test_while_the_process_is_busy_deliveries_gather(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "GATHER", 600.0)
    counting = TrippingStore(store)
    async with running(counting.as_store, busy=lambda: True) as inbox:
        await inbox.accept(delivery("first"))  # nobody waits for others after a pause
        waiting = [asyncio.create_task(inbox.accept(delivery(f"d{n}"))) for n in range(ingest.ENOUGH - 1)]
        await asyncio.sleep(0.05)
        assert counting.writes == 1
        monkeypatch.setattr(ingest, "GATHER", 0.01)
        await asyncio.gather(inbox.accept(delivery("last")), *waiting)
        assert counting.writes == 3, "enough wait for no more: one half is stored, then the other"
    assert await count(store, "inbox") == ingest.ENOUGH + 1


@sqlite_only
async def test_a_busy_process_commits_at_intervals_and_any_other_at_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    async def note(_: Store, deliveries: Sequence[NewDelivery], **_how: object) -> None:
        sizes.append(len(deliveries))

    monkeypatch.setattr("awbridge.store.tracking.inbox.add_at_once", note)

    async def come(busy: bool, number: int) -> float:
        sizes.clear()
        async with running(store, busy=lambda: busy) as inbox:
            started = time.monotonic()
            accepted: list[asyncio.Task[None]] = []
            for n in range(number):
                accepted.append(asyncio.create_task(inbox.accept(delivery(f"d{n}"))))
                await asyncio.sleep(0.001)
            await asyncio.gather(*accepted)
            return time.monotonic() - started

    took = await come(busy=True, number=150)
    assert sum(sizes) == 150
    assert len(sizes) <= took / ingest.GATHER + 150 / ingest.ENOUGH + 2
    await come(busy=False, number=20)
    assert sizes == [1] * 20


async def test_copies_are_acknowledged_and_stored_once(store: Store) -> None:
    async with running(store) as inbox:
        await asyncio.gather(*(inbox.accept(delivery("same")) for _ in range(20)))
        await inbox.accept(delivery("same"))
    assert await count(store, "inbox") == 1


async def test_apply_is_woken_by_a_stored_delivery(store: Store) -> None:
    stored: list[int] = []
    async with running(store, on_stored=lambda: stored.append(1)) as inbox:
        await inbox.accept(delivery("a"))
    assert stored == [1]


async def test_a_row_that_the_database_refuses_does_not_fail_its_batch(store: Store) -> None:
    async with running(TrippingStore(store, marker="poison").as_store) as inbox:
        names = [*(f"d{n}" for n in range(40)), "poison-1", "poison-2"]
        answers = await asyncio.gather(*(inbox.accept(delivery(n)) for n in names), return_exceptions=True)
        failed = {name for name, answer in zip(names, answers, strict=True) if answer is not None}
        assert failed == {"poison-1", "poison-2"}
        assert all(isinstance(a, StoreError) for a in answers if a)
        await inbox.accept(delivery("after"))
    assert await identities(store) == {*names[:40], "after"}


async def test_a_row_that_cannot_even_be_written_ends_neither_its_batch_nor_the_loop(store: Store) -> None:
    async with running(store) as inbox:
        answers = await asyncio.gather(
            inbox.accept(delivery("half \ud800")), inbox.accept(delivery("good")), return_exceptions=True
        )
        assert isinstance(answers[0], StoreError)
        assert answers[1] is None
        await inbox.accept(delivery("after"))
    assert await identities(store) == {"good", "after"}


async def test_a_busy_database_is_reported_at_once_and_the_next_delivery_is_stored(store: Store) -> None:
    async with running(TrippingStore(store, busy=lambda write: write == 1).as_store) as inbox:
        with pytest.raises(StoreBusy):
            await inbox.accept(delivery("a"))
        await inbox.accept(delivery("a"))
    assert await identities(store) == {"a"}


async def test_too_many_waiting_deliveries_are_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "CAPACITY", 3)
    inbox = Ingest(store)  # nobody runs it: nothing is flushed
    waiting = [asyncio.create_task(inbox.accept(delivery(f"d{n}"))) for n in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(StoreBusy, match="too many"):
        await inbox.accept(delivery("d3"))
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


@sqlite_only
async def test_a_caller_is_answered_retry_later_before_clickpost_hangs_up(store: Store) -> None:
    assert ingest.TIMEOUT + ingest.TICK < 1.5
    async with asyncio.timeout(60):
        with pytest.raises(StoreBusy, match="not committed within"):
            await Ingest(store).accept(delivery("a"))


async def test_what_waits_when_it_is_stopped_is_still_stored(store: Store) -> None:
    inbox = Ingest(store)
    task = asyncio.create_task(inbox.run())
    await asyncio.sleep(0)
    callers = [asyncio.create_task(inbox.accept(delivery(f"d{n}"))) for n in range(5)]
    await asyncio.sleep(0)
    task.cancel()
    answers = await asyncio.gather(*callers, return_exceptions=True)
    await asyncio.gather(task, return_exceptions=True)
    acknowledged = {f"d{n}" for n, answer in enumerate(answers) if answer is None}
    assert acknowledged <= await identities(store)
    assert all(isinstance(a, StoreBusy) for a in answers if a is not None)


async def test_a_caller_that_hung_up_does_not_disturb_the_others(store: Store) -> None:
    async with running(store) as inbox:
        gone = asyncio.create_task(inbox.accept(delivery("gone")))
        stays = asyncio.create_task(inbox.accept(delivery("stays")))
        await asyncio.sleep(0)
        gone.cancel()
        await stays
        await inbox.accept(delivery("next"))
    assert {"stays", "next"} <= await identities(store)
