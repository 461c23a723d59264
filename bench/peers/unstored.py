"""The cost of the database: awbridge's own webhook endpoint with key, JSON and batches, on a store that keeps nothing.

python -m bench.peers.unstored PORT KEY
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Any, cast

from awbridge.domain.errors import StoreBusy
from awbridge.steps.runtime.clock import utc_now
from awbridge.steps.tracking.ingest import Ingest
from awbridge.store import Store
from awbridge.web.http.limits import Connections
from awbridge.web.http.server import server_config
from awbridge.web.webhook.endpoint import KeyRing, WebhookEndpoint
from bench.peers.serving import SETTINGS, run


class _Nowhere:
    def read(self) -> None:
        """There are only the keys of the settings."""
        raise StoreBusy("there is no database")

    async def write_at_once(self, statements: object, rows: Sequence[Sequence[object]], *, on_written: object) -> None:
        """Keep nothing."""
        del statements, rows, on_written


class App:
    """The endpoint; its batches run from the first request on."""

    def __init__(self, key: str) -> None:
        store = cast("Store", _Nowhere())
        self._ingest = Ingest(store)
        self.endpoint = WebhookEndpoint(self._ingest, KeyRing(store, [key]), utc_now)
        self._running: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """uvicorn's lifespan starts the background work."""
        if scope["type"] == "lifespan":
            await receive()
            self._running = asyncio.create_task(self._ingest.run())
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        await self.endpoint(scope, receive, send)


if __name__ == "__main__":
    app = App(sys.argv[2])
    run(server_config(app, app.endpoint, Connections(), port=int(sys.argv[1]), lifespan="on", **SETTINGS))
