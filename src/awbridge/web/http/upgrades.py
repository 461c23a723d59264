"""Requests that ask for an upgrade (h2c, websocket), read as HTTP/1.1 requests like any other.

httptools takes the end of such a head for the end of the request, whatever body it announces, and stops.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import httptools

_FRAMING = (b"content-length", b"transfer-encoding")


class Events(Protocol):
    """Who is told what was parsed."""

    def on_message_begin(self) -> None:
        """A request begins."""
        ...

    def on_url(self, url: bytes) -> None:
        """A piece of its address."""
        ...

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header."""
        ...

    def on_headers_complete(self) -> None:
        """The end of its head."""
        ...

    def on_body(self, body: bytes) -> None:
        """A piece of its body."""
        ...

    def on_message_complete(self) -> None:
        """Its end."""
        ...


class _BehindAHead:
    """Tells of everything but one head, which was told of before."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self.on_body = events.on_body
        self.on_message_complete = events.on_message_complete
        self.armed = False

    def on_message_begin(self) -> None:
        if self.armed:
            self._events.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if self.armed:
            self._events.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.armed:
            self._events.on_header(name, value)

    def on_headers_complete(self) -> None:
        if self.armed:
            self._events.on_headers_complete()


def make_parser(events: Events | _BehindAHead) -> httptools.HttpRequestParser:
    """A parser that answers a last request whatever stands behind it, which is not read."""
    parser = httptools.HttpRequestParser(events)
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser


def has_body(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether a head with these headers announces a body."""
    return any(name in _FRAMING and value.strip() not in (b"", b"0") for name, value in headers)


def make_parser_behind(headers: Sequence[tuple[bytes, bytes]], events: Events) -> httptools.HttpRequestParser:
    """A parser that stands before the body which these headers announce."""
    hushed = _BehindAHead(events)
    parser = make_parser(hushed)
    framing = b"".join(b"%b: %b\r\n" % header for header in headers if header[0] in _FRAMING)
    parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n" % framing)
    hushed.armed = True
    return parser
