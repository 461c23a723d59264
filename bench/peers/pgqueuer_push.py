"""The peer of push with PgQueuer: one job per order, queue, state and attempts in one PostgreSQL.

BENCH_DATABASE, BENCH_URL  python -m bench.peers.pgqueuer_push CONCURRENCY
"""

from __future__ import annotations

import asyncio
import os
import sys

import asyncpg
from pgqueuer import AsyncpgPoolDriver, Job, PgQueuer

from bench.peers.pushing import AsyncPush


async def main(concurrency: int) -> None:
    """Work until the process is told to stop."""
    async with (
        asyncpg.create_pool(os.environ["BENCH_DATABASE"], min_size=2, max_size=8) as pool,
        AsyncPush.opened(concurrency) as push,
    ):
        queue = PgQueuer(AsyncpgPoolDriver(pool))

        @queue.entrypoint("push_order")
        async def push_order(job: Job) -> None:
            await push((job.payload or b"").decode())

        await queue.run(batch_size=concurrency, max_concurrent_tasks=2 * concurrency)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
