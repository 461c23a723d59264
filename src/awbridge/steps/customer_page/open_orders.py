"""Opens the customer's page for many callers at once: those who come while a read is under way share the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import cast

import structlog

from awbridge.domain.customer_page.parcel import CustomerOrder
from awbridge.domain.errors import StoreBusy, StoreError
from awbridge.steps.customer_page.read_orders import PagePolicy, read_orders
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store

log = structlog.get_logger()

BATCH = 32  # pages of one read
READS = 2  # at a time: pages of one are rendered while the other waits for the database
AT_ONCE = 4  # pages that are rendered in one go: webhooks that arrive meanwhile wait for no more
LONGEST_REST = 0.005  # seconds
CAPACITY = 2_000  # callers that may wait; more are refused, so that memory stays flat
TIMEOUT = 4.0  # seconds that a caller waits

LinkIds = tuple[int, ...]  # the ids that a token may stand for: usually one


class OpenOrders:
    """What links open, read in batches."""

    def __init__(self, store: Store, clock: Clock, policy: PagePolicy) -> None:
        self._store = store
        self._clock = clock
        self.policy = policy
        self._waiting: dict[LinkIds, asyncio.Future[CustomerOrder | None]] = {}
        self._reading: set[asyncio.Task[None]] = set()
        self._rendering = asyncio.Lock()

    async def open(self, link_ids: LinkIds) -> CustomerOrder | None:
        """The order that a token opens; None if it opens none. Raises StoreBusy if it cannot be read in time."""
        if not link_ids:
            return None
        future = self._waiting.get(link_ids)
        if future is None:
            if len(self._waiting) >= CAPACITY:
                raise StoreBusy("too many callers wait for the customer's page")
            future = self._waiting[link_ids] = asyncio.get_running_loop().create_future()
        if len(self._reading) < READS:
            task = asyncio.create_task(self._read_all(), name="customer_page")
            self._reading.add(task)
            task.add_done_callback(self._reading.discard)
        try:
            async with asyncio.timeout(TIMEOUT):
                return await asyncio.shield(future)  # others may wait for it too
        except TimeoutError:
            raise StoreBusy(f"the customer's page was not read within {TIMEOUT:g} s") from None

    async def _read_all(self) -> None:
        try:
            while self._waiting:
                taken = [(ids, self._waiting.pop(ids)) for ids in list(self._waiting)[:BATCH]]
                await self._read(taken)
        except asyncio.CancelledError:  # the process stops
            for future in self._waiting.values():
                future.cancel()
            self._waiting.clear()
            raise
        finally:  # at once: who asks before the task is done must not rely on it
            self._reading.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _read(self, taken: Sequence[tuple[LinkIds, asyncio.Future[CustomerOrder | None]]]) -> None:
        try:
            async with self._store.read() as session:
                wanted = {identity for ids, _ in taken for identity in ids}
                orders = await read_orders(session, wanted, policy=self.policy, now=self._clock())
        except StoreError as error:
            _fail(taken, error)
        except Exception as error:
            if len(taken) > 1:  # one bad row must not fail the pages beside it
                for one in taken:
                    await self._read([one])
                return
            log.exception("customer_page.failed", error=type(error).__name__)
            _fail(taken, StoreError("the customer's page could not be read"))
        except BaseException:
            _fail(taken, StoreBusy("the process stops"))
            raise
        else:
            await self._hand_out(taken, orders)

    async def _hand_out(
        self, taken: Sequence[tuple[LinkIds, asyncio.Future[CustomerOrder | None]]], orders: Mapping[int, CustomerOrder]
    ) -> None:
        """Answer the callers, a few at a time, and rest half as long as their pages took.

        The loop answers webhooks meanwhile, and SQLite's writing thread gets the interpreter.
        """
        clock = asyncio.get_running_loop().time
        try:
            for first in range(0, len(taken), AT_ONCE):
                some = taken[first : first + AT_ONCE]
                async with self._rendering:
                    begun = clock()
                    for ids, future in some:
                        if not future.done():
                            future.set_result(next((orders[one] for one in ids if one in orders), None))
                    if len(some) == AT_ONCE:
                        await asyncio.sleep(0)
                        await asyncio.sleep(min((clock() - begun) / 2, LONGEST_REST))
        except asyncio.CancelledError:
            _fail(taken, StoreBusy("the process stops"))
            raise


def _fail(taken: Sequence[tuple[LinkIds, asyncio.Future[CustomerOrder | None]]], error: StoreError) -> None:
    for _, future in taken:
        if not future.done():
            future.set_exception(error)
            future.exception()  # retrieved: a caller that timed out no longer reads it
