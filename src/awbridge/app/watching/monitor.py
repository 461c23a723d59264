"""The small HTTP server of `awbridge work`: health and metrics, at AWBRIDGE_METRICS_PORT."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager

import structlog
import uvicorn

from awbridge.app.loops import World
from awbridge.domain.errors import SettingsError
from awbridge.steps.runtime.loop import Loop
from awbridge.web.contexts import ApiContext
from awbridge.web.monitoring.monitor import build_monitor

log = structlog.get_logger()

MOST_REQUESTS = 64  # at once; more are answered with 503


@asynccontextmanager
async def monitored(world: World, loops: Sequence[Loop]) -> AsyncGenerator[None]:
    """Answer /metrics, /healthz and /readyz while the block lasts. Raises SettingsError."""
    settings = world.settings
    api = ApiContext(store=world.store, clock=world.clock, stuck_after=settings.stuck_after)
    keys = [key.get_secret_value() for key in settings.api_keys]
    app = build_monitor(api, loops=loops, api_keys=keys, recorder=world.recorder, host=settings.host)
    with _listening(settings.host, settings.metrics_port) as listening:
        server = _MonitorServer(
            uvicorn.Config(
                app,
                log_level="warning",
                log_config=None,
                access_log=False,
                server_header=False,
                lifespan="off",
                limit_concurrency=MOST_REQUESTS,
                timeout_graceful_shutdown=5,
            )
        )
        serving = asyncio.create_task(server.serve(sockets=[listening]), name="monitor")
        host, port = listening.getsockname()[:2]
        log.info("monitor.started", url=f"http://{host}:{port}")
        try:
            yield
        finally:
            server.should_exit = True
            await asyncio.gather(serving, return_exceptions=True)


@contextmanager
def _listening(host: str, port: int) -> Generator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, reuse_port=False)
    except OSError as error:
        problem = f"AWBRIDGE_METRICS_PORT: cannot listen on port {port} of {host}: {os.strerror(error.errno or 0)}."
        raise SettingsError(f"{problem} Choose another port, or end the process that uses it.") from error
    with listening:
        yield listening


class _MonitorServer(uvicorn.Server):
    """uvicorn without its signal handlers: `work` has its own."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Install no signal handlers."""
        yield
