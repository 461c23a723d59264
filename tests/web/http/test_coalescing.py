"""The transport that joins head and body of a response into one write: in order, and without delay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from awbridge.web.http.coalescing import CoalescingTransport
from tests.support.app import serving

PIECES = [bytes([65 + n]) * 30_000 for n in range(20)]
GET = b"GET /stream HTTP/1.1\r\nhost: x\r\n\r\n"


class RecordingTransport(asyncio.Transport):
    """A transport that records its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[bytes | str] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.calls.append(bytes(data))

    def close(self) -> None:
        self.calls.append("closed")

    def abort(self) -> None:
        self.calls.append("aborted")


def transports() -> tuple[RecordingTransport, CoalescingTransport]:
    inner = RecordingTransport()
    return inner, CoalescingTransport(inner, asyncio.get_running_loop())


async def test_head_and_body_are_one_write() -> None:
    inner, out = transports()
    out.write(b"head ")
    out.write(b"body")
    await asyncio.sleep(0)
    assert inner.calls == [b"head body"]


async def test_a_single_piece_is_sent_in_the_next_iteration_of_the_loop() -> None:
    inner, out = transports()
    out.write(b"HTTP/1.1 100 Continue")
    assert inner.calls == []
    await asyncio.sleep(0)
    assert inner.calls == [b"HTTP/1.1 100 Continue"]


@pytest.mark.parametrize("yield_after", [{1}, {2}, {3}, {1, 2, 3, 4, 5}, {2, 5}, set[int]()], ids=str)
async def test_pieces_stay_in_order_whenever_the_loop_runs(yield_after: set[int]) -> None:
    inner, out = transports()
    for number in range(1, 7):
        out.write(b"%d " % number)
        if number in yield_after:
            await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert b"".join(call for call in inner.calls if isinstance(call, bytes)) == b"1 2 3 4 5 6 "


async def test_closing_sends_the_held_piece_and_aborting_does_not() -> None:
    inner, out = transports()
    out.write(b"held")
    out.close()
    await asyncio.sleep(0)
    assert inner.calls == [b"held", "closed"]
    inner, out = transports()
    out.write(b"dropped")
    out.abort()
    await asyncio.sleep(0)
    assert inner.calls == ["aborted"]


async def test_a_complete_response_is_sent_at_once_after_the_held_piece() -> None:
    inner, out = transports()
    out.write(b"the end of the previous one")
    out.write_whole(b"complete")
    assert inner.calls == [b"the end of the previous one", b"complete"]
    await asyncio.sleep(0)
    assert len(inner.calls) == 2


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Streams at /stream; returns the request body elsewhere."""
    is_stream = scope["path"] == "/stream"
    body = b"" if is_stream else (await receive())["body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for piece in PIECES if is_stream else [body]:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def connected() -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a server whose uvicorn responses go through the transport."""
    no_endpoint: Any = None  # no webhook is sent
    async with serving(app, no_endpoint) as url:
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            yield reader, writer
        finally:
            writer.close()


async def chunks(reader: asyncio.StreamReader) -> bytes:
    """The body of a chunked response."""
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
    found = b""
    while size := int(await reader.readline(), 16):
        found += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return found


async def test_long_responses_on_one_connection_are_complete() -> None:
    async with asyncio.timeout(20), connected() as (reader, writer):
        writer.write(GET + GET)  # pipelined
        for _ in range(2):
            assert await chunks(reader) == b"".join(PIECES)


async def test_100_continue_is_sent_before_the_body_arrives() -> None:
    async with asyncio.timeout(20), connected() as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"word")
        assert await chunks(reader) == b"word"
