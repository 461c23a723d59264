"""The loop: survives every error, sleeps when idle, wakes and stops on request."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from awbridge.domain.errors import StoreBusy
from awbridge.steps.runtime import loop as loops
from awbridge.steps.runtime.loop import Loop


async def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.002)


async def finish(loop: Loop, task: asyncio.Task[None]) -> None:
    loop.stop()
    await asyncio.wait_for(task, 30)


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
    await until(lambda: loop.silent_for >= 0.05)
    assert not loop.rounds
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def looked_after(rounds: list[float], **more: Any) -> Loop:
    """A loop that a look tells, with nothing to do; its rounds are noted."""

    async def work() -> int:
        rounds.append(time.monotonic())
        return 0

    loop = Loop("act", work, idle_seconds=0.01, **more)
    loop.looked(time.monotonic(), due=False)
    return loop


async def test_a_loop_waits_while_the_look_finds_nothing_and_runs_once_it_does() -> None:
    rounds: list[float] = []
    loop = looked_after(rounds)
    task = asyncio.create_task(loop.run())
    await until(lambda: len(rounds) == 1)
    await asyncio.sleep(0.1)
    assert len(rounds) == 1
    loop.beat_at -= 1000
    loop.looked(time.monotonic(), due=False)
    assert loop.silent_for < 5, "it waits, and does not hang"
    loop.looked(time.monotonic(), due=True)
    await until(lambda: len(rounds) == 2)
    await asyncio.sleep(0.05)
    assert len(rounds) == 2, "one look, one round"
    await finish(loop, task)


async def test_a_look_that_began_before_the_round_says_nothing_about_what_is_left() -> None:
    rounds: list[float] = []
    loop = looked_after(rounds)
    task = asyncio.create_task(loop.run())
    await until(lambda: len(rounds) == 1)
    await asyncio.sleep(0.05)
    loop.looked(rounds[0] - 0.5, due=True)
    await asyncio.sleep(0.05)
    assert len(rounds) == 1
    await finish(loop, task)


async def test_what_a_look_found_during_a_round_or_its_rest_is_done_next() -> None:
    rounds: list[float] = []
    loop = looked_after(rounds)
    loop.idle_seconds = 0.1
    task = asyncio.create_task(loop.run())
    await until(lambda: len(rounds) == 1)
    loop.looked(time.monotonic(), due=True)
    loop.looked(time.monotonic(), due=False)  # the next look: another process may have it, or this loop is slow
    await until(lambda: len(rounds) == 2)
    assert rounds[1] - rounds[0] >= 0.1, "the rest is kept: a row that cannot be claimed must not keep it busy"
    await finish(loop, task)


async def test_without_a_look_and_when_its_own_time_comes_a_loop_asks_for_itself() -> None:
    rounds: list[float] = []
    loop = looked_after(rounds)
    task = asyncio.create_task(loop.run())
    await until(lambda: len(rounds) == 1)
    await asyncio.sleep(0.05)
    loop.untold()
    await until(lambda: len(rounds) >= 4)
    await finish(loop, task)
    timed: list[float] = []
    loop = looked_after(timed, own_time=lambda: 0.05)
    task = asyncio.create_task(loop.run())
    await until(lambda: len(timed) == 3)
    assert timed[2] - timed[0] >= 0.1
    await finish(loop, task)


async def test_a_wake_ends_the_wait_for_the_look() -> None:
    rounds: list[float] = []
    loop = looked_after(rounds)
    task = asyncio.create_task(loop.run())
    await until(lambda: len(rounds) == 1)
    await asyncio.sleep(0.05)
    loop.wake()
    await until(lambda: len(rounds) == 2)
    await finish(loop, task)
