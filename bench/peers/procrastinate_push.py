"""The peer of push with Procrastinate: one task per order, queue, state and attempts in one PostgreSQL.

BENCH_DATABASE, BENCH_URL  python -m bench.peers.procrastinate_push CONCURRENCY
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import Any

import httpx2
from procrastinate import App, PsycopgConnector
from psycopg_pool import AsyncConnectionPool

from bench.peers.pushing import ATTEMPT, JSON, PAYLOAD, PLACED, placed_values

app = App(connector=PsycopgConnector(conninfo=os.environ["BENCH_DATABASE"]))


class _Line:
    """What the tasks of the worker share."""

    http: httpx2.AsyncClient
    pool: AsyncConnectionPool[Any]


@app.task(name="push_order", retry=3)
async def push_order(reference: str) -> None:
    """Register one order."""
    async with _Line.pool.connection() as database:
        row = await (await database.execute(PAYLOAD, (reference,))).fetchone()
    if row is None:
        return
    started, url = time.perf_counter(), os.environ["BENCH_URL"]
    answer = await _Line.http.post(url, content=row[0].encode(), headers=JSON)
    values = placed_values(answer.json(), reference)
    ms = round((time.perf_counter() - started) * 1000)
    async with _Line.pool.connection() as database:
        await database.execute(ATTEMPT, (reference, url, row[0], answer.status_code, answer.text, ms))
        await database.execute(PLACED, values)


async def main(concurrency: int) -> None:
    """Work until the process is told to stop."""
    limits = httpx2.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    async with (
        httpx2.AsyncClient(limits=limits, timeout=15) as _Line.http,
        AsyncConnectionPool(os.environ["BENCH_DATABASE"], min_size=2, max_size=concurrency, open=False) as _Line.pool,
        app.open_async(),
    ):
        await app.run_worker_async(concurrency=concurrency, delete_jobs="successful", listen_notify=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
