"""Ingest: deliveries of the vendor become durable, many to a commit.

Whoever hands a delivery in waits until the transaction that holds it has committed. What is waiting is flushed at once,
but at most half of all who take part: one half is stored while the other is answered and comes again. Else a batch of
all would take turns with a batch of the one who was first back.

Where the database can write the next batch before the disk has the last one (SQLite), that is not waited for.

A commit costs as much processor time as reading several deliveries. So while the process is busy, commits begin at
least `GATHER` apart, unless enough deliveries wait: customers' pages and apply get what fewer commits leave.

This is on the path of every webhook, so each delivery costs one tuple here. Time runs out by one timer for all of them,
and everything else is done by the batch.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from awbridge.domain.errors import StoreBusy, StoreError
from awbridge.steps.runtime.busy import ProcessLoad
from awbridge.steps.runtime.meters import WEBHOOK_SECONDS
from awbridge.store import Store
from awbridge.store.tracking import inbox
from awbridge.store.tracking.inbox import NewDelivery

log = structlog.get_logger()

BATCH = 500  # deliveries a commit
CAPACITY = 5_000  # deliveries that may wait; more are refused, so that memory stays flat
CAPACITY_BYTES = 64 * 1024 * 1024  # of their bodies, for the same reason
TIMEOUT = 1.2  # seconds until a caller gets 503; ClickPost hangs up after about 2
LATENCIES = 2_000  # of the newest deliveries, from which the quantiles are taken
GATHER = 0.01  # seconds between the beginnings of two commits while the process is busy
ENOUGH = 16  # deliveries that wait for no others: one half of 32 connections
FLYING = 4  # batches that the disk does not have yet
TICK = 0.1  # seconds between looks for callers whose time is up


class Caller(Protocol):
    """A caller that waits for a delivery to be stored: a future, or an object with its methods."""

    def done(self) -> bool:
        """Whether the caller no longer waits: answered, or disconnected."""
        ...

    def set_result(self, result: None, /) -> None:
        """It is committed."""
        ...

    def set_exception(self, exception: StoreError, /) -> None:
        """It is not, or not in time."""
        ...


_Waiting = tuple[float, NewDelivery, Caller]  # the first: when its time is up, by the loop's clock


class Ingest:
    """Group commit in front of the inbox. `run` must be running for callers to be answered."""

    def __init__(
        self, store: Store, *, on_stored: Callable[[], None] | None = None, busy: Callable[[], bool] | None = None
    ) -> None:
        """`busy`: whether the process is; by its processor time where None."""
        self._store = store
        self._busy = busy or ProcessLoad()
        self._waiting: deque[_Waiting] = deque()
        self._flying: dict[asyncio.Task[None], Sequence[_Waiting]] = {}
        self._bytes = 0  # of the bodies in _waiting
        self._taken = 0  # by the last batch, whose callers come again
        self._something = asyncio.Event()
        self._enough = asyncio.Event()
        self._flushed_at = float("-inf")  # when the last commit began, by the loop's clock
        self._timer: asyncio.TimerHandle | None = None
        self.on_stored = on_stored
        self.arrived = 0  # deliveries that were handed in, ever
        self._latencies: deque[float] = deque(maxlen=LATENCIES)

    def check_room(self) -> None:
        """Raise StoreBusy when another delivery would be refused: its body need not even be read."""
        if len(self._waiting) >= CAPACITY or self._bytes >= CAPACITY_BYTES:
            raise StoreBusy("too many deliveries are waiting to be stored")

    @property
    def is_storing(self) -> bool:
        """Whether deliveries wait or are being stored."""
        return bool(self._waiting or self._flying)

    def p99(self) -> float | None:
        """Seconds from hand-in to commit, the 99th percentile of the newest deliveries here; None before the first."""
        newest = sorted(self._latencies)
        return newest[len(newest) * 99 // 100] if newest else None

    async def accept(self, delivery: NewDelivery) -> None:
        """Return once the delivery is committed. Raises StoreBusy when that does not happen in time."""
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.hand_in(delivery, stored)
        await stored

    def hand_in(self, delivery: NewDelivery, caller: Caller) -> None:
        """Answer the caller once the delivery is committed or its time is up. Raises StoreBusy if the queue is full."""
        self.check_room()
        loop = asyncio.get_running_loop()
        self._waiting.append((loop.time() + TIMEOUT, delivery, caller))
        self._bytes += len(delivery.body)
        self.arrived += 1
        if self._timer is None:
            self._timer = loop.call_later(TICK, self._tick)
        self._something.set()
        if len(self._waiting) >= ENOUGH:
            self._enough.set()

    async def run(self) -> None:
        """Flush what waits, for ever. On the way out, flush what is left."""
        try:
            while True:
                await self._something.wait()
                self._something.clear()
                while self._waiting:
                    gathered = await self._gather()
                    # While the disk has not got the last batch, its callers are the other half.
                    await self._flush_next(everything=gathered or bool(self._flying))
        finally:
            for task in self._flying:
                task.cancel()
            while self._waiting:
                await self._flush_next(everything=True)
            await asyncio.gather(*self._flying, return_exceptions=True)

    async def _gather(self) -> bool:
        """While the process is busy, wait for others until the next commit may begin, or enough have come.

        Whether the time was used up: those who waited are then stored together.
        """
        left = self._flushed_at + GATHER - asyncio.get_running_loop().time()
        if left <= 0 or len(self._waiting) >= ENOUGH or not self._busy():
            return False
        self._enough.clear()
        try:
            async with asyncio.timeout(left):
                await self._enough.wait()
        except TimeoutError:
            return True
        return False

    async def _flush_next(self, *, everything: bool) -> None:
        """Begin to store the next batch. Returns once another may follow."""
        while len(self._flying) >= FLYING:
            await asyncio.wait(self._flying, return_when=asyncio.FIRST_COMPLETED)
        self._flushed_at = asyncio.get_running_loop().time()
        batch = self._take(len(self._waiting) if everything else self._half)
        if not batch:
            return
        written = asyncio.Event()

        def landed(_: object = None) -> None:
            self._flying.pop(task, None)
            written.set()

        task = asyncio.create_task(self._flush(batch, written.set, landed))
        self._flying[task] = batch
        task.add_done_callback(landed)
        await written.wait()

    @property
    def _half(self) -> int:
        """Of all who take part."""
        return (len(self._waiting) + self._taken + 1) // 2

    def _take(self, most: int) -> list[_Waiting]:
        """The next batch, without callers that got 503 or hung up."""
        batch: list[_Waiting] = []
        while self._waiting and len(batch) < min(most, BATCH):
            waiting = self._waiting.popleft()
            self._bytes -= len(waiting[1].body)
            if not waiting[2].done():
                batch.append(waiting)
        self._taken = len(batch)
        return batch

    async def _flush(
        self,
        batch: Sequence[_Waiting],
        on_written: Callable[[], None] | None = None,
        on_landed: Callable[[], None] | None = None,
    ) -> None:
        deliveries = [delivery for _, delivery, _ in batch]
        try:
            await inbox.add_at_once(self._store, deliveries, on_written=on_written)
        except StoreBusy as error:
            _refuse(batch, error)
        except Exception as error:
            await self._flush_halves(batch, error)
        except BaseException as error:
            _refuse(batch, StoreBusy(f"storing failed: {type(error).__name__}"))
            raise
        else:
            committed_at = asyncio.get_running_loop().time() + TIMEOUT
            took = [committed_at - time_is_up for time_is_up, _, _ in batch]
            self._latencies.extend(took)
            WEBHOOK_SECONDS.observe(took)
            if on_landed:
                on_landed()  # the next batch is taken before the callers that are answered now come again
            for _, _, caller in batch:
                if not caller.done():
                    caller.set_result(None)
            if self.on_stored:
                self.on_stored()

    async def _flush_halves(self, batch: Sequence[_Waiting], error: Exception) -> None:
        """One bad row must fail neither its batch nor the loop: halves, then rows."""
        if len(batch) == 1:
            log.error("ingest.refused_by_database", identity=repr(batch[0][1].identity), problem=str(error))
            _refuse(batch, error if isinstance(error, StoreError) else StoreError(f"{type(error).__name__}: {error}"))
            return
        middle = len(batch) // 2
        await self._flush(batch[:middle])
        await self._flush(batch[middle:])

    def _tick(self) -> None:
        """Answer callers whose time is up, independently of the database."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        late = StoreBusy(f"the delivery was not committed within {TIMEOUT:g} s")
        _refuse([waiting for batch in self._flying.values() for waiting in batch if waiting[0] <= now], late)
        while self._waiting and (self._waiting[0][0] <= now or self._waiting[0][2].done()):
            _, delivery, caller = self._waiting.popleft()
            self._bytes -= len(delivery.body)
            if not caller.done():
                caller.set_exception(late)
        self._timer = loop.call_later(TICK, self._tick) if self._waiting or self._flying else None


def _refuse(batch: Sequence[_Waiting], error: StoreError) -> None:
    for _, _, caller in batch:
        if not caller.done():
            caller.set_exception(error)
