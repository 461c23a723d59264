"""Fetches labels from their links: with a size limit, a time limit, and no way into private networks (SSRF).

A link comes from ClickPost's answers and leads to its storage, a courier's server or anywhere. Each address, also that
of a redirect, is checked as those of webhook subscribers are. ClickPost's own host, as configured, is trusted: a
sandbox or a test host may be in a private network.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

import httpx2

from awbridge.certificates import trusted
from awbridge.domain.handover.labels import format_of, not_a_pdf
from awbridge.sinks.addresses import AddressUnknown, Target, is_public, resolve

MOST_REDIRECTS = 3
_GONE = (401, 403, 404, 410)  # S3 answers 403 to an expired signature and to an unknown object


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedLabel:
    """The answer of a label's link. `content`: the PDF, or None with the `problem`.

    `again`: the same link may work later. `expired`: a new link may work.
    """

    content: bytes | None = field(default=None, repr=False)
    problem: str = ""
    again: bool = False
    expired: bool = False


class _LabelRefused(Exception):
    """The link is not followed. The text says why."""


class LabelFiles:
    """Fetches labels, with one client for the process. Proxies are not used.

    `trusted_hosts`: names that may be in a private network. `most_bytes` of one label; `timeout` in seconds for all of
    it.
    """

    def __init__(self, *, trusted_hosts: Collection[str] = (), most_bytes: int, timeout: float = 20.0) -> None:
        self._trusted = frozenset(host.lower() for host in trusted_hosts if host)
        self._most_bytes = most_bytes
        self._timeout = timeout
        self._http = httpx2.AsyncClient(
            verify=trusted(),
            timeout=timeout,
            follow_redirects=False,
            trust_env=False,
            limits=httpx2.Limits(max_keepalive_connections=16, max_connections=32),
            # A compressed answer could be small on the way and huge here.
            headers={"accept-encoding": "identity", "accept": "application/pdf, */*", "user-agent": "awbridge"},
        )

    async def fetch(self, url: str) -> FetchedLabel:
        """Fetch one label. Failures are results, not exceptions."""
        try:
            async with asyncio.timeout(self._timeout):
                for _ in range(MOST_REDIRECTS + 1):
                    answer = await self._get(url)
                    if isinstance(answer, FetchedLabel):
                        return answer
                    url = answer
            return FetchedLabel(problem="the label link redirects too often")
        except TimeoutError:
            return FetchedLabel(problem=f"the label link did not answer within {self._timeout:g} s", again=True)
        except _LabelRefused as error:
            return FetchedLabel(problem=str(error))
        except AddressUnknown:
            return FetchedLabel(problem="the host of the label link is unknown", again=True)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            return FetchedLabel(problem=f"the label link did not answer ({type(error).__name__})", again=True)

    async def _get(self, url: str) -> FetchedLabel | str:
        """The answer, or where it redirects to."""
        target = await self._target(url)
        parts = urlsplit(url)
        address = f"[{target.address}]" if ":" in target.address else target.address
        port = f":{parts.port}" if parts.port else ""
        request = self._http.build_request(
            "GET",
            parts._replace(netloc=address + port, fragment="").geturl(),
            headers={"host": target.host + port},
            extensions={"sni_hostname": target.host},
        )
        response = await self._http.send(request, stream=True)
        try:
            if response.is_redirect:
                return urljoin(url, response.headers.get("location", ""))
            return await self._read(response)
        finally:
            await response.aclose()

    async def _target(self, url: str) -> Target:
        """The checked address of a URL. Raises _LabelRefused, AddressUnknown."""
        try:
            parts = urlsplit(url)
            host, _port = parts.hostname or "", parts.port
        except ValueError:
            raise _LabelRefused("the label link is not a valid URL") from None
        if parts.scheme not in ("https", "http") or not host or parts.username or parts.password:
            raise _LabelRefused("the label link is not a web address")
        addresses = await resolve(host)
        if host.lower() not in self._trusted and not all(map(is_public, addresses)):
            raise _LabelRefused("the label link leads into a private network")
        return Target(host, str(addresses[0]))

    async def _read(self, response: httpx2.Response) -> FetchedLabel:
        status = response.status_code
        if status in _GONE:
            return FetchedLabel(problem=f"the label link has expired (HTTP {status})", expired=True)
        if status != 200:
            return FetchedLabel(problem=f"the label link answered HTTP {status}", again=status == 429 or status >= 500)
        content = bytearray()
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > self._most_bytes:
                return FetchedLabel(problem=f"the label is larger than {self._most_bytes / 1024 / 1024:g} MiB")
        kind = format_of(bytes(content))
        if kind == "pdf":
            return FetchedLabel(content=bytes(content))
        return FetchedLabel(problem=not_a_pdf(kind), again=kind == "nothing", expired=kind == "xml")

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
