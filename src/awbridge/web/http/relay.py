"""Answer one request with uvicorn's own HTTP protocol. The only module that depends on uvicorn's internals.

uvicorn passes its configuration and state to the protocol class, calls `shutdown()` of every connection in that state,
and renews the headers of all responses once a second. uvicorn's own protocol is used like any asyncio.Protocol: bytes
in, bytes out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol, cast

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from awbridge.web.http.coalescing import CoalescingTransport

_RELAY = "awbridge.relay"
_UPGRADES = {b"upgrade", b"http2-settings"}


class Head(Protocol):
    """A request without its body. Header names are in lower case. `keep_alive`: whether another one may follow."""

    method: bytes
    url: bytes
    version: str
    headers: list[tuple[bytes, bytes]]
    keep_alive: bool


class RelayedConnection(Protocol):
    """The client connection of a relayed request. `relayed`: the response is sent; the connection may be reused.

    `hang_up` closes it after everything written is sent. `pause` and `resume` affect reading the body.
    """

    def relayed(self) -> None: ...
    def hang_up(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...


class UvicornServer:
    """The server's side of a connection: what uvicorn passes to its protocol class."""

    def __init__(self, config: uvicorn.Config, state: ServerState, app_state: dict[str, Any]) -> None:
        self._config = config
        self._state = state
        self._app_state = app_state

    @property
    def headers(self) -> Sequence[tuple[bytes, bytes]]:
        """The headers of every response; a new object whenever they change."""
        return self._state.default_headers

    def add(self, connection: object) -> None:
        """Register a connection: a stopping server calls its `shutdown()` and waits until it is removed."""
        self._state.connections.add(cast("Any", connection))

    def remove(self, connection: object) -> None:
        """Remove a closed connection."""
        self._state.connections.discard(cast("Any", connection))

    def protocol(self, relay: Relay, loop: asyncio.AbstractEventLoop) -> HttpToolsProtocol:
        """uvicorn's own protocol, which calls the app with the relay in the scope's state."""
        return HttpToolsProtocol(self._config, self._state, {**self._app_state, _RELAY: relay}, loop)


def notifying_relay(app: ASGIApp) -> ASGIApp:
    """The app, which notifies the relay of its request when the response is sent."""

    async def notifying(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        relay = cast("Relay", scope["state"].pop(_RELAY))

        async def send_and_notify(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                relay.done()

        try:
            await app(scope, receive, send_and_notify)
        finally:
            # If the app ended without a complete response, uvicorn completes it right after this.
            asyncio.get_running_loop().call_soon(relay.done)

    return notifying


class Relay(CoalescingTransport):
    """Passes a request to uvicorn's protocol, as its transport, and the response to the client."""

    def __init__(
        self,
        connection: RelayedConnection,
        head: Head,
        server: UvicornServer,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__(transport, loop)
        self.started = False  # whether a part of the response was written
        self._connection = connection
        self._finished = False
        self._chunked = any(name == b"transfer-encoding" for name, _ in head.headers)
        self._protocol = server.protocol(self, loop)
        self._protocol.connection_made(self)
        self._protocol.data_received(_encode_head(head))

    def body(self, piece: bytes) -> None:
        """Pass on a piece of the body."""
        if not self._finished and piece:
            self._protocol.data_received(b"%x\r\n%b\r\n" % (len(piece), piece) if self._chunked else piece)

    def end(self) -> None:
        """The body is complete."""
        if not self._finished and self._chunked:
            self._protocol.data_received(b"0\r\n\r\n")

    def done(self) -> None:
        """The response is written."""
        if not self._finished:
            self._send_held()
            self._finish(None)
            self._connection.relayed()

    def shutdown(self) -> None:
        """Let the response say that the connection closes, unless its head is sent already."""
        if not self._finished:
            self._protocol.shutdown()

    def lost(self, error: Exception | None) -> None:
        """The client disconnected, or is no longer served."""
        if not self._finished:
            self._finish(error)

    def _finish(self, error: Exception | None) -> None:
        self._finished = True
        self._protocol.connection_lost(error)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write a part of uvicorn's response."""
        if not self._finished:
            self.started = True
            super().write(data)

    def close(self) -> None:
        """Close the connection on behalf of uvicorn."""
        if not self._finished:
            self._send_held()
            self._finish(None)
            self._connection.hang_up()

    def pause_reading(self) -> None:
        """The app reads the body too slowly."""
        self._connection.pause()

    def resume_reading(self) -> None:
        """The app reads the body again."""
        if not self._finished:
            self._connection.resume()

    def pause_writing(self) -> None:
        """The client reads the response too slowly."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """The client reads the response again."""
        self._protocol.resume_writing()


def _encode_head(head: Head) -> bytes:
    """The head as passed to uvicorn, without a request for an upgrade, which HTTP lets a server ignore."""
    headers = [(name, value) for name, value in head.headers if name not in _UPGRADES]
    if not head.keep_alive:
        headers = [*(header for header in headers if header[0] != b"connection"), (b"connection", b"close")]
    lines = b"".join(
        b"%b: %b\r\n" % (name, _without_upgrade(value) if name == b"connection" else value) for name, value in headers
    )
    return b"%b %b HTTP/%b\r\n%b\r\n" % (head.method, head.url, head.version.encode(), lines)


def _without_upgrade(connection: bytes) -> bytes:
    return b",".join(part for part in connection.split(b",") if part.strip().lower() not in _UPGRADES)
