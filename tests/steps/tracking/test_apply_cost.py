"""What a batch of deliveries costs the database: statements, rows read. Twice the work fails here."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from awbridge.steps.tracking import replay
from awbridge.steps.tracking.apply import ApplyPolicy, apply_due
from awbridge.store import Store
from awbridge.store.engine.database import Row, Session
from awbridge.store.engine.queries import Statement
from tests.steps.tracking.test_apply import LATER, a_placed, deliver
from tests.support.rows import MINUTE, T0
from tests.support.world import INDIA, SetClock, webhook

FEW, MANY = 10, 60  # deliveries in a batch
STATEMENTS_OF_APPLY = 16  # round trips of a transaction, however many deliveries it applies
ROWS_OF_APPLY = 4  # read for each delivery: itself, its waybill, its shipment, its current promise
STATEMENTS_OF_REPLAY = 8
ROWS_OF_REPLAY = 9  # read for each shipment of two scans: itself, and each scan, promise and delivery
POLICY = ApplyPolicy(zone=INDIA)


class Counting:
    """A session that counts what it is asked."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.statements = 0
        self.rows = 0

    async def fetch(self, statement: Statement, *args: object) -> list[Row]:
        self.statements += 1
        found = await self._session.fetch(statement, *args)
        self.rows += len(found)
        return found

    async def fetch_rows(self, statement: Statement, rows: Sequence[Sequence[object]]) -> list[Row]:
        self.statements += bool(rows)
        found = await self._session.fetch_rows(statement, rows)
        self.rows += len(found)
        return found

    async def execute(self, statement: Statement, *args: object) -> int:
        self.statements += 1
        return await self._session.execute(statement, *args)

    async def write_rows(self, statement: Statement, rows: Sequence[Sequence[object]]) -> None:
        self.statements += bool(rows)
        await self._session.write_rows(statement, rows)


class CountingStore:
    """A store whose writing transactions are counted."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.transactions: list[Counting] = []

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[Counting]:
        async with self._store.write() as session:
            self.transactions.append(Counting(session))
            yield self.transactions[-1]

    @property
    def as_store(self) -> Store:
        return cast("Store", self)


async def scans_of(store: Store, first: int, number: int, *, code: int, minutes: int) -> None:
    bodies: list[dict[str, Any]] = [
        webhook(f"AWB{n}", code, T0 + minutes * MINUTE, order_status_id=1000 * code + n)
        for n in range(first, first + number)
    ]
    await deliver(store, *bodies, at=T0 + minutes * MINUTE)


async def a_batch(store: Store, first: int, number: int) -> Counting:
    """A second scan of each of so many shipments, applied at once."""
    for n in range(first, first + number):
        await a_placed(store, f"R{n}", f"AWB{n}")
    await scans_of(store, first, number, code=4, minutes=first)
    await apply_due(store=store, clock=SetClock(LATER), policy=POLICY)
    await scans_of(store, first, number, code=5, minutes=first + 5)
    counting = CountingStore(store)
    assert await apply_due(store=counting.as_store, clock=SetClock(LATER), policy=POLICY) == number
    (transaction,) = counting.transactions
    return transaction


async def test_a_batch_takes_as_many_statements_as_a_single_delivery(store: Store) -> None:
    few = await a_batch(store, 0, FEW)
    many = await a_batch(store, FEW, MANY)
    assert few.statements == many.statements <= STATEMENTS_OF_APPLY
    assert many.rows <= ROWS_OF_APPLY * MANY


async def test_a_replay_takes_as_many_statements_for_many_shipments_as_for_few(store: Store) -> None:
    costs: list[tuple[int, float]] = []
    for first, number in ((0, FEW), (FEW, MANY)):
        await a_batch(store, first, number)
        counting = CountingStore(store)
        await replay.begin(store=store, clock=SetClock(LATER + first * MINUTE), restart=True)
        done = await replay.rebuild_some(store=counting.as_store, clock=SetClock(LATER), reading=POLICY)
        assert done
        assert (done.shipments, done.changed) == (first + number, 0)
        (transaction,) = counting.transactions
        costs.append((transaction.statements, transaction.rows / done.shipments))
    assert costs[0][0] == costs[1][0] <= STATEMENTS_OF_REPLAY
    assert max(rows for _, rows in costs) <= ROWS_OF_REPLAY


@pytest.mark.parametrize("lanes", [1, 2])
async def test_a_call_applies_piece_by_piece_until_its_batch_is_full(store: Store, lanes: int) -> None:
    for n in range(3):
        await a_placed(store, f"R{n}", f"AWB{n}")
    for code, minutes in ((4, 0), (5, 5), (6, 9)):
        await scans_of(store, 0, 3, code=code, minutes=minutes)
    policy = ApplyPolicy(zone=INDIA, batch=7, piece=2, lanes=lanes)
    counting = CountingStore(store)
    assert await apply_due(store=counting.as_store, clock=SetClock(LATER), policy=policy) == 7
    assert len(counting.transactions) == 4
    assert await apply_due(store=store, clock=SetClock(LATER), policy=policy) == 2
    assert await apply_due(store=store, clock=SetClock(LATER), policy=policy) == 0
