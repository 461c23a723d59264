"""Run the web server and the steps in one process; stop them cleanly."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

import structlog
import uvicorn
from starlette.types import ASGIApp

from awbridge.app.connections import customer_channels, report_objects, templates
from awbridge.app.customer_page import customer_page
from awbridge.app.database import open_store
from awbridge.app.loops import START_PATIENCE, opened_world, step_loops
from awbridge.app.policies import answer_policy, notify_policy
from awbridge.app.settings import Settings
from awbridge.app.setup_tools import SettingsTools, vendor_problem
from awbridge.app.sign_in import sign_in_provider
from awbridge.app.starting import check_address, started
from awbridge.app.work import on_signal, report_loop, running, schema_loop, settle_down, stop_all
from awbridge.clickpost.client.async_client import AsyncClickPost
from awbridge.sinks.addresses import read_networks
from awbridge.steps.handover.print_labels import FetchesLabels, OnlyStored
from awbridge.steps.polling.watch import WebhookRefusals
from awbridge.steps.runtime.clock import utc_now
from awbridge.steps.runtime.loop import Loop
from awbridge.steps.runtime.report_process import AnsweredWebhooks
from awbridge.steps.tracking.ingest import Ingest
from awbridge.store import Store
from awbridge.web.app import build_app
from awbridge.web.dependencies import ApiContext, AuditContext
from awbridge.web.http.limits import Connections, Limits, connections_within_files
from awbridge.web.http.server import server_config
from awbridge.web.pages.messages.context import MessageContext
from awbridge.web.ready import Readiness
from awbridge.web.webhook.endpoint import KeyRing, WebhookEndpoint

log = structlog.get_logger()

_LOCAL_PROXIES = ("127.0.0.1", "::1")  # trusted for X-Forwarded-For


async def serve(
    settings: Settings, *, on_ready: Callable[[str], None] | None = None, stop: asyncio.Event | None = None
) -> None:
    """Run the web server and the steps in this process until SIGTERM or SIGINT.

    While ClickPost's username or key is not set, only the pages and the webhook endpoint are served and no step runs.
    When told to stop, steps claim nothing more and /readyz answers 503; requests are served for `drain_seconds` more.
    SIGINT, and a second SIGTERM, cut that short.

    `on_ready` receives the address listened on. With `stop`, run until it is set; the caller handles signals.
    """
    at_once = asyncio.Event()
    if stop is None:
        stop = asyncio.Event()
        on_signal(stop.set, at_once.set)
    problem = vendor_problem(settings)
    check_address(settings.host, settings.port)
    opening = setting_up(settings, problem) if problem else assembled(settings)
    async with started(opening, stop) as bridge:
        server = _Server(
            server_config(
                bridge.app,
                bridge.webhook,
                bridge.connections,
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
    """What the server serves while the steps run: the app, its webhook endpoint, and the client connections.

    `leave` prepares the end: steps claim nothing more, /readyz answers 503, and connections close after a response.
    """

    app: ASGIApp
    webhook: WebhookEndpoint
    connections: Connections
    readiness: Readiness
    loops: Mapping[str, Loop]

    def leave(self) -> None:
        """Prepare the end; what arrives is still served."""
        self.readiness.leaving = self.connections.leaving = True
        stop_all(self.loops)


@asynccontextmanager
async def assembled(settings: Settings) -> AsyncGenerator[Bridge]:
    """The app with every step running while the block lasts; the caller provides the server."""
    async with opened_world(settings, utc_now) as world:
        store, refusals = world.store, WebhookRefusals()
        ingest = Ingest(store)
        loops = step_loops(world, refusals=refusals, arrived=lambda: ingest.arrived)
        loops["schema"] = schema_loop(store, lambda _: stop_all(loops))
        ingest.on_stored = loops["apply"].wake
        keys = KeyRing(store, (k.get_secret_value() for k in settings.webhook_keys))
        endpoint = WebhookEndpoint(ingest, keys, utc_now, refusals)
        connections, readiness = _connections(settings), Readiness(store, utc_now)
        loops["report_process"] = report_loop(store, utc_now, "serve", lambda: _webhook_counts(endpoint))
        app = build_app(
            api_context(settings, store, world.clickpost, world.labels),
            webhook=endpoint,
            readiness=readiness,
            loops=list(loops.values()),
            api_keys=[k.get_secret_value() for k in settings.api_keys],
            recorder=world.recorder,
            host=settings.host,
            connections=connections,
            customer_page=customer_page(settings, store, utc_now, connections.refused),
        )
        async with _ingesting(ingest), running(loops):
            yield Bridge(app, endpoint, connections, readiness, loops)


def _webhook_counts(endpoint: WebhookEndpoint) -> AnsweredWebhooks:
    return AnsweredWebhooks(
        stored=endpoint.counts.get(200, 0), unstored=endpoint.counts.get(503, 0), p99=endpoint.p99()
    )


@asynccontextmanager
async def setting_up(settings: Settings, problem: str) -> AsyncGenerator[Bridge]:
    """The app without ClickPost's account while the block lasts: pages lead through the set-up, webhooks are stored.

    `problem` says what is missing. The API answers 503 with it, and no step runs.
    """
    log.warning("server.setting_up", problem=problem)
    async with open_store(settings, migrate=settings.migrate_on_start, patience=START_PATIENCE) as store:
        ingest = Ingest(store)
        keys = KeyRing(store, (k.get_secret_value() for k in settings.webhook_keys))
        endpoint = WebhookEndpoint(ingest, keys, utc_now, WebhookRefusals())
        connections, readiness = _connections(settings), Readiness(store, utc_now)
        app = build_app(
            api_context(settings, store, None, OnlyStored()),
            webhook=endpoint,
            readiness=readiness,
            loops=[],
            api_keys=[k.get_secret_value() for k in settings.api_keys],
            host=settings.host,
            connections=connections,
            closed=problem,
            customer_page=customer_page(settings, store, utc_now, connections.refused),
        )
        async with _ingesting(ingest):
            yield Bridge(app, endpoint, connections, readiness, {})


@asynccontextmanager
async def _ingesting(ingest: Ingest) -> AsyncGenerator[None]:
    """Store deliveries while the block lasts."""
    task = asyncio.create_task(ingest.run(), name="ingest")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _connections(settings: Settings) -> Connections:
    most = connections_within_files(settings.connections)
    return Connections(Limits(connections=most, idle=max(most // 2, 1), idle_for=settings.keep_alive_seconds))


def api_context(
    settings: Settings, store: Store, clickpost: AsyncClickPost | None, labels: FetchesLabels
) -> ApiContext:
    """What the routes of the API share."""
    return ApiContext(
        store=store,
        clock=utc_now,
        clickpost=clickpost,
        labels=labels,
        audit=audit_context(settings),
        allocation=settings.allocation,
        zone=settings.zone,
        poll_again_after=timedelta(seconds=settings.poll_again_seconds),
        stuck_after=settings.stuck_after,
        networks=read_networks(settings.endpoint_networks),
        country=settings.notice_country,
        setup=SettingsTools(configured=settings, store=store, clickpost=clickpost, clock=utc_now),
        messages=message_context(settings),
        links=settings.track_links,
        sign_in=sign_in_provider(settings),
        answers=answer_policy(settings),
        title=settings.account_title,
    )


def message_context(settings: Settings) -> MessageContext:
    """The templates and rules of messages, for their pages. Raises SettingsError."""
    channels = list(customer_channels(settings))
    return MessageContext(templates=templates(settings), policy=notify_policy(settings), channels=channels)


def audit_context(settings: Settings) -> AuditContext:
    """What the HTTP API needs for reports, evidence and erasure."""
    return AuditContext(
        reports_in=report_objects(settings),
        privacy={
            "own": settings.privacy(settings.privacy_own),
            "clickpost": settings.privacy(settings.privacy_clickpost),
        },
        zone=settings.zone,
        crons=settings.crons,
        privacy_key=settings.privacy_key.get_secret_value(),
    )


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
