"""The loop that runs a step: round after round, with a sleep when nothing is due and a pause after an error."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from awbridge.domain.errors import StoreBusy
from awbridge.domain.retry import backoff

log = structlog.get_logger()

LONGEST_PAUSE = timedelta(seconds=30)  # between rounds while a step keeps failing
LONGEST_ROUND = 3600.0  # seconds for which a long round counts as busy, not as hanging
LONGEST_WAIT = 600.0  # seconds; a loop that waits for the look runs as often in any case


class Loop:
    """Runs one step repeatedly. `work` does one round and returns how much it did.

    A busy round is followed by the next at once, an idle one by a sleep, which `wake` ends early. A round that raises
    is logged and retried after a pause that doubles up to 30 s. A step that keeps calls in flight between rounds gets
    `stop` when the loop stops, and ends its calls in `finish`. `concurrency` is how many calls it may have in flight
    now, where that adapts. `rest` is seconds of sleep for each second that a busy round took: for work that nobody
    waits for, such as what follows an upgrade, and that would otherwise take the time of webhooks.

    Where a look tells the loop (`looked`), the sleep is followed by a wait until there is work. `own_time`: in how many
    seconds it must run although no row waits. Without a look, or while that fails, every sleep is followed by a round.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[int]],
        *,
        idle_seconds: float,
        stop: Callable[[], None] | None = None,
        finish: Callable[[], Awaitable[None]] | None = None,
        concurrency: Callable[[], int] | None = None,
        rest: float = 0.0,
        own_time: Callable[[], float] = lambda: LONGEST_WAIT,
    ) -> None:
        self.name = name
        self.idle_seconds = idle_seconds
        self.concurrency = concurrency
        self.rounds = 0
        self.failures = 0
        self.beat_at = self.worked_at = time.monotonic()
        self.on_done: Callable[[], None] | None = None  # called after each round that did something
        self._work = work
        self._stop = stop
        self._finish = finish
        self._rest = rest
        self._own_time = own_time
        self._wake = asyncio.Event()
        self._stopping = False
        self._began_at = 0.0  # when the last round began
        self._due_at = 0.0  # when the newest look began, or its due time came, that found work
        self._is_told = False  # whether a look tells this loop
        self._is_waiting = False

    def stop(self) -> None:
        """End after the current round."""
        self._stopping = True
        self._wake.set()
        if self._stop:
            self._stop()

    def wake(self) -> None:
        """End the sleep: there is work."""
        self._wake.set()

    def looked(self, at: float, *, due: bool) -> None:
        """The look that began at `at` (of the monotonic clock) found work, or none."""
        self._is_told = True
        if due:
            self._due_at = at
        if self._is_waiting:
            self.beat()
            if self._due_at > self._began_at:
                self._wake.set()

    def untold(self) -> None:
        """No look tells this loop: it asks for itself until one does again."""
        self._is_told = False
        if self._is_waiting:
            self._wake.set()

    def beat(self) -> None:
        """Report that the round is waiting, not hanging: for its turn to call, for example."""
        self.beat_at = time.monotonic()

    @property
    def silent_for(self) -> float:
        """Seconds since the last finished round or `beat`. Grows while a round hangs."""
        return time.monotonic() - self.beat_at

    async def run(self) -> None:
        """Run until `stop`."""
        while not self._stopping:
            pause, waits = self.idle_seconds, False
            self._began_at = time.monotonic()
            self._wake.clear()
            try:
                done = await self._work()
            except Exception as error:
                self.failures += 1
                first = timedelta(seconds=self.idle_seconds)
                pause = backoff(self.failures + 1, first=first, longest=LONGEST_PAUSE).total_seconds()
                _report(self.name, error, again_in=pause)
            else:
                self.failures = 0
                self.rounds += 1
                waits = not done
                if done:
                    self.worked_at = time.monotonic()
                    pause = self._rest * (time.monotonic() - self._began_at)
                    if self.on_done:
                        self.on_done()
            self.beat()
            await self._sleep(pause)
            if waits:
                await self._wait_until_due()
        if self._finish:
            await self._finish()

    async def _sleep(self, seconds: float) -> None:
        if not seconds or self._stopping:
            await asyncio.sleep(0)
            return
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _wait_until_due(self) -> None:
        """Wait while the look finds nothing; at once where none tells this loop."""
        if not self._is_told or self._due_at > self._began_at or self._wake.is_set():
            return
        self._is_waiting = True
        try:
            await self._sleep(self._own_time())
        finally:
            self._is_waiting = False


def long_loop(name: str, work: Callable[[], Awaitable[int]], *, idle_seconds: float) -> Loop:
    """A loop whose rounds may take long: a running round counts as alive for up to LONGEST_ROUND."""

    async def one_round() -> int:
        beating = asyncio.create_task(beat())
        try:
            return await work()
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)

    async def beat() -> None:
        ends = time.monotonic() + LONGEST_ROUND
        while time.monotonic() < ends:
            await asyncio.sleep(30)
            loop.beat()

    loop = Loop(name, one_round, idle_seconds=idle_seconds)
    return loop


def _report(name: str, error: Exception, *, again_in: float) -> None:
    if isinstance(error, StoreBusy):
        log.warning("step.paused", step=name, problem=str(error), again_in=round(again_in, 1))
    else:
        log.error("step.failed", step=name, error=type(error).__name__, again_in=round(again_in, 1), exc_info=error)
