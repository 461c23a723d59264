"""Orders that share one order id beside orders with their own: importing them, and a page of the shared order."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click

from awbridge.rehearsal.demo_orders import demo_order
from awbridge.steps.orders.importing.import_file import import_orders
from awbridge.steps.orders.importing.order_rows import BadRow, ReadOrder
from awbridge.steps.runtime.clock import utc_now
from awbridge.store import Store
from awbridge.store.orders import lists
from bench import databases

PAGES = 21
ORDER = "ORDER-1"


def _orders(name: str, count: int, order_id: str | None) -> Iterator[ReadOrder | BadRow]:
    """Numbered orders. `order_id`: that of all; None gives each its own."""
    for number in range(count):
        order = demo_order(number, 1)
        del order["transporter"]
        reference = f"{name}-{number}"
        numbers = {"reference_number": reference, "order_id": order_id or reference}
        order["shipment_details"] |= {"courier_partner": 4, "account_code": "main", **numbers}
        yield ReadOrder(line=number + 1, order=order)


async def _import(store: Store, name: str, count: int, order_id: str | None) -> float:
    """Seconds of an import."""
    started = time.perf_counter()
    imported = await import_orders(store=store, clock=utc_now, orders=_orders(name, count, order_id))
    assert imported.created == count, imported.bad[:1]
    return time.perf_counter() - started


async def _page(store: Store, order_id: str) -> float:
    """Milliseconds of a page of the order's shipments, the median."""
    took: list[float] = []
    for _ in range(PAGES):
        started = time.perf_counter()
        async with store.read() as session:
            found = await lists.newest_of_order(session, order_id, limit=50)
        took.append((time.perf_counter() - started) * 1000)
        assert len(found) == 50
    return statistics.median(took)


async def _measure(engine: str, url: str, count: int, rounds: int) -> None:
    store = await Store.open(url)
    await store.migrate()
    try:
        for number in range(rounds):
            own = await _import(store, f"own-{number}", count, None)
            shared = await _import(store, f"shared-{number}", count, ORDER)
            click.echo(f"{engine}: {count} orders with their own order id {own:.1f} s, with one for all {shared:.1f} s")
        click.echo(f"{engine}: a page of {rounds * count} shipments of one order {await _page(store, ORDER):.1f} ms")
    finally:
        await store.close()


@click.command()
@click.option("--orders", default=20_000, show_default=True, help="Orders of an import.")
@click.option("--rounds", default=3, show_default=True, help="Imports of each kind, in turn.")
def shared(orders: int, rounds: int) -> None:
    """Imports of orders that share one order id beside others, and a page of that order."""
    with tempfile.TemporaryDirectory() as folder, databases.both(Path(folder), "shared") as urls:
        for engine, url in urls.items():
            asyncio.run(_measure(engine, url, orders, rounds))
