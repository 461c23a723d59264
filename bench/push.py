"""Pushed orders per second of one process, against a minimal httpx2 client that posts the same bodies.

With --peers also against the same job written with Celery and Redis, and with Procrastinate and PostgreSQL. The server
is a process of its own and answers at once. The minimal client stores nothing; push claims each order under a lease,
records the call as an attempt and stores the response. Every run is verified: as many orders are placed, and as many
attempts recorded, as were queued; otherwise the run is void.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial

import click
import httpx2
import structlog
import uvloop
from rich.console import Console
from rich.table import Table
from tests.support.postgres import find_binaries, postgres_server

from awbridge.app.work import settle_down
from awbridge.clickpost.client.async_client import AsyncClickPost
from awbridge.domain.json import JsonObject
from awbridge.rehearsal.demo_orders import demo_order
from awbridge.steps.orders import intake
from awbridge.steps.registration.push import push_due
from awbridge.steps.registration.verdict import PushPolicy
from awbridge.steps.runtime.clock import utc_now
from awbridge.store import Store
from awbridge.store.couriers import couriers
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.store.engine.queries import parse
from bench import push_peers

BARE = "bare httpx2 client"
ACCOUNTS = 8
CONNECTIONS = 16  # of either client; the HTTP pool checks every idle one at each request
IN_FLIGHT = 192  # claimed shipments that share the connections
_COUNTS = parse(
    "-- name: counts\nSELECT (SELECT COUNT(*) FROM shipments WHERE state = 'placed') AS placed, "
    "(SELECT COUNT(*) FROM attempts) AS attempts"
)["counts"]


@contextmanager
def target() -> Iterator[str]:
    """The server in its own process; its address."""
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


async def bare(url: str, number: int, connections: int) -> float:
    """Post the same bodies with a minimal client, as many at once; orders per second."""
    address = f"{url}/api/v3/create-order/?username=bench&key=bench"
    bodies = [json.dumps(order).encode() for order in orders(number)]
    limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
    async with httpx2.AsyncClient(limits=limits, timeout=15) as http:

        async def post_all(mine: list[bytes]) -> None:
            for body in mine:
                answer = await http.post(address, content=body, headers={"content-type": "application/json"})
                assert answer.json()["meta"]["status"] == 200

        gc.collect()
        started = time.perf_counter()
        await asyncio.gather(*(post_all(bodies[n::connections]) for n in range(connections)))
        return number / (time.perf_counter() - started)


async def pushed(
    url: str, database: str, number: int, in_flight: int, connections: int, batch: int
) -> tuple[float, bool]:
    """Queue the orders, then push them; orders per second, and whether all were placed and recorded."""
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
    policy = PushPolicy(concurrency=in_flight, batch=batch)
    async with AsyncClickPost(username="bench", key="bench", url=url, connections=connections) as clickpost:
        gc.collect()
        started = time.perf_counter()
        while await push_due(store=store, clickpost=clickpost, clock=utc_now, policy=policy):
            pass
        seconds = time.perf_counter() - started
    async with store.read() as session:
        counts = dict((await session.fetch(_COUNTS))[0])
    await store.close()
    return number / seconds, counts == {"placed": number, "attempts": number}


@contextmanager
def postgres_databases() -> Iterator[Callable[[], str]]:
    """A PostgreSQL server for this run; each call of the result returns the URL of a new database."""
    with postgres_server(durable=True) as postgres:
        numbers = itertools.count()

        def fresh() -> str:
            name = f"bench_push_{next(numbers)}"
            command = [str(postgres.binaries / "createdb"), "-h", "127.0.0.1", "-p", str(postgres.port)]
            subprocess.run([*command, "-U", "awbridge", name], check=True)
            return postgres.url(name)

        yield fresh


def measure(runs: Mapping[str, Callable[[], tuple[float, bool]]], rounds: int) -> dict[str, list[tuple[float, bool]]]:
    """Each contestant in turn, `rounds` times."""
    seen: dict[str, list[tuple[float, bool]]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            seen[name].append(run())
    return seen


def report(seen: Mapping[str, Sequence[tuple[float, bool]]]) -> Table:
    """Medians, compared with the minimal client's."""
    medians = {name: statistics.median(rate for rate, _ in runs) for name, runs in seen.items()}
    table = Table("who", "orders/s", "of the bare client", "all runs", "placed and recorded")
    for name, runs in seen.items():
        honest = "-" if name == BARE else "all" if all(agree for _, agree in runs) else "VOID"
        rates = " ".join(f"{rate:,.0f}" for rate, _ in runs)
        table.add_row(name, f"{medians[name]:,.0f}", f"{medians[name] / medians[BARE]:.2f}", rates, honest)
    return table


@click.command()
@click.option("--orders", "number", default=5000, show_default=True, type=click.IntRange(100, 100_000))
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1, 20), help="Runs per median.")
@click.option("--peers/--no-peers", default=False, help="Measure Celery and Procrastinate too (extra `bench`).")
@click.option("--in-flight", default=IN_FLIGHT, show_default=True, type=click.IntRange(1, 200), help="Orders at once.")
@click.option("--batch", default=200, show_default=True, type=click.IntRange(1, 500), help="Per claim or recording.")
@click.option("--connections", default=CONNECTIONS, show_default=True, type=click.IntRange(1, 200), help="Per client.")
def push(number: int, rounds: int, in_flight: int, connections: int, batch: int, *, peers: bool) -> None:
    """Pushed orders per second on every database, against a minimal client and, with --peers, two job queues."""
    if peers and (lacking := push_peers.missing()):
        raise click.ClickException(f"for the peers, install {', '.join(lacking)}: pip install -e '.[dev,bench]'")
    settle_down()  # as `awbridge serve` and `awbridge work` do
    with tempfile.TemporaryDirectory(prefix="awbridge-bench-") as folder, ExitStack() as stack:
        url = stack.enter_context(target())
        files = itertools.count()
        runs: dict[str, Callable[[], tuple[float, bool]]] = {
            BARE: lambda: (uvloop.run(bare(url, number, connections)), True),
            "push, SQLite": lambda: uvloop.run(
                pushed(url, f"sqlite:///{folder}/push{next(files)}.db", number, in_flight, connections, batch)
            ),
        }
        if find_binaries():
            fresh = stack.enter_context(postgres_databases())
            runs["push, PostgreSQL"] = lambda: uvloop.run(pushed(url, fresh(), number, in_flight, connections, batch))
            if peers:
                redis = stack.enter_context(push_peers.redis_server())
                queued = orders(number)
                for name in push_peers.NAMES:
                    runs[name] = partial(_peer, name, fresh, redis=redis, url=url, orders=queued)
        uvloop.run(bare(url, number // 4, connections))  # warm-up
        seen = measure(runs, rounds)
    Console(width=110).print(report(seen))
    sys.exit(0 if all(agree for runs_of_one in seen.values() for _, agree in runs_of_one) else 1)


def _peer(
    name: str, fresh: Callable[[], str], *, redis: str, url: str, orders: Sequence[JsonObject]
) -> tuple[float, bool]:
    return push_peers.measure(name, database=fresh(), redis=redis, url=url, orders=orders)
