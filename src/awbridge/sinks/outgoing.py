"""Sends signed outgoing webhooks, following Standard Webhooks (https://www.standardwebhooks.com).

Headers: `webhook-id` (the same for every try: deduplicate on it), `webhook-timestamp` (of this try),
`webhook-signature` (one for each valid secret, separated by spaces).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx2
from standardwebhooks import Webhook

from awbridge.certificates import trusted
from awbridge.domain.privacy import veiled
from awbridge.sinks.addresses import AddressRefused, AddressUnknown, Network, find_target

LONGEST_RESPONSE = 300  # characters of a response that are kept in the problem


@dataclass(frozen=True, slots=True)
class SubscriberResponse:
    """The response of an endpoint: `http_status` is None without a response, `problem` is None if it accepted.

    `retry_after` is in seconds. `gone`: it requests no more deliveries (410). `refused`: its address is not allowed.
    """

    http_status: int | None = None
    problem: str | None = None
    retry_after: float | None = None
    gone: bool = False
    refused: bool = False


def longest_post(timeout: float) -> float:
    """The limit of one whole try, in seconds. `timeout` limits each wait."""
    return 2 * timeout


def signed_headers(key: str, body: str, secrets: Sequence[str], now: datetime) -> dict[str, str]:
    """The headers of one try, with its signatures."""
    at = now.astimezone(UTC)
    return {
        "content-type": "application/json",
        "user-agent": "awbridge",
        "webhook-id": key,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(key, at, body) for secret in secrets),
    }


class EventSender:
    """Posts signed events, with one client for the process. Redirects are not followed and proxies not used."""

    def __init__(self, *, allowed: Sequence[Network] = (), timeout: float = 15.0) -> None:
        self._allowed = allowed
        limits = httpx2.Limits(max_keepalive_connections=20, max_connections=100)
        # trust_env=False ignores proxies. Subscribers may use private certificates, so SSL_CERT_FILE is still read.
        self._http = httpx2.AsyncClient(
            verify=trusted(),
            timeout=timeout,
            follow_redirects=False,
            trust_env=False,
            limits=limits,
        )
        self._timeout = timeout

    async def post(self, url: str, body: str, *, key: str, secrets: Sequence[str], now: datetime) -> SubscriberResponse:
        """Try once to deliver one event. Failures of the endpoint are results, not exceptions."""
        try:
            async with asyncio.timeout(longest_post(self._timeout)):
                return await self._post(url, body, signed_headers(key, body, secrets, now))
        except TimeoutError:
            return SubscriberResponse(problem="no response: the whole request took too long")
        except AddressRefused as error:
            return SubscriberResponse(problem=str(error), refused=True)
        except AddressUnknown as error:
            return SubscriberResponse(problem=str(error))
        except httpx2.HTTPError as error:
            return SubscriberResponse(problem=f"no response: {type(error).__name__}")

    async def _post(self, url: str, body: str, headers: Mapping[str, str]) -> SubscriberResponse:
        target = await find_target(url, self._allowed)
        address = f"[{target.address}]" if ":" in target.address else target.address
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        request = self._http.build_request(
            "POST",
            parts._replace(netloc=address + port, fragment="").geturl(),
            content=body.encode(),
            headers={**headers, "host": parts.netloc},
            extensions={"sni_hostname": target.host},
        )
        response = await self._http.send(request, stream=True)
        try:
            text = await _beginning(response)
        finally:
            await response.aclose()
        if response.is_success:
            return SubscriberResponse(response.status_code)
        problem = f"HTTP {response.status_code}: {text}" if text else f"HTTP {response.status_code}"
        return SubscriberResponse(
            response.status_code, problem, _retry_after(response), gone=response.status_code == 410
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def _beginning(response: httpx2.Response) -> str:
    """The beginning of a response, for operators. The rest is not read."""
    found = b""
    async for chunk in response.aiter_raw():
        found += chunk
        if len(found) >= 2 * LONGEST_RESPONSE:
            break
    # Masked before it is cut: half a phone number would not be recognised.
    return veiled(" ".join(found[: 2 * LONGEST_RESPONSE].decode("utf-8", "replace").split()))[:LONGEST_RESPONSE]


def _retry_after(response: httpx2.Response) -> float | None:
    value = response.headers.get("retry-after", "")
    return min(float(value), 86400.0) if value.isdecimal() else None
