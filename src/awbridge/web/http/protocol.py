"""HTTP/1.1 as awbridge speaks it: within limits, and with ordinary webhooks answered where their bytes are read.

A request of ASGI is a scope, a task, an event and a cycle: for an answer as short as a webhook's that is most of what
it costs. Here it is one object. Whatever is out of the ordinary (another path or method, a body that is large or comes
in chunks, a wrong key, no JSON) is answered by uvicorn's own protocol, one request at a time (relay.py).

Whoever sends too much, too slowly, or holds a connection that others need, is refused by limits.py, before anything of
awbridge is asked.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, cast

import httptools
import uvicorn
from uvicorn.server import ServerState

from awbridge.domain.errors import StoreError
from awbridge.web.http.exchange import REFUSALS, RequestCycle, Wire, is_ordinary
from awbridge.web.http.limits import Connections, ConnectionSlot
from awbridge.web.http.one_write import OneWrite
from awbridge.web.http.relay import Relay, Uvicorn
from awbridge.web.http.upgrades import has_body, make_parser, make_parser_behind
from awbridge.web.webhook.endpoint import WebhookEndpoint, WebhookResponse


class _Refused(Exception):
    """Ends the parsing of what must be refused."""


class HttpConnection(asyncio.Protocol):
    """A connection of a client. server.py makes the class that uvicorn makes them of."""

    endpoint: WebhookEndpoint
    connections: Connections
    wire: Wire

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.loop = _loop or asyncio.get_running_loop()
        self.place = ConnectionSlot.FRESH
        self._server = Uvicorn(config, server_state, app_state)
        self._limits = self.connections.limits
        self._parser = make_parser(self)
        self._stopped = False  # whether the parser stopped before a body
        self._queue: deque[RequestCycle] = deque()  # what is to be answered, in order; the first is being answered
        self._reading: RequestCycle | None = None  # what has not come whole yet
        self._headed = False  # whether the head of that has
        self._refused = ""  # why nothing more is read
        self._ending = False  # whether the connection ends with the last answer
        self._advancing = False
        self._chunk = 0  # bytes that are parsed just now
        self._unparsed = 0  # bytes of a head, or behind a part of a body, that nothing came of yet
        self._received = 0  # bytes of a body
        now = self.loop.time()
        self._since = now  # when the place, the head or the body began
        self._heard_at = now  # when the last bytes came
        self._full = False  # whether the app does not keep up with the body
        self._waits: bool = False  # whether nothing is read, for that or another reason
        self._held_at = now  # since when
        self._unsent_at = 0.0  # since when the client takes nothing; 0: it does

    # What the transport tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        self.transport = cast("asyncio.Transport", transport)
        self.line = OneWrite(self.transport, self.loop)
        self._server.add(self)
        if not self.connections.admit(self):
            self._refuse("connections")

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._server.remove(self)
        self.connections.remove(self)
        for exchange in self._queue:
            if exchange.relay:
                exchange.relay.lost(exc)
        self._queue.clear()

    def pause_writing(self) -> None:
        """The client does not take what is sent."""
        self._unsent_at = self.loop.time()
        if self._queue and self._queue[0].relay:
            self._queue[0].relay.pause_writing()
        self._read_or_wait()

    def resume_writing(self) -> None:
        """It does again."""
        self._unsent_at = 0.0
        if self._queue and self._queue[0].relay:
            self._queue[0].relay.resume_writing()
        self._advance()
        self._read_or_wait()

    def data_received(self, data: bytes) -> None:
        """Bytes came in."""
        self._heard_at = self.loop.time()
        while data and not self._refused and (self._reading or not self._ending):
            data = self._parse(data)
        if not self._refused:
            self._settle()

    def _parse(self, data: bytes) -> bytes:
        """Take in bytes; what is left stands behind a request that asked for an upgrade, which is ignored."""
        self._chunk = len(data)
        self._unparsed += self._chunk
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self._stopped:
                self._stopped = False
                self._parser = make_parser_behind(cast("RequestCycle", self._reading).headers, self)
            return data[upgrade.args[0] :]
        except httptools.HttpParserError as error:
            self._refuse_after(error)
        else:
            if self._reading and self._unparsed > self._limits.head:
                self._refuse("head")
        return b""

    def _refuse_after(self, error: httptools.HttpParserError) -> None:
        cause = error.__context__
        if isinstance(cause, _Refused):
            if why := str(cause):
                self._refuse(why)
        elif isinstance(error, httptools.HttpParserCallbackError) and cause is not None:
            raise cause  # a fault of ours: the loop logs it and closes the connection
        elif self._reading or not self._ending:
            self._refuse("not_http")

    # What the parser tells

    def on_message_begin(self) -> None:
        """A request begins."""
        if self._ending:
            raise _Refused("")  # nothing is read behind the last request
        # Where another one ended in the same bytes, it is not known how many of them are this one's.
        self._unparsed, self._chunk = self._chunk, 0
        self._reading = RequestCycle(self)
        self._headed = False
        self._since = self._heard_at

    def on_url(self, url: bytes) -> None:
        """A piece of the address."""
        reading = cast("RequestCycle", self._reading)
        reading.url += url
        if len(reading.url) > self._limits.line:
            raise _Refused("line")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or one behind the body, which nobody reads."""
        headers = cast("RequestCycle", self._reading).headers
        headers.append((name.lower(), value))
        if len(headers) > self._limits.head_lines:
            raise _Refused("head")

    def on_headers_complete(self) -> None:
        """Hold back what may be answered here; begin with the rest."""
        exchange = cast("RequestCycle", self._reading)
        if self._unparsed > self._limits.head and _size(exchange.headers) + len(exchange.url) > self._limits.head:
            raise _Refused("head")
        parser = self._parser
        exchange.method = parser.get_method()
        exchange.keep_alive = parser.should_keep_alive()
        if exchange.method == b"CONNECT" or len(self._queue) > self._limits.pipelined:
            raise _Refused("not_http")
        exchange.ordinary = exchange.method == b"POST" and exchange.keep_alive and is_ordinary(exchange)
        self._headed = True
        self._stopped = parser.should_upgrade() and has_body(exchange.headers)
        self._unparsed = self._received = 0
        self._since = self._heard_at
        self._queue.append(exchange)
        if not exchange.ordinary:
            exchange.version = parser.get_http_version()
            self._advance()

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        exchange = cast("RequestCycle", self._reading)
        self._unparsed = 0
        self._received += len(body)
        if exchange.relay:
            exchange.relay.body(body)
        elif not exchange.answered:
            exchange.body.append(body)

    def on_message_complete(self) -> None:
        """A request came whole."""
        if self._stopped:
            return
        exchange = cast("RequestCycle", self._reading)
        exchange.complete = True
        self._reading = None
        self._chunk = 0
        if self.place is ConnectionSlot.FRESH:
            self._move(ConnectionSlot.BUSY)
        if exchange.relay:
            exchange.relay.end()
        if not exchange.keep_alive:
            self._ending = True
        self._advance()

    # Answers

    def _advance(self) -> None:
        """Begin with what is next, as long as that is answered at once."""
        if self._advancing:
            return
        self._advancing = True
        while self._queue and not self._unsent_at:
            exchange = self._queue[0]
            if exchange.started or (exchange.ordinary and not exchange.complete):
                break
            exchange.started = True
            if not (exchange.ordinary and self._hand_in(exchange)):
                self._relay(exchange)
        self._advancing = False
        if not self._queue and self._refused and self.place is not ConnectionSlot.LEAVING:
            self._say_goodbye()

    def _hand_in(self, exchange: RequestCycle) -> bool:
        body = exchange.body[0] if len(exchange.body) == 1 else b"".join(exchange.body)
        try:
            return self.endpoint.hand_in(exchange.url.decode("latin-1"), exchange.headers, body, exchange)
        except StoreError as error:
            exchange.set_exception(error)
            return True

    def _relay(self, exchange: RequestCycle) -> None:
        exchange.version = exchange.version or "1.1"
        body, exchange.body = exchange.body, []
        exchange.relay = relay = Relay(self, exchange, self._server, self.transport, self.loop)
        for piece in body:
            relay.body(piece)
        if exchange.complete:
            relay.end()

    def answer_stored(self, exchange: RequestCycle) -> None:
        """Send the answer of a webhook that is committed, and be ready for the next request."""
        self._answer(exchange, self.endpoint.stored())

    def answer_not_stored(self, exchange: RequestCycle, error: StoreError) -> None:
        """The same for one that is not."""
        self._answer(exchange, self.endpoint.not_stored(error))

    def _answer(self, exchange: RequestCycle, answer: WebhookResponse) -> None:
        exchange.answered = True
        if not self._queue or self.line.is_closing():
            return
        self.line.write_whole(self.wire.of(answer, self._server.headers, keep_alive=not self._ending))
        self._answered()

    def relayed(self) -> None:
        """uvicorn's protocol has answered."""
        self._full = False
        self._answered()

    def _answered(self) -> None:
        exchange = self._queue.popleft()
        exchange.answered, exchange.relay = True, None
        if self._ending and not self._queue:
            self.hang_up()
            return
        self._advance()
        self._settle()

    def _settle(self) -> None:
        """Be where what was read and answered leads; read on, unless requests wait already."""
        if self.place is ConnectionSlot.LEAVING or self.transport.is_closing():
            return
        if self._reading:
            self._move(ConnectionSlot.FRESH if self.place is ConnectionSlot.FRESH else ConnectionSlot.READING)
        elif self._queue:
            self._move(ConnectionSlot.BUSY)
        elif self.place is not ConnectionSlot.FRESH:
            self._move(ConnectionSlot.IDLE)
        self._read_or_wait()

    def _move(self, place: ConnectionSlot) -> None:
        if place is not self.place:
            if place is ConnectionSlot.IDLE:
                self._since = self.loop.time()
            self.connections.move(self, place)

    # What is held back

    def pause(self) -> None:
        """The app does not keep up with the body."""
        self._full = True
        self._read_or_wait()

    def resume(self) -> None:
        """Now it does."""
        self._full = False
        self._read_or_wait()

    def _read_or_wait(self) -> None:
        waits = self._full or len(self._queue) > (0 if self._unsent_at else 1)
        if waits is self._waits or self.transport.is_closing():
            return
        self._waits, now = waits, self.loop.time()
        if waits:
            self._held_at = now
            self.transport.pause_reading()
        else:
            self._since += now - self._held_at  # what we were busy is not the client's time
            self._heard_at = now
            self.transport.resume_reading()

    # The end

    def shutdown(self) -> None:
        """The server ends: so does this connection, after what is under way."""
        self._ending = True
        if not self._queue and not (self._reading and self._headed):
            self.hang_up()

    def hang_up(self) -> None:
        """Close once what was written has gone out."""
        self._leave()
        self.line.close()

    def give_way(self) -> None:
        """Close for another connection; at once where it has had its time."""
        if self.place is ConnectionSlot.LEAVING:
            self.connections.remove(self)
            self.line.abort()
        else:
            self.hang_up()

    def look(self, now: float) -> None:
        """Close where time is up. While nothing is read, that is not the client's time."""
        limits, waited = self._limits, now - self._since
        if self.place is ConnectionSlot.LEAVING:
            if waited > limits.farewell:
                self.line.abort()
        elif self._unsent_at:
            if now - self._unsent_at > limits.write_pause:
                self.connections.refused["answer_unread"] += 1
                self.line.abort()
        elif self._refused or self._waits or self.place is ConnectionSlot.BUSY:
            pass
        elif self._reading is None:
            if waited > (limits.idle_for if self.place is ConnectionSlot.IDLE else limits.head_within):
                self.hang_up()
        elif not self._headed:
            if waited > limits.head_within:
                self._refuse("head_late")
        elif now - self._heard_at > limits.body_pause or waited > limits.body_grace + self._received / limits.body_rate:
            self._refuse("body_late")

    def _refuse(self, reason: str) -> None:
        """Read no more. Say why after the answers that are due, unless that would be in the middle of one."""
        self._refused = reason
        self.connections.refused[reason] += 1
        if self._reading and self._headed:
            last = self._queue.pop() if self._queue and self._queue[-1] is self._reading else None
            begun = last is None or (last.relay is not None and last.relay.answers)
            if last and last.relay:
                last.relay.lost(None)
            if begun:
                self.hang_up()
                return
        if not self._queue:
            self._say_goodbye()

    def _say_goodbye(self) -> None:
        """Say why, and close when that was read: closing at once, with bytes unread, could take the answer back."""
        self._leave()
        self.line.write_whole(self.wire.of(REFUSALS[self._refused], self._server.headers, keep_alive=False))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.line.close()

    def _leave(self) -> None:
        self._full = False
        self._since = self.loop.time()
        self.connections.move(self, ConnectionSlot.LEAVING)


def _size(headers: Sequence[tuple[bytes, bytes]]) -> int:
    return sum(len(name) + len(value) + 4 for name, value in headers)
