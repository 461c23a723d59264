"""Settings -> live objects: the only wiring. Starts web and steps, stops them cleanly."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path

import stamina
import structlog
import uvicorn

from awbridge.clickpost.async_client import AsyncClickPost
from awbridge.domain.errors import SettingsError, StoreBusy
from awbridge.settings import Settings
from awbridge.steps.apply import ApplyPolicy, apply_due
from awbridge.steps.cancel import cancel_due
from awbridge.steps.catch_up import CatchUpPolicy, ask_for_silent, cover_next_window
from awbridge.steps.clock import Clock, utc_now
from awbridge.steps.differences import look_again
from awbridge.steps.ingest import Ingest
from awbridge.steps.loop import Loop
from awbridge.steps.push import PushPolicy, push_due
from awbridge.steps.reconcile import ReconcilePolicy, reconcile_due
from awbridge.steps.report_files import take_from_folder
from awbridge.store import Store
from awbridge.web.app import build_app
from awbridge.web.webhook import KeyRing, WebhookEndpoint

log = structlog.get_logger()

START_PATIENCE = 60.0  # seconds that a starting service waits for its database
DRAIN_SECONDS = 20.0  # what a stopping process gives the calls in flight


def vendor(settings: Settings) -> AsyncClickPost:
    """The client for the account in the settings. Raises SettingsError where the account is not set."""
    settings.check_vendor()
    return AsyncClickPost(
        username=settings.clickpost_username,
        key=settings.clickpost_key.get_secret_value(),
        url=settings.clickpost_url,
        tracking_url=settings.clickpost_tracking_url,
        serviceability_url=settings.clickpost_serviceability_url,
        edd_url=settings.clickpost_edd_url,
        timeout=settings.clickpost_timeout,
        connections=settings.clickpost_connections,
    )


def push_policy(settings: Settings) -> PushPolicy:
    """How push tries and waits, by the settings."""
    return PushPolicy(
        batch=settings.push_batch,
        concurrency=settings.push_concurrency,
        lease=timedelta(seconds=settings.push_lease_seconds),
        retry_delays=settings.retry_delays,
        waiting=timedelta(seconds=settings.waiting_seconds),
        waiting_deadline=timedelta(seconds=settings.waiting_deadline_seconds),
        hold=timedelta(seconds=settings.hold_seconds),
        ask_after=timedelta(seconds=settings.ask_after_seconds),
    )


def apply_policy(settings: Settings) -> ApplyPolicy:
    """How deliveries are read, by the settings."""
    return ApplyPolicy(
        zone=settings.zone,
        z_means_utc=settings.webhook_z_means_utc,
        ask_after=timedelta(seconds=settings.ask_after_seconds),
        ask_again=timedelta(seconds=settings.ask_again_seconds),
    )


def catch_up_policy(settings: Settings) -> CatchUpPolicy:
    """How far and how often to ask, by the settings."""
    return CatchUpPolicy(
        window=timedelta(seconds=settings.catch_up_window_seconds),
        lag=timedelta(seconds=settings.catch_up_lag_seconds),
        ask_after=timedelta(seconds=settings.ask_after_seconds),
        ask_again=timedelta(seconds=settings.ask_again_seconds),
    )


def reconcile_policy(settings: Settings) -> ReconcilePolicy:
    """In which zone a day lies, and how often a report is asked for, by the settings."""
    return ReconcilePolicy(zone=settings.zone, ask_every=timedelta(seconds=settings.reconcile_ask_seconds))


@asynccontextmanager
async def open_store(settings: Settings, *, migrate: bool, patience: float = 0.0) -> AsyncGenerator[Store]:
    """The database, closed when the block ends. `patience`: seconds to wait for one that does not answer yet.

    Raises SettingsError when its schema is old and may not be changed, StoreBusy when it stays away.
    """
    store = await _opened(settings, migrate, patience)
    try:
        yield store
    finally:
        await store.close()


async def _opened(settings: Settings, migrate: bool, patience: float) -> Store:
    async for attempt in stamina.retry_context(
        on=StoreBusy, attempts=None if patience else 1, timeout=patience or None
    ):
        with attempt:
            store = await Store.open(settings.database_url, connections=settings.database_connections)
            try:
                await _check_schema(store, migrate)
            except BaseException:
                await store.close()
                raise
            return store
    raise AssertionError("a retry ends with its work or its error")


async def _check_schema(store: Store, migrate: bool) -> None:
    if migrate:
        for name in await store.migrate():
            log.info("migrated", migration=name)
    elif missing := await store.pending_migrations():
        raise SettingsError(f"the database's schema is old ({', '.join(missing)} missing): run awbridge migrate")


def step_loops(settings: Settings, store: Store, clickpost: AsyncClickPost, clock: Clock) -> dict[str, Loop]:
    """Every step of the service as a loop, by name."""
    pushing, applying, catching_up = push_policy(settings), apply_policy(settings), catch_up_policy(settings)
    delays = settings.retry_delays
    reconciling = reconcile_policy(settings)
    work = {
        "push": lambda: push_due(store=store, clickpost=clickpost, clock=clock, policy=pushing),
        "cancel": lambda: cancel_due(store=store, clickpost=clickpost, clock=clock, retry_delays=delays),
        "apply": lambda: apply_due(store=store, clock=clock, policy=applying),
        "cover": lambda: cover_next_window(store=store, clickpost=clickpost, clock=clock, policy=catching_up),
        "ask": lambda: ask_for_silent(store=store, clickpost=clickpost, clock=clock, policy=catching_up),
        "reconcile": lambda: reconcile_due(store=store, clickpost=clickpost, clock=clock, policy=reconciling),
        "differences": lambda: look_again(store=store, clickpost=clickpost, clock=clock),
    }
    loops = {name: Loop(name, round_, idle_seconds=settings.steps_idle_seconds) for name, round_ in work.items()}
    if settings.reconcile_dir:
        folder = Path(settings.reconcile_dir)
        loops["report_files"] = Loop(
            "report_files",
            lambda: take_from_folder(store=store, clock=clock, folder=folder),
            idle_seconds=max(settings.steps_idle_seconds, 5.0),
        )
    return loops


async def serve(
    settings: Settings, *, on_ready: Callable[[str], None] | None = None, stop: asyncio.Event | None = None
) -> None:
    """Web and steps in this process, until SIGTERM or SIGINT.

    `on_ready` is given the address that is listened on. With `stop`, run until that is set: signals are the caller's.
    """
    if stop is None:
        stop = asyncio.Event()
        _on_signal(stop.set)
    async with (
        open_store(settings, migrate=settings.migrate_on_start, patience=START_PATIENCE) as store,
        vendor(settings) as clickpost,
    ):
        loops = step_loops(settings, store, clickpost, utc_now)
        ingest = Ingest(store, on_stored=loops["apply"].wake)
        keys = KeyRing(store, (k.get_secret_value() for k in settings.webhook_keys))
        app = build_app(
            store=store,
            clock=utc_now,
            webhook=WebhookEndpoint(ingest, keys, utc_now),
            loops=list(loops.values()),
            api_keys=[k.get_secret_value() for k in settings.api_keys],
            zone=settings.zone,
        )
        server = _Server(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                log_level="warning",
                access_log=False,
                lifespan="off",
                http="httptools",
                timeout_graceful_shutdown=5,
            )
        )
        server.on_ready = lambda: _announce(server.url, on_ready)
        stopping = asyncio.create_task(_stop_server(stop, server))
        ingesting = asyncio.create_task(ingest.run(), name="ingest")
        try:
            async with _running(loops):
                await server.serve()
        finally:
            for task in (stopping, ingesting):
                task.cancel()
            await asyncio.gather(stopping, ingesting, return_exceptions=True)


async def work(settings: Settings) -> None:
    """Steps only, without web, until SIGTERM or SIGINT: more hands on the same database."""
    async with (
        open_store(settings, migrate=settings.migrate_on_start, patience=START_PATIENCE) as store,
        vendor(settings) as clickpost,
    ):
        stop = asyncio.Event()
        _on_signal(stop.set)
        async with _running(step_loops(settings, store, clickpost, utc_now)):
            log.info("working")
            await stop.wait()


def _on_signal(stop: Callable[[], None]) -> None:
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop)


async def _stop_server(stop: asyncio.Event, server: uvicorn.Server) -> None:
    await stop.wait()
    server.should_exit = True


def _announce(url: str, on_ready: Callable[[str], None] | None) -> None:
    log.info("serving", url=url)
    if on_ready:
        on_ready(url)


@asynccontextmanager
async def _running(loops: dict[str, Loop]) -> AsyncGenerator[None]:
    """The loops run while the block does. Then what is in flight may end; leases cover what does not."""
    tasks = [asyncio.create_task(loop.run(), name=name) for name, loop in loops.items()]
    try:
        yield
    finally:
        for loop in loops.values():
            loop.stop()
        _, left = await asyncio.wait(tasks, timeout=DRAIN_SECONDS)
        for task in left:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Server(uvicorn.Server):
    """uvicorn, but signals are ours: it would end the process before the steps have drained."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals alone."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say where."""
        await super().startup(sockets)
        if not self.should_exit:
            # What lives as long as the process need not be looked at by the garbage collector again.
            gc.collect()
            gc.freeze()
            gc.set_threshold(50_000, 20, 20)
            self.on_ready()

    def on_ready(self) -> None:
        """Called once the server listens."""

    @property
    def url(self) -> str:
        """The address that is listened on."""
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"
