"""The whole app on a store, with a client that speaks to it without a network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2

from awbridge.steps.ingest import Ingest
from awbridge.steps.loop import Loop
from awbridge.store import Store
from awbridge.web.app import build_app
from awbridge.web.evidence_routes import EvidenceDesk
from awbridge.web.webhook import KeyRing, WebhookEndpoint
from tests.steps.world import SetClock


@dataclass
class Web:
    """A running app. `http` calls from loopback."""

    app: object
    http: httpx2.AsyncClient
    store: Store
    clock: SetClock
    endpoint: WebhookEndpoint
    ingest: Ingest

    def client(self, address: str) -> httpx2.AsyncClient:
        """A client that calls from this address."""
        return httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=self.app, client=(address, 1)),  # pyright: ignore
            base_url="http://localhost:8000",
        )


@asynccontextmanager
async def web_on(
    store: Store,
    *,
    keys: Sequence[str] = ("right",),
    api_keys: Sequence[str] = (),
    loops: Sequence[Loop] = (),
    desk: EvidenceDesk | None = None,
) -> AsyncGenerator[Web]:
    clock = SetClock()
    ingest = Ingest(store)
    endpoint = WebhookEndpoint(ingest, KeyRing(store, keys), clock)
    app = build_app(store=store, clock=clock, webhook=endpoint, loops=loops, api_keys=api_keys, desk=desk)
    transport = httpx2.ASGITransport(app=app, client=("127.0.0.1", 1))  # pyright: ignore
    flushing = asyncio.create_task(ingest.run())
    try:
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8000") as http:
            yield Web(app, http, store, clock, endpoint, ingest)
    finally:
        flushing.cancel()
        await asyncio.gather(flushing, return_exceptions=True)
