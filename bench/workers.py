"""Orders pushed per second by one and by several processes on one PostgreSQL that is some milliseconds away.

A proxy delays what goes to the database and what comes back. The vendor answers within each process, without a network.
Few calls in flight keep the processors of a small machine out of it: more of them wait less often, for more at once.
 Processes begin together; the first orders of each are not counted. Every run is
verified: each order that was sent is placed once, with one attempt; otherwise it is void.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import click
import psycopg
from rich.console import Console
from rich.table import Table
from tests.support.postgres import PostgresServer, postgres_server
from tests.support.slow_line import slow_line

from awbridge.store import Store
from bench import databases
from bench.figures import Figure, keep

ASKED = 5.0  # times as much, of eight workers
WARM = 5.0  # seconds, at most, until all are connected and at work
AT_WORK = 40  # orders of each worker
ENOUGH = 2500  # orders that one worker could push in a second
_PLACED = "SELECT count(*) FROM shipments WHERE state = 'placed'"
_AGREES = (
    "SELECT (SELECT count(*) FROM shipments WHERE state = 'placed') = (SELECT count(*) FROM attempts)"
    " AND (SELECT count(*) FROM attempts) = (SELECT count(DISTINCT reference_number) FROM attempts)"
    " AND EXISTS (SELECT FROM shipments WHERE state = 'ready')"
)


@dataclass(frozen=True, slots=True)
class Run:
    """Orders per second of all workers together, their CPU milliseconds per order, and whether the rows agree."""

    rate: float
    cpu: float
    agrees: bool


async def _fill(url: str, orders: int, accounts: int) -> None:
    store = await Store.open(url)
    try:
        await store.migrate()
        of = [(4, f"account {n}") for n in range(accounts)]
        await databases.queue(store, range(orders), of, urgent_every=orders + 1)
    finally:
        await store.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What all runs have in common. Seconds; `in_flight` calls of each worker, at most."""

    seconds: float
    round_trip: float
    answers_after: float
    in_flight: int


def measure(server: PostgresServer, url: str, workers: int, accounts: int, setting: Setting) -> Run:
    """So many workers on a new database."""
    seconds = setting.seconds
    asyncio.run(_fill(url, int(ENOUGH * min(workers, 3) * (seconds + WARM)), accounts))
    with ExitStack() as stack, psycopg.connect(url, autocommit=True) as watching:
        watching.execute("VACUUM ANALYZE")
        port = stack.enter_context(slow_line(server.port, setting.round_trip)) if setting.round_trip else server.port
        away = url.replace(f":{server.port}/", f":{port}/")
        command = [sys.executable, "-m", "bench.push_worker", away]
        command += map(str, (seconds + WARM, setting.answers_after, setting.in_flight))
        started = [
            stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            for _ in range(workers)
        ]
        for one in started:
            assert one.stdout
            assert one.stdout.readline() == "ready\n"
        for one in started:
            assert one.stdin
            one.stdin.write("go\n")
            one.stdin.flush()
        warm_until = time.monotonic() + WARM
        while time.monotonic() < warm_until and _count(watching) < AT_WORK * workers:
            time.sleep(0.1)
        before, at = _count(watching), time.perf_counter()
        time.sleep(seconds - 0.2)
        placed, took = _count(watching) - before, time.perf_counter() - at
        cpu = sum(json.loads(one.communicate()[0])["cpu"] for one in started)
        agrees = all(one.returncode == 0 for one in started) and bool(_one(watching, _AGREES))
        return Run(placed / took, cpu / max(_count(watching), 1) * 1000, agrees)


def _count(connection: psycopg.Connection) -> int:
    return int(str(_one(connection, _PLACED)))


def _one(connection: psycopg.Connection, sql: str) -> object:
    row = connection.execute(sql).fetchone()  # pyright: ignore
    assert row
    return row[0]


@click.command()
@click.option("--latency", default=10.0, show_default=True, help="Milliseconds of a round trip to the database.")
@click.option("--vendor", default=100.0, show_default=True, help="Milliseconds of a call to create-order.")
@click.option("--in-flight", default=20, show_default=True, type=click.IntRange(4, 200), help="Calls of each worker.")
@click.option("--seconds", default=6.0, show_default=True, type=click.FloatRange(2, 60), help="Per run.")
@click.option("--workers", default=[1, 8], multiple=True, show_default=True, type=click.IntRange(1, 32))
@click.option("--accounts", default=[1, 40], multiple=True, show_default=True, type=click.IntRange(1, 1000))
def workers(
    latency: float, vendor: float, in_flight: int, seconds: float, workers: Sequence[int], accounts: Sequence[int]
) -> None:
    """Orders pushed per second by one and by eight processes, with a database 10 ms away."""
    table = Table("courier accounts", "workers", "orders/s", "of one worker", "CPU ms per order", "once each")
    good = True
    setting = Setting(seconds=seconds, round_trip=latency / 1000, answers_after=vendor / 1000, in_flight=in_flight)
    with postgres_server() as server:
        for many in accounts:
            alone: float | None = None
            for number in workers:
                url = asyncio.run(server.new_database())
                run = measure(server, url, number, many, setting)
                alone = alone or run.rate
                times = run.rate / alone
                good &= run.agrees
                click.echo(f"{many} accounts, {number} workers: {run.rate:,.0f} orders per second", err=True)
                honest = "all" if run.agrees else "VOID"
                table.add_row(str(many), str(number), f"{run.rate:,.0f}", f"{times:.1f}", f"{run.cpu:.2f}", honest)
                if number == 8:
                    keep(Figure(line=f"push, 8 workers of 1, {many} accounts", now=times, unit="times", least=ASKED))
    Console(width=110).print(table)
    sys.exit(0 if good else 1)
