"""The HTTP client for calls with a body and without a proxy: aiohttp's, with the headers and the errors of httpx2.

`httpx2.AsyncClient` takes several times as long for a request. No cookies are kept, no redirects followed, and no
request is sent twice.
"""

from __future__ import annotations

import io
import logging
import os
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from functools import cache
from types import TracebackType

import aiohttp
import httpx2
from aiohttp.http import HttpProcessingError
from yarl import URL

from awbridge.clickpost.wire.masking import MaskUrls

log = logging.getLogger(__name__)
log.addFilter(MaskUrls())

LARGEST_HEADER = 64 * 1024  # bytes of one header of an answer; there may be 128
_AT_ONCE = 1024 * 1024  # bytes of a request


class DirectAnswer(httpx2.AsyncByteStream):
    """An answer whose head has come. Its body is read while it is iterated over, as the connection sends it."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._content = response.content
        self.status_code = response.status
        self.headers = httpx2.Headers(response.raw_headers)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._content.iter_any()

    def aiter_bytes(self) -> AsyncIterator[bytes]:
        """The parts of the body, decompressed. Raises httpx2.DecodingError."""
        if "content-encoding" in self.headers:
            return httpx2.Response(self.status_code, headers=self.headers, stream=self).aiter_bytes()
        return self.__aiter__()


class DirectClient:
    """A client of one request at a time, for one server. Its connection belongs to the event loop of its first request.

    `headers` go with every request. A connection that was idle for longer than `keep` seconds is not used again, nor
    one that the server has closed. `timeout.connect` is for finding the address, connecting and TLS together;
    `timeout.read` for each wait for a part of the answer. How long the server may take to read a request is for the
    caller to limit.
    """

    def __init__(
        self, *, timeout: httpx2.Timeout, headers: Mapping[str, str], verify: ssl.SSLContext, keep: float
    ) -> None:
        self._headers = httpx2.Headers(_usual_headers())
        self._headers.update(headers)
        self._verify = verify
        self._keep = keep
        self._timeout = aiohttp.ClientTimeout(connect=timeout.connect, sock_read=timeout.read)
        self._session: aiohttp.ClientSession | None = None
        self._last: tuple[httpx2.URL, object, tuple[URL, Mapping[str, str]]] | None = None

    def stream(
        self, method: str, url: httpx2.URL, *, content: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Sent:
        """Send a request by `async with`; its answer, once its head has come. Raises httpx2.TransportError.

        Of those errors, ConnectError, ConnectTimeout and UnsupportedProtocol mean that nothing was sent.
        """
        return Sent(self, method, url, content, headers)

    def request(
        self, method: str, url: httpx2.URL, content: bytes, headers: Mapping[str, str] | None
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """The same as a request of aiohttp, with its errors. Raises httpx2.UnsupportedProtocol."""
        where, all_headers = self._prepared(method, url, headers)
        session = self._session = self._session or self._new_session()
        return session.request(method, where, data=_body(content), headers=all_headers, allow_redirects=False)

    async def aclose(self) -> None:
        """Close the connection, if there is one."""
        session, self._session = self._session, None
        if session:
            await session.close()

    def _new_session(self) -> aiohttp.ClientSession:
        self._verify.set_alpn_protocols(["http/1.1"])
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=1,
                ssl=self._verify,
                keepalive_timeout=self._keep,
                resolver=aiohttp.ThreadedResolver(),  # the system's, also where aiodns is installed
                use_dns_cache=False,
            ),
            timeout=self._timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            auto_decompress=False,
            max_line_size=LARGEST_HEADER,
            max_field_size=LARGEST_HEADER,
            middlewares=(_send_once,),
        )

    def _prepared(
        self, method: str, url: httpx2.URL, headers: Mapping[str, str] | None
    ) -> tuple[URL, Mapping[str, str]]:
        """The address, and the headers that httpx2 would send; kept for the next request to the same URL."""
        key = (method, headers)
        if self._last is None or self._last[0] is not url or self._last[1] != key:
            self._last = (url, key, (_address(url), self._all_headers(method, url, headers)))
        return self._last[2]

    def _all_headers(self, method: str, url: httpx2.URL, headers: Mapping[str, str] | None) -> Mapping[str, str]:
        """All headers but the length, with the capitals of httpx2."""
        all_headers = httpx2.Headers(self._headers)
        all_headers.update(headers)
        request = httpx2.Request(method, url, headers=all_headers)
        if url.userinfo:
            request = next(httpx2.BasicAuth(url.username, url.password).auth_flow(request))
        request.headers.pop("content-length", None)
        return {name.decode("ascii"): value.decode("latin-1") for name, value in request.headers.raw}


class Sent:
    """A request that is sent as the block begins. A class, because a generator costs more in each call."""

    __slots__ = ("_client", "_content", "_headers", "_method", "_request", "_url")

    def __init__(
        self, client: DirectClient, method: str, url: httpx2.URL, content: bytes, headers: Mapping[str, str] | None
    ) -> None:
        self._client, self._method, self._url, self._content, self._headers = client, method, url, content, headers

    async def __aenter__(self) -> DirectAnswer:
        self._request = self._client.request(self._method, self._url, self._content, self._headers)
        try:
            response = await self._request.__aenter__()
        except (aiohttp.ClientError, HttpProcessingError) as error:
            raise _as_httpx2(error) from None  # its text may hold the URL, and so the key
        log.info("HTTP Request: %s %s %d", self._method, self._url, response.status)
        return DirectAnswer(response)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        try:
            await self._request.__aexit__(kind, error, at)
        except (aiohttp.ClientError, HttpProcessingError) as failed:
            error = failed
        if isinstance(error, aiohttp.ClientError | HttpProcessingError):
            raise _as_httpx2(error) from None


async def _send_once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Raise what aiohttp does not take for a reason to send a GET or PUT again."""
    try:
        return await send(request)
    except aiohttp.ClientError as error:
        raise _as_httpx2(error) from None
    except OSError as error:
        raise httpx2.ReadError(_reason(error)) from None


def _body(content: bytes) -> bytes | io.BytesIO | None:
    """What aiohttp sends as it is; of more than 1 MiB it sends a part at a time, and warns of bytes."""
    if len(content) > _AT_ONCE:
        return io.BytesIO(content)
    return content or None


def _address(url: httpx2.URL) -> URL:
    if url.scheme not in ("http", "https"):
        raise httpx2.UnsupportedProtocol("the address starts with neither http:// nor https://")
    if not url.host:
        raise httpx2.UnsupportedProtocol("the address names no host")
    return URL(f"{url.scheme}://{url.netloc.decode('ascii')}{url.raw_path.decode('ascii')}", encoded=True)


def _as_httpx2(error: aiohttp.ClientError | HttpProcessingError) -> httpx2.TransportError:
    """The error by which callers decide whether the request may have been sent. Its text holds no URL."""
    match error:
        case aiohttp.ConnectionTimeoutError():
            return httpx2.ConnectTimeout("no connection in time")
        case aiohttp.ClientConnectorCertificateError():
            return httpx2.ConnectError(str(error.certificate_error))
        case aiohttp.ClientConnectorError():
            return httpx2.ConnectError(str(error.os_error) or type(error.os_error).__name__)
        case aiohttp.ServerTimeoutError():
            return httpx2.ReadTimeout("no answer in time")
        case aiohttp.ServerDisconnectedError():
            return httpx2.RemoteProtocolError("the server closed the connection without an answer")
        case aiohttp.ClientConnectionResetError():
            return httpx2.WriteError("the connection was closed while the request was sent")
        case aiohttp.ClientOSError():
            return httpx2.ReadError(_reason(error))
        case aiohttp.ClientPayloadError():
            return httpx2.RemoteProtocolError("the server closed the connection within the answer")
        case aiohttp.ClientResponseError() | HttpProcessingError():
            return httpx2.RemoteProtocolError(f"the answer is not HTTP/1.1: {error.message.partition(chr(10))[0]}")
        case _:
            return httpx2.ReadError(type(error).__name__)


def _reason(error: OSError) -> str:
    """The reason without the text, which may hold the URL."""
    return os.strerror(error.errno) if error.errno else type(error).__name__


@cache
def _usual_headers() -> httpx2.Headers:
    """What httpx2 sends with every request, such as the compressions that it can read."""
    return httpx2.AsyncClient(transport=httpx2.AsyncBaseTransport()).headers  # it opens no connection
