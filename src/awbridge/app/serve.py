"""Run the web server and the steps in one process; stop them cleanly."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass

import structlog
import uvicorn
from starlette.types import ASGIApp

from awbridge.app.accounts.file import AccountsFile
from awbridge.app.accounts.hosting import account_loops
from awbridge.app.accounts.serving import served_accounts
from awbridge.app.accounts.sites import SitesOfAccounts
from awbridge.app.connections import vendor_problem
from awbridge.app.customer_page.process import pages_beside
from awbridge.app.database import shared_servers
from awbridge.app.parts import check_parts
from awbridge.app.running import running, stop_all
from awbridge.app.settings import Settings
from awbridge.app.site import Shared, Site, opened_site, site_without_steps
from awbridge.app.starting import check_address, started
from awbridge.app.work import on_signal, settle_down
from awbridge.steps.runtime.loop import Loop
from awbridge.web.access.guess_limits import GuessLimits
from awbridge.web.http.limits import Connections, Limits, connections_within_files
from awbridge.web.http.server import server_config
from awbridge.web.webhook.endpoint import WebhookEndpoint

log = structlog.get_logger()

_LOCAL_PROXIES = ("127.0.0.1", "::1")  # trusted for X-Forwarded-For


async def serve(
    settings: Settings, *, on_ready: Callable[[str], None] | None = None, stop: asyncio.Event | None = None
) -> None:
    """Run the web server and the steps in this process until SIGTERM or SIGINT.

    Raises MissingPart, before the database is opened, where the settings need a part that is not installed.
    While ClickPost's username or key is not set, only the pages and the webhook endpoint are served and no step runs.
    When told to stop, steps claim nothing more and /readyz answers 503; requests are served for `drain_seconds` more.
    SIGINT, and a second SIGTERM, cut that short.

    `on_ready` receives the address listened on. With `stop`, run until it is set; the caller handles signals.
    """
    at_once = asyncio.Event()
    if stop is None:
        stop = asyncio.Event()
        on_signal(stop.set, at_once.set)
    check_parts(settings)
    problem = vendor_problem(settings)
    check_address(settings.host, settings.port)
    opening = setting_up(settings, problem) if problem else assembled(settings)
    async with started(opening, stop) as bridge, pages_beside(settings, bridge.home.customer_page) as pages:
        server = _Server(
            server_config(
                bridge.app,
                bridge.webhook,
                bridge.shared.connections,
                bridge.accounts,
                customer_page=pages,
                host=settings.host,
                port=settings.port,
                log_level="warning",
                log_config=None,  # its lines are events like all others
                lifespan="off",
                timeout_graceful_shutdown=5,
                forwarded_allow_ips=[*_LOCAL_PROXIES, *settings.trusted_proxies],
            )
        )
        server.on_ready = lambda: _announce(server.url, on_ready)
        stopping = asyncio.create_task(_stop_server(stop, at_once, server, bridge, settings.drain_seconds))
        try:
            await server.serve()
        finally:
            stopping.cancel()
            await asyncio.gather(stopping, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class Bridge:
    """What the server serves while the steps run: the home, the accounts beside it, and what they share.

    `leave` prepares the end: steps claim nothing more, /readyz answers 503, and connections close after a response.
    """

    home: Site
    shared: Shared
    loops: Mapping[str, Loop]

    @property
    def app(self) -> ASGIApp:
        """The app of all accounts."""
        return self.home.app

    @property
    def webhook(self) -> WebhookEndpoint:
        """The home's webhook endpoint."""
        return self.home.webhook

    @property
    def accounts(self) -> SitesOfAccounts:
        """The accounts beside the home."""
        return self.shared.sites

    def leave(self) -> None:
        """Prepare the end; what arrives is still served."""
        self.home.readiness.leaving = self.shared.connections.leaving = True
        stop_all(self.loops)
        self.accounts.leave()


@asynccontextmanager
async def assembled(settings: Settings) -> AsyncGenerator[Bridge]:
    """The app with every step running while the block lasts; the caller provides the server.

    The accounts beside the home are served too, and worked for.
    """
    async with (
        _shared(settings) as shared,
        opened_site(settings, shared) as home,
        _with_accounts(home, shared) as bridge,
    ):
        yield bridge


@asynccontextmanager
async def setting_up(settings: Settings, problem: str) -> AsyncGenerator[Bridge]:
    """The app without the home's ClickPost account while the block lasts: pages lead through the set-up.

    Webhooks are stored. `problem` says what is missing. The API answers 503 with it, and no step of the home runs. The
    accounts beside it are served, and worked for.
    """
    log.warning("server.setting_up", problem=problem)
    async with (
        _shared(settings) as shared,
        site_without_steps(settings, shared, problem) as home,
        _with_accounts(home, shared) as bridge,
    ):
        yield bridge


@asynccontextmanager
async def _shared(settings: Settings) -> AsyncGenerator[Shared]:
    async with shared_servers() as servers:
        file = AccountsFile(settings.accounts)
        connections = _connections(settings)
        yield Shared(connections=connections, servers=servers, file=file, guesses=GuessLimits(connections.refused))


@asynccontextmanager
async def _with_accounts(home: Site, shared: Shared) -> AsyncGenerator[Bridge]:
    async with served_accounts(home.settings, home.store, shared) as host:
        loops = account_loops(host, home.settings.steps_idle_seconds)
        async with running(loops):
            yield Bridge(home, shared, {**home.loops, **loops})


def _connections(settings: Settings) -> Connections:
    most = connections_within_files(settings.connections)
    return Connections(Limits(connections=most, idle=max(most // 2, 1), idle_for=settings.keep_alive_seconds))


async def _stop_server(
    stop: asyncio.Event, at_once: asyncio.Event, server: uvicorn.Server, bridge: Bridge, drain_seconds: float
) -> None:
    await stop.wait()
    bridge.leave()
    log.info("server.stopping", drain_seconds=drain_seconds)
    with suppress(TimeoutError):
        async with asyncio.timeout(drain_seconds):
            await at_once.wait()
    server.should_exit = True


def _announce(url: str, on_ready: Callable[[str], None] | None) -> None:
    log.info("server.started", url=url)
    if on_ready:
        on_ready(url)


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: they would end the process before the steps have drained."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Install no signal handlers."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then call `on_ready`. Raises AddressUnusable where another program was faster."""
        try:
            await super().startup(sockets)
        except SystemExit:  # uvicorn logged why
            check_address(self.config.host, self.config.port)
            raise
        if not self.should_exit:
            settle_down()
            self.on_ready()

    def on_ready(self) -> None:
        """Called once the server listens."""

    @property
    def url(self) -> str:
        """The address listened on."""
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"
