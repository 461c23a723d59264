"""A loopback port that forwards to another one and can be made to drop everything."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class SlowPort:
    """While `stuck`, it accepts connections and forwards no data."""

    def __init__(self, to: int) -> None:
        self._to = to
        self.port = 0
        self.stuck = False

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._to)
        try:
            await asyncio.gather(self._pass(reader, there_writer), self._pass(there_reader, writer))
        finally:
            for end in (writer, there_writer):
                end.transport.abort()  # without waiting for blocked peers

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while part := await reader.read(65536):
                while self.stuck:
                    await asyncio.sleep(0.01)
                writer.write(part)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def slow_port(to: int) -> AsyncGenerator[SlowPort]:
    """A port that forwards to another port of this machine."""
    forwarder = SlowPort(to)
    tasks: set[asyncio.Task[None]] = set()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(forwarder.take(reader, writer))
        tasks.add(task)

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    forwarder.port = server.sockets[0].getsockname()[1]
    try:
        yield forwarder
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.05)  # aborted transports close their sockets in the loop's next turns
