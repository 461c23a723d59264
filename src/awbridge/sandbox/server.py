"""Run the sandbox, inside an event loop (`running`) or as a process (`serve`)."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncGenerator
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from awbridge.sandbox.app import App
from awbridge.sandbox.config import SandboxConfig
from awbridge.sandbox.simulator import Sandbox


@contextlib.asynccontextmanager
async def running(
    config: SandboxConfig | None = None, *, host: str = "127.0.0.1", port: int = 0
) -> AsyncGenerator[Sandbox]:
    """Serve a sandbox while the block runs. Port 0 selects a free port; `sandbox.url` has the address."""
    sandbox = Sandbox(config or SandboxConfig())
    # No log_config, log_level or access_log: they would change the loggers of the whole process.
    settings = uvicorn.Config(
        App(sandbox), http="httptools", lifespan="off", log_config=None, log_level=None, ws="none"
    )
    settings.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _connection(settings, state), host, port, backlog=2048)
    sandbox.url = _url_of(server.sockets[0])
    await sandbox.start()
    try:
        yield sandbox
    finally:
        server.close()
        await _close_connections(state)
        await sandbox.stop()


def _connection(settings: uvicorn.Config, state: ServerState) -> asyncio.Protocol:
    """uvicorn's protocol of one connection. It logs no requests, and the application can reach its transport."""
    shared: dict[str, Any] = {}
    create_protocol: Any = settings.http_protocol_class
    protocol = create_protocol(config=settings, server_state=state, app_state=shared)
    protocol.access_log = False
    shared["connection"] = protocol
    return protocol


def _url_of(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}"


async def _close_connections(state: ServerState) -> None:
    for connection in list(state.connections):
        connection.transport.abort()  # pyright: ignore[reportUnknownMemberType]
    await asyncio.sleep(0)
    tasks = list(state.tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def serve(config: SandboxConfig, host: str = "127.0.0.1", port: int = 8100) -> None:
    """Run a sandbox in this process until SIGINT or SIGTERM."""
    try:
        import uvloop

        factory = uvloop.new_event_loop
    except ImportError:  # Windows
        factory = asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_serve_until_signal(config, host, port))


async def _serve_until_signal(config: SandboxConfig, host: str, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
    async with running(config, host=host, port=port):
        await stop.wait()
