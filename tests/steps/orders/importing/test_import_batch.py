"""An import costs a few statements a batch, and recognises what is stored already without a full check."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from awbridge.domain.json import JsonObject
from awbridge.steps.orders import intake, reading
from awbridge.steps.orders.importing import import_file
from awbridge.steps.orders.importing.import_file import Imported, import_orders
from awbridge.steps.orders.importing.order_rows import ReadOrder
from awbridge.store import Store
from awbridge.store.engine.database import Session
from tests.support.rows import count
from tests.support.world import SetClock, an_order

_CALLS = ("fetch", "execute", "fetch_rows", "write_rows")


@dataclass
class CountedStore:
    """A store that counts the calls to the database."""

    store: Store
    calls: list[str] = field(default_factory=list[str])

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Session]:
        async with self.store.read() as session:
            yield cast("Session", _Counted(session, self.calls))

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Session]:
        async with self.store.write() as session:
            yield cast("Session", _Counted(session, self.calls))


@dataclass
class _Counted:
    session: Session
    calls: list[str]

    def __getattr__(self, name: str) -> Any:
        if name in _CALLS:
            self.calls.append(name)
        return getattr(self.session, name)


@dataclass
class Checks:
    """How many orders were checked completely."""

    orders: int = 0


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> Checks:
    counted = Checks()

    def read_order(*args: Any, **more: Any) -> Any:
        counted.orders += 1
        return checked(*args, **more)

    checked = reading.read_order
    monkeypatch.setattr(reading, "read_order", read_order)
    return counted


def orders(*names: str, **changes: Any) -> list[JsonObject]:
    return [an_order(name, **changes) for name in names]


def doubtful(*names: str) -> list[JsonObject]:
    """Orders whose phone number is sent without its country code."""
    given = orders(*names)
    for order in given:
        order["drop_info"]["drop_phone"] = "+91 90000 00001"
    return given


async def run(store: Any, given: list[JsonObject]) -> Imported:
    rows = [ReadOrder(line=number, order=order) for number, order in enumerate(given, start=1)]
    return await import_orders(store=store, clock=SetClock(), orders=rows)


async def test_a_batch_costs_as_many_statements_however_many_orders_it_has(store: Store) -> None:
    costs: list[int] = []
    for size in (5, 150):
        counted = CountedStore(store)
        result = await run(counted, orders(*(f"R-{size}-{n}" for n in range(size))))
        assert result.created == size
        costs.append(len(counted.calls))
    assert costs[0] == costs[1] <= 8


async def test_orders_that_are_stored_already_are_not_checked_again(store: Store, checks: Checks) -> None:
    given = doubtful("A", "B")
    first = await run(store, given)
    assert (first.created, first.warning_count, checks.orders) == (2, 2, 2)
    again = await run(store, [*given, *orders("C")])
    assert (again.created, again.known, again.warnings) == (1, 2, first.warnings)
    assert checks.orders == 3, "only the new one is checked"
    assert await count(store, "shipments") == 3


async def test_an_order_that_differs_from_the_stored_one_is_still_refused(store: Store, checks: Checks) -> None:
    await run(store, orders("A", "B", "C"))
    given = [*orders("A", weight=900), *orders("B"), {**an_order("C"), "region": "world"}]
    result = await run(store, given)
    assert (result.created, result.known, {bad.reference_number for bad in result.bad}) == (0, 1, {"A", "C"})
    assert checks.orders == 5


async def test_an_order_whose_shipment_is_cancelled_is_still_refused(store: Store) -> None:
    await run(store, orders("A"))
    await intake.cancel(store=store, clock=SetClock(), reference_number="A")
    result = await run(store, orders("A"))
    assert (result.known, len(result.bad)) == (0, 1)
    assert "cancelled" in result.bad[0].problem


async def test_one_bad_order_of_a_batch_does_not_have_the_others_checked_twice(store: Store, checks: Checks) -> None:
    result = await run(store, [*orders("A", "B"), *orders("BAD", weight=-1)])
    assert (result.created, len(result.bad), checks.orders) == (2, 1, 3)


async def test_the_same_order_twice_in_a_batch_is_stored_once(store: Store) -> None:
    result = await run(store, orders("A", "A"))
    assert (result.created, result.known, result.bad) == (1, 1, [])


async def test_an_interrupted_import_resumes_where_it_ended(
    store: Store, checks: Checks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_file, "BATCH", 10)
    given = orders(*(f"R-{n}" for n in range(30)))

    def interrupted(_: int) -> None:
        if checks.orders == 20:
            raise KeyboardInterrupt

    rows = [ReadOrder(line=number, order=order) for number, order in enumerate(given, start=1)]
    with pytest.raises(KeyboardInterrupt):
        await import_orders(store=store, clock=SetClock(), orders=rows, on_row=interrupted)
    result = await run(store, given)
    assert (result.created, result.known, await count(store, "shipments"), checks.orders) == (10, 20, 30, 30)


async def test_only_the_first_warnings_are_kept_and_all_are_counted(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_file, "MOST_WARNINGS", 2)
    result = await run(store, doubtful(*"ABCDE"))
    assert (result.created, len(result.warnings), result.warning_count) == (5, 2, 5)


def test_lines_of_json_are_read_without_holding_the_file(tmp_path: Path) -> None:
    path = tmp_path / "o.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}\r\n\n{"a": 2}\n')
    found = import_file.read_orders(path)
    assert (found.total, [(row.line, getattr(row, "order", None)) for row in found]) == (
        2,
        [(1, {"a": 1}), (3, {"a": 2})],
    )
