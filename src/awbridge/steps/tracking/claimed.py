"""What the transactions of apply claim: due deliveries, read, with the locked shipments that they may be about."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from awbridge.clickpost.tracking.webhook_bodies import Unreadable
from awbridge.domain.tracking.attribution import Attributed
from awbridge.domain.tracking.scan import TrackingUpdate
from awbridge.steps.runtime.traces import Heard
from awbridge.steps.tracking.candidates import Candidates, Named, candidates_of, named_by
from awbridge.steps.tracking.reading import Reading
from awbridge.store.engine.database import Session
from awbridge.store.tracking import inbox, update_sources
from awbridge.store.tracking.inbox import Delivery

LARGE_PIECE = 4 * inbox.BATCH  # deliveries; it may be larger by half a batch, instead of taking one apart


@dataclass(slots=True, kw_only=True)
class Claims:
    """What one call of `apply_due` may still claim.

    Its transactions claim deliveries in `turn`, in the order of receipt, and lock their shipments in the same order
    (`place`). So an older update of a shipment is applied before a newer one, and while a transaction waits for the
    shipments of an earlier one, the next reads its deliveries and looks up whose they are.
    """

    left: int
    piece: int  # deliveries in one transaction
    go_on: Callable[[], bool]  # asked after each piece
    applied: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _size: inbox.BatchSize = field(default_factory=inbox.BatchSize)
    _last: asyncio.Event | None = None  # set once the shipments of the last claim are locked

    def place(self) -> Place:
        """The place of a claim among those of this call, to be left in any case. Call it in `turn`."""
        before, self._last = self._last, asyncio.Event()
        return Place(before, self._last)

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


@dataclass(frozen=True, slots=True)
class Place:
    """Where a claim stands in the order in which shipments are locked."""

    _before: asyncio.Event | None
    _done: asyncio.Event

    async def reached(self) -> None:
        """Return once the shipments of all earlier claims are locked."""
        if self._before:
            await self._before.wait()

    def leave(self) -> None:
        """Let the next claim lock its shipments."""
        self._done.set()


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
    readable = await read_claimed(session, claimed, reading, in_one_go=in_one_go)
    return await lock_of(session, await look_up(session, readable))


@dataclass(frozen=True, slots=True)
class LookedUp:
    """Deliveries with what is known of the shipments that they name, before those are locked."""

    readable: list[ReadDelivery]
    again: list[Delivery]
    updated_before: Mapping[str, Collection[int]]
    named: Named


async def look_up(session: Session, readable: list[ReadDelivery]) -> LookedUp:
    """Look up which shipments these deliveries may be about. It waits for no other transaction."""
    again = [read.delivery for read in readable if read.delivery.again]
    updated_before = await update_sources.of_deliveries(session, again)
    return LookedUp(readable, again, updated_before, await named_by(session, [t for r in readable for t in r.updates]))


async def lock_of(session: Session, found: LookedUp) -> Claimed:
    """Lock the shipments that these deliveries may be about."""
    candidates = await candidates_of(session, found.named, found.updated_before)
    return Claimed(found.readable, found.again, found.updated_before, candidates)


def by_shipment(ready: Sequence[ReadDelivery]) -> dict[str, list[tuple[ReadDelivery, TrackingUpdate]]]:
    """These deliveries with their updates, by the reference number of the shipment that they are about."""
    updates: dict[str, list[tuple[ReadDelivery, TrackingUpdate]]] = {}
    for read in ready:
        for update, about in zip(read.updates, read.about, strict=True):
            updates.setdefault(about.reference_number, []).append((read, update))
    return updates
