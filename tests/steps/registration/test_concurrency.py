"""Push finds its own concurrency: how many calls are in flight, what is claimed for them, and what an order costs."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
import structlog

from awbridge import AsyncClickPost
from awbridge.clickpost.wire.answers import FoundOrder, OrderAnswer
from awbridge.domain.call import Call
from awbridge.domain.concurrency import START
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.outcome import Outcome, Placed, TryLater, Unknown
from awbridge.domain.orders.shipment import Region
from awbridge.rehearsal.demo_orders import ACCOUNTS, demo_order
from awbridge.sandbox import SandboxConfig, running
from awbridge.sandbox.config import Faults
from awbridge.steps.couriers.couriers import put_couriers
from awbridge.steps.orders import intake
from awbridge.steps.registration.push import Push
from awbridge.steps.registration.verdict import PushPolicy
from awbridge.store import Store
from awbridge.store.engine.database import Row
from awbridge.store.engine.queries import Statement
from tests.support.rows import add, fetch
from tests.support.world import SetClock

pytestmark = pytest.mark.heavy


class Vendor:
    """Answers once `together` calls are in flight, all at once; placed unless `answer` says otherwise."""

    def __init__(
        self, together: int = 1, answer: Callable[[int], tuple[Outcome, int | None] | None] | None = None
    ) -> None:
        self.answer = answer or (lambda _: None)
        self.together = together
        self.calls: list[str] = []
        self.in_flight = 0
        self.most_at_once = 0
        self._go = asyncio.Event()

    async def create_order(self, order: JsonObject, /, *, region: Region = Region.INDIA) -> OrderAnswer:
        reference = order["shipment_details"]["reference_number"]
        self.calls.append(reference)
        number = len(self.calls)
        self.in_flight += 1
        self.most_at_once = max(self.most_at_once, self.in_flight)
        if self.in_flight >= self.together:
            self._go.set()
            self._go = asyncio.Event()
            await asyncio.sleep(0)
        else:
            await self._go.wait()
        self.in_flight -= 1
        outcome, status = self.answer(number) or (Placed(waybill=f"AWB-{reference}"), 200)
        call = Call(api="create-order", method="POST", url="u", http_status=status, response="answer")
        return OrderAnswer(outcome=outcome, call=call)

    async def find_order(self, reference_number: str, *, region: Region = Region.INDIA) -> FoundOrder:
        raise AssertionError(f"{reference_number} was looked up")


class CountingStore:
    """A store that counts its statements by name, and its transactions."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.statements = Counter[str]()
        self.writes = 0

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[Any]:
        async with self._store.read() as session:
            yield _CountingSession(session, self.statements)

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[Any]:
        self.writes += 1
        async with self._store.write() as session:
            yield _CountingSession(session, self.statements)

    async def transact(self, work: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
        async with self.write() as session:
            return await work(session)

    @property
    def as_store(self) -> Store:
        return cast("Store", self)


class _CountingSession:
    def __init__(self, session: Any, statements: Counter[str]) -> None:
        self._session = session
        self._statements = statements

    async def fetch(self, statement: Statement, *args: object) -> list[Row]:
        self._statements[statement.name] += 1
        return await self._session.fetch(statement, *args)

    async def execute(self, statement: Statement, *args: object) -> int:
        self._statements[statement.name] += 1
        return await self._session.execute(statement, *args)

    async def write_rows(self, statement: Statement, rows: Sequence[Sequence[object]]) -> None:
        self._statements[statement.name] += bool(rows)
        await self._session.write_rows(statement, rows)

    async def add_rows(self, statement: Statement, rows: Sequence[Sequence[object]]) -> None:
        self._statements[statement.name] += bool(rows)
        await self._session.add_rows(statement, rows)

    async def fetch_rows(self, statement: Statement, rows: Sequence[Sequence[object]]) -> list[Row]:
        self._statements[statement.name] += bool(rows)
        return await self._session.fetch_rows(statement, rows)


def pipeline(store: Store, vendor: Any, policy: PushPolicy | None = None) -> Push:
    return Push(store=store, clickpost=vendor, clock=SetClock(), policy=policy or PushPolicy())


async def push_all(push: Push) -> None:
    while await push.round():
        pass
    await push.drain()
    push.raise_first_error()


async def test_calls_start_with_twenty_and_become_more_while_answers_are_quick(store: Store) -> None:
    await add(store, *(f"R{n}" for n in range(400)))
    vendor = Vendor()
    push = pipeline(store, vendor)
    assert push.limit.now == START
    await push_all(push)
    assert push.limit.now > 2 * START
    assert sorted(vendor.calls) == sorted(f"R{n}" for n in range(400))


async def test_the_setting_is_the_ceiling(store: Store) -> None:
    await add(store, *(f"R{n}" for n in range(200)))
    vendor = Vendor()
    push = pipeline(store, vendor, PushPolicy(concurrency=24))
    await push_all(push)
    assert push.limit.now == 24
    assert vendor.most_at_once <= 24


async def test_a_claim_takes_only_what_may_be_called_now(store: Store) -> None:
    await add(store, *(f"R{n}" for n in range(200)))
    leased: list[int] = []
    vendor = Vendor()
    push = pipeline(store, vendor)

    async def create_order(order: JsonObject, **region: Any) -> OrderAnswer:
        if not leased:
            [row] = await fetch(store, "SELECT COUNT(*) AS n FROM shipments WHERE lease_owner IS NOT NULL")
            leased.append(row["n"])
        return await Vendor.create_order(vendor, order, **region)

    vendor.create_order = create_order  # pyright: ignore
    await push_all(push)
    assert 1 <= leased[0] <= START


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (TryLater(message="429", counts=False, retry_after=3.0), 429),
        (TryLater(message="bad gateway", silent=True), 502),
        (TryLater(message="ClickPost was not reached"), None),
        (Unknown(message="no answer"), None),
    ],
)
async def test_a_pushback_halves_the_calls(store: Store, outcome: Outcome, status: int | None) -> None:
    await add(store, *(f"R{n}" for n in range(START)))
    vendor = Vendor(answer=lambda number: (outcome, status) if number <= 3 else None)
    push = pipeline(store, vendor)
    with structlog.testing.capture_logs() as logs:
        await push_all(push)
    assert push.limit.now == START // 2
    assert [(e["calls"], e["before"]) for e in logs if e["event"] == "push.slowed"] == [(START // 2, START)]


async def test_a_couriers_failure_says_nothing_of_clickpost(store: Store) -> None:
    await add(store, *(f"R{n}" for n in range(START)))
    push = pipeline(store, Vendor(answer=lambda _: (TryLater(message="courier timed out"), 200)))
    await push_all(push)
    assert push.limit.now == START


async def test_an_order_costs_one_call_and_a_share_of_few_statements(store: Store) -> None:
    """The floor of push: twice the statements, transactions or calls fail here, whatever the machine."""
    waves, together = 10, START * 3 // 4  # which one account gets
    orders = waves * together
    await add(store, *(f"R{n}" for n in range(orders)))
    counting, vendor = CountingStore(store), Vendor(together=together)
    await push_all(pipeline(counting.as_store, vendor, PushPolicy(concurrency=START)))
    assert len(vendor.calls) == orders
    assert [r["n"] for r in await fetch(store, "SELECT COUNT(*) AS n FROM attempts WHERE outcome = 'placed'")] == [
        orders
    ]
    assert counting.statements["claim"] <= waves + 2
    assert counting.writes <= 3 * waves
    assert counting.statements.total() <= orders, counting.statements


async def test_a_simulated_clickpost_that_throttles_gets_fewer_calls_and_every_order_once(store: Store) -> None:
    orders = [demo_order(n, 5) for n in range(80)]
    config = SandboxConfig(faults=Faults(slow=1, slow_seconds=0.25), odd_answers=0, serviceable_share=1)
    async with (
        running(config) as sandbox,
        AsyncClickPost(username="sandbox", key="sandbox-key", url=sandbox.url) as clickpost,
    ):
        await put_couriers(store=store, clock=SetClock(), accounts=ACCOUNTS)
        await intake.take_in(store=store, clock=SetClock(), orders=orders)
        sandbox.inject_fault("rate_limited", times=6)
        clock = SetClock()
        push = Push(store=store, clickpost=clickpost, clock=clock, policy=PushPolicy())
        await push_all(push)
        assert push.limit.now < START
        assert push.limit.careful
        for _ in range(5):
            clock.forward(seconds=120)
            await push_all(push)
        calls = sandbox.registry.create_calls
        assert len(sandbox.registry.orders) == len(orders)
    assert sum(calls.values()) <= len(orders) + 6
    [row] = await fetch(store, "SELECT COUNT(*) AS n, COUNT(DISTINCT waybill) AS waybills FROM shipments WHERE success")
    assert (row["n"], row["waybills"]) == (len(orders), len(orders))
    [row] = await fetch(store, "SELECT COUNT(*) AS n FROM attempts WHERE http_status = 429")
    assert row["n"] == 6, "every throttled call is recorded"
