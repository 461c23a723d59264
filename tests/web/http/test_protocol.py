"""Webhooks answered within the server's protocol: for every kind of client, complete, in order, and at shutdown."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from awbridge.steps.tracking.ingest import Ingest
from awbridge.store import Store
from awbridge.web.http.limits import Connections
from awbridge.web.http.request_cycle import LARGEST_BUFFERED_BODY, ResponseEncoder
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

pytestmark = pytest.mark.heavy

HOOK = as_body(hook("AWB1", 5, T0, order_status_id=1))
STORED = b'{"status":"stored"}'


def request(
    body: bytes = HOOK,
    *headers: str,
    path: str = PATH,
    method: str = "POST",
    version: str = "1.1",
    key: str = "right",
    length: bool = True,
) -> bytes:
    lines = [f"{method} {path} HTTP/{version}", "host: x", f"webhook_key: {key}", *headers]
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


class RecordingEndpoint:
    """An endpoint that records ASGI requests."""

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
def recorded(web: Web) -> RecordingEndpoint:
    return RecordingEndpoint(web.endpoint)


@pytest.fixture
async def url(web: Web, recorded: RecordingEndpoint) -> AsyncIterator[str]:
    async with serving(recorded, web.endpoint) as address:
        yield address


@pytest.fixture
async def line(url: str) -> AsyncIterator[Line]:
    async with connected(url) as connection:
        yield connection


@sqlite_only
async def test_an_ordinary_webhook_is_answered_without_asgi(web: Web, recorded: RecordingEndpoint, line: Line) -> None:
    for path in (PATH, f"{PATH}/right"):
        line.send(request(path=path))
        status, headers, body = await line.answer()
        assert (status, body, headers["content-type"]) == (200, STORED, "application/json")
        assert headers["date"] == "sat, 28 nov 2026 00:00:00 gmt"
        assert "connection" not in headers
    assert recorded.seen == []
    assert web.endpoint.counts == {200: 2}
    assert web.endpoint.last_at == web.clock()
    assert await count(web.store, "inbox") == 1


@sqlite_only
async def test_each_connection_closes_after_its_next_response_once_the_server_leaves(
    web: Web, recorded: RecordingEndpoint
) -> None:
    connections = Connections()
    async with (
        serving(recorded, web.endpoint, connections=connections) as url,
        connected(url) as kept,
        connected(url) as relayed,
        connected(url) as older,
    ):
        assert await kept.ask(request()) == 200
        connections.leaving = True
        kept.send(request())
        relayed.send(b"GET /elsewhere HTTP/1.1\r\nhost: x\r\nconnection: keep-alive\r\n\r\n")
        older.send(request(version="1.0"))
        for line, status in ((kept, 200), (relayed, 405), (older, 200)):
            answered, headers, _ = await line.answer()
            assert (answered, headers["connection"]) == (status, "close")
            assert await line.ended()


@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
@sqlite_only
async def test_a_webhook_may_arrive_in_pieces(recorded: RecordingEndpoint, line: Line, size: int) -> None:
    whole = request()
    for start in range(0, len(whole), size):
        line.send(whole[start : start + size])
        await line.writer.drain()
        await asyncio.sleep(0)
    assert (await line.answer())[0] == 200
    assert recorded.seen == []


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (request(method="PUT"), 405),
        (request(path=f"{PATH}?secret=rig%68t", key="wrong"), 200),
        (request(path=f"{PATH}/rig%68t", key="wrong"), 200),
        (request(path=f"{PATH}/wrong", key="wrong"), 401),
        (request(key="wrong"), 401),
        (request(b"<html>"), 400),
        (request(b""), 400),
        (request(b"", "transfer-encoding: chunked", length=False) + b"1\r\n[\r\n5\r\n{}]  \r\n0\r\n\r\n", 200),
        (request(HOOK + b" " * LARGEST_BUFFERED_BODY), 200),
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
async def test_other_requests_are_answered_by_asgi(
    recorded: RecordingEndpoint, line: Line, sent: bytes, status: int
) -> None:
    assert await line.ask(sent) == status
    assert len(recorded.seen) == 1


@pytest.mark.parametrize(
    "sent",
    [request(HOOK, "connection: close"), request(version="1.0"), request(b"<", "connection: close")],
    ids=["close", "1.0", "close and no JSON"],
)
@sqlite_only
async def test_a_connection_is_closed_on_request(recorded: RecordingEndpoint, line: Line, sent: bytes) -> None:
    line.send(sent)
    status, headers, body = await line.answer()
    assert (status, headers["connection"]) in ((200, "close"), (400, "close"))
    assert await line.ended()
    assert len(recorded.seen) == (body != STORED), "a webhook is ordinary whoever closes: so nginx sends all by default"


@sqlite_only
async def test_pipelined_requests_are_answered_in_order(web: Web, recorded: RecordingEndpoint, line: Line) -> None:
    bodies = [as_body(hook("AWB1", 5, T0, order_status_id=n)) for n in range(1, 6)]
    line.send(*(request(body) for body in bodies[:3]), request(b"<"), *(request(body) for body in bodies[3:]))
    assert [(await line.answer())[0] for _ in range(6)] == [200, 200, 200, 400, 200, 200]
    assert await count(web.store, "inbox") == 6
    assert 0 < len(recorded.seen) < 6, "the first is answered without ASGI, those waiting behind it with ASGI"


@sqlite_only
async def test_other_requests_and_webhooks_share_a_connection(line: Line) -> None:
    expected = {request(): 200, request(b"<"): 400, request(key="wrong"): 401, request(method="GET"): 405}
    for _ in range(3):
        for sent, status in expected.items():
            assert await line.ask(sent) == status


@sqlite_only
async def test_input_that_is_not_http_gets_400_and_closes_the_connection(line: Line) -> None:
    assert await line.ask(request()) == 200
    assert await line.ask(b"what is this\r\n\r\n") == 400
    assert await line.ended()


@sqlite_only
async def test_a_delivery_is_stored_even_if_the_client_hangs_up(web: Web, url: str) -> None:
    async with connected(url) as line:
        line.send(request())
        await line.writer.drain()
    async with asyncio.timeout(10):
        while not await count(web.store, "inbox"):
            await asyncio.sleep(0.01)
    async with connected(url) as line:
        assert await line.ask(request()) == 200


@sqlite_only
async def test_an_incomplete_body_is_not_stored(web: Web, url: str) -> None:
    async with connected(url) as line:
        line.send(request()[:-1])
        await line.writer.drain()
    await asyncio.sleep(0.1)
    assert await count(web.store, "inbox") == 0


@sqlite_only
async def test_a_full_queue_is_answered_at_once_with_the_same_503(
    web: Web, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("awbridge.steps.tracking.ingest.CAPACITY", 0)
    line.send(request())
    status, headers, body = await line.answer()
    assert (status, headers["retry-after"], body) == (503, "1", b'{"message":"not stored, retry"}')
    monkeypatch.undo()
    assert await line.ask(request()) == 200
    assert web.endpoint.counts == {503: 1, 200: 1}


@sqlite_only
async def test_only_an_idle_connection_is_closed(web: Web) -> None:
    async with serving(web.endpoint, web.endpoint, idle_for=1.0) as url, connected(url) as line:
        for _ in range(4):
            await asyncio.sleep(0.3)
            assert await line.ask(request()) == 200, "it was in use"
        started = time.monotonic()
        assert await line.ended()
        assert time.monotonic() - started > 0.5


@sqlite_only
async def test_a_connection_that_waits_for_its_response_is_not_idle(store: Store) -> None:
    ingest = Ingest(store)
    endpoint = WebhookEndpoint(ingest, KeyRing(store, ["right"]), SetClock())
    storing = asyncio.create_task(ingest.run())
    async with serving(endpoint, endpoint, idle_for=0.6) as url, connected(url) as line:
        assert await line.ask(request()) == 200
        storing.cancel()
        await asyncio.gather(storing, return_exceptions=True)
        line.send(request())
        status, headers, _ = await line.answer()  # after 1.2 s, twice idle_for
        assert (status, headers["retry-after"]) == (503, "1")
        assert await line.ended()


@sqlite_only
async def test_a_stopping_server_answers_pending_requests_and_closes(store: Store) -> None:
    ingest = Ingest(store)
    endpoint = WebhookEndpoint(ingest, KeyRing(store, ["right"]), SetClock())

    async def store_later() -> None:
        await asyncio.sleep(0.1)  # the server is stopped before
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


def test_a_response_is_encoded_once_per_second() -> None:
    encoder = ResponseEncoder()
    response = WebhookResponse(200, [(b"content-length", b"2")], b"{}")
    first, second = [(b"date", b"1")], [(b"date", b"2")]
    encoded = encoder.encode(response, first, keep_alive=True)
    assert encoded == b"HTTP/1.1 200 OK\r\ndate: 1\r\ncontent-length: 2\r\n\r\n{}"
    assert encoder.encode(response, first, keep_alive=True) is encoded
    assert encoder.encode(response, first, keep_alive=False).endswith(b"\r\nconnection: close\r\n\r\n{}")
    assert encoder.encode(response, second, keep_alive=True).startswith(b"HTTP/1.1 200 OK\r\ndate: 2\r\n")
