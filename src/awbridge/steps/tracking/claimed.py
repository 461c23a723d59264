"""What the transactions of apply claim: due deliveries, read, with the locked shipments that they may be about."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from awbridge.clickpost.tracking.webhook_bodies import Unreadable
from awbridge.domain.tracking.attribution import Attributed
from awbridge.domain.tracking.scan import TrackingUpdate
from awbridge.steps.runtime.traces import Heard
from awbridge.steps.tracking.candidates import Candidates, candidates_of
from awbridge.steps.tracking.rebuild import Reading
from awbridge.store.engine.database import Session
from awbridge.store.tracking import inbox, update_sources
from awbridge.store.tracking.inbox import Delivery

LARGE_PIECE = 4 * inbox.BATCH  # deliveries; it may be larger by half a batch, instead of taking one apart


@dataclass(slots=True, kw_only=True)
class Claims:
    """What one call of `apply_due` may still claim.

    Its transactions claim deliveries in `turn`, in the order of receipt, and lock their shipments in the same order
    (`locking`). So an older update of a shipment is applied before a newer one, and while a transaction waits for the
    shipments of an earlier one, the next reads its deliveries.
    """

    left: int
    piece: int  # deliveries in one transaction
    go_on: Callable[[], bool]  # asked after each piece
    applied: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _size: inbox.BatchSize = field(default_factory=inbox.BatchSize)
    _last: asyncio.Event | None = None  # set once the shipments of the last claim are locked

    def locking(self) -> AbstractAsyncContextManager[None]:
        """What a claim locks its shipments in: entered once those of all earlier claims are locked.

        Call it in `turn`.
        """
        before, self._last = self._last, asyncio.Event()
        return _after(before, self._last)

    async def next_piece(self, session: Session, now: datetime) -> list[Delivery]:
        """Claim the next deliveries: about a piece, or what is due."""
        limit = min(self.left, self.piece)
        enough = limit - inbox.BATCH // 2 if limit >= inbox.BATCH else limit
        most = limit + inbox.BATCH // 2 if limit >= LARGE_PIECE else limit
        deliveries = await inbox.claim(session, now=now, limit=limit, enough=enough, most=most, size=self._size)
        self.left = max(0, self.left - len(deliveries)) if len(deliveries) >= enough and self.go_on() else 0
        if deliveries:
            await inbox.need_not_last(session)
        return deliveries


@asynccontextmanager
async def _after(before: asyncio.Event | None, done: asyncio.Event) -> AsyncGenerator[None]:
    try:
        if before:
            await before.wait()
        yield
    finally:
        done.set()


@dataclass(slots=True)
class ReadDelivery:
    """A delivery, its updates, and the shipment that each of them is about."""

    delivery: Delivery
    updates: list[TrackingUpdate]
    about: list[Attributed] = field(default_factory=list[Attributed])


@dataclass(frozen=True, slots=True)
class Claimed:
    """Deliveries with the locked shipments that they may be about.

    `again`: those that were applied before, and `updated_before`: the shipments that they updated then. `heard`: the
    scans that applying them adds, while traces are on.
    """

    readable: list[ReadDelivery]
    again: list[Delivery]
    updated_before: Mapping[str, Collection[int]]
    candidates: Candidates
    heard: list[Heard] = field(default_factory=list[Heard])


async def read_claimed(
    session: Session, claimed: Sequence[Delivery], reading: Reading, *, in_one_go: int
) -> list[ReadDelivery]:
    """Read these deliveries; dead-letter those that cannot be read.

    After each `in_one_go` of them, other tasks have a turn.
    """
    readable: list[ReadDelivery] = []
    for number, delivery in enumerate(claimed, start=1):
        try:
            updates = reading.of(delivery)
        except Unreadable as error:
            await inbox.dead_lettered(session, delivery, problem=error.problem)
        else:
            readable.append(ReadDelivery(delivery, updates))
        if number % in_one_go == 0:
            await asyncio.sleep(0)
    return readable


async def lock_shipments(session: Session, claimed: Sequence[Delivery], reading: Reading, *, in_one_go: int) -> Claimed:
    """Read these deliveries, as `read_claimed` does, and lock the shipments that they may be about."""
    return await lock_of(session, await read_claimed(session, claimed, reading, in_one_go=in_one_go))


async def lock_of(session: Session, readable: list[ReadDelivery]) -> Claimed:
    """Lock the shipments that these deliveries may be about."""
    again = [read.delivery for read in readable if read.delivery.again]
    updated_before = await update_sources.of_deliveries(session, again)
    candidates = await candidates_of(session, [t for read in readable for t in read.updates], updated_before)
    return Claimed(readable, again, updated_before, candidates)
