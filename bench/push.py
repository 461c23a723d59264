"""Pushed orders per second of one process, against a bare httpx2 client that posts the same bodies to the same server.

The server is a process of its own and answers at once. The bare client keeps nothing; push claims each order under a
lease, records the call as an attempt and keeps what the answer said. Every run is checked: as many orders are placed,
and as many attempts kept, as were queued; if not, the run is void.
"""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

import click
import httpx2
import structlog
import uvloop
from rich.console import Console
from rich.table import Table
from tests.support.postgres import find_binaries, postgres_server

from awbridge.clickpost.async_client import AsyncClickPost
from awbridge.demo import demo_order
from awbridge.domain.json import JsonObject
from awbridge.steps import intake
from awbridge.steps.clock import utc_now
from awbridge.steps.push import push_due
from awbridge.steps.verdict import PushPolicy
from awbridge.store import Store, couriers
from awbridge.store.couriers import CourierAccount
from awbridge.store.queries import parse

ACCOUNTS = 8
CONNECTIONS = 16  # of either client; every idle one costs the HTTP pool a look at each request
SEATS = 96  # claimed shipments that take turns on the connections
_COUNTS = parse(
    "-- name: counts\nSELECT (SELECT COUNT(*) FROM shipments WHERE state = 'placed') AS placed, "
    "(SELECT COUNT(*) FROM attempts) AS attempts"
)["counts"]


@contextmanager
def target() -> Iterator[str]:
    """The server in a process of its own; its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.push_target"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin
    assert process.stdout
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        process.wait(30)


def orders(number: int) -> list[JsonObject]:
    """Orders of several accounts, with the demo's payloads."""
    made = [demo_order(n, 5) for n in range(number)]
    return [{**order, "transporter": f"courier {n % ACCOUNTS}"} for n, order in enumerate(made)]


async def bare(url: str, number: int) -> float:
    """Post the same bodies by a bare client, as many at once; orders a second."""
    address = f"{url}/api/v3/create-order/?username=bench&key=bench"
    bodies = [json.dumps(order).encode() for order in orders(number)]
    limits = httpx2.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    async with httpx2.AsyncClient(limits=limits, timeout=15) as http:

        async def post_all(mine: list[bytes]) -> None:
            for body in mine:
                answer = await http.post(address, content=body, headers={"content-type": "application/json"})
                assert answer.json()["meta"]["status"] == 200

        gc.collect()
        started = time.perf_counter()
        await asyncio.gather(*(post_all(bodies[n::CONNECTIONS]) for n in range(CONNECTIONS)))
        return number / (time.perf_counter() - started)


async def pushed(url: str, database: str, number: int) -> tuple[float, bool]:
    """Queue the orders, then push them; orders a second, and whether all were placed and recorded."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    store = await Store.open(database)
    await store.migrate()
    accounts = [
        CourierAccount(transporter=f"courier {n}", courier_partner_id=4, account_code=f"account {n}")
        for n in range(ACCOUNTS)
    ]
    async with store.write() as session:
        await couriers.put(session, accounts, now=datetime.now(UTC))
    queued = orders(number)
    for start in range(0, number, 500):
        await intake.take_in(store=store, clock=utc_now, orders=queued[start : start + 500])
    policy = PushPolicy(concurrency=SEATS, batch=200)
    async with AsyncClickPost(username="bench", key="bench", url=url, connections=CONNECTIONS) as clickpost:
        gc.collect()
        started = time.perf_counter()
        while await push_due(store=store, clickpost=clickpost, clock=utc_now, policy=policy):
            pass
        seconds = time.perf_counter() - started
    async with store.read() as session:
        counts = dict((await session.fetch(_COUNTS))[0])
    await store.close()
    return number / seconds, counts == {"placed": number, "attempts": number}


def measure(databases: dict[str, str], number: int, table: Table) -> bool:
    """Measure push on every database beside the bare client; whether every run was honest."""
    honest = True
    with target() as url:
        uvloop.run(bare(url, number // 4))  # warm
        peer = uvloop.run(bare(url, number))
        table.add_row("bare httpx2 client", f"{peer:,.0f}", "1.00", "-")
        for name, database in databases.items():
            rate, agree = uvloop.run(pushed(url, database, number))
            honest &= agree
            table.add_row(f"push, {name}", f"{rate:,.0f}", f"{rate / peer:.2f}", "all" if agree else "VOID")
    return honest


@click.command()
@click.option("--orders", "number", default=5000, show_default=True, type=click.IntRange(100, 100_000))
def push(number: int) -> None:
    """Pushed orders a second on every database, beside a bare client."""
    table = Table("who", "orders/s", "of the bare client", "placed and recorded")
    with tempfile.TemporaryDirectory(prefix="awbridge-bench-") as folder, ExitStack() as stack:
        databases = {"SQLite": f"sqlite:///{folder}/push.db"}
        if find_binaries():
            postgres = stack.enter_context(postgres_server())
            command = [str(postgres.binaries / "createdb"), "-h", "127.0.0.1", "-p", str(postgres.port)]
            subprocess.run([*command, "-U", "awbridge", "bench_push"], check=True)
            databases["PostgreSQL"] = postgres.url("bench_push")
        honest = measure(databases, number, table)
    Console(width=100).print(table)
    sys.exit(0 if honest else 1)
