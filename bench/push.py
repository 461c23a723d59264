"""Pushed orders per second of one process, against minimal clients that post the same bodies.

One of them is httpx2's, the other aiohttp's, which push itself uses, so that both shares are seen.

With --peers also against the same job written with Celery and Redis, Procrastinate and PostgreSQL, and PgQueuer and
PostgreSQL. The server is a process of its own and answers at once. The minimal clients store nothing; push claims each
order under a lease, records the call as an attempt and stores the response. It runs with the default settings unless an
option says otherwise. The contestants take turns, and each round begins with another one. CPU is that of this process,
without the database server's. Every run is verified: as many orders are placed, and as many
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
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

import aiohttp
import click
import httpx2
import structlog
import uvloop
from rich.console import Console
from rich.table import Table
from tests.support.postgres import find_binaries, postgres_server

from awbridge.app.settings import Settings
from awbridge.app.work import settle_down
from awbridge.clickpost.client.async_client import AsyncClickPost
from awbridge.domain.json import JsonObject
from awbridge.rehearsal.demo_orders import demo_order
from awbridge.steps.orders import intake
from awbridge.steps.registration.push import Push
from awbridge.steps.registration.verdict import PushPolicy
from awbridge.steps.runtime.clock import utc_now
from awbridge.store import Store
from awbridge.store.couriers import couriers
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.store.engine.queries import parse
from bench import push_peers
from bench.figures import Figure, keep

BARE = "bare httpx2 client"
AIOHTTP = "bare aiohttp client"
OF_BARE = 0.6  # of the bare client: what is asked for
ACCOUNTS = 8
BARE_CONNECTIONS = 16  # the HTTP pool of the minimal client checks every idle one at each request
DEFAULTS = {name: Settings.fields[name].default for name in ("push_concurrency", "push_batch", "clickpost_connections")}
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Orders per second, CPU milliseconds per order where it was measured, and whether the result is as it must be."""

    rate: float
    cpu: float | None = None
    agrees: bool = True


class Watch:
    """The wall clock and the CPU time of this process since it was made."""

    def __init__(self) -> None:
        gc.collect()
        self._started, self._cpu = time.perf_counter(), time.process_time()

    def run(self, number: int) -> Run:
        """A run of this many orders that ends now."""
        rate = number / (time.perf_counter() - self._started)
        return Run(rate=rate, cpu=(time.process_time() - self._cpu) / number * 1000)


async def bare(url: str, number: int, connections: int = BARE_CONNECTIONS) -> Run:
    """Post the same bodies with a minimal client, as many at once."""
    address = f"{url}/api/v3/create-order/?username=bench&key=bench"
    bodies = [json.dumps(order).encode() for order in orders(number)]
    limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
    async with httpx2.AsyncClient(limits=limits, timeout=15) as http:

        async def post_all(mine: list[bytes]) -> None:
            for body in mine:
                answer = await http.post(address, content=body, headers={"content-type": "application/json"})
                assert answer.json()["meta"]["status"] == 200

        watch = Watch()
        await asyncio.gather(*(post_all(bodies[n::connections]) for n in range(connections)))
        return watch.run(number)


async def bare_aiohttp(url: str, number: int, connections: int = BARE_CONNECTIONS) -> Run:
    """The same with aiohttp."""
    address = f"{url}/api/v3/create-order/?username=bench&key=bench"
    bodies = [json.dumps(order).encode() for order in orders(number)]
    connector = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(15)) as http:

        async def post_all(mine: list[bytes]) -> None:
            for body in mine:
                async with http.post(address, data=body, headers={"Content-Type": "application/json"}) as answer:
                    assert (await answer.json(content_type=None))["meta"]["status"] == 200

        watch = Watch()
        await asyncio.gather(*(post_all(bodies[n::connections]) for n in range(connections)))
        return watch.run(number)


async def pushed(url: str, database: str, number: int, in_flight: int, connections: int, batch: int) -> Run:
    """Queue the orders, then push them until all are placed and recorded."""
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
        push = Push(store=store, clickpost=clickpost, clock=utc_now, policy=policy)
        watch = Watch()
        while await push.round():
            pass
        await push.drain()
        run = watch.run(number)
    async with store.read() as session:
        counts = dict((await session.fetch(_COUNTS))[0])
    await store.close()
    return replace(run, agrees=counts == {"placed": number, "attempts": number})


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


def measure(runs: Mapping[str, Callable[[], Run]], rounds: int) -> dict[str, list[Run]]:
    """Each contestant in turn, `rounds` times; each round begins with the next one."""
    seen: dict[str, list[Run]] = {name: [] for name in runs}
    names = deque(runs)
    for _ in range(rounds):
        for name in names:
            run = runs[name]()
            seen[name].append(run)
            click.echo(f"{name}: {run.rate:,.0f} orders per second", err=True)
        names.rotate(-1)
    return seen


def report(seen: Mapping[str, Sequence[Run]]) -> Table:
    """Medians, compared with the minimal clients'."""
    medians = {name: statistics.median(run.rate for run in runs) for name, runs in seen.items()}
    table = Table("who", "orders/s", "of httpx2", "of aiohttp", "CPU ms per order", "all runs", "placed and recorded")
    for name, runs in seen.items():
        honest = "-" if name in (BARE, AIOHTTP) else "all" if all(run.agrees for run in runs) else "VOID"
        rates = " ".join(f"{run.rate:,.0f}" for run in runs)
        cpu = [run.cpu for run in runs if run.cpu is not None]
        spent = f"{statistics.median(cpu):.2f}" if cpu else "-"
        if name not in (BARE, AIOHTTP):
            keep(
                Figure(line=name, now=medians[name], unit="orders/s", peer=medians[BARE], least=OF_BARE * medians[BARE])
            )
        shares = [f"{medians[name] / medians[client]:.2f}" for client in (BARE, AIOHTTP)]
        table.add_row(name, f"{medians[name]:,.0f}", *shares, spent, rates, honest)
    return table


@click.command()
@click.option("--orders", "number", default=5000, show_default=True, type=click.IntRange(100, 100_000))
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1, 20), help="Runs per median.")
@click.option("--peers/--no-peers", default=False, help="Measure the job queues too (extra `bench`).")
@click.option("--in-flight", default=DEFAULTS["push_concurrency"], show_default=True, help="Orders at once, at most.")
@click.option("--batch", default=DEFAULTS["push_batch"], show_default=True, help="Per claim or recording.")
@click.option("--connections", default=DEFAULTS["clickpost_connections"], show_default=True, help="Of push.")
def push(number: int, rounds: int, in_flight: int, connections: int, batch: int, *, peers: bool) -> None:
    """Pushed orders per second on every database, against minimal clients and, with --peers, three job queues."""
    if peers and (lacking := push_peers.missing()):
        raise click.ClickException(f"for the peers, install {', '.join(lacking)}: pip install -e '.[dev,bench]'")
    settle_down()  # as `awbridge serve` and `awbridge work` do
    with tempfile.TemporaryDirectory(prefix="awbridge-bench-") as folder, ExitStack() as stack:
        url = stack.enter_context(target())
        files = itertools.count()

        def run(database: str) -> Run:
            return uvloop.run(pushed(url, database, number, in_flight, connections, batch))

        runs: dict[str, Callable[[], Run]] = {
            BARE: lambda: uvloop.run(bare(url, number)),
            AIOHTTP: lambda: uvloop.run(bare_aiohttp(url, number)),
            "push, SQLite": lambda: run(f"sqlite:///{folder}/push{next(files)}.db"),
        }
        if find_binaries():
            fresh = stack.enter_context(postgres_databases())
            runs["push, PostgreSQL"] = lambda: run(fresh())
            if peers:
                redis = stack.enter_context(push_peers.redis_server())
                queued = orders(number)
                for name in push_peers.NAMES:
                    runs[name] = partial(_peer, name, fresh, redis=redis, url=url, orders=queued)
        uvloop.run(bare(url, number // 4))  # warm-up
        seen = measure(runs, rounds)
    Console(width=120).print(report(seen))
    sys.exit(0 if all(run.agrees for runs_of_one in seen.values() for run in runs_of_one) else 1)


def _peer(name: str, fresh: Callable[[], str], *, redis: str, url: str, orders: Sequence[JsonObject]) -> Run:
    rate, agrees = push_peers.measure(name, database=fresh(), redis=redis, url=url, orders=orders)
    return Run(rate=rate, agrees=agrees)
