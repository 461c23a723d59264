"""The client of one connection: what it sends, which of its errors mean that nothing was sent, and its connections."""

from __future__ import annotations

import asyncio
import gzip
import logging
import socket
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

import httpx2
import pytest

from awbridge import AsyncClickPost
from awbridge.clickpost.client.direct_client import LARGEST_HEADER
from awbridge.domain.orders.outcome import Placed, TryLater, Unknown
from tests.clickpost.client.raw_server import Server, answer, direct, reference, result, serving, sized
from tests.support.ports import free_port
from tests.support.tls import server_context

pytestmark = pytest.mark.heavy

ORDER = {"shipment_details": {"reference_number": "R1"}}
JSON = {"Content-Type": "application/json"}
SILENCE = 1.0  # seconds that a client waits where no answer comes; a busy machine connects within them


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("POST", "/api/v3/create-order/?username=a&key=b%2Fc", {"content": b'{"a": 1}', "headers": JSON}),
        ("GET", "/api/v2/track-order/?waybill=1,2&account=main acct", {}),
        ("GET", "", {}),
        ("GET", "/अ?b=ü#fragment", {}),
        ("POST", "/empty", {}),
        ("PUT", "/register", {"content": b"{}", "headers": JSON}),
    ],
)
@pytest.mark.parametrize("userinfo", ["", "shop:s%40crt@", "shop@"])
async def test_a_request_has_the_bytes_of_httpx2(method: str, path: str, sent: Any, userinfo: str) -> None:
    async with serving(sized()) as server, reference() as theirs:
        ours = direct()
        url = server.url.replace("://", f"://{userinfo}") + path
        for client in (ours, theirs):
            for _ in range(2):  # the second is made of what is kept of the first
                assert (await result(client, url, method, **sent))[0] == 200
        await ours.aclose()
    ours_sent, theirs_sent = (bytes(seen).split(b"\r\n") for seen in server.seen)
    assert ours_sent.count(b"") == theirs_sent.count(b"")
    assert ours_sent[0] == theirs_sent[0]
    assert sorted(ours_sent) == sorted(theirs_sent), "the headers may have another order"


@pytest.mark.parametrize("url", ["ftp://localhost/", "localhost/", "/path", "http:///path"])
async def test_an_address_that_cannot_be_called_is_one_error_before_anything_is_sent(url: str) -> None:
    async with reference() as theirs:
        assert await result(direct(), url) == await result(theirs, url) == httpx2.UnsupportedProtocol


async def test_a_server_that_refuses_connections_was_sent_nothing() -> None:
    ours = direct()
    async with reference() as theirs:
        url = f"http://localhost:{free_port()}"
        assert await result(ours, url) == await result(theirs, url) == httpx2.ConnectError
    await ours.aclose()


def order_to(server: Server, **how: Any) -> AsyncClickPost:
    return AsyncClickPost(username="u", key="s3cr3t", url=server.url, **how)


@pytest.mark.parametrize(
    ("server", "error"),
    [
        ({"reset": True}, "ReadError"),
        ({"answers": 0}, "RemoteProtocolError"),
        ({"say": b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", "close": True}, "RemoteProtocolError"),
        ({"say": b"220 mail.example ESMTP\r\n"}, "RemoteProtocolError"),
        ({"say": b""}, "ReadTimeout"),
        ({"say": answer(b"Content-Length: 99")}, "ReadTimeout"),
        ({"say": sized(b"no gzip", b"Content-Encoding: gzip")}, "DecodingError"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_an_order_that_was_sent_without_a_whole_answer_may_be_placed(server: Any, error: str) -> None:
    how = {"timeout": SILENCE} if error == "ReadTimeout" else {}
    async with serving(**{"say": sized()} | server) as vendor, order_to(vendor, **how) as clickpost:
        found = await clickpost.create_order(ORDER)
    assert isinstance(found.outcome, Unknown)
    assert found.call.error.startswith(error)
    assert [seen.count(b"POST ") for seen in vendor.seen] == [1]


@pytest.mark.parametrize("method", ["POST", "GET", "PUT"])
async def test_a_request_is_sent_once_though_its_kept_connection_was_closed(method: str) -> None:
    """The server closes as the second request comes. aiohttp would send a GET or PUT again on its own."""
    client = direct()
    async with serving(sized(), answers=1) as server:
        assert (await result(client, server.url, method))[0] == 200
        assert await result(client, server.url, method) == httpx2.RemoteProtocolError
        await client.aclose()
    assert [seen.count(b" HTTP/1.1") for seen in server.seen] == [2]


async def test_an_order_that_the_server_does_not_read_ends_with_the_time_of_a_call() -> None:
    large = {"shipment_details": {"reference_number": "R1", "note": "x" * (16 << 20)}}
    called, ended = asyncio.Event(), asyncio.Event()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await called.wait()
        writer.transport.abort()
        ended.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with AsyncClickPost(username="u", key="k", url=url, timeout=SILENCE / 2) as clickpost:
            found = await clickpost.create_order(large)
        called.set()
        await ended.wait()
        await asyncio.sleep(0.05)  # for the end of the connection, whose buffer was full
    assert isinstance(found.outcome, Unknown)
    assert found.call.error == "TimeoutError"


async def test_an_answer_that_comes_before_the_request_is_whole_is_read_and_its_connection_closed() -> None:
    say = sized(b"too large", status=b"HTTP/1.1 413 Content Too Large")
    client = direct()
    async with serving(say, close=True, early=True) as server:
        for _ in range(2):
            assert (await result(client, server.url, content=bytes(8 << 20)))[0] == 413
        await client.aclose()
    assert [seen.count(b"POST ") for seen in server.seen] == [1, 1]


@pytest.mark.parametrize("answers", [True, False], ids=["no such host", "no answer of the resolver"])
async def test_without_an_address_of_the_host_nothing_was_sent(answers: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def look_up(*_: Any, **__: Any) -> Any:
        if not answers:
            over.wait(60)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    limits: dict[str, float] = {} if answers else {"timeout": 0.1}
    async with AsyncClickPost(username="u", key="s3cr3t", url="https://nowhere.example", **limits) as clickpost:
        found = await clickpost.create_order(ORDER)
    over.set()
    assert isinstance(found.outcome, TryLater)
    assert found.call.error == (
        "ConnectError: [Errno -2] Name or service not known" if answers else "ConnectTimeout: no connection in time"
    )


@pytest.mark.parametrize("says", [b"", b"220 mail.example ESMTP\r\n"])
async def test_a_server_that_speaks_no_tls_was_sent_nothing(says: bytes) -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(says)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with AsyncClickPost(username="u", key="s3cr3t", url=url) as clickpost:
            found = await clickpost.create_order(ORDER)
    assert isinstance(found.outcome, TryLater)
    assert found.call.error.startswith("ConnectError: ")


@pytest.mark.parametrize(
    ("scheme", "server"),
    [
        ("http", {"reset": True}),
        ("http", {"answers": 0}),
        ("http", {"say": b"HTTP/1.1 200 OK\r\nno header\r\n\r\n"}),
        ("http", {"say": answer(b"Content-Length: 99"), "close": True}),
        ("http", {"say": b""}),
        ("https", {"say": b""}),
    ],
)
async def test_no_error_nor_its_traceback_holds_the_key(scheme: str, server: Any) -> None:
    """aiohttp's own errors hold the whole address."""
    waits = server == {"say": b""}
    client = direct(timeout=httpx2.Timeout(0.2 if waits else 30.0, connect=0.2 if scheme == "https" else 30.0))
    async with serving(**{"say": sized()} | server) as vendor:
        url = httpx2.URL(vendor.url.replace("http:", f"{scheme}:") + "/?key=s3cr3t")
        with pytest.raises(httpx2.TransportError) as caught:
            async with client.stream("POST", url, content=b"{}") as response:
                _ = [part async for part in response.aiter_bytes()]
        await client.aclose()
    assert str(caught.value)
    assert "s3cr3t" not in "".join(traceback.format_exception(caught.value))


async def test_no_cookie_is_kept() -> None:
    client = direct()
    async with serving(sized(b"{}", b"Set-Cookie: session=1; Path=/")) as server:
        for _ in range(2):
            await result(client, server.url)
        await client.aclose()
    assert server.seen[0].count(b"POST ") == 2
    assert b"cookie" not in server.seen[0].lower()


@pytest.mark.parametrize("size", [60_000, 70_000])
async def test_the_headers_of_an_answer_have_a_limit(size: int) -> None:
    client = direct()
    async with serving(sized(b"{}", b"X-Large: " + b"x" * size)) as server:
        found = await result(client, server.url)
        await client.aclose()
    assert found == httpx2.RemoteProtocolError if size > LARGEST_HEADER else found[0] == 200


async def test_a_server_that_never_answers_the_handshake_was_sent_nothing() -> None:
    async with serving(b"") as server:
        url = server.url.replace("http:", "https:")
        async with AsyncClickPost(username="u", key="k", url=url, timeout=0.2) as clickpost:
            found = await clickpost.create_order(ORDER)
    assert isinstance(found.outcome, TryLater)
    assert found.call.error.startswith("ConnectTimeout")


@pytest.mark.parametrize("trusted", [True, False])
async def test_the_servers_certificate_is_verified(
    trusted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = server_context(tmp_path, monkeypatch, trusted=trusted)
    context.set_alpn_protocols(["h2", "http/1.1"])
    async with (
        serving(sized(), ssl=context) as server,
        AsyncClickPost(username="u", key="k", url=server.url) as clickpost,
        AsyncClickPost(username="u", key="k", url=server.url.replace("localhost", "127.0.0.1")) as by_address,
    ):
        found = await clickpost.create_order(ORDER)
        elsewhere = await by_address.create_order(ORDER)
    assert isinstance(found.outcome, Placed if trusted else TryLater)
    assert isinstance(elsewhere.outcome, TryLater), "the certificate names localhost alone"
    for refused in (elsewhere, *([] if trusted else [found])):
        assert "CERTIFICATE_VERIFY_FAILED" in refused.call.error


async def test_an_order_is_sent_once_though_the_server_closed_the_idle_connection() -> None:
    async with (
        serving(sized(), close=True) as server,
        AsyncClickPost(username="u", key="k", url=server.url, connections=1) as clickpost,
    ):
        for _ in range(3):
            assert isinstance((await clickpost.create_order(ORDER)).outcome, Placed)
            await asyncio.sleep(0.02)
    assert [seen.count(b"POST ") for seen in server.seen] == [1, 1, 1]


@pytest.mark.parametrize(("keep", "connections"), [(30.0, 1), (0.0, 2)])
async def test_a_connection_that_was_idle_for_too_long_is_not_used_again(keep: float, connections: int) -> None:
    client = direct(keep=keep)
    async with serving(sized()) as server:
        for _ in range(2):
            await result(client, server.url)
            await asyncio.sleep(0.001)
        await client.aclose()
    assert len(server.seen) == connections


async def test_an_answer_that_is_not_read_to_its_end_closes_the_connection() -> None:
    client = direct()
    async with serving(answer(b"Content-Length: 1000")) as server:
        for answers in (1, 2):
            asking = asyncio.create_task(result(client, server.url))
            while len(server.seen) < answers or not server.seen[-1]:  # it has its request
                await asyncio.sleep(0.01)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        async with client.stream("GET", httpx2.URL(server.url)):
            pass
        await client.aclose()
    assert len(server.seen) == 3


async def test_an_answer_is_decompressed_in_parts() -> None:
    client = direct()
    async with serving(sized(gzip.compress(bytes(8 << 20)), b"Content-Encoding: gzip")) as server:
        async with client.stream("GET", httpx2.URL(server.url)) as response:
            parts = [len(part) async for part in response.aiter_bytes()]
        await client.aclose()
    assert (sum(parts), max(parts)) == (8 << 20, 1 << 20)


@pytest.mark.parametrize("how", ["HTTP_PROXY", "ALL_PROXY", "argument", "bypassed"])
async def test_proxies_are_used_as_the_environment_or_the_caller_says(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(sized()) as proxy, serving(sized()) as vendor:
        if how != "argument":
            monkeypatch.setenv("HTTP_PROXY" if how == "bypassed" else how, proxy.url)
        if how == "bypassed":
            monkeypatch.setenv("NO_PROXY", "localhost")
        given = proxy.url if how == "argument" else None
        async with AsyncClickPost(username="u", key="k", url=vendor.url, proxy=given) as clickpost:
            assert isinstance((await clickpost.create_order(ORDER)).outcome, Placed)
    assert len(vendor.seen) == (how == "bypassed")
    if how != "bypassed":
        assert proxy.seen[0].startswith(f"POST {vendor.url}/api/v3/create-order/".encode())


async def test_nothing_of_a_request_but_its_masked_address_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(sized()) as server:
        with caplog.at_level(logging.DEBUG):
            async with AsyncClickPost(username="u", key="s3cr3t", url=server.url) as clickpost:
                await clickpost.create_order({"shipment_details": {"reference_number": "R1", "name": "Asha"}})
    assert "create-order/?username=u&key=***" in caplog.text
    assert not any(word in caplog.text for word in ("s3cr3t", "Asha", "W1"))


_ASK_AND_SEND = """
import asyncio, sys
from awbridge import AsyncClickPost
async def main():
    async with AsyncClickPost(username="u", key="k", url="http://127.0.0.1:9") as clickpost:
        await clickpost.find_order("R1")
        print("aiohttp" in sys.modules)
        await clickpost.create_order({})
        print("aiohttp" in sys.modules)
asyncio.run(main())
"""


def test_asking_does_not_take_the_memory_of_aiohttp() -> None:
    """An idle replica only asks."""
    done = subprocess.run([sys.executable, "-c", _ASK_AND_SEND], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
