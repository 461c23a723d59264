"""Ingest: deliveries of the vendor become durable, many to a commit.

Whoever hands a delivery in waits until the transaction that holds it has committed. What is waiting is flushed at once,
without lingering: batches settle near the number of connections by themselves.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import structlog

from awbridge.domain.errors import StoreBusy, StoreError
from awbridge.store import Store, inbox
from awbridge.store.inbox import NewDelivery

log = structlog.get_logger()

BATCH = 500  # deliveries a commit
CAPACITY = 5_000  # deliveries that may wait; more are refused, so that memory stays flat
TIMEOUT = 1.5  # seconds until a caller is told to come again; ClickPost hangs up after about 2

_Waiting = tuple[NewDelivery, asyncio.Future[None]]


class Ingest:
    """Group commit in front of the inbox. `run` must be running for `accept` to return."""

    def __init__(self, store: Store, *, on_stored: Callable[[], None] | None = None) -> None:
        self._store = store
        self._waiting: deque[_Waiting] = deque()
        self._something = asyncio.Event()
        self._on_stored = on_stored

    async def accept(self, delivery: NewDelivery) -> None:
        """Return once the delivery is committed. Raises StoreBusy when that does not happen in time."""
        if len(self._waiting) >= CAPACITY:
            raise StoreBusy("too many deliveries are waiting to be stored")
        stored = asyncio.get_running_loop().create_future()
        self._waiting.append((delivery, stored))
        self._something.set()
        try:
            async with asyncio.timeout(TIMEOUT):
                await stored
        except TimeoutError:
            raise StoreBusy(f"the delivery was not committed within {TIMEOUT:g} s") from None

    async def run(self) -> None:
        """Flush what waits, for ever. On the way out, flush what is left."""
        try:
            while True:
                await self._something.wait()
                self._something.clear()
                while self._waiting:
                    await self._flush(self._take())
        finally:
            while self._waiting:
                await self._flush(self._take())

    def _take(self) -> list[_Waiting]:
        return [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]

    async def _flush(self, batch: Sequence[_Waiting]) -> None:
        try:
            async with self._store.write() as session:
                await inbox.add(session, [delivery for delivery, _ in batch])
        except StoreBusy as error:
            _refuse(batch, error)
        except Exception as error:
            await self._flush_halves(batch, error)
        except BaseException as error:
            _refuse(batch, StoreBusy(f"storing failed: {type(error).__name__}"))
            raise
        else:
            for _, stored in batch:
                if not stored.done():
                    stored.set_result(None)
            if self._on_stored:
                self._on_stored()

    async def _flush_halves(self, batch: Sequence[_Waiting], error: Exception) -> None:
        """One bad row must fail neither its batch nor the loop: halves, then rows."""
        if len(batch) == 1:
            log.error("ingest.refused_by_database", identity=repr(batch[0][0].identity), problem=str(error))
            _refuse(batch, error if isinstance(error, StoreError) else StoreError(f"{type(error).__name__}: {error}"))
            return
        middle = len(batch) // 2
        await self._flush(batch[:middle])
        await self._flush(batch[middle:])


def _refuse(batch: Sequence[_Waiting], error: StoreError) -> None:
    for _, stored in batch:
        if not stored.done():
            stored.set_exception(error)
