"""The same job written with Celery, Procrastinate or PgQueuer, one task per order.

The orders are queued first, then a worker processes them.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec

import asyncpg
import psycopg
from tests.support.ports import free_port

from awbridge.domain.json import JsonObject
from bench.peers import pushing

AT_MOST = 300.0  # the time limit of a peer, in seconds
WAY = "/api/v3/create-order/?username=bench&key=bench"
CELERY = [sys.executable, "-m", "celery", "-A", "bench.peers.celery_push", "worker", "-l", "error"]
LIGHT = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--prefetch-multiplier", "4"]
NAMES = {
    "Celery, threads": [*CELERY, *LIGHT, "--pool", "threads", "--concurrency", "16"],
    "Celery, 2 processes": [*CELERY, *LIGHT, "--pool", "prefork", "--concurrency", "2"],
    "Procrastinate": [sys.executable, "-m", "bench.peers.procrastinate_push", "16"],
    "PgQueuer": [sys.executable, "-m", "bench.peers.pgqueuer_push", "16"],
}


def missing() -> list[str]:
    """What must be installed to measure the peers."""
    modules = [
        name for name in ("celery", "redis", "procrastinate", "pgqueuer", "psycopg_pool") if find_spec(name) is None
    ]
    programs = [] if shutil.which("redis-server") else ["redis-server (apt-get install redis-server)"]
    return [*modules, *programs]


@contextmanager
def redis_server() -> Iterator[str]:
    """A Redis server that writes nothing to the disk; its URL."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()
            process.wait(10)


def measure(name: str, *, database: str, redis: str, url: str, orders: Sequence[JsonObject]) -> tuple[float, bool]:
    """Queue the orders, run the worker; orders per second between first and last, and whether all were placed."""
    env = os.environ | {"BENCH_DATABASE": database, "BENCH_REDIS": redis, "BENCH_URL": url + WAY}
    os.environ.update(env)
    references = [str(order["shipment_details"]["reference_number"]) for order in orders]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(pushing.SCHEMA)
        with connection.cursor() as cursor:
            cursor.executemany(pushing.QUEUE, [(r, json.dumps(o)) for r, o in zip(references, orders, strict=True)])
        _enqueue(name, references, redis)
        worker = subprocess.Popen(NAMES[name], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            return _until_done(connection, worker, len(orders))
        finally:
            worker.terminate()
            try:
                worker.wait(20)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()


def _enqueue(name: str, references: Sequence[str], redis: str) -> None:
    if name == "Procrastinate":
        asyncio.run(_defer(references, os.environ["BENCH_DATABASE"]))
        return
    if name == "PgQueuer":
        asyncio.run(_queue(references, os.environ["BENCH_DATABASE"]))
        return
    from bench.peers.celery_push import app, push_order

    app.conf.broker_url = redis
    with app.producer_pool.acquire(block=True) as producer:
        for reference in references:
            push_order.apply_async((reference,), producer=producer)


async def _defer(references: Sequence[str], database: str) -> None:
    from procrastinate import PsycopgConnector

    from bench.peers.procrastinate_push import app, push_order

    # The module's own connector points to the database of the first round.
    with app.replace_connector(PsycopgConnector(conninfo=database)) as here:
        async with here.open_async():
            await here.schema_manager.apply_schema_async()
            await push_order.batch_defer_async(*({"reference": reference} for reference in references))


async def _queue(references: Sequence[str], database: str) -> None:
    from pgqueuer import AsyncpgDriver, Queries

    connection = await asyncpg.connect(database)
    queries = Queries(AsyncpgDriver(connection))
    await queries.install()
    number = len(references)
    await queries.enqueue(["push_order"] * number, [r.encode() for r in references], [0] * number)
    await connection.close()


def _until_done(connection: psycopg.Connection, worker: subprocess.Popen[bytes], number: int) -> tuple[float, bool]:
    deadline = time.monotonic() + AT_MOST
    while time.monotonic() < deadline and worker.poll() is None:
        row = connection.execute(pushing.RESULT).fetchone()
        if row and row[0] == number:
            return (number - 1) / float(row[2]), row[1] == number
        time.sleep(0.2)
    return 0.0, False
