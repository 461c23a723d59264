"""The peer of push with Procrastinate: one task per order, queue, state and attempts in one PostgreSQL.

BENCH_DATABASE, BENCH_URL  python -m bench.peers.procrastinate_push CONCURRENCY
"""

from __future__ import annotations

import asyncio
import os
import sys

from procrastinate import App, PsycopgConnector

from bench.peers.pushing import AsyncPush

app = App(connector=PsycopgConnector(conninfo=os.environ["BENCH_DATABASE"]))


class _Shared:
    """What the tasks of the worker share."""

    push: AsyncPush


@app.task(name="push_order", retry=3)
async def push_order(reference: str) -> None:
    """Register one order."""
    await _Shared.push(reference)


async def main(concurrency: int) -> None:
    """Work until the process is told to stop."""
    async with AsyncPush.opened(concurrency) as _Shared.push, app.open_async():
        await app.run_worker_async(concurrency=concurrency, delete_jobs="successful", listen_notify=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
