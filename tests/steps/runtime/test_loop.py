"""The loop: survives every error, sleeps when idle, wakes and stops on request."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from awbridge.domain.errors import StoreBusy
from awbridge.steps.runtime import loop as loops
from awbridge.steps.runtime.loop import Loop


async def until(condition: Callable[[], bool], seconds: float = 2.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.002)


async def finish(loop: Loop, task: asyncio.Task[None]) -> None:
    loop.stop()
    await asyncio.wait_for(task, 2)


async def test_a_round_that_raises_is_followed_by_another() -> None:
    troubles: list[Exception] = [ValueError("odd"), StoreBusy("away"), ZeroDivisionError()]
    rounds = 0

    async def work() -> int:
        nonlocal rounds
        rounds += 1
        if troubles:
            raise troubles.pop()
        return 0

    loop = Loop("push", work, idle_seconds=0.001)
    task = asyncio.create_task(loop.run())
    await until(lambda: loop.rounds >= 2)
    assert rounds >= 5
    assert loop.failures == 0
    await finish(loop, task)


async def test_pauses_between_failures_grow_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def work() -> int:
        raise ValueError

    loop = Loop("push", work, idle_seconds=1.0)

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 8:
            loop.stop()
        await asyncio.sleep(0)

    monkeypatch.setattr(loop, "_sleep", sleep)
    await loop.run()
    assert pauses == [2.0, 4.0, 8.0, 16.0, *[loops.LONGEST_PAUSE.total_seconds()] * 4]


async def test_work_is_taken_up_again_at_once_while_there_is_some() -> None:
    left = 50

    async def work() -> int:
        nonlocal left
        left = max(left - 1, 0)
        return left

    loop = Loop("push", work, idle_seconds=30.0)
    task = asyncio.create_task(loop.run())
    await until(lambda: left == 0)
    await finish(loop, task)


async def test_a_loop_that_nobody_waits_for_rests_in_proportion_to_its_work(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def work() -> int:
        await asyncio.sleep(0.02)
        return len(pauses) < 2

    loop = Loop("index_orders", work, idle_seconds=30.0, rest=9.0)

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            loop.stop()

    monkeypatch.setattr(loop, "_sleep", sleep)
    await loop.run()
    assert pauses[0] >= 9 * 0.02
    assert pauses[1] >= 9 * 0.02
    assert pauses[2] == 30.0, "nothing was done: the usual sleep"


async def test_waking_ends_the_sleep_also_when_it_comes_during_the_round() -> None:
    gate = asyncio.Event()
    rounds = 0

    async def work() -> int:
        nonlocal rounds
        rounds += 1
        await gate.wait()
        return 0

    loop = Loop("apply", work, idle_seconds=30.0)
    task = asyncio.create_task(loop.run())
    await until(lambda: rounds == 1)
    loop.wake()  # during the round
    gate.set()
    await until(lambda: rounds == 2)
    loop.wake()  # during the sleep, or just before it
    await until(lambda: rounds == 3)
    await asyncio.sleep(0.02)
    assert rounds == 3, "one wake, one round"
    await finish(loop, task)


async def test_stopping_ends_the_sleep_and_lets_the_round_finish() -> None:
    done: list[str] = []
    inside = asyncio.Event()

    async def work() -> int:
        inside.set()
        await asyncio.sleep(0.02)
        done.append("round")
        return 1

    loop = Loop("push", work, idle_seconds=30.0)
    task = asyncio.create_task(loop.run())
    await inside.wait()
    await finish(loop, task)
    assert done == ["round"]


async def test_a_round_that_hangs_shows_as_silence() -> None:
    async def work() -> int:
        await asyncio.sleep(60)
        return 0

    loop = Loop("push", work, idle_seconds=1.0)
    task = asyncio.create_task(loop.run())
    await asyncio.sleep(0.05)
    assert loop.silent_for >= 0.05
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
