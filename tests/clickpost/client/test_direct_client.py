"""The client of one connection: what it sends, which of its errors mean that nothing was sent, and its connections."""

from __future__ import annotations

import asyncio
import gzip
import logging
from pathlib import Path
from typing import Any

import httpx2
import pytest

from awbridge import AsyncClickPost
from awbridge.clickpost.client import direct_client
from awbridge.domain.orders.outcome import Placed, TryLater, Unknown
from tests.clickpost.client.raw_server import BODY, answer, direct, reference, result, serving, sized
from tests.support.tls import server_context

ORDER = {"shipment_details": {"reference_number": "R1"}}
JSON = {"Content-Type": "application/json"}


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
    assert server.seen[0] == server.seen[1]
    assert server.seen[0].count(b" HTTP/1.1\r\n") == 2


@pytest.mark.parametrize("url", ["ftp://localhost/", "localhost/", "/path", "http:///path"])
async def test_an_address_that_cannot_be_called_is_one_error_before_anything_is_sent(url: str) -> None:
    async with reference() as theirs:
        assert await result(direct(), url) == await result(theirs, url) == httpx2.UnsupportedProtocol


async def test_a_server_that_refuses_connections_was_sent_nothing(unused_tcp_port: int) -> None:
    async with reference() as theirs:
        url = f"http://localhost:{unused_tcp_port}"
        assert await result(direct(), url) == await result(theirs, url) == httpx2.ConnectError


class Line:
    """A connection that fails at one stage."""

    is_readable = False

    def __init__(self, stage: str, error: Exception) -> None:
        self._stage, self._error = stage, error
        self.closed = 0

    async def connect(self, *_: Any, **__: Any) -> Line:
        return self._reach("connect") or self

    async def write(self, *_: Any) -> None:
        self._reach("write")

    async def read(self, *_: Any) -> bytes:
        return self._reach("read") or sized()

    async def aclose(self) -> None:
        self.closed += 1

    def _reach(self, stage: str) -> None:
        if stage == self._stage:
            raise self._error


@pytest.mark.parametrize(
    ("stage", "error", "outcome"),
    [
        ("connect", httpx2.ConnectError(""), TryLater),
        ("connect", httpx2.ConnectTimeout(""), TryLater),
        ("write", httpx2.WriteTimeout(""), Unknown),
        ("write", OSError("no such device"), Unknown),
        ("read", httpx2.ReadTimeout(""), Unknown),
        ("read", httpx2.ReadError(""), Unknown),
        ("read", OSError("no such device"), Unknown),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
async def test_only_a_failure_to_connect_means_that_nothing_was_sent(
    stage: str, error: Exception, outcome: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line(stage, error)
    monkeypatch.setattr(direct_client, "connect", line.connect)
    async with AsyncClickPost(username="u", key="k", url="https://localhost") as clickpost:
        found = await clickpost.create_order(ORDER)
        assert isinstance(found.outcome, outcome)
        assert line.closed == (stage != "connect")


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


async def test_a_cookie_is_not_sent_back() -> None:
    client = direct()
    async with serving(sized(BODY, b"Set-Cookie: session=1; Path=/")) as server:
        for _ in range(2):
            assert (await result(client, server.url))[0] == 200
        await client.aclose()
    assert server.seen[0].count(b"POST ") == 2
    assert b"cookie" not in server.seen[0].lower()


async def test_a_request_to_another_server_has_a_connection_of_its_own() -> None:
    client = direct()
    async with serving(sized()) as one, serving(sized()) as other:
        for server in (one, other, one):
            assert (await result(client, server.url))[0] == 200
        await client.aclose()
    assert (len(one.seen), len(other.seen)) == (2, 1)


async def test_an_answer_that_is_not_read_to_its_end_closes_the_connection() -> None:
    client = direct()
    async with serving(answer(b"Content-Length: 1000")) as server:
        for _ in range(2):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(result(client, server.url), 0.05)
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
