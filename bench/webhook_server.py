"""The webhook endpoint as a server of its own, with a database behind it or with none.

python -m bench.webhook_server DATABASE_URL KEY keep|drop  ->  prints its port, serves until its input closes
"""

from __future__ import annotations

import asyncio
import gc
import sys

import uvicorn
import uvloop

from awbridge.steps.clock import utc_now
from awbridge.steps.ingest import Ingest
from awbridge.store import Store
from awbridge.store.inbox import NewDelivery
from awbridge.web.webhook import KeyRing, WebhookEndpoint


class NoDatabase(Ingest):
    """Acknowledges at once and keeps nothing: what HTTP and Python alone cost."""

    async def accept(self, delivery: NewDelivery) -> None:
        """Nothing is stored."""
        del delivery


async def main(database: str, key: str, *, keep: bool) -> None:
    """Serve until standard input closes."""
    store = await Store.open(database)
    await store.migrate()
    ingest = Ingest(store) if keep else NoDatabase(store)
    endpoint = WebhookEndpoint(ingest, KeyRing(store, [key]), utc_now)
    config = uvicorn.Config(
        endpoint,  # pyright: ignore[reportArgumentType]
        port=0,
        log_level="warning",
        access_log=False,
        lifespan="off",
        http="httptools",
        backlog=2048,
    )
    server = uvicorn.Server(config)
    flushing = asyncio.create_task(ingest.run())
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    sys.stdout.write(f"{server.servers[0].sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    server.should_exit = True
    await serving
    flushing.cancel()
    await asyncio.gather(flushing, return_exceptions=True)
    await store.close()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2], keep=sys.argv[3] == "keep"))
