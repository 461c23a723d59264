"""Every kind of answer is read by the direct client as httpx2 reads it, and leaves the connection as open."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
import uvloop

from tests.clickpost.client.raw_server import BODY, answer, chunks, direct, reference, result, serving, sized

pytestmark = pytest.mark.heavy


async def twice(client: Any, say: bytes, *, close: bool) -> tuple[list[Any], int]:
    """The results of two requests of one client after another, and how many connections they took."""
    async with serving(say, close=close) as server:
        found = []
        for _ in range(2):
            found.append(await result(client, server.url, content=b"{}"))
            await asyncio.sleep(0.01)  # for the server's end of the connection to arrive
        await client.aclose()
        return found, len(server.seen)


ANSWERS: dict[str, tuple[bytes, bool]] = {
    "sized": (sized(), False),
    "empty": (sized(b""), False),
    "chunked": (answer(b"Transfer-Encoding: chunked", body=chunks(BODY[:9], BODY[9:])), False),
    "chunked, capitals": (answer(b"Transfer-Encoding: Chunked", body=chunks(BODY)), False),
    "trailer": (answer(b"Transfer-Encoding: chunked", body=chunks(BODY, trailer=b"X-Sum: 1\r\n")), False),
    "until close": (answer(), True),
    "HTTP/1.0": (sized(status=b"HTTP/1.0 200 OK"), True),
    "HTTP/1.0, kept alive": (sized(BODY, b"Connection: keep-alive", status=b"HTTP/1.0 200 OK"), True),
    "connection: close": (sized(BODY, b"Connection: close"), False),
    "closed unannounced": (sized(), True),
    "204": (answer(body=b"", status=b"HTTP/1.1 204 No Content"), False),
    "304": (answer(b"Content-Length: 10", body=b"", status=b"HTTP/1.1 304 Not Modified"), False),
    "redirect": (sized(b"", b"Location: https://elsewhere.example/", status=b"HTTP/1.1 302 Found"), False),
    "error": (sized(b"<html>", status=b"HTTP/1.1 502 Bad Gateway"), False),
    "informational first": (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + sized(), False),
    "100 first": (b"HTTP/1.1 100 Continue\r\n\r\n" + sized(), False),
    "no reason": (sized(status=b"HTTP/1.1 200 "), False),
    "no reason, no space": (sized(status=b"HTTP/1.1 200"), False),
    "line feeds only": (sized().replace(b"\r\n", b"\n"), False),
    "repeated headers": (sized(BODY, b"Set-Cookie: a=1", b"Set-Cookie: b=2"), False),
    "latin 1": (sized(BODY, b"X-Name: caf\xe9"), False),
    "offers an upgrade": (sized(BODY, b"Upgrade: h2,h2c", b"Connection: Upgrade, Keep-Alive"), False),
    "gzip": (sized(gzip.compress(BODY), b"Content-Encoding: gzip"), False),
    "deflate": (sized(zlib.compress(BODY), b"Content-Encoding: deflate"), False),
    "gzip in chunks": (
        answer(b"Content-Encoding: gzip", b"Transfer-Encoding: chunked", body=chunks(gzip.compress(BODY))),
        False,
    ),
    "broken gzip": (sized(b"not compressed", b"Content-Encoding: gzip"), True),
    "nothing": (b"", True),
    "silence": (b"", False),
    "half a head": (b"HTTP/1.1 200 OK\r\nContent-", True),
    "half a body": (sized()[:-5], True),
    "silence within the body": (sized()[:-5], False),
    "half a chunk": (answer(b"Transfer-Encoding: chunked", body=b"ff\r\nhalf"), True),
    "no last chunk": (answer(b"Transfer-Encoding: chunked", body=chunks(BODY)[:-5]), True),
    "not HTTP": (b"SSH-2.0-OpenSSH_9.6\r\n", True),
    "HTTP/2": (sized(status=b"HTTP/2 200 OK"), False),
    "a header without a colon": (sized(BODY, b"nonsense"), False),
    "a length that is none": (answer(b"Content-Length: many"), True),
    "a negative length": (answer(b"Content-Length: -1"), True),
    "two lengths": (sized(BODY, b"Content-Length: 5"), True),
    "a chunk that is none": (answer(b"Transfer-Encoding: chunked", body=b"xyz\r\n"), True),
    "an endless head": (answer(*[b"X-%d: %b" % (n, b"x" * 1000) for n in range(200)]), False),
}


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_is_read_as_httpx2_reads_it(name: str, run: Callable[[Any], Any]) -> None:
    say, close = ANSWERS[name]
    timeout = httpx2.Timeout(0.2 if "silence" in name else 30.0, connect=30.0)

    async def both() -> tuple[Any, Any]:
        ours = twice(direct(timeout=timeout), say, close=close)
        return await asyncio.gather(ours, twice(reference(timeout), say, close=close))

    ours, theirs = run(both())
    assert ours == theirs


async def test_an_answer_whose_length_is_said_in_two_ways_is_refused() -> None:
    """httpx2 reads it. A proxy may have read it in the other way, so that its end is not what it seems."""
    say = answer(b"Content-Length: 9", b"Transfer-Encoding: chunked", body=chunks(BODY))
    assert await twice(direct(), say, close=True) == ([httpx2.RemoteProtocolError] * 2, 2)
