"""A load balancer before the replicas: connections in turn, to the next replica where one does not accept."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

CONNECT_WITHIN = 1.0  # seconds


class _Balancer:
    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = list(ports)
        self._next = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of a client, until either side ends it."""
        try:
            if behind := await self._connect():
                await _join(reader, writer, *behind)
        finally:
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        self._next += 1
        for turn in range(len(self._ports)):
            port = self._ports[(self._next + turn) % len(self._ports)]
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(CONNECT_WITHIN):
                    return await asyncio.open_connection("127.0.0.1", port)
        return None


async def _join(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    behind_reader: asyncio.StreamReader,
    behind_writer: asyncio.StreamWriter,
) -> None:
    """Pass on both directions. The end of one is the end of both, as after a killed replica."""
    ways = [asyncio.create_task(_pass(reader, behind_writer)), asyncio.create_task(_pass(behind_reader, writer))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        behind_writer.close()
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def balancer(ports: Sequence[int]) -> AsyncGenerator[str]:
    """The address of a balancer before these ports of loopback, while the block runs."""
    server = await asyncio.start_server(_Balancer(ports).serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
