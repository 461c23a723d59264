"""Accounts beside a home: an app and an endpoint each, on a store of its own."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from starlette.types import ASGIApp

from awbridge.domain.errors import NoAccount, StoreBusy
from awbridge.steps.polling.watch import WebhookRefusals
from awbridge.steps.tracking.ingest import Ingest
from awbridge.store import Store
from awbridge.web.access.guess_limits import GuessLimits
from awbridge.web.accounts.sites import AccountSuspended
from awbridge.web.app import build_app
from awbridge.web.contexts import ApiContext
from awbridge.web.webhook.endpoint import KeyRing, WebhookEndpoint
from tests.support.stores import migrated_file, open_directly
from tests.support.world import SetClock


@dataclass
class Site:
    """An account that is open, with the webhook key `key-of-<name>`."""

    app: ASGIApp
    webhook: WebhookEndpoint
    store: Store
    ingest: Ingest
    flushing: asyncio.Task[None]


@dataclass
class Sites:
    """Accounts that sleep until they are opened. `asleep`, `suspended` and `away` name those that are."""

    every: dict[str, Site] = field(default_factory=dict)
    asleep: set[str] = field(default_factory=set)
    suspended: set[str] = field(default_factory=set)
    away: set[str] = field(default_factory=set)
    opened: list[str] = field(default_factory=list)
    opening: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.opening.set()

    def awake(self, name: str) -> Site | None:
        return None if name in self.asleep | self.suspended | self.away else self.every.get(name)

    def exist(self) -> bool:
        return True

    async def open(self, name: str) -> Site:
        self.opened.append(name)
        await self.opening.wait()
        if name in self.away:
            raise StoreBusy("the database is away")
        if name not in self.every:
            raise NoAccount(name)
        if name in self.suspended:
            raise AccountSuspended(self.every[name])
        self.asleep.discard(name)
        return self.every[name]


@dataclass
class Accounts:
    """A home with accounts. `http` calls from loopback."""

    home: Site
    sites: Sites
    app: ASGIApp
    refusals: WebhookRefusals
    clock: SetClock
    http: httpx2.AsyncClient

    def of(self, name: str) -> Site:
        return self.sites.every[name] if name else self.home

    async def flush_no_more(self, name: str) -> None:
        """Store no more webhooks of an account."""
        self.of(name).flushing.cancel()
        await asyncio.gather(self.of(name).flushing, return_exceptions=True)

    def client(self, address: str = "127.0.0.1", base_url: str = "http://localhost:8000") -> httpx2.AsyncClient:
        """A client with cookies of its own."""
        transport = httpx2.ASGITransport(app=self.app, client=(address, 1))  # pyright: ignore
        return httpx2.AsyncClient(transport=transport, base_url=base_url)


@asynccontextmanager
async def accounts_on(folder: Path, *names: str, api_keys: bool = False, **policies: Any) -> AsyncGenerator[Accounts]:
    """A home and accounts of these names. With `api_keys`, each has the API key `api-key-of-<name>`."""
    async with AsyncExitStack() as stack:
        clock, refusals, sites = SetClock(), WebhookRefusals(), Sites()
        guesses = GuessLimits(Counter())

        async def site(name: str, file: str, beside: Sites | None = None) -> Site:
            store = await open_directly(await migrated_file(folder, file))
            stack.push_async_callback(store.close)
            ingest = Ingest(store)
            flushing = asyncio.create_task(ingest.run())
            stack.push_async_callback(asyncio.gather, flushing, return_exceptions=True)
            stack.callback(flushing.cancel)
            endpoint = WebhookEndpoint(ingest, KeyRing(store, [f"key-of-{name}"]), clock, None if name else refusals)
            keys = [f"api-key-of-{name}"] if api_keys else []
            api = ApiContext(store=store, clock=clock, **policies)
            app = build_app(
                api,
                webhook=endpoint,
                loops=(),
                api_keys=keys,
                limiter=guesses.keys_of(name),
                sign_ins=guesses.sign_ins_of(name),
                sites=beside,
                of_account=bool(name),
            )
            return Site(app, endpoint, store, ingest, flushing)

        for name in names:
            sites.every[name] = await site(name, f"{name}.db")
        home = await site("", "home.db", sites)
        transport = httpx2.ASGITransport(app=home.app, client=("127.0.0.1", 1))  # pyright: ignore
        http = await stack.enter_async_context(
            httpx2.AsyncClient(transport=transport, base_url="http://localhost:8000")
        )
        yield Accounts(home, sites, home.app, refusals, clock, http)
