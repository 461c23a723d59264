"""One request answered by uvicorn's own HTTP protocol, and all that awbridge needs to know of uvicorn's inside.

uvicorn hands its configuration and state to the protocol class that it is given, tells every connection in that state
to shut down, and renews the headers of all answers once a second. That is its interface to such a class, and it is used
here alone. Its own protocol is used as any asyncio.Protocol is: bytes in, bytes out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol, cast

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from awbridge.web.http.one_write import OneWrite

_RELAY = "awbridge.relay"
_UPGRADES = {b"upgrade", b"http2-settings"}


class Head(Protocol):
    """A request without its body; names of headers in small letters."""

    method: bytes
    url: bytes
    version: str
    headers: list[tuple[bytes, bytes]]


class Asker(Protocol):
    """The connection on which a request came."""

    def relayed(self) -> None:
        """Its answer has gone out whole; the connection may be used again."""
        ...

    def hang_up(self) -> None:
        """It is to be closed once what was written has gone out."""
        ...

    def pause(self) -> None:
        """No more of the body is to be read for a while."""
        ...

    def resume(self) -> None:
        """Now it is."""
        ...


class Uvicorn:
    """The server's side of a connection: what uvicorn hands to the protocol class that it makes."""

    def __init__(self, config: uvicorn.Config, state: ServerState, app_state: dict[str, Any]) -> None:
        self._config = config
        self._state = state
        self._app_state = app_state

    @property
    def headers(self) -> Sequence[tuple[bytes, bytes]]:
        """Headers of every answer; another object whenever they change."""
        return self._state.default_headers

    def add(self, connection: object) -> None:
        """`connection.shutdown()` is called when the server ends, which waits until it is removed."""
        self._state.connections.add(cast("Any", connection))

    def remove(self, connection: object) -> None:
        """It has ended."""
        self._state.connections.discard(cast("Any", connection))

    def protocol(self, relay: Relay, loop: asyncio.AbstractEventLoop) -> HttpToolsProtocol:
        """uvicorn's own protocol, which asks the app with the relay in the scope's state."""
        return HttpToolsProtocol(self._config, self._state, {**self._app_state, _RELAY: relay}, loop)


def told(app: ASGIApp) -> ASGIApp:
    """The app, with its relay told when an answer has gone out."""

    async def asked(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        relay = cast("Relay", scope["state"].pop(_RELAY))

        async def sent(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                relay.done()

        try:
            await app(scope, receive, sent)
        finally:
            # Whoever ended without an answer, or in the middle of one, is answered for by uvicorn right after this.
            asyncio.get_running_loop().call_soon(relay.done)

    return asked


class Relay(OneWrite):
    """Hands a request to uvicorn's protocol, whose transport it is, and its answer to the client."""

    def __init__(
        self, asker: Asker, head: Head, server: Uvicorn, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(transport, loop)
        self.answers = False  # whether anything of the answer was written
        self._asker = asker
        self._over = False
        self._chunked = any(name == b"transfer-encoding" for name, _ in head.headers)
        self._protocol = server.protocol(self, loop)
        self._protocol.connection_made(self)
        self._protocol.data_received(_written(head))

    def body(self, piece: bytes) -> None:
        """A piece of the body came."""
        if not self._over and piece:
            self._protocol.data_received(b"%x\r\n%b\r\n" % (len(piece), piece) if self._chunked else piece)

    def end(self) -> None:
        """The body has come whole."""
        if not self._over and self._chunked:
            self._protocol.data_received(b"0\r\n\r\n")

    def done(self) -> None:
        """The answer was written."""
        if not self._over:
            self._send_held()
            self._leave(None)
            self._asker.relayed()

    def lost(self, error: Exception | None) -> None:
        """The client has gone, or is not waited for any more."""
        if not self._over:
            self._leave(error)

    def _leave(self, error: Exception | None) -> None:
        self._over = True
        self._protocol.connection_lost(error)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """uvicorn answers."""
        if not self._over:
            self.answers = True
            super().write(data)

    def close(self) -> None:
        """uvicorn wants the connection closed."""
        if not self._over:
            self._send_held()
            self._leave(None)
            self._asker.hang_up()

    def pause_reading(self) -> None:
        """The app does not keep up with the body."""
        self._asker.pause()

    def resume_reading(self) -> None:
        """Now it does."""
        if not self._over:
            self._asker.resume()

    def pause_writing(self) -> None:
        """The client does not keep up with the answer."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Now it does."""
        self._protocol.resume_writing()


def _written(head: Head) -> bytes:
    """A head as it is sent on. An upgrade is left out: who ignores one answers as if it had not been asked for."""
    headers = [(name, value) for name, value in head.headers if name not in _UPGRADES]
    lines = b"".join(
        b"%b: %b\r\n" % (name, _without_upgrade(value) if name == b"connection" else value) for name, value in headers
    )
    return b"%b %b HTTP/%b\r\n%b\r\n" % (head.method, head.url, head.version.encode(), lines)


def _without_upgrade(connection: bytes) -> bytes:
    return b",".join(part for part in connection.split(b",") if part.strip().lower() not in _UPGRADES)
