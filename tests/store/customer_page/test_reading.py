"""The customer's page reads by index, whatever the tables hold."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from awbridge.store import Store
from awbridge.store.customer_page import reading
from awbridge.store.engine.queries import Statement
from tests.support import shared_keys
from tests.support.customer_page import HOUR, KEYS, At, CustomersView, add_parcel, payload
from tests.support.rows import T0, add, sql
from tests.support.statements import statements_of
from tests.support.stores import migrate

pytestmark = pytest.mark.heavy


@pytest.mark.parametrize(
    ("name", "args", "index"),
    [
        ("parcels", [("R-1", 1), ("R-2", 2)], ("shipments_pkey", "sqlite_autoindex_shipments_1")),
        ("parcels", [("R-1", 1), ("R-2", 2)], ("shipments_by_order", "shipments_by_order")),
        ("parcels", [("R-1", 1), ("R-2", 2)], ("scans_of_shipment", "scans_of_shipment")),
        ("of_orders", [("R1", T0, "0001", "R2", 20)], ("shipments_by_order", "shipments_by_order")),
    ],
)
async def test_a_page_is_read_by_index(
    filled: Store, name: str, args: list[tuple[object, ...]], index: tuple[str, str]
) -> None:
    statement = getattr(statements_of("reading"), name)
    explained = Statement("plan", f"EXPLAIN {statement.postgres}", f"EXPLAIN QUERY PLAN {statement.sqlite}")
    async with filled.read() as session:
        rows = await session.fetch_rows(explained, args)
    plan = "\n".join(str(list(row.values())) for row in map(dict, rows))
    assert re.search(rf"\b{index[filled.dialect == 'sqlite']}\b", plan), plan
    assert not re.search(r"Seq Scan on (shipments|scans)|SCAN (shipments|scans)(?! USING)", plan), plan


FEW, MANY = 300, 1200
GROWTH = 1000


async def _open_one(url: str) -> None:
    store = await Store.open(url)
    assert (await CustomersView(store).get(KEYS.token("REF-1"))).status_code == 200
    await store.close()


async def _shared(url: str, strangers: int) -> None:
    """One parcel in an order whose id so many strangers' parcels have as well, before and after it."""
    store = await Store.open(url)
    stranger = payload(phone="9000000000", name="Somebody Else")
    for half, days in enumerate((-1, 1)):
        names = [f"S{half}-{n}" for n in range(strangers // 2)]
        given: dict[str, Any] = {"order_id": "ORDER-1", "payload": stranger, "phone_tail": "0000"}
        await add(store, *names, now=T0 + timedelta(days=days), **given)
    await add_parcel(store, "REF-1", At(5))
    async with store.write() as session:
        await session.execute(sql("UPDATE scans SET location = 'Pune'"))
    await store.close()


def _grown(work: dict[int, Counter[str]]) -> dict[str, int]:
    return {place: more for place, more in (work[MANY] - work[FEW]).items() if more > GROWTH}


def test_on_sqlite_an_order_id_of_many_strangers_costs_no_more(tmp_path: Path) -> None:
    work: dict[int, Counter[str]] = {}
    for strangers in (FEW, MANY):
        url = asyncio.run(migrate(f"sqlite:///{tmp_path}/{strangers}.db"))
        asyncio.run(_shared(url, strangers))
        with shared_keys.sqlite_work() as work[strangers]:
            asyncio.run(_open_one(url))
    assert any("FROM shipments" in statement for statement in work[MANY])
    assert _grown(work) == {}


def test_on_postgres_an_order_id_of_many_strangers_costs_no_more(postgres: Any) -> None:
    work: dict[int, Counter[str]] = {}
    counting: Callable[[str], AbstractContextManager[Counter[str]]] = shared_keys.postgres_work
    for strangers in (FEW, MANY):
        url = asyncio.run(migrate(asyncio.run(postgres.new_database())))
        asyncio.run(_shared(url, strangers))
        with counting(url) as work[strangers]:
            asyncio.run(_open_one(url))
    assert sum(work[MANY].values()) > 0
    assert {k: v for k, v in _grown(work).items() if not k.startswith("pg_")} == {}


async def test_shipments_of_an_order_near_the_links_own_are_read(store: Store) -> None:
    for n in range(25):
        await add(store, f"R-{n:02}", now=T0 + n * HOUR, order_id="O", phone_tail="1234")
    async with store.read() as session:
        own = (await reading.parcels(session, ["R-12"]))["R-12"].shipment
        near = await reading.of_orders(session, [own])
    assert len(near["O"]) == 24
    async with store.read() as session:
        first = (await reading.parcels(session, ["R-00"]))["R-00"].shipment
        near = await reading.of_orders(session, [first])
    assert sorted(s.reference_number for s in near["O"]) == [f"R-{n:02}" for n in range(1, reading.MOST_NEAR)]


async def test_others_with_another_phone_tail_are_not_read(store: Store) -> None:
    await add(store, "R-1", order_id="O", phone_tail="1234")
    await add(store, "R-2", order_id="O", phone_tail="9999")
    await add(store, "R-3", order_id="O", phone_tail="1234")
    async with store.read() as session:
        own = (await reading.parcels(session, ["R-1"]))["R-1"].shipment
        near = await reading.of_orders(session, [own])
    assert [s.reference_number for s in near["O"]] == ["R-3"]


async def test_of_a_long_timeline_the_newest_scans_are_read(store: Store) -> None:
    await add_parcel(store, "REF-1", *(At(5, n / 60, f"Hub {n}") for n in range(230)))
    await add_parcel(store, "REF-2", At(5))
    async with store.write() as session:
        await session.execute(sql("UPDATE scans SET edd = '2026-11-09' WHERE location IN ('Hub 0', 'Hub 229')"))
    async with store.read() as session:
        found = await reading.parcels(session, ["REF-1", "REF-2", "REF-3"])
    assert found.keys() == {"REF-1", "REF-2"}
    assert {scan.location for scan in found["REF-1"].scans} == {f"Hub {n}" for n in range(30, 230)}
    assert len(found["REF-1"].promised) == 2, "days that older scans stated are known too"
    assert found["REF-2"].promised == []


@pytest.mark.parametrize(("order_id", "others"), [("ORDER-1", True), ("ORDER-2", False), (None, False)])
async def test_whether_an_order_has_another_shipment(store: Store, order_id: str | None, others: bool) -> None:
    await add_parcel(store, "REF-1", order_id="ORDER-1")
    await add_parcel(store, "REF-2", order_id=order_id)
    async with store.read() as session:
        found = await reading.parcels(session, ["REF-2"])
    assert found["REF-2"].has_others is others
