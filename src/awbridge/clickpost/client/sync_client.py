"""The client without asyncio: the methods of the one for asyncio, run to their end at once.

The API key is in URLs; it reaches no Call, error, repr, span or log.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Coroutine, Iterator
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx2

from awbridge.clickpost.client.async_client import AsyncClickPost
from awbridge.clickpost.client.connection import KEEP_CONNECTIONS, ClientBase, address, content
from awbridge.clickpost.client.exchange import FAILURES, HttpExchange, page_of
from awbridge.clickpost.tracking.track import UpdatedPage
from awbridge.clickpost.wire.endpoints import BEST_WINDOW, ApiRequest, Pages

T = TypeVar("T")
P = ParamSpec("P")


def blocking(method: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]) -> Callable[Concatenate[Any, P], T]:
    """A method of AsyncClickPost for ClickPost. Its coroutine never suspends: `_send` and `_pause` block instead."""

    @functools.wraps(method)
    def run(client: Any, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            method(client, *args, **kwargs).send(None)
        except StopIteration as end:
            return end.value
        raise AssertionError(f"{method.__name__} waits for something other than the client")

    return run


class ClickPost(ClientBase[httpx2.BaseTransport]):
    """ClickPost's API without asyncio. Use as a context manager, or call `close`."""

    create_order = blocking(AsyncClickPost.create_order)
    create_flat_order = blocking(AsyncClickPost.create_flat_order)
    create_b2b_order = blocking(AsyncClickPost.create_b2b_order)
    fetch_order = blocking(AsyncClickPost.fetch_order)
    fetch_order_by_reference = blocking(AsyncClickPost.fetch_order_by_reference)
    find_order = blocking(AsyncClickPost.find_order)
    cancel_order = blocking(AsyncClickPost.cancel_order)
    track_order = blocking(AsyncClickPost.track_order)
    register_webhook = blocking(AsyncClickPost.register_webhook)
    change_webhook = blocking(AsyncClickPost.change_webhook)
    test_webhook = blocking(AsyncClickPost.test_webhook)
    fetch_accounts = blocking(AsyncClickPost.fetch_accounts)

    fetch_label = blocking(AsyncClickPost.fetch_label)
    fetch_security_key = blocking(AsyncClickPost.fetch_security_key)
    edit_order = blocking(AsyncClickPost.edit_order)
    create_pickup = blocking(AsyncClickPost.create_pickup)
    register_waybill = blocking(AsyncClickPost.register_waybill)
    unregister_waybill = blocking(AsyncClickPost.unregister_waybill)
    update_ndr = blocking(AsyncClickPost.update_ndr)
    ndr_feedback = blocking(AsyncClickPost.ndr_feedback)
    proof_of_delivery = blocking(AsyncClickPost.proof_of_delivery)
    fetch_shipment_count = blocking(AsyncClickPost.fetch_shipment_count)
    request_report = blocking(AsyncClickPost.request_report)
    fetch_report = blocking(AsyncClickPost.fetch_report)
    wait_for_report = blocking(AsyncClickPost.wait_for_report)
    download_report = blocking(AsyncClickPost.download_report)
    download_report_into = blocking(AsyncClickPost.download_report_into)
    audit_log = blocking(AsyncClickPost.audit_log)
    returns_delta = blocking(AsyncClickPost.returns_delta)
    recommend = blocking(AsyncClickPost.recommend)
    recommend_world = blocking(AsyncClickPost.recommend_world)
    pincode_details = blocking(AsyncClickPost.pincode_details)
    serviceability = blocking(AsyncClickPost.serviceability)
    drop_serviceability = blocking(AsyncClickPost.drop_serviceability)
    bulk_serviceability = blocking(AsyncClickPost.bulk_serviceability)
    serviceable_drop_pincodes = blocking(AsyncClickPost.serviceable_drop_pincodes)
    search_pincode = blocking(AsyncClickPost.search_pincode)
    predict_delivery = blocking(AsyncClickPost.predict_delivery)
    predict_delivery_world = blocking(AsyncClickPost.predict_delivery_world)
    set_whatsapp = blocking(AsyncClickPost.set_whatsapp)
    login = blocking(AsyncClickPost.login)
    register_service = blocking(AsyncClickPost.register_service)

    def _connect(self, connections: int, **settings: Any) -> None:
        limits = httpx2.Limits(
            max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=KEEP_CONNECTIONS
        )
        self._http = httpx2.Client(limits=limits, follow_redirects=False, **settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def updated_order(
        self, start: datetime, end: datetime, *, window: timedelta = BEST_WINDOW, page: str = ""
    ) -> Iterator[UpdatedPage]:
        """Every shipment whose status changed in a span of time, page by page, window by window.

        ClickPost takes at most 1800 s at once and recommends 5 to 10 minutes: the span is split into windows of
        `window`. With `page`, the `next_page` of an earlier page, the first window resumes there. Raises
        ValueError at once for an invalid span or window, VendorError while iterating.
        """
        return self._walk(Pages(self._endpoints, start, end, window, page))

    def _walk(self, pages: Pages) -> Iterator[UpdatedPage]:
        while pages.request:
            yield page_of(self._exchange(pages.request), pages)

    async def _pause(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251

    async def _send(self, request: ApiRequest) -> HttpExchange:
        return self._exchange(request)

    def _exchange(self, request: ApiRequest) -> HttpExchange:
        with self._receiver(request) as receiver:
            try:
                with self._http.stream(request.method, address(request.url), **content(request)) as response:
                    for part in response.iter_bytes():
                        receiver.receive(part)
            except FAILURES as error:
                failure = error
            else:
                return receiver.completed(response)
            return receiver.failed(failure)
