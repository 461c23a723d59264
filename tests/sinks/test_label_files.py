"""Labels come from anywhere: within limits, never from a private network, and what is no PDF is named."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from awbridge.sinks import addresses, label_files
from awbridge.sinks.label_files import FetchedLabel, LabelFiles
from tests.support.labels import a_label

PDF = a_label("AWB1")
Answer = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


def http(body: bytes, *, status: str = "200 OK", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n{more}\r\n".encode() + body


@asynccontextmanager
async def served(*answers: Answer) -> AsyncGenerator[tuple[str, list[bytes]]]:
    """A server that gives these answers in turn, then always the last; its URL, and the heads it received."""
    heads: list[bytes] = []
    connections: list[asyncio.Task[None]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            chosen = answers[min(len(heads), len(answers)) - 1]
            if callable(chosen):
                await chosen(writer)
            else:
                writer.write(chosen)
        finally:
            writer.close()
            await writer.wait_closed()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(asyncio.create_task(answer(reader, writer)))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heads
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


async def fetch(
    url: str, *, trusted: tuple[str, ...] = ("127.0.0.1",), most: int = 100_000, timeout: float = 30.0
) -> FetchedLabel:
    async with LabelFiles(trusted_hosts=trusted, most_bytes=most, timeout=timeout) as files:
        return await files.fetch(url)


async def test_a_pdf_is_fetched_whatever_its_content_type() -> None:
    async with served(http(PDF, more="content-type: binary/octet-stream\r\n")) as (url, heads):
        assert await fetch(f"{url}/a.pdf?Signature=x%2By") == FetchedLabel(content=PDF)
    assert heads[0].startswith(b"GET /a.pdf?Signature=x%2By HTTP/1.1")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"\x89PNG\r\n\x1a\n...", "the label is not a PDF but a PNG picture"),
        (b"^XA^FO50^XZ", "the label is not a PDF but printer commands (ZPL)"),
        (b" <!doctype html><p>Login", "the label is not a PDF but a web page"),
        (b"\x00\x01\x02", "the label is not a PDF but a file of an unknown kind"),
        (b"not found", "the label is not a PDF but plain text"),
        (b" \n", "the label link answered with an empty file"),
    ],
)
async def test_what_is_no_pdf_is_named(body: bytes, problem: str) -> None:
    async with served(http(body, more="content-type: application/pdf\r\n")) as (url, _):
        found = await fetch(url)
    assert (found.content, found.problem) == (None, problem)


async def test_an_expired_link_may_be_replaced_and_a_failing_host_is_tried_again() -> None:
    expired = b'<?xml version="1.0"?><Error><Message>Request has expired</Message></Error>'
    for answer, expected in (
        (http(expired, status="403 Forbidden"), (False, True)),
        (http(expired), (False, True)),
        (http(b"", status="404 Not Found"), (False, True)),
        (http(b"", status="503 Busy"), (True, False)),
        (http(b"", status="429 Slow"), (True, False)),
        (http(b"", status="400 Bad"), (False, False)),
    ):
        async with served(answer) as (url, _):
            found = await fetch(url)
        assert (found.again, found.expired) == expected, answer


async def test_too_large_and_too_slow_are_ended() -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n%PDF-1.4\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    async def trickle(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n%PDF-1.4\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with served(endless) as (url, _):
        assert (await fetch(url)).problem == "the label is larger than 0.0953674 MiB"
    async with served(trickle) as (url, _):
        found = await fetch(url, timeout=0.4)
    assert (found.problem, found.again) == ("the label link did not answer within 0.4 s", True)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/a.pdf",
        "http://localhost:1/a.pdf",
        "http://[::1]:1/a.pdf",
        "http://[::ffff:10.0.0.1]/a.pdf",
        "http://169.254.169.254/latest/meta-data",
        "https://10.1.2.3/a.pdf",
    ],
)
async def test_private_networks_are_never_reached(url: str) -> None:
    found = await fetch(url, trusted=())
    assert (found.content, found.problem) == (None, "the label link leads into a private network")
    assert not found.again


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://example.com/a", "https://", "https://u:p@example.com/a", ""]
)
async def test_only_web_addresses_are_followed(url: str) -> None:
    assert (await fetch(url)).problem == "the label link is not a web address"


async def test_each_redirect_is_checked() -> None:
    async with served(http(b"", status="302 Found", more="location: /b.pdf\r\n"), http(PDF)) as (url, heads):
        assert (await fetch(f"{url}/a.pdf")).content == PDF
    assert [head.split()[1] for head in heads] == [b"/a.pdf", b"/b.pdf"]
    to_private = http(b"", status="302 Found", more="location: http://10.0.0.1/secret\r\n")
    async with served(to_private) as (url, _):
        assert (await fetch(url)).problem == "the label link leads into a private network"
    async with served(http(b"", status="302 Found", more="location: /again\r\n")) as (url, heads):
        assert (await fetch(url)).problem == "the label link redirects too often"
    assert len(heads) == label_files.MOST_REDIRECTS + 1


async def test_the_checked_address_is_the_one_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that resolves to a public address when it is checked, and to a private one afterwards, has no effect."""
    asked: list[str] = []

    async def resolve(host: str) -> list[addresses.Address]:
        asked.append(host)
        return [addresses.ipaddress.ip_address("127.0.0.1")]

    monkeypatch.setattr(label_files, "resolve", resolve)
    async with served(http(PDF)) as (url, heads):
        port = url.rpartition(":")[2]
        found = await fetch(f"http://labels.example.com:{port}/a.pdf", trusted=("labels.example.com",))
    assert found.content == PDF
    assert asked == ["labels.example.com"]
    assert f"host: labels.example.com:{port}".encode() in heads[0].lower()
