"""The settings of both clients: hosts, limits, hooks, spans."""

from __future__ import annotations

import functools
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic, TypeVar
from urllib.request import getproxies

import httpx2
from opentelemetry import trace

from awbridge.certificates import trusted
from awbridge.clickpost.client.exchange import HttpExchange, ResponseReceiver, successful_reply
from awbridge.clickpost.wire.endpoints import ApiRequest, Endpoints
from awbridge.clickpost.wire.lenient_json import Reply
from awbridge.clickpost.wire.masking import MaskUrls
from awbridge.domain.call import Call

CLICKPOST_URL = "https://www.clickpost.in"
TRACKING_URL = "https://api.clickpost.in"
SERVICEABILITY_URL = "https://serviceability.clickpost.in"
EDD_URL = "https://ds.clickpost.in"
TIMEOUT = 15.0  # seconds
CONNECT_TIMEOUT = 5.0  # seconds
CONNECTIONS = 50
KEEP_CONNECTIONS = 30.0  # seconds that an idle connection is kept

OnRequest = Callable[[Call], None]
"""Called before each request, with what is sent."""
OnCall = Callable[[Call], None]
"""Called after each request, with what was sent and received."""

Transport = TypeVar("Transport", httpx2.BaseTransport, httpx2.AsyncBaseTransport)

logging.getLogger("httpx2").addFilter(MaskUrls())


class ClientBase(ABC, Generic[Transport]):
    """The account, hooks and limits of a client, without the sending."""

    def __init__(
        self,
        *,
        username: str,
        key: str,
        url: str = CLICKPOST_URL,
        tracking_url: str = TRACKING_URL,
        serviceability_url: str = SERVICEABILITY_URL,
        edd_url: str = EDD_URL,
        timeout: float = TIMEOUT,
        connections: int = CONNECTIONS,
        transport: Transport | None = None,
        proxy: str | None = None,
        on_request: OnRequest | None = None,
        on_call: OnCall | None = None,
        tracer_provider: trace.TracerProvider | None = None,
    ) -> None:
        """Open no connection yet.

        `timeout` is seconds for each wait on the network (connecting: 5 at most; a whole answer: twice the timeout).
        `connections` are kept open and reused. `on_request` gets every Call before it is sent, `on_call` after its
        answer; secrets are masked, and an error in a hook is logged and has no other effect. Every call makes a span,
        with the tracer provider given here or the one that the application has set.
        """
        self._endpoints = Endpoints(
            username=username,
            key=key,
            url=url.rstrip("/"),
            tracking_url=tracking_url.rstrip("/"),
            serviceability_url=serviceability_url.rstrip("/"),
            edd_url=edd_url.rstrip("/"),
        )
        self._receiver = functools.partial(
            ResponseReceiver,
            timeout=timeout,
            on_request=on_request,
            on_call=on_call,
            tracer=trace.get_tracer("awbridge", tracer_provider=tracer_provider),
        )
        self._connect(
            connections,
            timeout=httpx2.Timeout(timeout, connect=min(CONNECT_TIMEOUT, timeout)),
            transport=transport,
            proxy=proxy,
            headers={"User-Agent": "awbridge", "Accept": "application/json"},
            verify=trusted(),
        )

    @abstractmethod
    def _connect(self, connections: int, **settings: Any) -> None:
        """Prepare the HTTP client, which keeps so many connections at most."""

    @abstractmethod
    async def _send(self, request: ApiRequest) -> HttpExchange:
        """Send a request, and receive its answer within limits. Never raises for failures of the network."""

    @abstractmethod
    async def _pause(self, seconds: float) -> None:
        """Wait so many seconds."""

    async def _succeed(self, request: ApiRequest) -> Reply:
        return successful_reply(await self._send(request))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._endpoints.username!r} at {self._endpoints.url}>"


@functools.lru_cache(maxsize=16)
def address(url: str) -> httpx2.URL:
    """The address of a request, parsed once: all orders go to the same one. Raises httpx2.InvalidURL."""
    return httpx2.URL(url)


def uses_proxies() -> bool:
    """Whether the environment names a proxy (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY); on macOS also the system."""
    proxies = getproxies()
    return any(proxies.get(scheme) for scheme in ("http", "https", "all"))


def content(request: ApiRequest) -> dict[str, Any]:
    """The body of a request as the HTTP client takes it."""
    if not request.body:
        return {}
    return {"content": request.body.encode(), "headers": {"Content-Type": "application/json"}}
