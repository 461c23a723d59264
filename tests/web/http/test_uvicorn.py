"""The internals of uvicorn that web/http/relay.py depends on. Failures name what a release changed."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import nullcontext
from typing import Any

import httpx2
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from awbridge.web.http.limits import Connections
from awbridge.web.http.server import server_config
from tests.support.app import Web
from tests.support.stores import sqlite_only
from tests.web.http.test_protocol import connected, request

CHANGED = f"uvicorn {uvicorn.__version__} changed what web/http/relay.py depends on: "


def test_a_protocol_takes_configuration_state_app_state_and_loop() -> None:
    names = list(inspect.signature(HttpToolsProtocol.__init__).parameters)[1:]
    assert names == ["config", "server_state", "app_state", "_loop"], CHANGED + "the arguments of a protocol"


def test_a_protocol_is_an_asyncio_protocol_that_can_shut_down() -> None:
    assert issubclass(HttpToolsProtocol, asyncio.Protocol), CHANGED + "protocols are no longer asyncio protocols"
    assert callable(getattr(HttpToolsProtocol, "shutdown", None)), CHANGED + "connections are not shut down"


def test_the_state_holds_connections_and_headers() -> None:
    state = ServerState()
    assert isinstance(getattr(state, "connections", None), set), CHANGED + "ServerState.connections"
    assert isinstance(getattr(state, "default_headers", None), list), CHANGED + "ServerState.default_headers"


class _Server(uvicorn.Server):
    def capture_signals(self) -> Any:
        """Leave signals to pytest."""
        return nullcontext()


@sqlite_only
async def test_uvicorn_serves_with_our_protocol_and_stops_after_pending_requests(web: Web) -> None:
    may_continue = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/slow":
            await may_continue.wait()
        await web.app(scope, receive, send)  # pyright: ignore

    connections = Connections()
    config = server_config(app, web.endpoint, connections, port=0, lifespan="off", log_config=None)
    server = _Server(config)
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(20):
        while not server.started:
            await asyncio.sleep(0.01)
        url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        async with (
            connected(url) as slow,
            connected(url) as idle,
            connected(url) as late,
            connected(url) as late_elsewhere,
            httpx2.AsyncClient(base_url=url) as http,
        ):
            answer = await http.get("/healthz")
            assert answer.status_code == 200
            assert answer.headers["date"], CHANGED + "the headers of all responses"
            for line in (idle, late, late_elsewhere):
                line.send(request())
                status, headers, _ = await line.answer()
                assert (status, "date" in headers) == (200, True), CHANGED + "the headers of all responses"
            slow.send(request(b"", path="/slow", method="GET", length=False))
            while not server.server_state.tasks:
                await asyncio.sleep(0.01)
            server.should_exit = True
            while server.servers[0].is_serving():
                await asyncio.sleep(0.01)
            late.send(request())
            late_elsewhere.send(request(b"", path="/healthz", method="GET", length=False))
            for line in (late, late_elsewhere):
                status, headers, _ = await line.answer()
                assert (status, headers["connection"]) == (200, "close"), "sent before the server closed it"
                assert await line.ended()
            assert await idle.ended(), CHANGED + "connections are not shut down"
            may_continue.set()
            status, headers, _ = await slow.answer()
            assert status < 500, CHANGED + "pending requests are not awaited"
            assert headers["connection"] == "close", CHANGED + "responses of a stopping server do not say so"
            assert await slow.ended()
        await serving
    assert connections.number == 0
