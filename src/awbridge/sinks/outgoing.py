"""Signed outgoing webhooks, by the Standard Webhooks convention (https://www.standardwebhooks.com).

Headers: `webhook-id` (the same for every try: deduplicate on it), `webhook-timestamp` (of this try),
`webhook-signature` (one for each valid secret, parted by a space).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
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

LONGEST_RESPONSE = 300  # characters of an answer that are kept to say what was wrong


@dataclass(frozen=True, slots=True)
class SubscriberResponse:
    """What an endpoint said: `http_status` None where no answer came, `problem` None where it took the delivery.

    `gone`: it wants nothing more (410). `refused`: its address is not allowed.
    """

    http_status: int | None = None
    problem: str | None = None
    retry_after: float | None = None
    gone: bool = False
    refused: bool = False


def longest_post(timeout: float) -> float:
    """The seconds that one try can last as a whole: then it is broken off. `timeout` bounds each wait."""
    return 2 * timeout


def signed_headers(key: str, body: str, secrets: Sequence[str], now: datetime) -> dict[str, str]:
    """The headers that sign one try."""
    at = now.astimezone(UTC)
    return {
        "content-type": "application/json",
        "user-agent": "awbridge",
        "webhook-id": key,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(key, at, body) for secret in secrets),
    }


class EventSender:
    """Posts signed events. One client for the process; no redirect is followed, no proxy is used."""

    def __init__(self, *, allowed: Sequence[Network] = (), timeout: float = 15.0) -> None:
        self._allowed = allowed
        limits = httpx2.Limits(max_keepalive_connections=20, max_connections=100)
        # Proxies of the environment are not used, its certificates (SSL_CERT_FILE) are: own systems may have own ones.
        self._http = httpx2.AsyncClient(
            verify=trusted(),
            timeout=timeout,
            follow_redirects=False,
            trust_env=False,
            limits=limits,
        )
        self._timeout = timeout

    async def post(self, url: str, body: str, *, key: str, secrets: Sequence[str], now: datetime) -> SubscriberResponse:
        """Deliver one event once. Never raises for what the other side does."""
        try:
            async with asyncio.timeout(longest_post(self._timeout)):
                return await self._post(url, body, key=key, secrets=secrets, now=now)
        except TimeoutError:
            return SubscriberResponse(problem="no answer: it took too long as a whole")

    async def _post(
        self, url: str, body: str, *, key: str, secrets: Sequence[str], now: datetime
    ) -> SubscriberResponse:
        try:
            target = await find_target(url, self._allowed)
        except AddressRefused as error:
            return SubscriberResponse(problem=str(error), refused=True)
        except AddressUnknown as error:
            return SubscriberResponse(problem=str(error))
        address = f"[{target.address}]" if ":" in target.address else target.address
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        request = self._http.build_request(
            "POST",
            parts._replace(netloc=address + port, fragment="").geturl(),
            content=body.encode(),
            headers={**signed_headers(key, body, secrets, now), "host": parts.netloc},
            extensions={"sni_hostname": target.host},
        )
        try:
            answer = await self._http.send(request, stream=True)
            try:
                text = await _beginning(answer)
            finally:
                await answer.aclose()
        except httpx2.HTTPError as error:
            return SubscriberResponse(problem=f"no answer: {type(error).__name__}")
        if answer.is_success:
            return SubscriberResponse(answer.status_code)
        problem = f"HTTP {answer.status_code}: {text}" if text else f"HTTP {answer.status_code}"
        return SubscriberResponse(answer.status_code, problem, _retry_after(answer), gone=answer.status_code == 410)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def _beginning(answer: httpx2.Response) -> str:
    """The first words of an answer, for operators' eyes; the rest is not read, however long it is."""
    found = b""
    async for chunk in answer.aiter_raw():
        found += chunk
        if len(found) >= 2 * LONGEST_RESPONSE:
            break
    # Veiled before it is cut: half a phone number would not be known for one.
    return veiled(" ".join(found[: 2 * LONGEST_RESPONSE].decode("utf-8", "replace").split()))[:LONGEST_RESPONSE]


def _retry_after(answer: httpx2.Response) -> float | None:
    value = answer.headers.get("retry-after", "")
    return min(float(value), 86400.0) if value.isdecimal() else None
