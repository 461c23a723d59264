"""Pages for customers made by a second process while many wait, so that webhooks have this one for themselves.

Both ends of the socket between them. This process reads requests and writes responses; the other one reads the
database and makes the pages, with the same code.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, cast

import msgspec
import structlog

from awbridge.steps.customer_page.open_orders import CAPACITY, TIMEOUT, LinkIds
from awbridge.steps.customer_page.read_orders import AT_ONCE
from awbridge.steps.runtime.clock import Clock
from awbridge.web.customer_page.app import CustomerPage, PageCaller
from awbridge.web.customer_page.negotiation import Headers
from awbridge.web.customer_page.responses import WireResponse

log = structlog.get_logger()

CROWDED_FOR = 1.0  # seconds that many must have waited before the process is started
LOOK = 0.25  # seconds between looks at that
IDLE_FOR = 600.0  # seconds without many who wait, after which it ends
PAUSE = 60.0  # seconds until it is tried again after it failed
PATIENCE = TIMEOUT + 2  # seconds that it may take for a page: it says itself when a database takes too long
DEPENDS_ON = frozenset({b"accept-language", b"accept-encoding", b"if-none-match"})  # headers of a request
_LENGTH = 4  # bytes before each message


class AskedPage(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A request for a page: those of its headers on which the page depends. `number` names it on this socket.

    `at`: what time it is. The database's clock may be set, which the first process follows.
    """

    number: int
    at: datetime
    url: str
    link_ids: LinkIds
    headers: tuple[tuple[bytes, bytes], ...]


class MadePage(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The response to one; None where it must be handled as an ASGI request."""

    number: int
    response: WireResponse | None


_encode = msgspec.msgpack.Encoder().encode
_asked = msgspec.msgpack.Decoder(list[AskedPage])
_made = msgspec.msgpack.Decoder(list[MadePage])


class Pages(Protocol):
    """What makes pages for requests that need no ASGI."""

    def submit(self, url: str, headers: Headers, caller: PageCaller) -> bool:
        """Answer a GET of a page. Returns False if it must be handled as an ASGI request."""
        ...


class Messages(asyncio.Protocol):
    """One end of the socket. What is sent in one turn of the loop goes as one message, a list; `received` gets them.

    `closed` is done once the other end is gone.
    """

    def __init__(self, received: Callable[[bytes], None]) -> None:
        self._received = received
        self._unread = bytearray()
        self._unsent: list[object] = []
        self._loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[None] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The other end may be written to."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The other end is gone."""
        if not self.closed.done():
            self.closed.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Hand on every complete message."""
        unread = self._unread
        unread += data
        begin = 0
        while len(unread) >= (body := begin + _LENGTH):
            end = body + int.from_bytes(unread[begin:body])
            if len(unread) < end:
                break
            self._received(bytes(unread[body:end]))
            begin = end
        del unread[:begin]

    def send(self, item: object) -> None:
        """Send an item with all others of this turn of the loop."""
        if not self._unsent:
            self._loop.call_soon(self.flush)
        self._unsent.append(item)

    def flush(self) -> None:
        """Send what waits, an empty list if nothing does."""
        items, self._unsent = self._unsent, []
        self.send_whole(_encode(items))

    def send_whole(self, message: bytes) -> None:
        """Send a message."""
        if not self._transport.is_closing():
            self._transport.write(len(message).to_bytes(_LENGTH) + message)

    def close(self) -> None:
        """Close this end at once."""
        self._transport.abort()


class GivenTime:
    """The clock of the process that makes pages: the time of the newest request."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """What time it is, aware, UTC."""
        return self.now


class PageMaking:
    """The end of the process that makes pages."""

    def __init__(self, page: CustomerPage, clock: GivenTime, messages: Messages) -> None:
        self._page = page
        self._clock = clock
        self._messages = messages

    def received(self, message: bytes) -> None:
        """Make the pages that a message asks for."""
        for asked in _asked.decode(message):
            self._clock.now = asked.at
            caller = _Remote(self._messages, asked.number)
            if not self._page.submit(asked.url, asked.link_ids, asked.headers, caller):
                caller.pass_on()


class _Remote:
    """A caller in the other process."""

    __slots__ = ("_messages", "_number")

    def __init__(self, messages: Messages, number: int) -> None:
        self._messages = messages
        self._number = number

    def done(self) -> bool:
        return False

    def set_page(self, response: WireResponse, /) -> None:
        self._messages.send(MadePage(self._number, response))

    def pass_on(self) -> None:
        self._messages.send(MadePage(self._number, None))


@dataclass(slots=True, eq=False)
class _Waiting:
    asked: AskedPage
    caller: PageCaller
    since: float

    def submit(self, page: CustomerPage) -> bool:
        return page.submit(self.asked.url, self.asked.link_ids, self.asked.headers, self.caller)


class Started(Protocol):
    """A process that was started."""

    async def end(self) -> None:
        """End it; it has ended then."""
        ...


Start = Callable[[Callable[[bytes], None]], Awaitable[tuple[Messages, Started]]]


class PagesBeside:
    """Makes pages here, and while many wait, in a second process, which `start` starts; without it, always here.

    It is started once many have waited for a second, and ends ten minutes after many waited last. If it fails, what it
    was asked for is made here.
    """

    def __init__(self, page: CustomerPage, clock: Clock, start: Start | None) -> None:
        self._page = page
        self._clock = clock
        self._start = start
        self._messages: Messages | None = None  # of the process, once it is ready
        self._waiting: dict[int, _Waiting] = {}
        self._number = 0
        self._crowded_at = 0.0  # when many waited last, by the loop's clock
        self._watch: asyncio.Task[None] | None = None

    def submit(self, url: str, headers: Headers, caller: PageCaller) -> bool:
        """Answer a GET of a page. Returns False if it must be handled as an ASGI request."""
        link_ids = self._page.link_ids(url)
        if not link_ids:
            return False
        messages = self._messages
        if messages is None or len(self._waiting) >= CAPACITY:
            if self._start and self._watch is None and self._page.is_crowded:
                self._watch = asyncio.create_task(self._run(self._start), name="page_process")
            return self._page.submit(url, link_ids, headers, caller)
        self._number = number = self._number + 1
        now = asyncio.get_running_loop().time()
        asked = AskedPage(number, self._clock(), url, link_ids, tuple([one for one in headers if one[0] in DEPENDS_ON]))
        self._waiting[number] = _Waiting(asked, caller, now)
        if len(self._waiting) > AT_ONCE:
            self._crowded_at = now
        messages.send(asked)
        return True

    async def close(self) -> None:
        """End the process."""
        if self._watch:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)

    async def _run(self, start: Start) -> None:
        """Start the process if many still wait, and watch over it until it ends."""
        try:
            if await self._stays_crowded():
                await self._lend_a_hand(start)
        finally:
            self._watch = None

    async def _stays_crowded(self) -> bool:
        loop = asyncio.get_running_loop()
        until = loop.time() + CROWDED_FOR
        while loop.time() < until:
            await asyncio.sleep(LOOK)
            if not self._page.is_crowded:
                return False
        return True

    async def _lend_a_hand(self, start: Start) -> None:
        try:
            messages, started = await start(self._received)
        except (OSError, TimeoutError) as error:
            log.warning("customer_page.process_not_started", problem=str(error) or type(error).__name__)
            await asyncio.sleep(PAUSE)
            return
        log.info("customer_page.process_started")
        self._messages = messages
        self._crowded_at = asyncio.get_running_loop().time()
        try:
            problem = await self._watched(messages)
        finally:
            self._messages = None
            messages.close()
            self._make_here()
            await started.end()
        if problem:
            log.warning("customer_page.process_failed", problem=problem)
            await asyncio.sleep(PAUSE)
        else:
            log.info("customer_page.process_ended")

    async def _watched(self, messages: Messages) -> str:
        """Return "" once it is not needed any more, or what is wrong with it."""
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.wait({messages.closed}, timeout=LOOK)
            now = clock()
            if messages.closed.done():
                return "it has ended by itself"
            if self._waiting and now - next(iter(self._waiting.values())).since > PATIENCE:
                return f"it did not answer within {PATIENCE:g} s"
            if not self._waiting and now - self._crowded_at > IDLE_FOR:
                return ""

    def _received(self, message: bytes) -> None:
        for made in _made.decode(message):
            waiting = self._waiting.pop(made.number, None)
            if waiting and not waiting.caller.done():
                if made.response:
                    waiting.caller.set_page(made.response)
                else:
                    waiting.caller.pass_on()

    def _make_here(self) -> None:
        """Make here what the process was asked for."""
        left, self._waiting = self._waiting, {}
        for one in left.values():
            if not one.caller.done() and not one.submit(self._page):
                one.caller.pass_on()
