"""`python -m tests.docs.relay PORT SOCKET`: what connects to the loopback port reaches the Unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import sys


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while part := await reader.read(65536):
            writer.write(part)
            await writer.drain()
        writer.close()


async def relay(port: int, path: str) -> None:
    """Serve until the process is ended."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_unix_connection(path)
        await asyncio.gather(_copy(reader, there_writer), _copy(there_reader, writer))

    async with await asyncio.start_server(take, "127.0.0.1", port) as server:
        print("ready", flush=True)  # noqa: T201 to whom started it
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(relay(int(sys.argv[1]), sys.argv[2]))
