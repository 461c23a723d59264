"""One request until it is answered, and answers as bytes."""

from __future__ import annotations

import http
import json
from collections.abc import Sequence
from typing import Protocol

from awbridge.domain.errors import StoreError
from awbridge.web.http.relay import Relay
from awbridge.web.webhook.endpoint import PATH, WebhookResponse

LARGEST_AT_ONCE = 64 * 1024  # bytes of a body that is held here until it is whole

_PATH = PATH.encode()
_BELOW = _PATH + b"/"


class ClientConnection(Protocol):
    """Where a request came from."""

    def answer_stored(self, exchange: RequestCycle) -> None:
        """Send the answer of a webhook that is committed."""
        ...

    def answer_not_stored(self, exchange: RequestCycle, error: StoreError) -> None:
        """Send that of one that is not."""
        ...


class RequestCycle:
    """One request until it is answered; for an ordinary webhook the caller that ingest tells."""

    __slots__ = (
        "_connection",
        "answered",
        "body",
        "complete",
        "headers",
        "keep_alive",
        "method",
        "ordinary",
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
        self.ordinary = False
        self.complete = False
        self.started = False
        self.answered = False
        self.relay: Relay | None = None

    def done(self) -> bool:
        """Whether it is answered. Of one who hung up the delivery is stored all the same."""
        return self.answered

    def set_result(self, _: None, /) -> None:
        """It is stored."""
        self._connection.answer_stored(self)

    def set_exception(self, exception: StoreError, /) -> None:
        """It is not."""
        self._connection.answer_not_stored(self, exception)


def is_ordinary(exchange: RequestCycle) -> bool:
    """Whether a POST is a webhook that may be answered without ASGI. Its body is held until it is whole."""
    if exchange.url != _PATH and not _holds_key(exchange.url):
        return False
    short = False
    for name, value in exchange.headers:
        if name == b"content-length":
            short = value.isdigit() and int(value) <= LARGEST_AT_ONCE
        elif name == b"expect":
            return False
    return short


def _holds_key(url: bytes) -> bool:
    """Whether the address is the endpoint's with a key behind it, and needs no decoding."""
    path, _, _ = url.partition(b"?")
    return (path == _PATH or path.startswith(_BELOW)) and b"%" not in url and b"+" not in url


class Wire:
    """Answers as bytes, with the server's own headers. Those change once a second, with the date."""

    def __init__(self) -> None:
        self._more: Sequence[tuple[bytes, bytes]] = ()
        self._made: dict[tuple[WebhookResponse, bool], bytes] = {}

    def of(self, answer: WebhookResponse, more: Sequence[tuple[bytes, bytes]], *, keep_alive: bool) -> bytes:
        """The bytes of an answer; `more` are the server's headers."""
        if more is not self._more:
            self._more = more
            self._made.clear()
        key = (answer, keep_alive)
        if key not in self._made:
            headers = [*more, *answer.headers, *([] if keep_alive else [(b"connection", b"close")])]
            lines = b"".join(b"%b: %b\r\n" % header for header in headers)
            status = http.HTTPStatus(answer.status)
            self._made[key] = b"HTTP/1.1 %d %b\r\n%b\r\n%b" % (status, status.phrase.encode(), lines, answer.body)
        return self._made[key]


def _refusal(status: int, title: str, detail: str, *more: tuple[bytes, bytes]) -> WebhookResponse:
    body = json.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail}).encode()
    length = (b"content-length", str(len(body)).encode())
    return WebhookResponse(status, [(b"content-type", b"application/problem+json"), length, *more], body)


REFUSALS = {
    "not_http": _refusal(400, "Not HTTP/1.1", "Send HTTP/1.1 requests, and at most 64 ahead of their answers."),
    "head_late": _refusal(408, "The request came too slowly", "The head of a request must come within 10 s."),
    "body_late": _refusal(
        408,
        "The request came too slowly",
        "A body must not pause for 10 s, and come within 60 s and 1 s more for each 64 KiB.",
    ),
    "line": _refusal(414, "The address is too long", "It has at most 8 KiB."),
    "head": _refusal(431, "The headers are too large", "At most 100 lines and 32 KiB, and the same behind a body."),
    "connections": _refusal(
        503,
        "Too many connections",
        "All connections are in use. Try again after Retry-After seconds.",
        (b"retry-after", b"1"),
    ),
}
