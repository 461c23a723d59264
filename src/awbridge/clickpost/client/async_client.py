"""The client for asyncio; the one without asyncio takes its methods from here.

Registering and cancelling a shipment never raise for failures of the vendor or the network: their results are values.
Everything else raises VendorError. The API key is in URLs; it reaches no Call, error, repr, span or log.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import httpx2

from awbridge.clickpost.client.async_calls import AsyncCalls
from awbridge.clickpost.client.client_pool import BorrowedTransport, ClientPool
from awbridge.clickpost.client.connection import KEEP_CONNECTIONS, TIMEOUT, address, content, uses_proxies
from awbridge.clickpost.client.exchange import (
    FAILURES,
    HttpExchange,
    cancel_answer,
    fetched_order,
    found_order,
    order_answer,
    page_of,
    reference_of,
    registration_of,
    track_answer,
    unwritable_order,
)
from awbridge.clickpost.lookups.accounts import VendorAccounts, parse_fetch_accounts
from awbridge.clickpost.models.base import RequestModel, as_payload
from awbridge.clickpost.models.order_body import OrderBody, order_body
from awbridge.clickpost.tracking.track import UpdatedPage
from awbridge.clickpost.tracking.webhook_registration import Registration
from awbridge.clickpost.wire.answers import CancelAnswer, FoundOrder, OrderAnswer, TrackAnswer
from awbridge.clickpost.wire.endpoints import BEST_WINDOW, ApiRequest, Pages
from awbridge.clickpost.wire.lenient_json import Reply
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.outcome import Placed
from awbridge.domain.orders.shipment import Region

if TYPE_CHECKING:
    from awbridge.clickpost.client.direct_client import DirectClient


class AsyncClickPost(AsyncCalls):
    """ClickPost's API for asyncio. Use as an async context manager, or call `aclose`."""

    def _connect(
        self,
        connections: int,
        *,
        timeout: httpx2.Timeout,
        transport: httpx2.AsyncBaseTransport | None = None,
        proxy: str | None = None,
        **settings: Any,
    ) -> None:
        self._transport = transport

        def make() -> DirectClient | httpx2.AsyncClient:
            return httpx2.AsyncClient(
                timeout=timeout,
                limits=httpx2.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEP_CONNECTIONS),
                transport=BorrowedTransport(transport) if transport else None,
                proxy=proxy,
                follow_redirects=False,
                **settings,
            )

        is_direct: list[bool] = []  # known from the first order on: reading all of the environment takes a while

        def make_direct() -> DirectClient | httpx2.AsyncClient:
            if not is_direct:
                is_direct.append(not (transport or proxy or uses_proxies()))
            if not is_direct[0]:
                return make()
            from awbridge.clickpost.client.direct_client import DirectClient  # it imports aiohttp

            return DirectClient(timeout=timeout, keep=KEEP_CONNECTIONS, **settings)

        self._make_direct = make_direct
        self._clients = ClientPool(make, connections=connections, wait=timeout.pool or TIMEOUT, keep=KEEP_CONNECTIONS)

    def _client(self, request: ApiRequest, host: str) -> AbstractAsyncContextManager[DirectClient | httpx2.AsyncClient]:
        """What has a body, such as an order, goes by aiohttp; an idle replica, which only asks, does not import it."""
        if request.body:
            return self._clients.client(f"{host}, with bodies", self._make_direct)
        return self._clients.client(host)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._clients.aclose()
        if self._transport:
            await self._transport.aclose()

    async def create_order(self, order: OrderBody, *, region: Region | None = None) -> OrderAnswer:
        """Register one shipment. Never raises for failures of the vendor or the network: the outcome states them.

        `order` is ClickPost's payload (v3 for India, v4 for the world), as a model or as JSON, or a Consignment. The
        region is the order's own unless given; that of plain JSON is India.
        """
        try:
            payload, where = order_body(order, region)
        except ValueError as error:
            return unwritable_order(error)
        return await _create(self, payload, lambda body: self._endpoints.create_order(body, where))

    async def create_flat_order(self, order: RequestModel | JsonObject) -> OrderAnswer:
        """Register a shipment in ClickPost's flat form (v1). Never raises, like create_order."""
        return await _create(self, as_payload(order), self._endpoints.create_flat_order)

    async def create_b2b_order(self, order: RequestModel | JsonObject) -> OrderAnswer:
        """Register a shipment between businesses, in the sections of create-b2b-order. Never raises, like create_order.

        ClickPost processes it asynchronously: 102 until the same call returns the waybill, or 420.
        """
        return await _create(self, as_payload(order), self._endpoints.create_b2b_order)

    async def fetch_order(self, waybill: str, cp_id: int, *, region: Region = Region.INDIA) -> Placed | None:
        """The order that ClickPost holds under a waybill; None if it holds none. Raises VendorError."""
        return fetched_order(await self._send(self._endpoints.fetch_order(waybill, cp_id, region)))

    async def fetch_order_by_reference(self, reference_number: str, *, region: Region = Region.INDIA) -> Placed | None:
        """The order that ClickPost holds under a reference number; None if it holds none. Raises VendorError."""
        request = self._endpoints.fetch_order_by_reference(reference_number, region)
        return fetched_order(await self._send(request), reference_number)

    async def find_order(self, reference_number: str, *, region: Region = Region.INDIA) -> FoundOrder:
        """Like fetch_order_by_reference, as a value with its call. Never raises for vendor or network failures."""
        request = self._endpoints.fetch_order_by_reference(reference_number, region)
        return found_order(await self._send(request), reference_number)

    async def cancel_order(
        self, waybill: str, cp_id: int, account_code: str, *, update_status: bool = False
    ) -> CancelAnswer:
        """Cancel one shipment. Never raises for failures of the vendor or the network.

        `update_status` makes ClickPost set the tracking status to cancelled once the courier has agreed, for couriers
        that do not report it themselves.
        """
        request = self._endpoints.cancel_order(waybill, cp_id, account_code, update_status)
        return cancel_answer(await self._send(request))

    async def track_order(self, waybills: Sequence[str], cp_id: int) -> TrackAnswer:
        """The timelines of 1 to 5 waybills of one courier. Raises ValueError for more or none, VendorError."""
        return track_answer(await self._send(self._endpoints.track_order(waybills, cp_id)), cp_id)

    def updated_order(
        self, start: datetime, end: datetime, *, window: timedelta = BEST_WINDOW, page: str = ""
    ) -> AsyncIterator[UpdatedPage]:
        """Every shipment whose status changed in a span of time, page by page, window by window.

        ClickPost takes at most 1800 s at once and recommends 5 to 10 minutes: the span is split into windows of
        `window`. With `page`, the `next_page` of an earlier page, the first window resumes there. Raises
        ValueError at once for an invalid span or window, VendorError while iterating.
        """
        return self._walk(Pages(self._endpoints, start, end, window, page))

    async def register_webhook(self, url: str) -> Registration:
        """Send all statuses to this address. Code 305: one is registered already, change it. Raises VendorError."""
        return registration_of(await self._send(self._endpoints.register_webhook(url)))

    async def change_webhook(self, url: str) -> Registration:
        """Change the address of the webhook. Code 327: none is registered yet, register it. Raises VendorError."""
        return registration_of(await self._send(self._endpoints.register_webhook(url, change=True)))

    async def test_webhook(self, test_url: str, test_data: JsonObject) -> Reply:
        """Make ClickPost send a test delivery. Raises VendorError."""
        return await self._succeed(self._endpoints.test_webhook(test_url, test_data))

    async def fetch_accounts(self, active: bool | None = True) -> VendorAccounts:
        """The courier accounts: the active ones, the inactive ones, or (None) all. Raises VendorError."""
        return parse_fetch_accounts(await self._succeed(self._endpoints.fetch_accounts(active)))

    async def _walk(self, pages: Pages) -> AsyncIterator[UpdatedPage]:
        while pages.request:
            yield page_of(await self._send(pages.request), pages)

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _send(self, request: ApiRequest) -> HttpExchange:
        with self._receiver(request) as receiver:
            try:
                url = address(request.url)
                async with (
                    asyncio.timeout(receiver.longest),
                    self._client(request, url.host) as http,
                    http.stream(request.method, url, **content(request)) as response,
                ):
                    async for part in response.aiter_bytes():
                        receiver.receive(part)
            except FAILURES as error:
                failure = error
            else:
                return receiver.completed(response)
            return receiver.failed(failure)


async def _create(
    client: AsyncClickPost, payload: JsonObject, build: Callable[[JsonObject], ApiRequest]
) -> OrderAnswer:
    try:
        request = build(payload)
    except ValueError as error:
        return unwritable_order(error)
    return order_answer(await client._send(request), reference_of(payload))  # pyright: ignore[reportPrivateUsage]
