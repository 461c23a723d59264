"""Opens the customer's page for many callers at once: those who come while a read is under way share the next one.

Callers are answered in the order in which they came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Protocol, cast

import structlog

from awbridge.domain.customer_page.parcel import CustomerOrder
from awbridge.domain.errors import StoreBusy, StoreError
from awbridge.steps.customer_page.read_orders import AT_ONCE, PagePolicy, read_orders
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store

log = structlog.get_logger()

BATCH = 64  # pages of one read
READS = 2  # at a time: pages of one are rendered while the other waits for the database
LONGEST_REST = 0.005  # seconds
LONGEST_TURN = 0.25  # seconds that a read waits for the one before it, so that callers are answered in order
CAPACITY = 2_000  # callers that may wait; more are refused, so that memory stays flat
TIMEOUT = 4.0  # seconds that a caller waits
TICK = 0.25  # seconds between looks for callers whose time is up

LinkIds = tuple[int, ...]  # the ids that a token may stand for: usually one


class Caller(Protocol):
    """Who waits for an order: a future, or an object with its methods, which are called once."""

    def done(self) -> bool:
        """Whether nobody waits any more: answered, or disconnected."""
        ...

    def set_result(self, order: CustomerOrder | None, /) -> None:
        """The order that the link opens; None if it opens none. Must not raise."""
        ...

    def set_exception(self, exception: StoreError, /) -> None:
        """It could not be read, or not in time. Must not raise."""
        ...


class _Asked:
    """What waits for one link. `ends_at`: when the time of the first caller is up, by the loop's clock."""

    __slots__ = ("callers", "ends_at", "ids")

    def __init__(self, ids: LinkIds, ends_at: float) -> None:
        self.ids = ids
        self.ends_at = ends_at
        self.callers: list[Caller] = []

    def fail(self, error: StoreError) -> None:
        """Say to all who wait that it cannot be read."""
        for caller in self.callers:
            if not caller.done():
                caller.set_exception(error)


class OpenOrders:
    """What links open, read in batches. `alone`: whether nothing else wants the loop meanwhile, such as webhooks."""

    def __init__(self, store: Store, clock: Clock, policy: PagePolicy, *, alone: bool = False) -> None:
        self._store = store
        self._clock = clock
        self.policy = policy
        self._alone = alone
        self._waiting: dict[LinkIds, _Asked] = {}
        self._taken: set[_Asked] = set()  # being read or handed out
        self._callers = 0  # in _waiting
        self._reading: set[asyncio.Task[None]] = set()
        self._last = asyncio.Event()  # set once the read that began last has been handed out
        self._last.set()
        self.on_some: Callable[[], None] | None = None  # called when a few callers have been given their orders
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_crowded(self) -> bool:
        """Whether more callers wait than are answered in one go."""
        return self._callers > AT_ONCE or len(self._taken) > AT_ONCE

    async def open(self, link_ids: LinkIds) -> CustomerOrder | None:
        """The order that a token opens; None if it opens none. Raises StoreBusy if it cannot be read in time."""
        if not link_ids:
            return None
        future: asyncio.Future[CustomerOrder | None] = asyncio.get_running_loop().create_future()
        self.ask(link_ids, future)
        return await future

    def ask(self, link_ids: LinkIds, caller: Caller) -> None:
        """Answer the caller with what a token opens, or once its time is up. Raises StoreBusy if too many wait."""
        if self._callers >= CAPACITY:
            raise StoreBusy("too many callers wait for the customer's page")
        loop = asyncio.get_running_loop()
        asked = self._waiting.get(link_ids)
        if asked is None:
            asked = self._waiting[link_ids] = _Asked(link_ids, loop.time() + TIMEOUT)
        asked.callers.append(caller)
        self._callers += 1
        if self._timer is None:
            self._timer = loop.call_later(min(TICK, TIMEOUT), self._tick)
        if len(self._reading) < READS:
            task = asyncio.create_task(self._read_all(), name="customer_page")
            self._reading.add(task)
            task.add_done_callback(self._reading.discard)

    def _tick(self) -> None:
        """Answer callers whose time is up, independently of the database."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        late = StoreBusy(f"the customer's page was not read within {TIMEOUT:g} s")
        for asked in [one for one in (*self._taken, *self._waiting.values()) if one.ends_at <= now]:
            if self._waiting.get(asked.ids) is asked:
                self._take(asked.ids)
            asked.fail(late)
        busy = self._waiting or self._taken
        self._timer = loop.call_later(min(TICK, TIMEOUT), self._tick) if busy else None

    def _take(self, ids: LinkIds) -> _Asked:
        asked = self._waiting.pop(ids)
        self._callers -= len(asked.callers)
        return asked

    async def _read_all(self) -> None:
        taken: list[_Asked] = []
        try:
            while self._waiting:
                taken = [self._take(ids) for ids in list(islice(self._waiting, BATCH))]
                self._taken.update(taken)
                before, self._last = self._last, asyncio.Event()
                mine = self._last
                try:
                    await self._read(taken, before)
                finally:
                    mine.set()
                self._taken.difference_update(taken)
        except asyncio.CancelledError:  # the process stops
            stopping = StoreBusy("the process stops")
            for asked in [*taken, *self._waiting.values()]:
                asked.fail(stopping)
            self._waiting.clear()
            self._callers = 0
            raise
        finally:  # at once: who asks before the task is done must not rely on it
            self._taken.difference_update(taken)
            self._reading.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _read(self, taken: Sequence[_Asked], before: asyncio.Event) -> None:
        """Read what these ask for, and hand it out once those `before` them have theirs."""
        try:
            async with self._store.read() as session:
                wanted = {identity for asked in taken for identity in asked.ids}
                orders = await read_orders(session, wanted, policy=self.policy, now=self._clock())
        except StoreError as error:
            _fail(taken, error)
        except Exception as error:
            if len(taken) > 1:  # one bad row must not fail the pages beside it
                for one in taken:
                    await self._read([one], before)
                return
            log.exception("customer_page.failed", error=type(error).__name__)
            _fail(taken, StoreError("the customer's page could not be read"))
        else:
            if len(taken) > AT_ONCE:
                await asyncio.sleep(0)  # making the orders took its time too
            with suppress(TimeoutError):  # a read that hangs holds up nobody else for longer
                async with asyncio.timeout(LONGEST_TURN):
                    await before.wait()
            await self._hand_out(taken, orders)

    async def _hand_out(self, taken: Sequence[_Asked], orders: Mapping[int, CustomerOrder]) -> None:
        """Answer the callers, a few at a time, and leave half as long as their pages took to others.

        The loop answers webhooks meanwhile, and SQLite's writing thread gets the interpreter. Without others there is
        nothing to leave.
        """
        clock = asyncio.get_running_loop().time
        for first in range(0, len(taken), AT_ONCE):
            some = taken[first : first + AT_ONCE]
            begun = clock()
            for asked in some:
                order = next((orders[one] for one in asked.ids if one in orders), None)
                for caller in asked.callers:
                    if not caller.done():
                        caller.set_result(order)
            if self.on_some:
                self.on_some()
            if len(some) == AT_ONCE and self._alone:
                await asyncio.sleep(0)  # takes what arrived
            elif len(some) == AT_ONCE:
                made = clock()
                await asyncio.sleep(0)
                others = clock() - made  # what else the loop had to do
                rest = min((made - begun) / 2, LONGEST_REST) - others
                if rest > 0:
                    await asyncio.sleep(rest)


def _fail(taken: Sequence[_Asked], error: StoreError) -> None:
    for asked in taken:
        asked.fail(error)
