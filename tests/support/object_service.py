"""An object service that returns configured responses in S3's format, including failures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

NO_BUCKET = "<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message></Error>"
NO_KEY = "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>"
DENIED = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"


@dataclass
class ObjectService:
    """`answers`: by method, the status and body of every call; else objects are kept. `calls`: method and path.

    `missing` is the answer for an object that does not exist: S3 refuses those who may not list the bucket.
    """

    port: int = 0
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)
    missing: tuple[int, str] = (404, NO_KEY)
    headers: str = ""
    calls: list[str] = field(default_factory=list)
    objects: dict[str, bytes] = field(default_factory=dict)

    @property
    def options(self) -> dict[str, str]:
        return {
            "endpoint": f"http://127.0.0.1:{self.port}",
            "region": "us-east-1",
            "access_key_id": "a",
            "secret_access_key": "b",
        }

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                method, path, _ = head.split(" ", 2)
                sizes = [line.partition(":")[2] for line in head.splitlines() if line.lower().startswith("content-len")]
                body = await reader.readexactly(int(sizes[0])) if sizes else b""
                self.calls.append(f"{method} {path}")
                status, content = self._answer(method, path, body)
                etag = '\r\netag: "e"\r\nlast-modified: Mon, 02 Nov 2026 10:00:00 GMT'
                writer.write(
                    f"HTTP/1.1 {status} X\r\ncontent-length: {len(content)}{etag}{self.headers}\r\n\r\n".encode()
                )
                writer.write(content)
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        if method in self.answers:
            status, content = self.answers[method]
            return status, content.encode()
        if method == "PUT":
            self.objects[path] = body
        elif method == "POST":  # a deletion of many, also of one
            key = body.partition(b"<Key>")[2].partition(b"</Key>")[0]
            self.objects = {path: kept for path, kept in self.objects.items() if not path.endswith(key.decode())}
            return 200, b"<DeleteResult><Deleted><Key>" + key + b"</Key></Deleted></DeleteResult>"
        elif path not in self.objects:
            return self.missing[0], self.missing[1].encode()
        return 200, self.objects.get(path, b"") if method == "GET" else b""


@asynccontextmanager
async def object_service() -> AsyncIterator[ObjectService]:
    """A running one, on loopback."""
    service = ObjectService()
    server = await asyncio.start_server(service._serve, "127.0.0.1", 0)
    service.port = server.sockets[0].getsockname()[1]
    async with server:
        yield service
