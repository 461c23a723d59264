"""One request until it is answered, and responses as bytes."""

from __future__ import annotations

import http
import json
from collections.abc import Sequence
from typing import Protocol

from awbridge.domain.errors import StoreError
from awbridge.web import problem_kinds as kinds
from awbridge.web.accounts.sites import BELOW, AccountSites, account_in
from awbridge.web.customer_page.page_process import Pages
from awbridge.web.customer_page.responses import WireResponse, header_lines
from awbridge.web.http.relay import Relay
from awbridge.web.problem_kinds import ProblemKind
from awbridge.web.webhook.endpoint import PATH, WebhookEndpoint, WebhookResponse

LARGEST_BUFFERED_BODY = 64 * 1024  # bytes

_PATH = PATH.encode()
_BELOW = _PATH + b"/"
_PAGES = (b"/track/", b"/t/")
_UNUSUAL = frozenset((b"content-length", b"transfer-encoding", b"expect"))


class ClientConnection(Protocol):
    """The connection of a request."""

    def answer(self, cycle: RequestCycle, response: WebhookResponse | WireResponse) -> None: ...
    def pass_on(self, cycle: RequestCycle) -> None: ...


class RequestCycle:
    """One request until it is answered. For an ordinary webhook, ingest reports the result to it.

    `endpoint`: that of an ordinary webhook; None for any other request. `pages`: the customer's page, for a request
    that may be for one.
    """

    __slots__ = (
        "_connection",
        "answered",
        "body",
        "complete",
        "endpoint",
        "headers",
        "keep_alive",
        "method",
        "pages",
        "relay",
        "started",
        "url",
        "version",
    )

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self.url = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.method = b""
        self.version = ""
        self.body: list[bytes] = []
        self.keep_alive = True
        self.endpoint: WebhookEndpoint | None = None
        self.pages: Pages | None = None
        self.complete = False
        self.started = False
        self.answered = False
        self.relay: Relay | None = None

    @property
    def is_direct(self) -> bool:
        """Whether it may be answered without ASGI, once it is complete."""
        return self.endpoint is not None or self.pages is not None

    def submit(self) -> bool:
        """Hand the request on. Returns False if it must be answered as an ASGI request."""
        if self.pages:
            return self.pages.submit(self.url.decode("latin-1"), self.headers, self)
        if not self.endpoint:
            return False
        body = self.body[0] if len(self.body) == 1 else b"".join(self.body)
        try:
            return self.endpoint.submit(self.url.decode("latin-1"), self.headers, body, self)
        except StoreError as error:
            self.set_exception(error)
            return True

    def done(self) -> bool:
        """Whether the request is answered. If the client hung up, its delivery is stored anyway."""
        return self.answered

    def set_result(self, _: None, /) -> None:
        """The delivery is stored."""
        assert self.endpoint
        self._connection.answer(self, self.endpoint.stored())

    def set_exception(self, exception: StoreError, /) -> None:
        """The delivery is not stored."""
        assert self.endpoint
        self._connection.answer(self, self.endpoint.not_stored(exception))

    def set_page(self, response: WireResponse, /) -> None:
        """The customer's page is made."""
        self._connection.answer(self, response)

    def pass_on(self) -> None:
        """The request must be answered as an ASGI request after all."""
        self._connection.pass_on(self)


def size_of(cycle: RequestCycle) -> int:
    """Bytes of the URL and of the header lines."""
    return len(cycle.url) + sum(len(name) + len(value) + 4 for name, value in cycle.headers)


def ordinary_endpoint(cycle: RequestCycle, home: WebhookEndpoint, sites: AccountSites | None) -> WebhookEndpoint | None:
    """The endpoint of a POST that is a webhook and can be answered without ASGI; None for any other request.

    Its body is buffered until it is complete. The webhook of an account that sleeps, or does not exist, is none.
    """
    url = cycle.url
    if url != _PATH and not _may_contain_key(url):
        endpoint = _endpoint_of_account(url, sites) if sites else None
        if endpoint is None:
            return None
    else:
        endpoint = home
    is_small = False
    for name, value in cycle.headers:
        if name == b"content-length":
            is_small = value.isdigit() and int(value) <= LARGEST_BUFFERED_BODY
        elif name == b"expect":
            return None
    return endpoint if is_small else None


def may_be_page(cycle: RequestCycle) -> bool:
    """Whether a request may be for a page for customers: a GET below its paths, as browsers send it."""
    if cycle.method != b"GET" or not cycle.url.startswith(_PAGES) or cycle.version != "1.1":
        return False
    return not any(name in _UNUSUAL for name, _ in cycle.headers)


def _endpoint_of_account(url: bytes, sites: AccountSites) -> WebhookEndpoint | None:
    name = account_in(url)
    if not name or not _may_contain_key(url[len(BELOW) + len(name) :]):
        return None
    site = sites.awake(name)
    return site.webhook if site else None


def _may_contain_key(url: bytes) -> bool:
    """Whether the URL is the endpoint's with a key in path or query, and needs no decoding."""
    path, _, _ = url.partition(b"?")
    return (path == _PATH or path.startswith(_BELOW)) and b"%" not in url and b"+" not in url


class ResponseEncoder:
    """Encodes responses with the server's own headers, which change once a second with the date."""

    def __init__(self) -> None:
        self._server_headers: Sequence[tuple[bytes, bytes]] = ()
        self._encoded: dict[tuple[WebhookResponse, bool], bytes] = {}
        self._heads: dict[tuple[int, bytes, bool], bytes] = {}

    def encode(
        self,
        response: WebhookResponse | WireResponse,
        server_headers: Sequence[tuple[bytes, bytes]],
        *,
        keep_alive: bool,
    ) -> bytes:
        """The bytes of a response."""
        if server_headers is not self._server_headers:
            self._server_headers = server_headers
            self._encoded.clear()
            self._heads.clear()
        if isinstance(response, WireResponse):
            return self._page(response, keep_alive=keep_alive)
        key = (response, keep_alive)
        if key not in self._encoded:
            head = self._head(response.status, header_lines(response.headers), keep_alive=keep_alive)
            self._encoded[key] = b"%b\r\n%b" % (head, response.body)
        return self._encoded[key]

    def _page(self, page: WireResponse, *, keep_alive: bool) -> bytes:
        key = (page.status, page.common, keep_alive)
        head = self._heads.get(key)
        if head is None:
            head = self._heads[key] = self._head(page.status, page.common, keep_alive=keep_alive)
        return head + page.rest

    def _head(self, code: int, lines: bytes, *, keep_alive: bool) -> bytes:
        """The status line and the headers: the server's own, these lines, whether the connection closes."""
        status = http.HTTPStatus(code)
        own = header_lines(self._server_headers)
        end = b"" if keep_alive else b"connection: close\r\n"
        return b"HTTP/1.1 %d %b\r\n%b%b%b" % (status, status.phrase.encode(), own, lines, end)


def _refusal(kind: ProblemKind, detail: str, *headers: tuple[bytes, bytes]) -> WebhookResponse:
    body = json.dumps({"type": "about:blank", "title": kind.title, "status": kind.status, "detail": detail}).encode()
    length = (b"content-length", str(len(body)).encode())
    return WebhookResponse(kind.status, [(b"content-type", b"application/problem+json"), length, *headers], body)


# Before the headers are read, neither the reader's language nor what the browser accepts is known.
_URL_TOO_LONG_PAGE = b"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>The URL is too long</title>
<h1>The URL is too long</h1>
<p>Its limit is 8 KiB. Nothing was changed. Go back, shorten what you typed, then try again.</p>
</html>
"""


_URL_TOO_LONG_ON_PAGE = WebhookResponse(
    kinds.URL_TOO_LONG.status,
    [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-security-policy", b"default-src 'none'"),
        (b"cache-control", b"no-store"),
        (b"content-length", str(len(_URL_TOO_LONG_PAGE)).encode()),
    ],
    _URL_TOO_LONG_PAGE,
)
REFUSALS = {
    "not_http": _refusal(kinds.NOT_HTTP, "Send HTTP/1.1 requests, and at most 64 before their responses."),
    "head_late": _refusal(kinds.TOO_SLOW, "The head of a request must arrive within 10 s."),
    "body_late": _refusal(
        kinds.TOO_SLOW,
        "A body must not pause for 10 s, and must arrive within 60 s plus 1 s for each 64 KiB.",
    ),
    "line": _refusal(kinds.URL_TOO_LONG, "The limit is 8 KiB."),
    "head": _refusal(kinds.HEADERS_TOO_LARGE, "The limit is 100 lines and 32 KiB, for headers and for trailers."),
    "connections": _refusal(
        kinds.NO_CONNECTION,
        "All connections are in use. Retry after Retry-After seconds.",
        (b"retry-after", b"1"),
    ),
}


def refusal_of(reason: str, reading: RequestCycle | None) -> WebhookResponse:
    """The answer to what is refused: a problem, or for a page's URL that is too long, a page."""
    if reason == "line" and reading and not _is_for_programs(bytes(reading.url)):
        return _URL_TOO_LONG_ON_PAGE
    return REFUSALS[reason]


def _is_for_programs(url: bytes) -> bool:
    """Whether a URL is the API's or a webhook's, at the home or in an account; pages are for people."""
    path = url.partition(b"?")[0]
    if path.startswith(b"/a/"):
        path = b"/" + path.removeprefix(b"/a/").partition(b"/")[2]
    return path.startswith((b"/v1", b"/webhooks")) or not path.startswith(b"/")
