"""Parse requests for an upgrade (h2c, websocket) as ordinary HTTP/1.1 requests.

httptools stops at the end of such a head, even if a body follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import httptools

_FRAMING = (b"content-length", b"transfer-encoding")


class ParserEvents(Protocol):
    """The callbacks of the parser. `on_header` also gets trailers."""

    def on_message_begin(self) -> None: ...
    def on_url(self, url: bytes) -> None: ...
    def on_header(self, name: bytes, value: bytes) -> None: ...
    def on_headers_complete(self) -> None: ...
    def on_body(self, body: bytes) -> None: ...
    def on_message_complete(self) -> None: ...


class _SkipHead:
    """Passes on every event except those of the first head."""

    def __init__(self, events: ParserEvents) -> None:
        self._events = events
        self.on_body = events.on_body
        self.on_message_complete = events.on_message_complete
        self.head_skipped = False

    def on_message_begin(self) -> None:
        if self.head_skipped:
            self._events.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if self.head_skipped:
            self._events.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.head_skipped:
            self._events.on_header(name, value)

    def on_headers_complete(self) -> None:
        if self.head_skipped:
            self._events.on_headers_complete()


def make_parser(events: ParserEvents | _SkipHead) -> httptools.HttpRequestParser:
    """A parser that ignores any bytes after the last request of a connection."""
    parser = httptools.HttpRequestParser(events)
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser


def has_body(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether these headers announce a body."""
    return any(name in _FRAMING and value.strip() not in (b"", b"0") for name, value in headers)


def make_body_parser(headers: Sequence[tuple[bytes, bytes]], events: ParserEvents) -> httptools.HttpRequestParser:
    """A parser positioned at the start of the body that these headers announce."""
    skipping = _SkipHead(events)
    parser = make_parser(skipping)
    framing = b"".join(b"%b: %b\r\n" % header for header in headers if header[0] in _FRAMING)
    parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n" % framing)
    skipping.head_skipped = True
    return parser
