"""The PostgreSQL servers that the stores of one process share."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING

from awbridge.domain.errors import StoreBusy

if TYPE_CHECKING:
    from awbridge.store.engine.connections.server import Server


class Servers:
    """For each URL of a PostgreSQL database one pool and one connection beside it, for all stores opened with this.

    Closing such a store closes no connection: `close` does, once all of them are closed. SQLite files have nothing to
    share. To be used by one event loop.
    """

    def __init__(self) -> None:
        self._servers: dict[str, Server] = {}
        self._opening: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._closed = False

    async def server(self, url: str, *, connections: int) -> Server:
        """The server behind the URL. Only the first call for it reaches it, with so many `connections` at most.

        Raises as `Server.connect` does, and StoreBusy once this was closed.
        """
        from awbridge.store.engine.connections.server import Server  # asyncpg, which SQLite does not need

        async with self._opening[url]:
            if self._closed:
                raise StoreBusy("the connections of this process to its databases were closed")
            if url not in self._servers:
                self._servers[url] = await Server.connect(url, connections=connections)
            return self._servers[url]

    async def close(self) -> None:
        """Close every connection of every server."""
        self._closed = True
        for url in list(self._opening):
            async with self._opening[url]:
                if server := self._servers.pop(url, None):
                    await server.close()
