"""The client: sends requests to ClickPost, async and sync. Both share everything but the lines that send.

Registering and cancelling a shipment never raise for what the vendor or the network does: their answers are values.
Everything else raises VendorError. The API key stands in URLs; it reaches no Call, no error, no repr and no log.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import httpx2

from awbridge.clickpost.accounts import VendorAccount, parse_fetch_accounts
from awbridge.clickpost.answers import CancelAnswer, OrderAnswer, TrackAnswer
from awbridge.clickpost.endpoints import Endpoints, Pages, Request
from awbridge.clickpost.exchange import (
    FAILURES,
    Exchange,
    Listener,
    cancel_answer,
    fetched_order,
    good,
    order_answer,
    page_of,
    reference_of,
    registration_of,
    track_answer,
    unwritable,
)
from awbridge.clickpost.masking import MaskUrls
from awbridge.clickpost.more_async import AsyncMore
from awbridge.clickpost.more_sync import More
from awbridge.clickpost.signed import MaskSigned
from awbridge.clickpost.tracking import UpdatedPage
from awbridge.clickpost.webhooks import Registration
from awbridge.clickpost.wire import Reply
from awbridge.domain.call import Call
from awbridge.domain.json import JsonObject
from awbridge.domain.outcome import Placed
from awbridge.domain.shipment import Region

CLICKPOST_URL = "https://www.clickpost.in"
TRACKING_URL = "https://api.clickpost.in"
SERVICEABILITY_URL = "https://serviceability.clickpost.in"
EDD_URL = "https://ds.clickpost.in"
CONNECT_TIMEOUT = 5.0  # seconds
KEEP_CONNECTIONS = 30.0  # seconds that an idle connection is kept
logging.getLogger("httpx2").addFilter(MaskUrls())
logging.getLogger("httpx2").addFilter(MaskSigned())


class _Shared:
    """What both clients are made of, without the sending."""

    def __init__(self, endpoints: Endpoints, timeout: float, on_call: Callable[[Call], None] | None) -> None:
        self._endpoints = endpoints
        self._timeout = timeout
        self._on_call = on_call

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._endpoints.username!r} at {self._endpoints.url}>"

    def _listen(self, request: Request) -> Listener:
        return Listener(request, self._timeout, self._on_call)


def _endpoints(username: str, key: str, **urls: str) -> Endpoints:
    return Endpoints(username=username, key=key, **{name: url.rstrip("/") for name, url in urls.items()})


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


class AsyncClickPost(_Shared, AsyncMore):
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
        serviceability_url: str = SERVICEABILITY_URL,
        edd_url: str = EDD_URL,
        timeout: float = 15.0,
        connections: int = 50,
        transport: httpx2.AsyncBaseTransport | None = None,
        proxy: str | None = None,
        on_call: Callable[[Call], None] | None = None,
    ) -> None:
        urls = {"tracking_url": tracking_url, "serviceability_url": serviceability_url, "edd_url": edd_url}
        super().__init__(_endpoints(username, key, url=url, **urls), timeout, on_call)
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
            return unwritable(error)
        return order_answer(await self._send(request), reference_of(payload))

    async def fetch_order(self, waybill: str, cp_id: int, *, region: Region = Region.INDIA) -> Placed | None:
        """What ClickPost holds under a waybill; None where it holds nothing. Raises VendorError."""
        return fetched_order(await self._send(self._endpoints.fetch_order(waybill, cp_id, region)))

    async def cancel_order(self, waybill: str, cp_id: int, account_code: str) -> CancelAnswer:
        """Cancel one shipment. Never raises for what the vendor or the network does."""
        return cancel_answer(await self._send(self._endpoints.cancel_order(waybill, cp_id, account_code)))

    async def track_order(self, waybills: Sequence[str], cp_id: int) -> TrackAnswer:
        """The timelines of 1 to 5 waybills of one courier. Raises ValueError for more or none, VendorError."""
        return track_answer(await self._send(self._endpoints.track_order(waybills, cp_id)), cp_id)

    def updated_order(self, start: datetime, end: datetime) -> AsyncIterator[UpdatedPage]:
        """Every shipment whose status changed in a window, page by page.

        Raises ValueError at once for a window over 1800 s, VendorError while iterating.
        """
        return self._walk(Pages(self._endpoints, start, end))

    async def register_webhook(self, url: str) -> Registration:
        """Have all statuses sent to this address. Code 305: there is one already, change it. Raises VendorError."""
        return registration_of(await self._send(self._endpoints.register_webhook(url)))

    async def change_webhook(self, url: str) -> Registration:
        """Change the address of the webhook. Code 327: there is none yet, register it. Raises VendorError."""
        return registration_of(await self._send(self._endpoints.register_webhook(url, change=True)))

    async def test_webhook(self, test_url: str, test_data: JsonObject) -> Reply:
        """Have ClickPost send a test delivery. Raises VendorError."""
        return good(await self._send(self._endpoints.test_webhook(test_url, test_data)))

    async def fetch_accounts(self, active: bool | None = True) -> list[VendorAccount]:
        """The courier accounts: the active ones, the others, or (None) all. Raises VendorError."""
        return parse_fetch_accounts(good(await self._send(self._endpoints.fetch_accounts(active))))

    async def _walk(self, pages: Pages) -> AsyncIterator[UpdatedPage]:
        while pages.request:
            yield page_of(await self._send(pages.request), pages)

    async def _send(self, request: Request) -> Exchange:
        listener = self._listen(request)
        try:
            async with self._http.stream(request.method, request.url, **_content(request)) as response:
                async for part in response.aiter_bytes():
                    listener.hear(part)
        except FAILURES as error:
            failure = error
        else:
            return listener.heard(response)
        return listener.failed(failure)


class ClickPost(_Shared, More):
    """ClickPost's API without asyncio. Use as a context manager, or call `close`. See AsyncClickPost."""

    def __init__(
        self,
        *,
        username: str,
        key: str,
        url: str = CLICKPOST_URL,
        tracking_url: str = TRACKING_URL,
        serviceability_url: str = SERVICEABILITY_URL,
        edd_url: str = EDD_URL,
        timeout: float = 15.0,
        connections: int = 50,
        transport: httpx2.BaseTransport | None = None,
        proxy: str | None = None,
        on_call: Callable[[Call], None] | None = None,
    ) -> None:
        urls = {"tracking_url": tracking_url, "serviceability_url": serviceability_url, "edd_url": edd_url}
        super().__init__(_endpoints(username, key, url=url, **urls), timeout, on_call)
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
            return unwritable(error)
        return order_answer(self._send(request), reference_of(payload))

    def fetch_order(self, waybill: str, cp_id: int, *, region: Region = Region.INDIA) -> Placed | None:
        """What ClickPost holds under a waybill; None where it holds nothing. Raises VendorError."""
        return fetched_order(self._send(self._endpoints.fetch_order(waybill, cp_id, region)))

    def cancel_order(self, waybill: str, cp_id: int, account_code: str) -> CancelAnswer:
        """Cancel one shipment. Never raises for what the vendor or the network does."""
        return cancel_answer(self._send(self._endpoints.cancel_order(waybill, cp_id, account_code)))

    def track_order(self, waybills: Sequence[str], cp_id: int) -> TrackAnswer:
        """The timelines of 1 to 5 waybills of one courier. Raises ValueError for more or none, VendorError."""
        return track_answer(self._send(self._endpoints.track_order(waybills, cp_id)), cp_id)

    def updated_order(self, start: datetime, end: datetime) -> Iterator[UpdatedPage]:
        """Every shipment whose status changed in a window, page by page. Raises ValueError, VendorError."""
        return self._walk(Pages(self._endpoints, start, end))

    def register_webhook(self, url: str) -> Registration:
        """Have all statuses sent to this address. Code 305: there is one already, change it. Raises VendorError."""
        return registration_of(self._send(self._endpoints.register_webhook(url)))

    def change_webhook(self, url: str) -> Registration:
        """Change the address of the webhook. Code 327: there is none yet, register it. Raises VendorError."""
        return registration_of(self._send(self._endpoints.register_webhook(url, change=True)))

    def test_webhook(self, test_url: str, test_data: JsonObject) -> Reply:
        """Have ClickPost send a test delivery. Raises VendorError."""
        return good(self._send(self._endpoints.test_webhook(test_url, test_data)))

    def fetch_accounts(self, active: bool | None = True) -> list[VendorAccount]:
        """The courier accounts: the active ones, the others, or (None) all. Raises VendorError."""
        return parse_fetch_accounts(good(self._send(self._endpoints.fetch_accounts(active))))

    def _walk(self, pages: Pages) -> Iterator[UpdatedPage]:
        while pages.request:
            yield page_of(self._send(pages.request), pages)

    def _send(self, request: Request) -> Exchange:
        listener = self._listen(request)
        try:
            with self._http.stream(request.method, request.url, **_content(request)) as response:
                for part in response.iter_bytes():
                    listener.hear(part)
        except FAILURES as error:
            failure = error
        else:
            return listener.heard(response)
        return listener.failed(failure)
