"""What both clients share apart from sending: hosts, limits, spans, the receiver of each answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import lru_cache
from types import TracebackType
from typing import Any

import httpx2
from opentelemetry import trace

from awbridge.certificates import trusted
from awbridge.clickpost.client.exchange import LONGEST_DOWNLOAD, ResponseReceiver
from awbridge.clickpost.wire.endpoints import ApiRequest, Endpoints
from awbridge.clickpost.wire.masking import MaskUrls
from awbridge.domain.call import Call, longest_call

CLICKPOST_URL = "https://www.clickpost.in"
TRACKING_URL = "https://api.clickpost.in"
SERVICEABILITY_URL = "https://serviceability.clickpost.in"
EDD_URL = "https://ds.clickpost.in"
TIMEOUT = 15.0  # seconds
CONNECT_TIMEOUT = 5.0  # seconds
CONNECTIONS = 50
KEEP_CONNECTIONS = 30.0  # seconds that an idle connection is kept

OnRequest = Callable[[Call], None]
"""Called before a request goes out, with what goes out."""
OnCall = Callable[[Call], None]
"""Called after each request, with what went out and came back."""

logging.getLogger("httpx2").addFilter(MaskUrls())


class Within:
    """A deadline for one call as a whole: the timeout bounds only each single wait on the network.

    As an async context manager it ends the call with TimeoutError. Without asyncio it has no effect.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        """No effect without asyncio."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """No effect without asyncio."""

    async def __aenter__(self) -> None:
        self._limit = asyncio.timeout(self._seconds)
        await self._limit.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._limit.__aexit__(kind, error, at)


class ClientBase:
    """The account, hooks and limits of a client, without the sending."""

    def __init__(
        self,
        *,
        username: str,
        key: str,
        urls: dict[str, str],
        timeout: float,
        on_request: OnRequest | None,
        on_call: OnCall | None,
        tracer_provider: trace.TracerProvider | None,
    ) -> None:
        self._endpoints = Endpoints(username=username, key=key, **{name: url.rstrip("/") for name, url in urls.items()})
        self._timeout = timeout
        self._on_request = on_request
        self._on_call = on_call
        self._tracer = trace.get_tracer("awbridge", tracer_provider=tracer_provider)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._endpoints.username!r} at {self._endpoints.url}>"

    def _within(self, request: ApiRequest) -> Within:
        return Within(max(longest_call(self._timeout), LONGEST_DOWNLOAD if request.file else 0.0))

    def _receiver(self, request: ApiRequest) -> ResponseReceiver:
        return ResponseReceiver(
            request, self._timeout, on_request=self._on_request, on_call=self._on_call, tracer=self._tracer
        )


def http_settings(timeout: float, connections: int) -> dict[str, Any]:
    """The settings of both clients' HTTP clients."""
    return {
        "timeout": httpx2.Timeout(timeout, connect=min(CONNECT_TIMEOUT, timeout)),
        "limits": httpx2.Limits(
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=KEEP_CONNECTIONS,
        ),
        "headers": {"User-Agent": "awbridge", "Accept": "application/json"},
        "follow_redirects": False,
        "verify": trusted(),
    }


@lru_cache(maxsize=16)
def address(url: str) -> httpx2.URL:
    """The address of a request, parsed once: all orders go to the same one. Raises httpx2.InvalidURL."""
    return httpx2.URL(url)


def content(request: ApiRequest) -> dict[str, Any]:
    """The body of a request as the HTTP client takes it."""
    if not request.body:
        return {}
    return {"content": request.body.encode(), "headers": {"Content-Type": "application/json"}}
