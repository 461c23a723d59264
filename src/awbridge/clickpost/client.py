"""The client: sends requests to ClickPost, async and sync. Both share everything but the lines that send.

Registering and cancelling a shipment never raise for what the vendor or the network does: their answers are values.
Everything else raises VendorError. The API key stands in URLs; it reaches no Call, no error, no repr and no log.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import httpx2

from awbridge.clickpost.accounts import VendorAccount, parse_fetch_accounts
from awbridge.clickpost.answers import CancelAnswer, OrderAnswer, TrackAnswer, describe, parse_cancel_order
from awbridge.clickpost.codes import Answer, classify
from awbridge.clickpost.endpoints import Endpoints, Pages, Request
from awbridge.clickpost.masking import MaskUrls
from awbridge.clickpost.orders import parse_create_order, parse_fetch_order
from awbridge.clickpost.tracking import UpdatedPage, parse_track_order, parse_updated_order
from awbridge.clickpost.webhooks import Registration, parse_registration
from awbridge.clickpost.wire import Reply, as_object, as_text, read_reply
from awbridge.domain.call import Call
from awbridge.domain.errors import VendorError
from awbridge.domain.json import JsonObject
from awbridge.domain.outcome import Placed, Rejected, TryLater, Unknown
from awbridge.domain.shipment import Region

CLICKPOST_URL = "https://www.clickpost.in"
TRACKING_URL = "https://api.clickpost.in"
CONNECT_TIMEOUT = 5.0  # seconds
KEEP_CONNECTIONS = 30.0  # seconds that an idle connection is kept
LARGEST_ANSWER = 32 * 1024 * 1024  # bytes; more is no answer of ClickPost
NO_SUCH_ORDER = (321, 330, 350, 400, 422)
NO_SUCH_WAYBILL = (321, 330, 350)
WEBHOOK_ANSWERS = (200, 305, 327)

log = logging.getLogger(__name__)
logging.getLogger("httpx2").addFilter(MaskUrls())

# Errors after which it is certain that ClickPost has not seen the request.
_NOT_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
    httpx2.LocalProtocolError,
    httpx2.InvalidURL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Exchange:
    """A request that was made, and what came back: a reply, or the word of why there is none."""

    call: Call
    reply: Reply | None = None
    sent: bool = True


class _TooLong(Exception):
    """An answer is larger, or takes longer, than any that is believed."""


class _Listener:
    """Takes in one answer. Its `hear` is the guard that keeps an answer within size and time."""

    def __init__(self, request: Request, timeout: float, on_call: Callable[[Call], None] | None) -> None:
        self._request = request
        self._on_call = on_call
        self._started = time.perf_counter()
        self._timeout = timeout
        self._parts: list[bytes] = []
        self._size = 0

    def hear(self, part: bytes) -> None:
        """Take a part of the body. Raises _TooLong."""
        self._parts.append(part)
        self._size += len(part)
        if self._size > LARGEST_ANSWER:
            raise _TooLong(f"the answer is larger than {LARGEST_ANSWER} bytes")
        if time.perf_counter() - self._started > 2 * self._timeout:
            raise _TooLong(f"the answer was not complete after {2 * self._timeout:g} s")

    def heard(self, response: httpx2.Response) -> _Exchange:
        """The whole answer is there."""
        reply = read_reply(
            response.status_code,
            b"".join(self._parts),
            retry_after=response.headers.get("retry-after"),
            now=datetime.now(UTC),
        )
        call = self._request.call(
            http_status=reply.http_status,
            business_status=reply.business_status,
            response=reply.text,
            ms=self._ms(),
        )
        return self._told(_Exchange(call=call, reply=reply))

    def failed(self, error: Exception) -> _Exchange:
        """No answer, or no whole one."""
        words = f"{type(error).__name__.lstrip('_')}: {error}" if str(error) else type(error).__name__
        sent = not isinstance(error, _NOT_SENT)
        return self._told(_Exchange(call=self._request.call(error=words[:500], ms=self._ms()), sent=sent))

    def _ms(self) -> int:
        return round((time.perf_counter() - self._started) * 1000)

    def _told(self, exchange: _Exchange) -> _Exchange:
        if self._on_call:
            try:
                self._on_call(exchange.call)
            except Exception as error:  # what came of the call matters more than who listens in
                log.error("on_call failed: %s", type(error).__name__)
        return exchange


_FAILURES = (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, _TooLong, OSError)


class _Shared:
    """What both clients are made of, without the sending."""

    def __init__(self, endpoints: Endpoints, timeout: float, on_call: Callable[[Call], None] | None) -> None:
        self._endpoints = endpoints
        self._timeout = timeout
        self._on_call = on_call

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._endpoints.username!r} at {self._endpoints.url}>"

    def _listen(self, request: Request) -> _Listener:
        return _Listener(request, self._timeout, self._on_call)


def _endpoints(username: str, key: str, url: str, tracking_url: str) -> Endpoints:
    return Endpoints(username=username, key=key, url=url.rstrip("/"), tracking_url=tracking_url.rstrip("/"))


def _client_settings(timeout: float, connections: int) -> dict[str, Any]:
    return {
        "timeout": httpx2.Timeout(timeout, connect=min(CONNECT_TIMEOUT, timeout)),
        "limits": httpx2.Limits(
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=KEEP_CONNECTIONS,
        ),
        "headers": {"User-Agent": "awbridge", "Accept": "application/json"},
        "follow_redirects": False,
    }


def _content(request: Request) -> dict[str, Any]:
    if not request.body:
        return {}
    return {"content": request.body.encode(), "headers": {"Content-Type": "application/json"}}


# What an exchange means, call by call.


def _unwritable(payload: JsonObject, error: ValueError) -> OrderAnswer:
    call = Call(api="create-order", method="POST", url="", error=str(error))
    return OrderAnswer(outcome=Rejected(message=str(error)), call=call)


def _reference(payload: JsonObject) -> str:
    return as_text(as_object(as_object(payload).get("shipment_details")).get("reference_number"))


def _order_answer(exchange: _Exchange, reference_number: str) -> OrderAnswer:
    reply, call = exchange.reply, exchange.call
    if reply is not None:
        return OrderAnswer(outcome=parse_create_order(reply, reference_number), call=call, reply=reply)
    if exchange.sent:
        return OrderAnswer(outcome=Unknown(message=f"no answer from ClickPost ({call.error})"), call=call)
    return OrderAnswer(outcome=TryLater(message=f"ClickPost was not reached ({call.error})"), call=call)


def _cancel_answer(exchange: _Exchange) -> CancelAnswer:
    if exchange.reply is not None:
        return parse_cancel_order(exchange.reply, exchange.call)
    message = f"no answer from ClickPost ({exchange.call.error})"
    return CancelAnswer(cancelled=False, again=True, message=message, call=exchange.call)


def _good(exchange: _Exchange, *, also: Sequence[int] = ()) -> Reply:
    """The reply of a call that succeeded, or whose code is among `also`. Raises VendorError for every other."""
    reply, call = exchange.reply, exchange.call
    if reply is None:
        raise VendorError(f"{call.api}: no answer from ClickPost ({call.error})", call=call, again=True)
    answer = classify(reply.http_status, reply.business_status)
    if answer is Answer.SUCCESS or (reply.http_status < 500 and reply.business_status in also):
        return reply
    again = answer not in (Answer.CONFIGURATION, Answer.PERMANENT, Answer.REGISTERED)
    raise VendorError(f"{call.api}: {describe(reply)}", call=call, again=again, retry_after=reply.retry_after)


def _fetched_order(exchange: _Exchange) -> Placed | None:
    return parse_fetch_order(_good(exchange, also=NO_SUCH_ORDER))


def _track_answer(exchange: _Exchange, cp_id: int) -> TrackAnswer:
    return TrackAnswer(items=parse_track_order(_good(exchange, also=NO_SUCH_WAYBILL), cp_id), call=exchange.call)


def _page(exchange: _Exchange, pages: Pages) -> UpdatedPage:
    page = parse_updated_order(_good(exchange))
    pages.turn(page.next_url, exchange.call)
    return page


def _registration(exchange: _Exchange) -> Registration:
    return parse_registration(_good(exchange, also=WEBHOOK_ANSWERS))


class AsyncClickPost(_Shared):
    """ClickPost's API for asyncio. Use as an async context manager, or call `aclose`.

    `timeout` is seconds for each wait on the network (connecting: 5 at most; a whole answer: twice the timeout).
    `connections` are kept open and reused. `on_call` gets every Call, secrets masked.
    """

    def __init__(
        self,
        *,
        username: str,
        key: str,
        url: str = CLICKPOST_URL,
        tracking_url: str = TRACKING_URL,
        timeout: float = 15.0,
        connections: int = 50,
        transport: httpx2.AsyncBaseTransport | None = None,
        proxy: str | None = None,
        on_call: Callable[[Call], None] | None = None,
    ) -> None:
        super().__init__(_endpoints(username, key, url, tracking_url), timeout, on_call)
        self._http = httpx2.AsyncClient(transport=transport, proxy=proxy, **_client_settings(timeout, connections))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def create_order(self, payload: JsonObject, *, region: Region = Region.INDIA) -> OrderAnswer:
        """Register one shipment. Never raises for what the vendor or the network does: the outcome says it."""
        try:
            request = self._endpoints.create_order(payload, region)
        except ValueError as error:
            return _unwritable(payload, error)
        return _order_answer(await self._send(request), _reference(payload))

    async def fetch_order(self, waybill: str, cp_id: int, *, region: Region = Region.INDIA) -> Placed | None:
        """What ClickPost holds under a waybill; None where it holds nothing. Raises VendorError."""
        return _fetched_order(await self._send(self._endpoints.fetch_order(waybill, cp_id, region)))

    async def cancel_order(self, waybill: str, cp_id: int, account_code: str) -> CancelAnswer:
        """Cancel one shipment. Never raises for what the vendor or the network does."""
        return _cancel_answer(await self._send(self._endpoints.cancel_order(waybill, cp_id, account_code)))

    async def track_order(self, waybills: Sequence[str], cp_id: int) -> TrackAnswer:
        """The timelines of 1 to 5 waybills of one courier. Raises ValueError for more or none, VendorError."""
        return _track_answer(await self._send(self._endpoints.track_order(waybills, cp_id)), cp_id)

    def updated_order(self, start: datetime, end: datetime) -> AsyncIterator[UpdatedPage]:
        """Every shipment whose status changed in a window, page by page.

        Raises ValueError at once for a window over 1800 s, VendorError while iterating.
        """
        return self._walk(Pages(self._endpoints, start, end))

    async def register_webhook(self, url: str) -> Registration:
        """Have all statuses sent to this address. Code 305: there is one already, change it. Raises VendorError."""
        return _registration(await self._send(self._endpoints.register_webhook(url)))

    async def change_webhook(self, url: str) -> Registration:
        """Change the address of the webhook. Code 327: there is none yet, register it. Raises VendorError."""
        return _registration(await self._send(self._endpoints.register_webhook(url, change=True)))

    async def test_webhook(self, test_url: str, test_data: JsonObject) -> Reply:
        """Have ClickPost send a test delivery. Raises VendorError."""
        return _good(await self._send(self._endpoints.test_webhook(test_url, test_data)))

    async def fetch_accounts(self, active: bool | None = True) -> list[VendorAccount]:
        """The courier accounts: the active ones, the others, or (None) all. Raises VendorError."""
        return parse_fetch_accounts(_good(await self._send(self._endpoints.fetch_accounts(active))))

    async def _walk(self, pages: Pages) -> AsyncIterator[UpdatedPage]:
        while pages.request:
            yield _page(await self._send(pages.request), pages)

    async def _send(self, request: Request) -> _Exchange:
        listener = self._listen(request)
        try:
            async with self._http.stream(request.method, request.url, **_content(request)) as response:
                async for part in response.aiter_bytes():
                    listener.hear(part)
        except _FAILURES as error:
            failure = error
        else:
            return listener.heard(response)
        return listener.failed(failure)


class ClickPost(_Shared):
    """ClickPost's API without asyncio. Use as a context manager, or call `close`. See AsyncClickPost."""

    def __init__(
        self,
        *,
        username: str,
        key: str,
        url: str = CLICKPOST_URL,
        tracking_url: str = TRACKING_URL,
        timeout: float = 15.0,
        connections: int = 50,
        transport: httpx2.BaseTransport | None = None,
        proxy: str | None = None,
        on_call: Callable[[Call], None] | None = None,
    ) -> None:
        super().__init__(_endpoints(username, key, url, tracking_url), timeout, on_call)
        self._http = httpx2.Client(transport=transport, proxy=proxy, **_client_settings(timeout, connections))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def create_order(self, payload: JsonObject, *, region: Region = Region.INDIA) -> OrderAnswer:
        """Register one shipment. Never raises for what the vendor or the network does: the outcome says it."""
        try:
            request = self._endpoints.create_order(payload, region)
        except ValueError as error:
            return _unwritable(payload, error)
        return _order_answer(self._send(request), _reference(payload))

    def fetch_order(self, waybill: str, cp_id: int, *, region: Region = Region.INDIA) -> Placed | None:
        """What ClickPost holds under a waybill; None where it holds nothing. Raises VendorError."""
        return _fetched_order(self._send(self._endpoints.fetch_order(waybill, cp_id, region)))

    def cancel_order(self, waybill: str, cp_id: int, account_code: str) -> CancelAnswer:
        """Cancel one shipment. Never raises for what the vendor or the network does."""
        return _cancel_answer(self._send(self._endpoints.cancel_order(waybill, cp_id, account_code)))

    def track_order(self, waybills: Sequence[str], cp_id: int) -> TrackAnswer:
        """The timelines of 1 to 5 waybills of one courier. Raises ValueError for more or none, VendorError."""
        return _track_answer(self._send(self._endpoints.track_order(waybills, cp_id)), cp_id)

    def updated_order(self, start: datetime, end: datetime) -> Iterator[UpdatedPage]:
        """Every shipment whose status changed in a window, page by page. Raises ValueError, VendorError."""
        return self._walk(Pages(self._endpoints, start, end))

    def register_webhook(self, url: str) -> Registration:
        """Have all statuses sent to this address. Code 305: there is one already, change it. Raises VendorError."""
        return _registration(self._send(self._endpoints.register_webhook(url)))

    def change_webhook(self, url: str) -> Registration:
        """Change the address of the webhook. Code 327: there is none yet, register it. Raises VendorError."""
        return _registration(self._send(self._endpoints.register_webhook(url, change=True)))

    def test_webhook(self, test_url: str, test_data: JsonObject) -> Reply:
        """Have ClickPost send a test delivery. Raises VendorError."""
        return _good(self._send(self._endpoints.test_webhook(test_url, test_data)))

    def fetch_accounts(self, active: bool | None = True) -> list[VendorAccount]:
        """The courier accounts: the active ones, the others, or (None) all. Raises VendorError."""
        return parse_fetch_accounts(_good(self._send(self._endpoints.fetch_accounts(active))))

    def _walk(self, pages: Pages) -> Iterator[UpdatedPage]:
        while pages.request:
            yield _page(self._send(pages.request), pages)

    def _send(self, request: Request) -> _Exchange:
        listener = self._listen(request)
        try:
            with self._http.stream(request.method, request.url, **_content(request)) as response:
                for part in response.iter_bytes():
                    listener.hear(part)
        except _FAILURES as error:
            failure = error
        else:
            return listener.heard(response)
        return listener.failed(failure)
