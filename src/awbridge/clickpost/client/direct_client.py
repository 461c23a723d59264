"""An HTTP/1.1 client of one connection, for calls without a proxy.

It stands in for `httpx2.AsyncClient`, which takes several times as long for a request, and is held against it by tests.
asyncio connects and does TLS, httptools parses. No cookies are kept and no redirects followed.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache, partial

import httpx2

from awbridge.clickpost.client.answer_parser import AnswerParser
from awbridge.clickpost.client.network import Connection, connect
from awbridge.clickpost.wire.masking import MaskUrls

log = logging.getLogger(__name__)
log.addFilter(MaskUrls())

_PORTS = {"http": 80, "https": 443}


class DirectAnswer(httpx2.AsyncByteStream):
    """An answer whose head has come. Its body is read while it is iterated over, as the connection sends it."""

    def __init__(self, parser: AnswerParser, connection: Connection, timeout: float | None) -> None:
        self._parser = parser
        self._read = partial(connection.read, timeout)
        self.status_code = parser.status
        self.headers = httpx2.Headers(parser.headers)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            for part in self._parser.take():
                yield part
            if self._parser.is_complete:
                return
            self._parser.feed(await self._read())

    def aiter_bytes(self) -> AsyncIterator[bytes]:
        """The parts of the body, decompressed. Raises httpx2.TransportError, httpx2.DecodingError."""
        if "content-encoding" in self.headers:
            return httpx2.Response(self.status_code, headers=self.headers, stream=self).aiter_bytes()
        return self.__aiter__()


class DirectClient:
    """One connection to one server at a time; a request to another closes it.

    `headers` go with every request. A connection that was idle for longer than `keep` seconds is not used again, nor
    one that the server has closed: nothing of a request has been sent by then.
    """

    def __init__(
        self, *, timeout: httpx2.Timeout, headers: Mapping[str, str], verify: ssl.SSLContext, keep: float
    ) -> None:
        self._timeout = timeout
        self._headers = httpx2.Headers(_usual_headers(verify))
        self._headers.update(headers)
        verify.set_alpn_protocols(["http/1.1"])
        self._verify = verify
        self._keep = keep
        self._connection: Connection | None = None
        self._parser = AnswerParser()
        self._origin: tuple[str, str, int] | None = None
        self._idle_since = 0.0
        self._last: tuple[httpx2.URL, object, tuple[bytes, bytes]] | None = None

    @asynccontextmanager
    async def stream(
        self, method: str, url: httpx2.URL, *, content: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> AsyncGenerator[DirectAnswer]:
        """Send a request; its answer, once its head has come. Raises httpx2.TransportError.

        Of those errors, ConnectError, ConnectTimeout and UnsupportedProtocol mean that nothing was sent.
        """
        reusable = False
        try:
            connection = await self._connected(url)
            await connection.write(self._head(method, url, headers, len(content)) + content, self._timeout.write)
            while not self._parser.has_head:  # also if the server closed early: it may have answered, for example 413
                self._parser.feed(await connection.read(self._timeout.read))
            answer = DirectAnswer(self._parser, connection, self._timeout.read)
            log.info("HTTP Request: %s %s %d", method, url, answer.status_code)
            yield answer
            reusable = self._parser.is_complete and self._parser.is_reusable
            self._idle_since = time.monotonic()
        finally:
            if not reusable:
                await self.aclose()

    async def aclose(self) -> None:
        """Close the connection, if there is one."""
        connection, self._connection = self._connection, None
        if connection:
            await connection.aclose()

    async def _connected(self, url: httpx2.URL) -> Connection:
        if url.scheme not in _PORTS:
            raise httpx2.UnsupportedProtocol("the address starts with neither http:// nor https://")
        if not url.host:
            raise httpx2.UnsupportedProtocol("the address names no host")
        host, port = url.raw_host.decode("ascii"), url.port or _PORTS[url.scheme]
        origin = (url.scheme, host, port)
        if self._connection and origin == self._origin and not self._is_stale(self._connection):
            self._parser.expect()
            return self._connection
        await self.aclose()
        self._parser, self._origin = AnswerParser(), origin
        tls = self._verify if url.scheme == "https" else None
        self._connection = await connect(host, port, tls=tls, timeout=self._timeout.connect)
        return self._connection

    def _is_stale(self, connection: Connection) -> bool:
        """Whether it was idle for too long, or there is something to read, which is its end: no answer is due."""
        return time.monotonic() - self._idle_since > self._keep or connection.is_readable

    def _head(self, method: str, url: httpx2.URL, headers: Mapping[str, str] | None, length: int) -> bytes:
        """The head of a request, as httpx2 would write it. All but the length is kept for the next one to the URL."""
        key = (method, headers, bool(length))
        if self._last is None or self._last[0] is not url or self._last[1] != key:
            self._last = (url, key, self._head_without_length(method, url, headers, bool(length)))
        before, after = self._last[2]
        return b"%b%d%b" % (before, length, after) if length else before

    def _head_without_length(
        self, method: str, url: httpx2.URL, headers: Mapping[str, str] | None, has_body: bool
    ) -> tuple[bytes, bytes]:
        """What comes before and after the length of the body; without a body, everything comes before."""
        all_headers = httpx2.Headers(self._headers)
        all_headers.update(headers)
        request = httpx2.Request(method, url, headers=all_headers, content=b"." if has_body else None)
        if url.userinfo:
            request = next(httpx2.BasicAuth(url.username, url.password).auth_flow(request))
        before = [b"%b %b HTTP/1.1\r\n" % (method.encode("ascii"), url.raw_path)]
        after: list[bytes] = []
        part = before
        for name, value in request.headers.raw:
            if has_body and name.lower() == b"content-length":
                before.append(b"%b: " % name)
                after.append(b"\r\n")
                part = after
            else:
                part.append(b"%b: %b\r\n" % (name, value))
        part.append(b"\r\n")
        return b"".join(before), b"".join(after)


@lru_cache(maxsize=4)
def _usual_headers(verify: ssl.SSLContext) -> httpx2.Headers:
    """What httpx2 sends with every request, such as the compressions that it can read."""
    return httpx2.AsyncClient(verify=verify).headers
