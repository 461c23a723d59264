"""awbridge's HTTP/1.1 protocol: it enforces limits and answers ordinary webhooks and pages for customers without ASGI.

An ASGI request needs a scope, a task, an event and a cycle, which is most of the cost of a webhook. Here it is one
object. Every other request (another path or method, a large or chunked body, a wrong key, a body that is not JSON) is
answered by uvicorn's own protocol, one request at a time (relay.py).

Clients that send too much or too slowly, or hold a connection that others need, are refused by limits.py before
any other code runs.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, cast

import httptools
import uvicorn
from uvicorn.server import ServerState

from awbridge.web.accounts.sites import AccountSites
from awbridge.web.customer_page.page_process import Pages
from awbridge.web.customer_page.responses import WireResponse
from awbridge.web.http.client_timer import ClientTimer, Late
from awbridge.web.http.coalescing import CoalescingTransport
from awbridge.web.http.limits import Connections, ConnectionState
from awbridge.web.http.relay import Relay, UvicornServer
from awbridge.web.http.request_cycle import (
    RequestCycle,
    ResponseEncoder,
    may_be_page,
    ordinary_endpoint,
    refusal_of,
    size_of,
)
from awbridge.web.http.upgrades import has_body, make_body_parser, make_parser
from awbridge.web.webhook.endpoint import WebhookEndpoint, WebhookResponse


class _Refused(Exception):
    """Stops the parser because the request must be refused."""


class HttpConnection(asyncio.Protocol):
    """A client's connection. server.py creates the subclass that uvicorn instantiates."""

    endpoint: WebhookEndpoint
    sites: AccountSites | None
    pages: Pages | None
    connections: Connections
    encoder: ResponseEncoder

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.loop = _loop or asyncio.get_running_loop()
        self.state = ConnectionState.FRESH
        self._server = UvicornServer(config, server_state, app_state)
        self._limits = self.connections.limits
        self._parser = make_parser(self)
        self._stopped = False  # whether the parser stopped before a body
        self._queue: deque[RequestCycle] = deque()  # unanswered requests, in order; the first is being answered
        self._reading: RequestCycle | None = None  # the incomplete request
        self._head_complete = False  # whether the head of that is complete
        self._refused = ""  # why nothing more is read
        self._ending = False  # whether the connection closes after the last response
        self._draining: asyncio.TimerHandle | None = None  # closes the idle connection of a stopping server
        self._advancing = False
        self._chunk = 0  # bytes being parsed now
        self._unparsed = 0  # bytes of a head, or after a part of a body, that produced no event yet
        self._timer = ClientTimer(self._limits, self.loop.time())
        self._app_is_slow = False  # whether the app reads the body too slowly

    # Events of the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected."""
        self.transport = cast("asyncio.Transport", transport)
        self.output = CoalescingTransport(self.transport, self.loop)
        self._server.add(self)
        if not self.connections.admit(self):
            self._refuse("connections")

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed."""
        self._server.remove(self)
        self.connections.remove(self)
        if self._draining:
            self._draining.cancel()
        for cycle in self._queue:
            if cycle.relay:
                cycle.relay.lost(exc)
            cycle.answered = cycle.answered or cycle.pages is not None
        self._queue.clear()

    def pause_writing(self) -> None:
        """The client reads the response too slowly."""
        self._timer.unsent_at = self.loop.time()
        if self._queue and self._queue[0].relay:
            self._queue[0].relay.pause_writing()
        self._update_reading()

    def resume_writing(self) -> None:
        """The client reads the response again."""
        self._timer.unsent_at = 0.0
        if self._queue and self._queue[0].relay:
            self._queue[0].relay.resume_writing()
        self._advance()
        self._update_reading()

    def data_received(self, data: bytes) -> None:
        """Parse bytes from the client."""
        self._timer.received_at = self.loop.time()
        while data and not self._refused and (self._reading or not self._ending):
            data = self._parse(data)
        if not self._refused:
            self._settle()

    def _parse(self, data: bytes) -> bytes:
        """Parse bytes. Returns those after a request for an upgrade, which is ignored."""
        self._chunk = len(data)
        self._unparsed += self._chunk
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self._stopped:
                self._stopped = False
                self._parser = make_body_parser(cast("RequestCycle", self._reading).headers, self)
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
            raise cause  # our own error: the loop logs it and closes the connection
        elif self._reading or not self._ending:
            self._refuse("not_http")

    # Events of the parser

    def on_message_begin(self) -> None:
        """A request begins."""
        if self._ending:
            raise _Refused("")  # nothing is read after the last request
        # If another request ended in the same bytes, it is unknown how many of them belong to this one.
        self._unparsed, self._chunk = self._chunk, 0
        self._reading = RequestCycle(self)
        self._head_complete = False
        self._timer.since = self._timer.received_at

    def on_url(self, url: bytes) -> None:
        """A piece of the URL."""
        reading = cast("RequestCycle", self._reading)
        reading.url += url
        if len(reading.url) > self._limits.line:
            raise _Refused("line")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, which is not used."""
        headers = cast("RequestCycle", self._reading).headers
        headers.append((name.lower(), value))
        if len(headers) > self._limits.head_lines:
            raise _Refused("head")

    def on_headers_complete(self) -> None:
        """Wait for the body of an ordinary webhook; start answering any other request."""
        cycle = cast("RequestCycle", self._reading)
        if self._unparsed > self._limits.head and size_of(cycle) > self._limits.head:
            raise _Refused("head")
        parser = self._parser
        cycle.method = parser.get_method()
        cycle.keep_alive = parser.should_keep_alive() and not (self._draining or self.connections.leaving)
        if cycle.method == b"CONNECT" or len(self._queue) > self._limits.pipelined:
            raise _Refused("not_http")
        if cycle.method == b"POST":
            cycle.endpoint = ordinary_endpoint(cycle, self.endpoint, self.sites)
        self._head_complete = True
        self._stopped = parser.should_upgrade() and has_body(cycle.headers)
        self._unparsed = self._timer.received = 0
        self._timer.since = self._timer.received_at
        self._queue.append(cycle)
        if not cycle.endpoint:
            cycle.version = parser.get_http_version()
            if self.pages and may_be_page(cycle):
                cycle.pages = self.pages
            self._advance()

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        cycle = cast("RequestCycle", self._reading)
        self._unparsed = 0
        self._timer.received += len(body)
        if cycle.relay:
            cycle.relay.body(body)
        elif not cycle.answered:
            cycle.body.append(body)

    def on_message_complete(self) -> None:
        """A request is complete."""
        if self._stopped:
            return
        cycle = cast("RequestCycle", self._reading)
        cycle.complete = True
        self._reading = None
        self._chunk = 0
        if self.state is ConnectionState.FRESH:
            self._move(ConnectionState.BUSY)
        if cycle.relay:
            cycle.relay.end()
        if not cycle.keep_alive:
            self._ending = True
        self._advance()

    # Responses

    def _advance(self) -> None:
        """Start answering the next requests, as long as each is answered at once."""
        if self._advancing:
            return
        self._advancing = True
        while self._queue and not self._timer.unsent_at:
            cycle = self._queue[0]
            if cycle.started or (cycle.is_direct and not cycle.complete):
                break
            cycle.started = True
            if not cycle.submit():
                self._relay(cycle)
        self._advancing = False
        if not self._queue and self._refused and self.state is not ConnectionState.LEAVING:
            self._send_refusal()

    def _relay(self, cycle: RequestCycle) -> None:
        cycle.version = cycle.version or "1.1"
        body, cycle.body = cycle.body, []
        cycle.relay = relay = Relay(self, cycle, self._server, self.transport, self.loop)
        for piece in body:
            relay.body(piece)
        if cycle.complete:
            relay.end()

    def pass_on(self, cycle: RequestCycle) -> None:
        """Let uvicorn's protocol answer a request after all."""
        if self._queue and not self.output.is_closing():
            self._relay(cycle)

    def answer(self, cycle: RequestCycle, response: WebhookResponse | WireResponse) -> None:
        """Send the response to a request that is answered without ASGI."""
        cycle.answered = True
        if not self._queue or self.output.is_closing():
            return
        is_last = self._ending and len(self._queue) == 1
        self.output.write_whole(self.encoder.encode(response, self._server.headers, keep_alive=not is_last))
        self._answered()

    def relayed(self) -> None:
        """uvicorn's protocol has answered the request."""
        self._app_is_slow = False
        self._answered()

    def _answered(self) -> None:
        cycle = self._queue.popleft()
        cycle.answered, cycle.relay = True, None
        if self._ending and not self._queue:
            self.hang_up()
            return
        self._advance()
        self._settle()

    def _settle(self) -> None:
        """Update the state after reading or answering. Continue reading unless requests already wait."""
        if self.state is ConnectionState.LEAVING or self.transport.is_closing():
            return
        if self._reading:
            self._move(ConnectionState.FRESH if self.state is ConnectionState.FRESH else ConnectionState.READING)
        elif self._queue:
            self._move(ConnectionState.BUSY)
        elif self.state is not ConnectionState.FRESH:
            self._move(ConnectionState.IDLE)
        self._update_reading()

    def _move(self, state: ConnectionState) -> None:
        if state is not self.state:
            if state is ConnectionState.IDLE:
                self._timer.since = self.loop.time()
            self.connections.move(self, state)

    # Pauses

    def pause(self) -> None:
        """The app reads the body too slowly."""
        self._app_is_slow = True
        self._update_reading()

    def resume(self) -> None:
        """The app reads the body again."""
        self._app_is_slow = False
        self._update_reading()

    def _update_reading(self) -> None:
        pause = self._app_is_slow or len(self._queue) > (0 if self._timer.unsent_at else 1)
        if pause is self._timer.paused or self.transport.is_closing():
            return
        if pause:
            self._timer.pause(self.loop.time())
            self.transport.pause_reading()
        else:
            self._timer.resume(self.loop.time())
            self.transport.resume_reading()

    # Closing

    def shutdown(self) -> None:
        """Close the connection because the server stops: after the current requests, or after one that comes at once.

        A proxy may be sending a request on an idle connection at this moment. Its response says that the connection
        closes, so the proxy drops it without losing a request.
        """
        if self._is_idle():
            self._draining = self.loop.call_later(self._limits.drain, self._close_idle)
            return
        self._ending = True
        if len(self._queue) == 1 and (relay := self._queue[0].relay):
            relay.shutdown()

    def _is_idle(self) -> bool:
        return not self._queue and not (self._reading and self._head_complete)

    def _close_idle(self) -> None:
        if self._is_idle() and not self.transport.is_closing():
            self.hang_up()

    def hang_up(self) -> None:
        """Close after everything written is sent."""
        self._start_closing()
        self.output.close()

    def evict(self) -> None:
        """Close to make room for another connection; at once if it was already closing."""
        if self.state is ConnectionState.LEAVING:
            self.connections.remove(self)
            self.output.abort()
        else:
            self.hang_up()

    def close_if_late(self, now: float) -> None:
        """Close if a time limit is exceeded; tell a client that is late with its request why."""
        late = self._timer.late(now, self.state, self._head_complete if self._reading else None)
        if late is Late.UNREAD:
            self.connections.refused[late] += 1
            self.output.abort()
        elif late is Late.LEAVING:
            self.output.abort()
        elif late and not self._refused:
            if late is Late.REQUEST:
                self.hang_up()
            else:
                self._refuse(late)

    def _refuse(self, reason: str) -> None:
        """Stop reading. Send the reason after the pending responses, unless a response has already started."""
        self._refused = reason
        self.connections.refused[reason] += 1
        if self._reading and self._head_complete:
            last = self._queue.pop() if self._queue and self._queue[-1] is self._reading else None
            started = last is None or (last.relay is not None and last.relay.started)
            if last and last.relay:
                last.relay.lost(None)
            if started:
                self.hang_up()
                return
        if not self._queue:
            self._send_refusal()

    def _send_refusal(self) -> None:
        """Send the reason, and close once it is read: closing with unread bytes could discard the response."""
        self._start_closing()
        response = refusal_of(self._refused, self._reading)
        self.output.write_whole(self.encoder.encode(response, self._server.headers, keep_alive=False))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.output.close()

    def _start_closing(self) -> None:
        self._app_is_slow = False
        self._timer.since = self.loop.time()
        self.connections.move(self, ConnectionState.LEAVING)
