"""The whole app on a store, called without a network or over loopback through its server.

Building FastAPI's routes for each of several hundred tests took a fifth of their time. Apps are therefore reused, one
test after the other.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Hashable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import httpx2
from starlette.types import ASGIApp
from uvicorn.server import ServerState

from awbridge.steps.handover.print_labels import FetchesLabels, OnlyStored
from awbridge.steps.runtime.loop import Loop
from awbridge.steps.tracking.ingest import Ingest
from awbridge.store import Store
from awbridge.web.access.access_list import AccessList
from awbridge.web.accounts.sites import AccountSites
from awbridge.web.app import build_app
from awbridge.web.contexts import ApiContext, AuditContext
from awbridge.web.customer_page.page_process import Pages
from awbridge.web.http.limits import Connections, Limits
from awbridge.web.http.server import server_config
from awbridge.web.key_limiter import WrongKeyLimiter
from awbridge.web.webhook.endpoint import KeyRing, WebhookEndpoint
from tests.support.world import SetClock


class Placeholder:
    """A placeholder in a kept app for what every test brings: a store, a clock, an endpoint."""

    brought: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.brought, name)

    def __call__(self, *arguments: Any) -> Any:
        return self.brought(*arguments)


@dataclass
class KeptApp:
    """An app and its placeholders."""

    store: Any = field(default_factory=Placeholder)
    clock: Any = field(default_factory=Placeholder)
    webhook: Any = field(default_factory=Placeholder)
    limiter: Any = field(default_factory=Placeholder)
    access: Any = field(default_factory=Placeholder)
    app: Any = None

    def bring(self, store: Any, clock: Any, webhook: Any) -> None:
        self.store.brought, self.clock.brought, self.webhook.brought = store, clock, webhook
        self.limiter.brought = WrongKeyLimiter()
        self.access.brought = AccessList(store, clock)


_kept: defaultdict[Hashable, list[KeptApp]] = defaultdict(list)  # what they were built with -> those not in use now


@contextmanager
def lent_app(
    store: Store,
    clock: SetClock,
    webhook: WebhookEndpoint,
    *,
    api_keys: tuple[str, ...] = (),
    host: str = "",
    **policies: Hashable,
) -> Iterator[ASGIApp]:
    """The app on this store, for as long as the block lasts. `policies` are those of its ApiContext."""
    idle = _kept[api_keys, host, frozenset(policies.items())]
    kept = idle.pop() if idle else KeptApp()
    kept.bring(store, clock, webhook)
    if kept.app is None:
        api: Any = ApiContext(store=kept.store, clock=kept.clock, **cast("dict[str, Any]", policies))
        kept.app = build_app(
            api, webhook=kept.webhook, loops=(), api_keys=api_keys, host=host, limiter=kept.limiter, access=kept.access
        )
    try:
        yield kept.app
    finally:
        kept.bring(None, None, None)
        idle.append(kept)


def problem(answer: httpx2.Response, status: int) -> dict[str, Any]:
    """The body of a problem answer."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["type"], body["status"]) == ("about:blank", status)
    assert body["title"]
    return body


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
    audit: AuditContext | None = None,
    host: str = "",
    served: bool = False,
    labels: Callable[[SetClock], FetchesLabels] | None = None,
) -> AsyncGenerator[Web]:
    """The running app. `labels`: what fetches labels, on the app's clock."""
    clock = SetClock()
    ingest = Ingest(store)
    endpoint = WebhookEndpoint(ingest, KeyRing(store, keys), clock)
    flushing = asyncio.create_task(ingest.run())
    try:
        async with AsyncExitStack() as stack:
            if loops or audit or labels:
                fetcher = labels(clock) if labels else OnlyStored()
                api = ApiContext(store=store, clock=clock, audit=audit or AuditContext(), labels=fetcher)
                app = build_app(api, webhook=endpoint, loops=loops, api_keys=api_keys)
            else:
                app = stack.enter_context(lent_app(store, clock, endpoint, api_keys=tuple(api_keys), host=host))
            if served:
                url = await stack.enter_async_context(serving(app, endpoint))
                http = httpx2.AsyncClient(base_url=url, verify=False)
            else:
                transport = httpx2.ASGITransport(app=app, client=("127.0.0.1", 1))  # pyright: ignore
                http = httpx2.AsyncClient(transport=transport, base_url="http://localhost:8000")
            await stack.enter_async_context(http)
            yield Web(app, http, store, clock, endpoint, ingest)
    finally:
        flushing.cancel()
        await asyncio.gather(flushing, return_exceptions=True)


@asynccontextmanager
async def web_of(
    app: ASGIApp, store: Store, clock: SetClock, endpoint: WebhookEndpoint, ingest: Ingest
) -> AsyncGenerator[Web]:
    """An app that a test built itself, called from loopback."""
    transport = httpx2.ASGITransport(app=app, client=("127.0.0.1", 1))  # pyright: ignore
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8000") as http:
        yield Web(app, http, store, clock, endpoint, ingest)


@asynccontextmanager
async def serving(
    app: ASGIApp,
    endpoint: WebhookEndpoint,
    *,
    connections: Connections | None = None,
    sites: AccountSites | None = None,
    customer_page: Pages | None = None,
    **limits: Any,
) -> AsyncGenerator[str]:
    """The app on loopback, served like `awbridge serve`; its URL. `limits`: if not the defaults."""
    connections = connections or Connections(Limits(**limits))
    config = server_config(
        app, endpoint, connections, sites, customer_page=customer_page, lifespan="off", log_config=None
    )
    config.load()
    protocol, state = config.http_protocol_class, ServerState()
    state.default_headers = [(b"date", b"Sat, 28 Nov 2026 00:00:00 GMT")]
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: protocol(config, state, {}), "127.0.0.1", 0)  # pyright: ignore
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for connection in list(state.connections):
            connection.shutdown()
        await asyncio.wait_for(server.wait_closed(), 5)
