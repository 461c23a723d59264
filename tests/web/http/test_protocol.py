"""Webhooks answered within the server's protocol: as any HTTP client may speak, whole, in order, and at the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from awbridge.steps.tracking.ingest import Ingest
from awbridge.store import Store
from awbridge.web.http.exchange import LARGEST_AT_ONCE, Wire
from awbridge.web.webhook.endpoint import (
    LARGEST_BODY,
    PATH,
    KeyRing,
    Receive,
    Scope,
    Send,
    WebhookEndpoint,
    WebhookResponse,
)
from tests.support.app import Web, serving
from tests.support.rows import T0, count
from tests.support.stores import sqlite_only
from tests.support.world import SetClock, as_body
from tests.support.world import webhook as hook

HOOK = as_body(hook("AWB1", 5, T0, order_status_id=1))
STORED = b'{"status":"stored"}'


def request(
    body: bytes = HOOK,
    *more: str,
    path: str = PATH,
    method: str = "POST",
    version: str = "1.1",
    key: str = "right",
    length: bool = True,
) -> bytes:
    lines = [f"{method} {path} HTTP/{version}", "host: x", f"webhook_key: {key}", *more]
    lines += [f"content-length: {len(body)}"] if length else []
    return "\r\n".join([*lines, "", ""]).encode() + body


class Line:
    """A connection to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, *pieces: bytes) -> None:
        self.writer.write(b"".join(pieces))

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        if "content-length" not in headers:
            return int(head[0].split()[1]), headers, b""
        return int(head[0].split()[1]), headers, await self.reader.readexactly(int(headers["content-length"]))

    async def ask(self, *pieces: bytes) -> int:
        self.send(*pieces)
        return (await self.answer())[0]

    async def ended(self) -> bool:
        return await self.reader.read(1) == b""


class Watched:
    """An endpoint that counts what came as a request of ASGI."""

    def __init__(self, endpoint: WebhookEndpoint) -> None:
        self.endpoint = endpoint
        self.seen: list[tuple[str, str]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.seen.append((scope["method"], scope["path"]))
        await self.endpoint(scope, receive, send)


@asynccontextmanager
async def connected(url: str) -> AsyncGenerator[Line]:
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        async with asyncio.timeout(20):
            yield Line(reader, writer)
    finally:
        writer.close()


@pytest.fixture
def watched(web: Web) -> Watched:
    return Watched(web.endpoint)


@pytest.fixture
async def url(web: Web, watched: Watched) -> AsyncIterator[str]:
    async with serving(watched, web.endpoint) as where:
        yield where


@pytest.fixture
async def line(url: str) -> AsyncIterator[Line]:
    async with connected(url) as made:
        yield made


@sqlite_only
async def test_an_ordinary_webhook_is_answered_without_a_request_of_asgi(
    web: Web, watched: Watched, line: Line
) -> None:
    for path in (PATH, f"{PATH}/right"):
        line.send(request(path=path))
        status, headers, body = await line.answer()
        assert (status, body, headers["content-type"]) == (200, STORED, "application/json")
        assert headers["date"] == "sat, 28 nov 2026 00:00:00 gmt"
        assert "connection" not in headers
    assert watched.seen == []
    assert web.endpoint.counts == {200: 2}
    assert web.endpoint.last_at == web.clock()
    assert await count(web.store, "inbox") == 1


@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
@sqlite_only
async def test_it_may_come_in_pieces(watched: Watched, line: Line, size: int) -> None:
    whole = request()
    for start in range(0, len(whole), size):
        line.send(whole[start : start + size])
        await line.writer.drain()
        await asyncio.sleep(0)
    assert (await line.answer())[0] == 200
    assert watched.seen == []


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (request(method="PUT"), 405),
        (request(path=f"{PATH}?secret=rig%68t", key="wrong"), 200),
        (request(path=f"{PATH}/rig%68t", key="wrong"), 200),
        (request(path=f"{PATH}/wrong", key="wrong"), 401),
        (request(key="wrong"), 401),
        (request(b"<html>"), 400),
        (request(b""), 400),
        (request(b"", "transfer-encoding: chunked", length=False) + b"1\r\n[\r\n5\r\n{}]  \r\n0\r\n\r\n", 200),
        (request(HOOK + b" " * LARGEST_AT_ONCE), 200),
        (request(b" " * (LARGEST_BODY + 1)), 413),
        (request(HOOK, "expect: 100-continue"), 100),
    ],
    ids=[
        "PUT",
        "quoted query",
        "quoted",
        "wrong path",
        "wrong key",
        "HTML",
        "empty",
        "chunked",
        "large",
        "too large",
        "100",
    ],
)
@sqlite_only
async def test_what_is_out_of_the_ordinary_goes_the_way_of_asgi(
    watched: Watched, line: Line, said: bytes, status: int
) -> None:
    assert await line.ask(said) == status
    assert len(watched.seen) == 1


@pytest.mark.parametrize(
    "said",
    [request(HOOK, "connection: close"), request(version="1.0"), request(b"<", "connection: close")],
    ids=["close", "1.0", "close and no JSON"],
)
@sqlite_only
async def test_who_wants_the_connection_closed_gets_it_closed(line: Line, said: bytes) -> None:
    assert await line.ask(said) in (200, 400)
    assert await line.ended()


@sqlite_only
async def test_what_is_sent_before_the_answer_came_is_answered_in_order(web: Web, watched: Watched, line: Line) -> None:
    bodies = [as_body(hook("AWB1", 5, T0, order_status_id=n)) for n in range(1, 6)]
    line.send(*(request(body) for body in bodies[:3]), request(b"<"), *(request(body) for body in bodies[3:]))
    assert [(await line.answer())[0] for _ in range(6)] == [200, 200, 200, 400, 200, 200]
    assert await count(web.store, "inbox") == 6
    assert 0 < len(watched.seen) < 6, "the first is answered at once, those that wait behind it by ASGI"


@sqlite_only
async def test_other_requests_and_webhooks_share_a_connection(line: Line) -> None:
    wanted = {request(): 200, request(b"<"): 400, request(key="wrong"): 401, request(method="GET"): 405}
    for _ in range(3):
        for said, status in wanted.items():
            assert await line.ask(said) == status


@sqlite_only
async def test_no_http_is_told_so_and_ends_the_connection(line: Line) -> None:
    assert await line.ask(request()) == 200
    assert await line.ask(b"what is this\r\n\r\n") == 400
    assert await line.ended()


@sqlite_only
async def test_a_delivery_of_one_who_hung_up_is_stored_all_the_same(web: Web, url: str) -> None:
    async with connected(url) as line:
        line.send(request())
        await line.writer.drain()
    async with asyncio.timeout(10):
        while not await count(web.store, "inbox"):
            await asyncio.sleep(0.01)
    async with connected(url) as line:
        assert await line.ask(request()) == 200


@sqlite_only
async def test_a_body_that_never_comes_whole_is_not_stored(web: Web, url: str) -> None:
    async with connected(url) as line:
        line.send(request()[:-1])
        await line.writer.drain()
    await asyncio.sleep(0.1)
    assert await count(web.store, "inbox") == 0


@sqlite_only
async def test_when_there_is_no_room_it_is_told_at_once_and_by_the_same_words(
    web: Web, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("awbridge.steps.tracking.ingest.CAPACITY", 0)
    line.send(request())
    status, headers, body = await line.answer()
    assert (status, headers["retry-after"], body) == (503, "1", b'{"message":"not stored, try again"}')
    monkeypatch.undo()
    assert await line.ask(request()) == 200
    assert web.endpoint.counts == {503: 1, 200: 1}


@sqlite_only
async def test_a_connection_on_which_nothing_comes_is_closed_and_no_other(web: Web) -> None:
    async with serving(web.endpoint, web.endpoint, idle_for=0.3) as url, connected(url) as line:
        for _ in range(5):
            await asyncio.sleep(0.15)
            assert await line.ask(request()) == 200, "it was in use"
        started = time.monotonic()
        assert await line.ended()
        assert 0.2 < time.monotonic() - started < 2


@sqlite_only
async def test_a_connection_that_waits_for_its_answer_is_not_idle(store: Store) -> None:
    ingest = Ingest(store)
    endpoint = WebhookEndpoint(ingest, KeyRing(store, ["right"]), SetClock())
    storing = asyncio.create_task(ingest.run())
    async with serving(endpoint, endpoint, idle_for=0.1) as url, connected(url) as line:
        assert await line.ask(request()) == 200
        storing.cancel()
        await asyncio.gather(storing, return_exceptions=True)
        line.send(request())
        status, headers, _ = await line.answer()  # after 1.2 s, many times its patience
        assert (status, headers["retry-after"]) == (503, "1")
        assert await line.ended()


@sqlite_only
async def test_a_server_that_ends_answers_what_is_under_way_and_closes(store: Store) -> None:
    ingest = Ingest(store)
    endpoint = WebhookEndpoint(ingest, KeyRing(store, ["right"]), SetClock())

    async def store_later() -> None:
        await asyncio.sleep(0.1)  # the server is told to end before
        await ingest.run()

    async with AsyncExitStack() as lines:
        async with serving(endpoint, endpoint) as url:
            busy, idle = [await lines.enter_async_context(connected(url)) for _ in range(2)]
            assert await idle.ask(request(method="GET")) == 405
            busy.send(request())
            while endpoint.last_at is None:
                await asyncio.sleep(0.01)
            storing = asyncio.create_task(store_later())
        status, headers, body = await busy.answer()
        assert (status, headers["connection"], body) == (200, "close", STORED)
        assert await busy.ended()
        assert await idle.ended()
    storing.cancel()
    await asyncio.gather(storing, return_exceptions=True)


def test_the_bytes_of_an_answer_are_made_once_for_each_second() -> None:
    wire = Wire()
    answer = WebhookResponse(200, [(b"content-length", b"2")], b"{}")
    first, second = [(b"date", b"1")], [(b"date", b"2")]
    made = wire.of(answer, first, keep_alive=True)
    assert made == b"HTTP/1.1 200 OK\r\ndate: 1\r\ncontent-length: 2\r\n\r\n{}"
    assert wire.of(answer, first, keep_alive=True) is made
    assert wire.of(answer, first, keep_alive=False).endswith(b"\r\nconnection: close\r\n\r\n{}")
    assert wire.of(answer, second, keep_alive=True).startswith(b"HTTP/1.1 200 OK\r\ndate: 2\r\n")
