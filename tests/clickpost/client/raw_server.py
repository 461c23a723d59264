"""A server that answers with given bytes, and the clients that are compared on it: the direct one and httpx2."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any

import httpx2

from awbridge.certificates import trusted
from awbridge.clickpost.client.direct_client import DirectClient

BODY = b'{"meta": {"status": 200}, "result": {"waybill": "W1"}}'
OWN = {"User-Agent": "awbridge", "Accept": "application/json"}


def answer(*lines: bytes, body: bytes = BODY, status: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return b"\r\n".join([status, *lines, b"", b""]) + body


def sized(body: bytes = BODY, *lines: bytes, status: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return answer(b"Content-Length: %d" % len(body), *lines, body=body, status=status)


def chunks(*parts: bytes, trailer: bytes = b"") -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n" + trailer + b"\r\n"


@dataclass
class Server:
    """Answers each request with bytes; what it saw of each connection."""

    say: bytes
    close: bool = False  # after each answer
    reset: bool = False  # without a farewell, in place of an answer
    answers: int = 1_000_000  # a connection; then it is closed as a request comes
    early: bool = False  # answers before it has read the body
    url: str = ""
    seen: list[bytearray] = field(default_factory=list[bytearray])
    _open: list[tuple[asyncio.Task[Any] | None, asyncio.StreamWriter]] = field(default_factory=list[Any])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mine = bytearray()
        self.seen.append(mine)
        self._open.append((asyncio.current_task(), writer))
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
                mine += head
                if not self.early:
                    mine += await reader.readexactly(int(length[1]) if length else 0)
                if self.reset:
                    linger = struct.pack("ii", 1, 0)
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                if self.reset or mine.count(b" HTTP/1.1\r\n") > self.answers:
                    break
                writer.write(self.say)
                await writer.drain()
                if self.close:
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def finish(self) -> None:
        """End all connections."""
        for task, writer in self._open:
            writer.transport.abort()
            if task:
                await task
        await asyncio.sleep(0)


@asynccontextmanager
async def serving(say: bytes, *, ssl: SSLContext | None = None, **how: Any) -> AsyncIterator[Server]:
    script = Server(say, **how)
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0, ssl=ssl)
    async with server:
        scheme = "https" if ssl else "http"
        script.url = f"{scheme}://localhost:{server.sockets[0].getsockname()[1]}"
        yield script
        await script.finish()


def direct(**how: Any) -> DirectClient:
    """The client under test."""
    return DirectClient(**{"timeout": httpx2.Timeout(30), "headers": OWN, "verify": trusted(), "keep": 30.0} | how)


def reference(timeout: httpx2.Timeout | float = 30.0) -> httpx2.AsyncClient:
    """What it must not differ from."""
    limits = httpx2.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=30)
    return httpx2.AsyncClient(timeout=timeout, headers=OWN, verify=trusted(), limits=limits, trust_env=False)


async def result(client: Any, url: str, method: str = "POST", **request: Any) -> Any:
    """What a client makes of the answer: status, headers and body, or the kind of error."""
    try:
        async with client.stream(method, httpx2.URL(url), **request) as response:
            body = b"".join([part async for part in response.aiter_bytes()])
            return response.status_code, headers_of(response), body
    except httpx2.HTTPError as error:
        return type(error)


def headers_of(response: Any) -> list[tuple[str, str]]:
    """The headers in order; h11 writes the name of the coding in small letters."""
    return [(n, v.lower() if n == "transfer-encoding" else v) for n, v in response.headers.multi_items()]
