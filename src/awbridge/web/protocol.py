"""uvicorn's HTTP protocol, in which ordinary webhooks are answered where their bytes are read.

uvicorn makes a scope, a task, an event and a cycle for each request: for an answer as short as a webhook's that is most
of what it costs. Here it is one object. Whatever is out of the ordinary (another path or method, a body that is large
or comes in chunks, a wrong key, no JSON) goes uvicorn's way, and so does what a client sends before it has the answer
to what it sent before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from awbridge.domain.errors import StoreError
from awbridge.web.one_write import OneWriteProtocol
from awbridge.web.webhook import PATH, Answer, WebhookEndpoint

LARGEST_AT_ONCE = 64 * 1024  # bytes of a body that is held here until it is whole

_PATH = PATH.encode()
_BELOW = _PATH + b"/"


class _NobodyWaits:
    """Stands where uvicorn's cycle has an event that its app waits for."""

    def set(self) -> None:
        """Nobody waits."""


class Exchange:
    """One webhook until it is answered: the caller that ingest tells, and in uvicorn's eyes a cycle."""

    __slots__ = ("_protocol", "disconnected", "keep_alive", "response_complete")

    message_event = _NobodyWaits()

    def __init__(self, protocol: WebhookProtocol) -> None:
        self._protocol = protocol
        self.response_complete = False
        self.disconnected = False
        self.keep_alive = True  # uvicorn sets it to False when it shuts down

    def done(self) -> bool:
        """Whether it is answered. Of one who hung up the delivery is stored all the same."""
        return self.response_complete

    def set_result(self, _: None, /) -> None:
        """It is stored."""
        self._protocol.answer(self, self._protocol.endpoint.stored())

    def set_exception(self, exception: StoreError, /) -> None:
        """It is not."""
        self._protocol.answer(self, self._protocol.endpoint.not_stored(exception))


class Wire:
    """Answers as bytes, with the server's own headers. Those change once a second, with the date."""

    def __init__(self) -> None:
        self._more: Sequence[tuple[bytes, bytes]] = ()
        self._made: dict[tuple[Answer, bool], bytes] = {}

    def of(self, answer: Answer, more: Sequence[tuple[bytes, bytes]], *, keep_alive: bool) -> bytes:
        """The bytes of an answer; `more` are the server's headers."""
        if more is not self._more:
            self._more = more
            self._made.clear()
        key = (answer, keep_alive)
        if key not in self._made:
            headers = [*more, *answer.headers, *([] if keep_alive else [(b"connection", b"close")])]
            lines = b"".join(b"%b: %b\r\n" % header for header in headers)
            self._made[key] = b"%b%b\r\n%b" % (STATUS_LINE[answer.status], lines, answer.body)
        return self._made[key]


class WebhookProtocol(OneWriteProtocol):
    """HTTP/1.1 for uvicorn; `answering` makes one for an endpoint."""

    endpoint: WebhookEndpoint
    wire: Wire
    _held: list[bytes] | None = None  # the body of what may be answered here, until it is whole
    _heard_at = 0.0  # by the loop's clock
    _idle: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Bytes came in."""
        self._heard_at = self.loop.time()
        super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        if self._idle:
            self._idle.cancel()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """A request begins. What ASGI wants to know of it is gathered when it is ASGI's."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        """Hold back what may be answered here."""
        self._held = [] if self._is_ordinary() else None
        if self._held is None:
            self._begin_as_usual()

    def _is_ordinary(self) -> bool:
        if self.url != _PATH and not self._holds_key():
            return False
        if self.root_path or self.expect_100_continue or (self.cycle and not self.cycle.response_complete):
            return False
        parser = cast("Any", self.parser)  # uvicorn sets it to None when the connection ends
        if parser.get_method() != b"POST" or not parser.should_keep_alive() or parser.should_upgrade():
            return False
        for name, value in self.headers:
            if name == b"content-length":
                return value.isdigit() and int(value) <= LARGEST_AT_ONCE
        return False

    def _holds_key(self) -> bool:
        """Whether the address is the endpoint's with a key behind it, and needs no decoding."""
        path, _, _ = self.url.partition(b"?")
        return (path == _PATH or path.startswith(_BELOW)) and b"%" not in self.url and b"+" not in self.url

    def _begin_as_usual(self) -> None:
        url, headers, waits = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, waits
        self.headers += headers
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Hold it too."""
        if self._held is None:
            super().on_body(body)
        else:
            self._held.append(body)

    def on_message_complete(self) -> None:
        """Store what was held back, or let it go uvicorn's way."""
        if self._held is None:
            super().on_message_complete()
            return
        body, self._held = b"".join(self._held), None
        exchange = Exchange(self)
        before, self.cycle = self.cycle, cast("Any", exchange)
        try:
            if self.endpoint.hand_in(self.url.decode("latin-1"), self.headers, body, exchange):
                return
        except StoreError as error:
            exchange.set_exception(error)
            return
        self.cycle = before
        self._begin_as_usual()
        super().on_body(body)
        super().on_message_complete()

    def answer(self, exchange: Exchange, answer: Answer) -> None:
        """Send an answer and be ready for the next request."""
        exchange.response_complete = True
        if self.line.is_closing():
            return
        more = self.server_state.default_headers
        self.line.write_whole(self.wire.of(answer, more, keep_alive=exchange.keep_alive))
        if not exchange.keep_alive:
            self.line.close()
        elif self.pipeline:
            self.on_response_complete()
        else:
            self.server_state.total_requests += 1
            self._idle = self._idle or self.loop.call_later(self.timeout_keep_alive, self._end_if_idle)

    def _end_if_idle(self) -> None:
        """One timer for a connection, not one for each of its requests as uvicorn has."""
        self._idle = None
        silent = self.loop.time() - self._heard_at
        if silent < self.timeout_keep_alive or not self.cycle.response_complete:
            rest = max(self.timeout_keep_alive - silent, 0.1)
            self._idle = self.loop.call_later(rest, self._end_if_idle)
        else:
            self.line.close()


def answering(its_endpoint: WebhookEndpoint) -> type[WebhookProtocol]:
    """The protocol that answers for this endpoint, for `uvicorn.Config(http=...)`."""

    class Answering(WebhookProtocol):
        endpoint = its_endpoint
        wire = Wire()

    return Answering
