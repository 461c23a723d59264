"""HTTP clients of one connection each, because the pool of httpx2 checks every idle connection at every request."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Generic, Protocol, TypeVar

import httpx2


class Closable(Protocol):
    """A client of one connection."""

    async def aclose(self) -> None:
        """Close the connection."""
        ...


Client = TypeVar("Client", bound=Closable)


class ClientPool(Generic[Client]):
    """Clients by host. Each serves one request at a time; of the idle ones, the one that was used last is next.

    At most `connections` exist. `wait` is how long a request waits for one, `keep` how long an idle one is kept, both
    in seconds.
    """

    def __init__(self, make: Callable[[], Client], *, connections: int, wait: float, keep: float) -> None:
        self._make = make
        self._free = asyncio.Semaphore(connections)
        self._connections = connections
        self._wait = wait
        self._keep = keep
        self._clients = 0
        self._idle: dict[str, deque[tuple[float, Client]]] = {}

    def client(self, host: str, make: Callable[[], Client] | None = None) -> Lent[Client]:
        """A client for one request to this host: `async with` it. Raises httpx2.PoolTimeout: nothing was sent.

        With `make`, a new client is made by it; `host` must then differ from that of the usual clients.
        """
        return Lent(self, host, make or self._make)

    async def lend(self, host: str, make: Callable[[], Client]) -> Client:
        """Take a client out of the pool, until it is given back. Raises httpx2.PoolTimeout."""
        await self._acquire()
        try:
            client = self._take(host, make)
        except BaseException:
            self._free.release()
            raise
        try:
            await self._close_oldest()
        except BaseException:
            self.give_back(host, client)
            raise
        return client

    def give_back(self, host: str, client: Client) -> None:
        """Put a lent client back."""
        self._idle[host].append((time.monotonic(), client))
        self._free.release()

    async def _acquire(self) -> None:
        if self._free.locked():
            try:
                async with asyncio.timeout(self._wait):
                    await self._free.acquire()
            except TimeoutError:
                raise httpx2.PoolTimeout(f"all {self._connections} connections are in use") from None
        else:
            await self._free.acquire()

    def _take(self, host: str, make: Callable[[], Client]) -> Client:
        idle = self._idle.setdefault(host, deque())
        if idle:
            return idle.pop()[1]
        self._clients += 1
        return make()

    async def _close_oldest(self) -> None:
        """Close the client that has been idle longest, if for too long, or if another host needs its place."""
        waiting = [clients for clients in self._idle.values() if clients]
        if not waiting:
            return
        oldest = min(waiting, key=lambda clients: clients[0][0])
        if self._clients > self._connections or time.monotonic() - oldest[0][0] > self._keep:
            self._clients -= 1
            await oldest.popleft()[1].aclose()

    async def aclose(self) -> None:
        """Close all idle connections."""
        for idle in self._idle.values():
            while idle:
                self._clients -= 1
                await idle.popleft()[1].aclose()


class Lent(Generic[Client]):
    """A client of a pool for as long as the block lasts. A class, because a generator costs more in each call."""

    __slots__ = ("_client", "_host", "_make", "_pool")

    def __init__(self, pool: ClientPool[Client], host: str, make: Callable[[], Client]) -> None:
        self._pool, self._host, self._make = pool, host, make

    async def __aenter__(self) -> Client:
        self._client = await self._pool.lend(self._host, self._make)
        return self._client

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._pool.give_back(self._host, self._client)


class BorrowedTransport(httpx2.AsyncBaseTransport):
    """A transport that all clients share: closing one of them leaves it open."""

    def __init__(self, transport: httpx2.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request through the shared transport."""
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        """Do nothing: the owner closes the transport."""
