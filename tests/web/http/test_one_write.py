"""The transport that puts an answer's head and body into one write: in order, and never kept longer than a moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from awbridge.web.http.one_write import OneWrite
from tests.support.app import serving

PIECES = [bytes([65 + n]) * 30_000 for n in range(20)]
GET = b"GET /stream HTTP/1.1\r\nhost: x\r\n\r\n"


class Line(asyncio.Transport):
    """A transport that notes what is done with it."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[bytes | str] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.done.append(bytes(data))

    def close(self) -> None:
        self.done.append("closed")

    def abort(self) -> None:
        self.done.append("aborted")


def on_a_line() -> tuple[Line, OneWrite]:
    line = Line()
    return line, OneWrite(line, asyncio.get_running_loop())


async def test_head_and_body_are_one_write() -> None:
    line, out = on_a_line()
    out.write(b"head ")
    out.write(b"body")
    await asyncio.sleep(0)
    assert line.done == [b"head body"]


async def test_what_comes_alone_goes_out_when_the_loop_comes_round() -> None:
    line, out = on_a_line()
    out.write(b"HTTP/1.1 100 Continue")
    assert line.done == []
    await asyncio.sleep(0)
    assert line.done == [b"HTTP/1.1 100 Continue"]


@pytest.mark.parametrize("rest_after", [{1}, {2}, {3}, {1, 2, 3, 4, 5}, {2, 5}, set[int]()], ids=str)
async def test_pieces_stay_in_order_whenever_the_loop_comes_round(rest_after: set[int]) -> None:
    line, out = on_a_line()
    for number in range(1, 7):
        out.write(b"%d " % number)
        if number in rest_after:
            await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert b"".join(one for one in line.done if isinstance(one, bytes)) == b"1 2 3 4 5 6 "


async def test_closing_sends_what_is_held_and_aborting_does_not() -> None:
    line, out = on_a_line()
    out.write(b"last words")
    out.close()
    await asyncio.sleep(0)
    assert line.done == [b"last words", "closed"]
    line, out = on_a_line()
    out.write(b"never mind")
    out.abort()
    await asyncio.sleep(0)
    assert line.done == ["aborted"]


async def test_what_is_whole_goes_out_at_once_after_what_is_held() -> None:
    line, out = on_a_line()
    out.write(b"the end of the one before")
    out.write_whole(b"whole")
    assert line.done == [b"the end of the one before", b"whole"]
    await asyncio.sleep(0)
    assert len(line.done) == 2


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Streams at /stream; elsewhere sends back what it was sent."""
    streams = scope["path"] == "/stream"
    body = b"" if streams else (await receive())["body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for piece in PIECES if streams else [body]:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def talking() -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a server that has uvicorn's answers written by it."""
    nobody: Any = None  # no webhook comes
    async with serving(app, nobody) as url:
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            yield reader, writer
        finally:
            writer.close()


async def chunks(reader: asyncio.StreamReader) -> bytes:
    """The body of an answer in chunks."""
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
    found = b""
    while size := int(await reader.readline(), 16):
        found += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return found


async def test_long_answers_on_one_connection_come_whole() -> None:
    async with asyncio.timeout(20), talking() as (reader, writer):
        writer.write(GET + GET)  # the second does not wait for the first one's answer
        for _ in range(2):
            assert await chunks(reader) == b"".join(PIECES)


async def test_who_waits_for_100_continue_gets_it_before_the_body_is_sent() -> None:
    async with asyncio.timeout(20), talking() as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"word")
        assert await chunks(reader) == b"word"
