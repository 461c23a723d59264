"""The limits of clients: raw bytes over loopback, with limits short enough for a test."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from awbridge.web.access.access_list import AccessList
from awbridge.web.contexts import ApiContext, ProcessContext
from awbridge.web.http import limits as limits_module
from awbridge.web.http.limits import OWN_FILES, Connections, ConnectionState, Limits, connections_within_files
from awbridge.web.monitoring.metrics import metrics_text
from awbridge.web.monitoring.ready import Readiness
from awbridge.web.webhook.endpoint import PATH
from tests.support.app import Web, serving
from tests.support.stopwatch import Stopwatch
from tests.support.stores import sqlite_only
from tests.web.http.test_protocol import HOOK, STORED, Line, connected, request

pytestmark = pytest.mark.heavy

GET = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
MiB = 1024 * 1024


@asynccontextmanager
async def served(web: Web, **limits: Any) -> AsyncGenerator[tuple[str, Connections]]:
    """The served app with these limits instead of the default ones."""
    connections = Connections(Limits(**limits))
    async with serving(web.app, web.endpoint, connections=connections) as url:  # pyright: ignore
        yield url, connections


async def refused(line: Line, status: int) -> None:
    """The connection received a problem with this status and was closed."""
    received, headers, body = await line.answer()
    assert (received, headers["connection"]) == (status, "close"), body
    assert headers["content-type"] == "application/problem+json"
    assert f'"status": {status}'.encode() in body
    assert await line.ended()


async def until(done: Any, *, within: float = 30.0) -> None:
    async with asyncio.timeout(within):
        while not done():
            await asyncio.sleep(0.02)


async def drip(line: Line, byte: bytes, every: float) -> None:
    """Send one byte after the other until the server closes the connection."""
    while not line.writer.is_closing():
        line.send(byte)
        try:
            await line.writer.drain()
        except ConnectionError:
            return
        await asyncio.sleep(every)


def to_localhost(request: bytes) -> bytes:
    """The request with a Host that the API accepts without a key, so that it reads the body."""
    return request.replace(b"host: x", b"host: localhost")


def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


PATHS = [PATH, "/v1/shipments", "/", "/healthz"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("headers", "status", "reason"),
    [
        ([f"h{n}: v" for n in range(101)], 431, "head"),
        ([f"long: {'x' * 33 * 1024}"], 431, "head"),
        ([f"h{n}: {'x' * 1000}" for n in range(40)], 431, "head"),
    ],
    ids=["lines", "one long", "many long"],
)
@sqlite_only
async def test_too_many_or_too_long_headers_are_431(
    web: Web, path: str, headers: list[str], status: int, reason: str
) -> None:
    async with served(web) as (url, connections), connected(url) as line:
        line.send(request(HOOK, *headers, path=path))
        await refused(line, status)
        assert connections.refused == {reason: 1}


@pytest.mark.parametrize("path", PATHS)
@sqlite_only
async def test_a_head_within_the_limits_is_answered_also_with_a_large_body(web: Web, path: str) -> None:
    async with served(web) as (url, connections), connected(url) as line:
        headers = [f"h{n}: {'x' * 250}" for n in range(90)]
        assert await line.ask(request(HOOK + b" " * 300_000, *headers, path=path)) < 431
        assert not connections.refused


@pytest.mark.parametrize("method", ["GET", "POST"])
@sqlite_only
async def test_a_url_that_is_too_long_is_414(web: Web, method: str) -> None:
    async with served(web) as (url, connections), connected(url) as line:
        line.send(request(path=f"{PATH}?secret={'x' * 8200}", method=method))
        await refused(line, 414)
        assert connections.refused == {"line": 1}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/shipments", "text/html; charset=utf-8"),
        ("/a/acme/shipments", "text/html; charset=utf-8"),
        ("/v1/shipments", "application/problem+json"),
        ("/a/acme/v1/shipments", "application/problem+json"),
    ],
)
@sqlite_only
async def test_people_are_told_on_a_page_that_their_url_is_too_long(web: Web, path: str, kind: str) -> None:
    async with served(web) as (url, connections), connected(url) as line:
        line.send(request(path=f"{path}?q={'x' * 8200}", method="GET"))
        status, headers, body = await line.answer()
        assert (status, headers["content-type"], headers["connection"]) == (414, kind, "close")
        assert b"The URL is too long" in body
        assert await line.ended()
        assert connections.refused == {"line": 1}


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\nlong: ", b"GET /", b"POST " + PATH.encode() + b" HTTP/1.1\r\nx"])
@sqlite_only
async def test_endless_heads_take_no_memory_and_webhooks_are_answered_meanwhile(web: Web, start: bytes) -> None:
    async def flood(url: str) -> None:
        async with connected(url) as line:
            line.send(start)
            try:
                for _ in range(80):
                    line.send(b"x" * 256 * 1024)
                    await line.writer.drain()
            except ConnectionError:
                return

    async with served(web) as (url, connections), connected(url) as line:
        before = resident()
        flooding = [asyncio.create_task(flood(url)) for _ in range(4)]
        for _ in range(10):
            watch = Stopwatch()
            assert await line.ask(request()) == 200
            assert watch.seconds < 2, "ClickPost hangs up"
        await asyncio.gather(*flooding)
        assert resident() - before < 24 * MiB
        assert sum(connections.refused.values()) == 4


@sqlite_only
async def test_endless_trailers_and_chunk_extensions_are_refused(web: Web) -> None:
    head = request(b"", "transfer-encoding: chunked", length=False)
    for endless in (b"0\r\n", b"1;", b"1\r\n[\r\n0\r\nlong: "):
        async with served(web) as (url, connections), connected(url) as line:
            line.send(head, endless)
            for _ in range(8):
                line.send(b"h: v\r\n" * 8000 if endless == b"0\r\n" else b"x" * 48_000)
            assert (await line.answer())[0] == 431
            assert connections.refused == {"head": 1}


@sqlite_only
async def test_trailers_within_the_limits_are_accepted(web: Web) -> None:
    sent = request(b"", "transfer-encoding: chunked", length=False) + b"2\r\n{}\r\n0\r\nchecksum: 1\r\nother: 2\r\n\r\n"
    async with served(web) as (url, _), connected(url) as line:
        assert [await line.ask(sent) for _ in range(2)] == [200, 200]


@pytest.mark.parametrize("sent", [b"G", b"GET / HTTP/1.1\r\nhost: x\r\n", b"\r\n"])
@sqlite_only
async def test_a_late_head_is_408(web: Web, sent: bytes) -> None:
    async with served(web, head_within=0.4, idle_for=30) as (url, connections), connected(url) as line:
        line.send(sent)
        if sent == b"\r\n":  # has not begun
            assert await line.ended()
            assert not connections.refused
        else:
            await refused(line, 408)
            assert connections.refused == {"head_late": 1}


@sqlite_only
async def test_a_trickling_head_has_no_more_time_than_any_other(web: Web) -> None:
    async with served(web, head_within=0.5) as (url, _), connected(url) as line:
        assert await line.ask(GET) == 200
        line.send(GET[:10])
        dripping = asyncio.create_task(drip(line, b"x", 0.05))
        await refused(line, 408)  # although bytes keep coming
        assert not dripping.done()
        await dripping


@pytest.mark.parametrize("path", [PATH, "/v1/shipments"])
@pytest.mark.parametrize("size", [len(HOOK) + 1, 200_000], ids=["small", "large"])
@sqlite_only
async def test_a_body_that_pauses_too_long_is_408(web: Web, path: str, size: int) -> None:
    async with served(web, body_pause=0.4) as (url, connections), connected(url) as line:
        line.send(to_localhost(request(b" " * size, path=path))[:-size], HOOK)
        await refused(line, 408)
        assert connections.refused == {"body_late": 1}
    assert web.endpoint.counts.get(200) is None


@pytest.mark.parametrize("path", [PATH, "/v1/shipments"])
@sqlite_only
async def test_a_trickling_body_is_408_though_it_never_pauses(web: Web, path: str) -> None:
    async with served(web, body_pause=30, body_grace=0.5) as (url, _), connected(url) as line:
        line.send(to_localhost(request(b" " * 60_000, path=path))[:-60_000])
        dripping = asyncio.create_task(drip(line, b" ", 0.05))
        await refused(line, 408)
        await dripping


@sqlite_only
async def test_a_long_body_that_keeps_arriving_has_more_time(web: Web) -> None:
    async with served(web, body_grace=0.3, body_rate=100_000) as (url, _), connected(url) as line:
        line.send(request(b" " * 300_000)[:-300_000], HOOK)
        remaining = 300_000 - len(HOOK)
        for _ in range(10):
            line.send(b" " * (remaining // 10))
            await asyncio.sleep(0.1)
        assert await line.ask(b" " * (remaining - remaining // 10 * 10)) == 200


@sqlite_only
async def test_time_in_which_the_server_does_not_read_does_not_count(web: Web) -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(1.0)  # the body fills the buffers meanwhile
        size = 0
        while (message := await receive()).get("more_body"):
            size += len(message["body"])
        size += len(message["body"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"size", b"%d" % size)]})
        await send({"type": "http.response.body", "body": b""})

    async with (
        serving(slow, web.endpoint, body_pause=0.3, body_grace=0.6) as url,
        connected(url) as line,
    ):
        line.send(request(b"x" * 4 * MiB, path="/upload"))
        status, headers, _ = await line.answer()
        assert (status, headers["size"]) == (200, str(4 * MiB))


@sqlite_only
async def test_a_client_that_reads_no_response_is_disconnected(web: Web) -> None:
    async def large(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(40):
            await send({"type": "http.response.body", "body": b"x" * MiB, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    connections = Connections(Limits(write_pause=0.4))
    async with serving(large, web.endpoint, connections=connections) as url, connected(url) as line:
        line.send(GET)
        await until(lambda: connections.refused["answer_unread"] == 1)
        await until(lambda: connections.number == 0)


@sqlite_only
async def test_too_many_pipelined_requests_are_refused(web: Web) -> None:
    async with served(web, pipelined=5) as (url, connections), connected(url) as line:
        line.send(GET * 500)
        answers = [(await line.answer())[0] for _ in range(7)]
        assert answers == [200] * 6 + [400]
        assert await line.ended()
        assert connections.refused == {"not_http": 1}


@pytest.mark.parametrize("upgrade", ["h2c", "websocket", "TLS/1.2", "h2c, websocket"])
@sqlite_only
async def test_an_upgrade_is_ignored(web: Web, upgrade: str) -> None:
    headers = ["connection: Upgrade, HTTP2-Settings", f"upgrade: {upgrade}", "http2-settings: AAMAAABkAAQAoAAAAAIAAAAA"]
    async with served(web) as (url, _), connected(url) as line:
        for _ in range(2):  # the connection stays open
            assert await line.ask(request(HOOK, *headers)) == 200
            assert await line.ask(request(HOOK, *headers, key="wrong")) == 401
            assert await line.ask(request(b"", *headers, path="/healthz", method="GET", length=False)) == 200
            assert await line.ask(request(b"[]", *headers, path="/v1/shipments")) < 500
        # bytes after such a request are a request too
        line.send(request(b"", *headers, path="/healthz", method="GET", length=False), request(), GET)
        assert [(await line.answer())[0] for _ in range(3)] == [200, 200, 200]


@sqlite_only
async def test_http2_with_prior_knowledge_and_connect_are_refused(web: Web) -> None:
    for sent in (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n"):
        async with served(web) as (url, _), connected(url) as line:
            line.send(sent)
            await refused(line, 400)


@sqlite_only
async def test_a_refusal_does_not_overtake_earlier_responses(web: Web) -> None:
    async with served(web) as (url, _), connected(url) as line:
        line.send(request(), GET, b"what is this\r\n\r\n")
        assert [(await line.answer())[0] for _ in range(3)] == [200, 200, 400]
        assert await line.ended()


@pytest.mark.heavy
@sqlite_only
async def test_500_idle_connections_do_not_block_webhooks(web: Web) -> None:
    async with served(web, connections=500, idle=400) as (url, connections), AsyncExitStack() as stack:
        for number in range(500):
            line = await stack.enter_async_context(connected(url))
            if number % 3 == 0:
                line.send(b"POST / HTTP/1.1\r\nx: ")  # and nothing more
        for _ in range(20):
            watch = Stopwatch()
            async with connected(url) as line:
                line.send(request())
                assert (await line.answer())[2] == STORED
            assert watch.seconds < 2
        assert connections.number <= 501
        assert connections.refused["connections"] >= 1


@sqlite_only
async def test_the_oldest_idle_connection_is_closed_for_a_new_one(web: Web) -> None:
    async with served(web, connections=100, idle=3) as (url, connections), AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(connected(url)) for _ in range(4)]
        for line in lines:
            assert await line.ask(request()) == 200
        assert await lines[0].ended()
        for line in lines[1:]:
            assert await line.ask(request()) == 200
        assert connections.count(ConnectionState.IDLE) == 3


@sqlite_only
async def test_when_all_connections_are_busy_a_new_one_gets_503(web: Web) -> None:
    may_continue = asyncio.Event()

    async def waiting(scope: Any, receive: Any, send: Any) -> None:
        await may_continue.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    connections = Connections(Limits(connections=2))
    async with serving(waiting, web.endpoint, connections=connections) as url, AsyncExitStack() as stack:
        busy = [await stack.enter_async_context(connected(url)) for _ in range(2)]
        for line in busy:
            line.send(GET)
        await until(lambda: connections.count(ConnectionState.BUSY) == 2)
        async with connected(url) as late:
            status, headers, _ = await late.answer()
            assert (status, headers["retry-after"]) == (503, "1")
            assert await late.ended()
        may_continue.set()
        for line in busy:
            assert (await line.answer())[0] == 204


@sqlite_only
async def test_every_closed_connection_is_removed(web: Web) -> None:
    async with served(web) as (url, connections):
        for sent in (request(), GET, GET[:5], b"", b"?\r\n\r\n", request(HOOK, "connection: close"), request()[:-3]):
            async with connected(url) as line:
                line.send(sent)
                await asyncio.sleep(0.02)
        await until(lambda: connections.number == 0)


@sqlite_only
async def test_metrics_count_refusals(web: Web) -> None:
    connections = Connections(Limits())
    connections.refused["head"] = 3
    api, readiness = ApiContext(store=web.store, clock=web.clock), Readiness(web.store, web.clock)
    access = AccessList(web.store, web.clock)
    process = ProcessContext(
        webhook=web.endpoint, loops=(), connections=connections, readiness=readiness, access=access
    )
    text = (await metrics_text(api, process)).decode()
    assert 'awbridge_http_refused_total{reason="head"} 3.0' in text
    assert 'awbridge_http_connections{state="idle"} 0.0' in text


def test_connections_stay_within_the_limit_of_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = [(256, 512)]
    monkeypatch.setattr(limits_module.resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(limits_module.resource, "setrlimit", lambda _, wanted: limits.append(wanted))
    assert connections_within_files(100) == 100
    assert limits == [(256, 512)]
    assert connections_within_files(200) == 200
    assert limits[-1] == (200 + OWN_FILES, 512)
    assert connections_within_files(5000) == 512 - OWN_FILES
