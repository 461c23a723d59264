"""The look of a process: it tells the loops, in time, and a look that fails stops nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from awbridge.domain.errors import StoreBusy
from awbridge.steps.runtime.look import BY_ROWS, Look
from awbridge.steps.runtime.loop import Loop
from tests.steps.runtime.test_loop import until

pytestmark = pytest.mark.heavy


class Process:
    """Two loops and the look that tells them. `due`: when act and cancel have something to do."""

    def __init__(self, every: float = 0.05, rest: float = 0.05) -> None:
        self.due: dict[str, datetime | None] = dict.fromkeys(BY_ROWS)
        self.rounds: dict[str, list[float]] = {"act": [], "cancel": []}
        self.work: dict[str, int] = {}
        self.looks: list[float] = []
        self.failing: Exception | None = None
        self.loops = {name: self._loop(name, rest) for name in self.rounds}
        look = Look(read=self._read, clock=lambda: datetime.now(UTC), loops=self.loops, every=every)
        self.look = Loop("look", look.round, idle_seconds=every)
        for loop in self.loops.values():
            loop.on_done = self.look.wake

    def _loop(self, name: str, rest: float) -> Loop:
        async def work() -> int:
            self.rounds[name].append(time.monotonic())
            return self.work.pop(name, 0)

        return Loop(name, work, idle_seconds=rest)

    async def _read(self, now: datetime) -> Mapping[str, datetime | None]:
        self.looks.append(time.monotonic())
        if self.failing:
            raise self.failing
        return self.due

    @asynccontextmanager
    async def running(self, *, looks: int = 3) -> AsyncIterator[None]:
        """The loops run, and have had their first round and so many looks."""
        loops = [*self.loops.values(), self.look]
        tasks = [asyncio.create_task(loop.run()) for loop in loops]
        try:
            await until(lambda: len(self.looks) >= looks)
            self.settled = {name: len(rounds) for name, rounds in self.rounds.items()}
            yield
        finally:
            for loop in loops:
                loop.stop()
            await asyncio.wait_for(asyncio.gather(*tasks), 30)

    def more(self, name: str) -> int:
        """The rounds since the first."""
        return len(self.rounds[name]) - self.settled[name]


async def test_only_the_loop_with_work_runs() -> None:
    process = Process()
    async with process.running():
        process.due["act"] = datetime.now(UTC) - timedelta(minutes=1)
        await until(lambda: process.more("act") > 0)
        assert process.more("cancel") == 0


async def test_a_time_that_comes_before_the_next_look_is_met() -> None:
    process = Process(every=60.0)
    process.due["act"] = datetime.now(UTC) + timedelta(seconds=1.0)
    came_at = time.monotonic() + 1.0
    async with process.running(looks=1):
        await until(lambda: process.more("act") > 0)
        assert process.rounds["act"][-1] >= came_at
        assert len(process.looks) == 1, "not a whole look later"


async def test_what_a_step_did_is_followed_by_a_look_at_once() -> None:
    process = Process(every=10.0)
    async with process.running(looks=1):
        process.work["act"] = 1
        process.loops["act"].wake()
        await until(lambda: len(process.looks) == 2)  # others may have got work by it


@pytest.mark.parametrize("error", [StoreBusy("away"), ZeroDivisionError()])
async def test_while_the_look_fails_the_loops_ask_for_themselves(error: Exception) -> None:
    process = Process()
    async with process.running():
        process.failing = error
        await until(lambda: process.more("act") > 2 and process.more("cancel") > 2)
        process.failing = None
        await until(lambda: not process.look.failures)
        seen = process.more("act")
        await asyncio.sleep(0.2)
        assert process.more("act") - seen <= 1
