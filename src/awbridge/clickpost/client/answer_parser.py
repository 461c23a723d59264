"""Reads the answers of one HTTP/1.1 connection from bytes as they arrive, with httptools."""

from __future__ import annotations

import httptools
import httpx2

LARGEST_HEAD = 100 * 1024  # bytes of a status line and headers

_NO_BODY = (204, 304)


class AnswerParser:
    """The answers of one connection, one after another: `expect` one, then `feed` it until `is_complete`.

    `has_head`: status and headers are known. `is_reusable`: another request may follow on this connection. What breaks
    HTTP raises httpx2.RemoteProtocolError.
    """

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        # What servers do and HTTP clients tolerate. Nothing after such an answer is read.
        self._parser.set_dangerous_leniencies(
            lenient_data_after_close=True, lenient_chunked_length=True, lenient_optional_cr_before_lf=True
        )
        self.expect()

    def expect(self) -> None:
        """Forget the last answer."""
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.has_head = self.is_complete = False
        self.is_reusable = True
        self._until_close = False
        self._head_size = 0
        self._problem = ""
        self._parts: list[bytes] = []

    def feed(self, data: bytes) -> None:
        """Take bytes of the connection; none means that the server closed it. Raises httpx2.RemoteProtocolError."""
        if not data:
            self._end()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.is_complete, self.is_reusable = True, False  # 101, which nobody requested
        except httptools.HttpParserError as error:
            self.is_reusable = False
            if not self.is_complete:
                raise httpx2.RemoteProtocolError(f"the answer is not HTTP/1.1: {error}") from error
        if not self.has_head:
            self._head_size += len(data)
            if self._head_size > LARGEST_HEAD:
                self._problem = f"the headers of the answer are larger than {LARGEST_HEAD} bytes"
        if self._problem:
            raise httpx2.RemoteProtocolError(self._problem)

    def take(self) -> list[bytes]:
        """The parts of the body that came since the last call, as sent."""
        parts, self._parts = self._parts, []
        return parts

    def _end(self) -> None:
        self.is_reusable = False
        if not self.has_head:
            raise httpx2.RemoteProtocolError("the server closed the connection without an answer")
        if not self._until_close:
            raise httpx2.RemoteProtocolError("the server closed the connection within the answer")
        self.is_complete = True

    # Called by the parser.

    def on_message_begin(self) -> None:
        if self.is_complete:
            self.is_reusable = False  # nobody requested another answer

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.has_head:  # later ones are trailers
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self.has_head:
            return
        status = self._parser.get_status_code()
        if 100 <= status < 200 and status != 101:
            self.headers = []  # informational: the answer is still to come
            return
        self.status, self.has_head = status, True
        names = {name.lower(): value for name, value in self.headers}
        coding = names.get(b"transfer-encoding")
        if coding is not None and coding.lower() != b"chunked":
            self._problem = "the answer has a transfer encoding other than chunked"
        self._until_close = coding is None and b"content-length" not in names and status not in _NO_BODY
        # An answer with both could be read in two ways, so nothing after it is trusted.
        ambiguous = coding is not None and b"content-length" in names
        self.is_reusable = self.is_reusable and not ambiguous and self._parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        if not self.is_complete:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        if self.has_head:
            self.is_complete = True
