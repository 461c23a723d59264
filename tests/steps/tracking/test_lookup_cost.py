"""What callers choose (order ids, waybills) may be the same for every order: looking it up must not cost more then."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from awbridge.steps.orders.importing.import_file import ReadOrder, import_orders
from awbridge.steps.tracking.apply import apply_due
from awbridge.steps.tracking.replay_report import replay_report
from awbridge.store import Store
from tests.steps.tracking.test_apply import LATER, POLICY, deliver
from tests.steps.tracking.test_attribution import by_order
from tests.support.rows import MINUTE, T0, add, place
from tests.support.work import CountedStore
from tests.support.world import SetClock, an_order, webhook

pytestmark = pytest.mark.heavy

FEW, MANY = 30, 600  # shipments that say the same
A_BATCH = 30  # rows that a batch reads whatever waits for its order: as many for one order as for a hundred
SLACK = 1.3  # trees of indexes are deeper, pages differ


async def of_one_order(store: Store, start: int, end: int) -> None:
    await add(store, *[f"R{number}" for number in range(start, end)], order_id="77")


async def work_of_apply(store: Store, body: dict[str, Any]) -> int:
    """What it costs to apply one delivery."""
    await deliver(store, body)
    counted = CountedStore(store)
    await apply_due(store=counted.as_store, clock=SetClock(LATER), policy=POLICY)
    return counted.work


async def test_a_delivery_that_names_an_order_costs_the_same_however_many_shipments_it_has(store: Store) -> None:
    await of_one_order(store, 0, FEW)
    few = await work_of_apply(store, by_order(77))
    await of_one_order(store, FEW, MANY)
    many = await work_of_apply(store, by_order("77"))
    assert 0 < many <= few * SLACK


async def test_a_delivery_costs_the_same_however_many_are_due(store: Store) -> None:
    async def of_one(backlog: int) -> int:
        await deliver(store, *[by_order(f"unknown {backlog} {number}") for number in range(backlog)])
        counted = CountedStore(store)
        await apply_due(store=counted.as_store, clock=SetClock(LATER), policy=replace(POLICY, batch=1, piece=1))
        return counted.work

    few, many = await of_one(FEW), await of_one(MANY)
    assert 0 < many <= few * 2, "a batch is of 64 at most, whatever else is due"


async def test_a_delivery_costs_the_same_however_many_shipments_have_its_waybill(store: Store) -> None:
    async def used(start: int, end: int) -> None:
        for number in range(start, end):
            await add(store, f"R{number}")
            await place(store, f"R{number}", "777", now=T0 + number * MINUTE)

    await used(0, FEW)
    few = await work_of_apply(store, webhook("777", 5, T0))
    await used(FEW, 150)
    many = await work_of_apply(store, webhook("777", 6, T0))
    assert 0 < many <= few * SLACK


@pytest.mark.parametrize("waiting", [0, 200])
async def test_orders_of_one_id_are_imported_as_those_of_many(store: Store, waiting: int) -> None:
    """Also while deliveries wait for that order: of several shipments none is meant, so nothing is woken."""
    await deliver(store, *[by_order(77, remark=number) for number in range(waiting)])
    await apply_due(store=store, clock=SetClock(LATER), policy=POLICY)
    costs: list[int] = []
    for kind in ("same", "own"):
        for start in (0, 200, 400):
            orders = [
                ReadOrder(line=n, order=an_order(f"{kind}-{n}", order_id="77" if kind == "same" else f"O-{n}"))
                for n in range(start, start + 100)
            ]
            counted = CountedStore(store)
            imported = await import_orders(store=counted.as_store, clock=SetClock(LATER), orders=orders)
            assert (imported.created, imported.bad) == (100, [])
            costs.append(counted.work)
    same, own = costs[:3], costs[3:]
    assert max(same) <= max(own) * SLACK + A_BATCH, (same, own)


async def test_placing_orders_of_one_id_wakes_nothing_that_waits_for_it(store: Store) -> None:
    await of_one_order(store, 0, FEW)
    await deliver(store, *[by_order(77, remark=number) for number in range(100)])
    await apply_due(store=store, clock=SetClock(LATER), policy=POLICY)
    for number in range(FEW):
        await place(store, f"R{number}", f"AWB{number}", now=LATER)
    assert await apply_due(store=store, clock=SetClock(LATER), policy=POLICY) == 0


async def test_a_report_row_that_names_an_order_of_many_says_so(store: Store, tmp_path: Path) -> None:
    await of_one_order(store, 0, FEW)
    report = tmp_path / "r.csv"
    report.write_bytes(b"order id,awb\n77,\n,UNKNOWN\n")
    done = await replay_report(store=store, clock=SetClock(LATER), path=report, ask_again=MINUTE)
    assert [row.problem.split(" (")[0] for row in done.bad] == [
        "no payload, and order 77 is that of several shipments",
        "no payload, and no shipment of ours has what it names",
    ]
