"""Group commit: tasks that write at the same time share a transaction, and no task fails with another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest

from awbridge.domain.errors import StoreBusy
from awbridge.steps.runtime.group_commit import GroupCommit
from awbridge.store import Store
from awbridge.store.engine.database import Session
from awbridge.store.notify import opt_outs
from tests.steps.registration.test_concurrency import CountingStore
from tests.support.rows import T0, count
from tests.support.world import TrippingStore


async def opt_out(session: Session, n: int) -> int:
    await opt_outs.add(session, f"customer{n}@example.com", now=T0)
    return n


async def refused(session: Session) -> int:
    await opt_out(session, 99)
    raise ValueError("this one fails")


async def test_what_is_written_at_the_same_time_shares_a_transaction(store: Store) -> None:
    counting = CountingStore(store)
    async with GroupCommit(counting.as_store, at_most=8) as writes:
        calls = [writes.write(lambda session, n=n: opt_out(session, n), order=n) for n in range(20)]
        assert await asyncio.gather(*calls) == list(range(20))
    assert counting.writes == 3, "20 in groups of 8"
    assert await count(store, "opt_outs") == 20


async def test_the_writes_of_a_group_run_in_their_order(store: Store) -> None:
    ran: list[int] = []

    async def note(session: Session, n: int) -> None:
        ran.append(n)
        await opt_out(session, n)

    async with GroupCommit(store) as writes:
        await asyncio.gather(*(writes.write(lambda session, n=n: note(session, n), order=n) for n in (3, 1, 2)))
    assert ran == [1, 2, 3], "else two processes may lock rows against each other"


async def test_one_that_fails_takes_no_other_with_it_and_leaves_nothing(store: Store) -> None:
    async with GroupCommit(store) as writes:
        calls = [writes.write(lambda session, n=n: opt_out(session, n), order=n) for n in range(3)]
        *good, bad = await asyncio.gather(*calls, writes.write(refused, order=1), return_exceptions=True)
    assert good == [0, 1, 2]
    assert isinstance(bad, ValueError)
    assert await count(store, "opt_outs") == 3


async def test_a_busy_database_is_told_to_each_of_them(store: Store) -> None:
    tripping = TrippingStore(store, busy=lambda number: number == 1)
    async with GroupCommit(tripping.as_store) as writes:
        calls = [writes.write(lambda session, n=n: opt_out(session, n), order=n) for n in range(3)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(answer) for answer in answers] == [StoreBusy] * 3
        assert tripping.writes == 1, "each by itself would be refused too"
        assert await writes.write(lambda session: opt_out(session, 7), order=7) == 7


async def test_what_was_cancelled_before_its_turn_is_not_written(store: Store) -> None:
    async with GroupCommit(store) as writes:
        kept = asyncio.create_task(writes.write(lambda session: opt_out(session, 1), order=1))
        dropped = asyncio.create_task(writes.write(lambda session: opt_out(session, 2), order=2))
        await asyncio.sleep(0)
        dropped.cancel()
        assert await kept == 1
    assert await count(store, "opt_outs") == 1


class NeverDone:
    """A database whose transactions do not end by themselves."""

    def __init__(self) -> None:
        self.began, self.was_cancelled = asyncio.Event(), False

    async def transact(self, work: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
        self.began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise


async def fails_while(database: NeverDone, writes: GroupCommit) -> None:
    call = asyncio.create_task(writes.write(lambda session: opt_out(session, 1), order=1))
    await database.began.wait()
    call.cancel()
    raise ValueError("the round fails")


async def test_leaving_with_an_error_ends_what_is_under_way() -> None:
    database = NeverDone()

    async def round_() -> None:
        async with asyncio.timeout(60), GroupCommit(cast("Store", database)) as writes:
            await fails_while(database, writes)

    with pytest.raises(ValueError, match="the round fails"):
        await round_()
    assert database.was_cancelled
