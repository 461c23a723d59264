"""The connections of the direct client, on both event loops: TLS, addresses, slow readers and writers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvloop

from awbridge.certificates import trusted
from awbridge.clickpost.client.network import Connection, connect
from tests.clickpost.client.raw_server import BODY, direct, result, serving, sized
from tests.support.tls import server_context

Run = Callable[[Coroutine[Any, Any, Any]], Any]
MIB = 1 << 20


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    return request.param


async def whole(connection: Connection) -> int:
    """The bytes until the server closes."""
    size = 0
    while data := await connection.read(5):
        size += len(data)
    return size


def test_calls_over_tls_share_a_connection(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = server_context(tmp_path, monkeypatch)

    async def calls() -> tuple[list[Any], int]:
        client = direct(verify=trusted())
        async with serving(sized(), ssl=context) as server:
            found = [await result(client, server.url, content=b"{}") for _ in range(3)]
            await client.aclose()
            return found, len(server.seen)

    found, connections = run(calls())
    assert [each[2] for each in found] == [BODY] * 3
    assert connections == 1


async def test_the_next_address_of_a_host_is_tried(unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(sized()) as server:
        ports = (unused_tcp_port, int(server.url.rpartition(":")[2]))
        tcp = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")

        async def addresses(*_: Any, **__: Any) -> Any:
            return [(*tcp, ("127.0.0.1", port)) for port in ports]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", addresses)
        connection = await connect("two-addresses.example", 80, tls=None, timeout=5)
        await connection.write(b"GET / HTTP/1.1\r\n\r\n", 5)
        assert (await connection.read(5)).startswith(b"HTTP/1.1 200 OK")
        await connection.aclose()


def test_a_host_without_an_address_was_sent_nothing(run: Run) -> None:
    async def call() -> None:
        await connect("no-such-host.invalid", 80, tls=None, timeout=5)

    with pytest.raises((httpx2.ConnectError, httpx2.ConnectTimeout)):
        run(call())


def test_a_server_is_slowed_down_while_nobody_reads(run: Run) -> None:
    async def call() -> tuple[int, int]:
        sent = 0

        async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            for _number in range(48):
                writer.write(bytes(MIB))
                await writer.drain()
                sent += MIB
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            connection = await connect("127.0.0.1", server.sockets[0].getsockname()[1], tls=None, timeout=5)
            await asyncio.sleep(0.1)
            unread = sent
            received = await whole(connection)
            await connection.aclose()
            return unread, received

    unread, received = run(call())
    assert unread < 24 * MIB, "what the kernel's buffers hold"
    assert received == 48 * MIB


def test_a_request_that_the_server_does_not_take_times_out(run: Run) -> None:
    async def call() -> None:
        given_up = asyncio.Event()

        async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await given_up.wait()
            writer.transport.abort()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1024)
        async with server:
            connection = await connect("127.0.0.1", server.sockets[0].getsockname()[1], tls=None, timeout=5)
            with pytest.raises(httpx2.WriteTimeout):
                await connection.write(bytes(32 * MIB), 0.1)
            given_up.set()
            await connection.aclose()
            await asyncio.sleep(0.01)

    run(call())


def test_an_answer_that_comes_before_the_whole_request_is_read_is_taken(run: Run) -> None:
    async def call() -> Any:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1024)
            writer.write(sized(b"too large", status=b"HTTP/1.1 413 Content Too Large"))
            await writer.drain()
            with suppress(ConnectionError):
                while await reader.read(MIB):
                    pass
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            client = direct()
            found = await result(
                client, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", content=bytes(8 * MIB)
            )
            await client.aclose()
            await asyncio.sleep(0.05)  # for the server to see it
            return found

    found = run(call())
    assert (found[0], found[2]) == (413, b"too large")
