"""A TCP proxy on loopback that delays every byte, each way by half a round trip, as a far database would be.

It runs in a process of its own, so that it takes no turns from those that it measures.

    python -m tests.support.slow_line TARGET_PORT SECONDS  ->  prints its port, relays until its input closes
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class _Side(asyncio.Protocol):
    """One end of a relayed connection. What it reads, the other end writes `delay` seconds later."""

    def __init__(self, delay: float, connected: Callable[[_Side], None] | None = None) -> None:
        self._delay = delay
        self._connected = connected
        self._waiting: deque[bytes | None] = deque()  # None: the connection ended
        self.transport: asyncio.Transport | None = None
        self.other: _Side | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if self._connected:
            self._connected(self)

    def data_received(self, data: bytes) -> None:
        self._pass_on(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._pass_on(None)

    def _pass_on(self, piece: bytes | None) -> None:
        # Timers of one moment may fire in any order, so each takes what has waited longest.
        self._waiting.append(piece)
        asyncio.get_running_loop().call_later(self._delay, self._arrive)

    def _arrive(self) -> None:
        piece = self._waiting.popleft()
        if self.other is None or self.other.transport is None:
            self._waiting.appendleft(piece)  # the server is not connected yet
            asyncio.get_running_loop().call_later(self._delay, self._arrive)
        elif piece is None:
            self.other.transport.close()
        else:
            self.other.transport.write(piece)


async def _relay(target: int, delay: float) -> None:
    loop = asyncio.get_running_loop()
    connecting: set[asyncio.Task[None]] = set()

    async def connect(client: _Side) -> None:
        server = _Side(delay)
        server.other = client
        try:
            await loop.create_connection(lambda: server, "127.0.0.1", target)
        except OSError:
            assert client.transport
            client.transport.abort()
        client.other = server

    def accepted(client: _Side) -> None:
        task = asyncio.create_task(connect(client))
        connecting.add(task)
        task.add_done_callback(connecting.discard)

    listening = await loop.create_server(lambda: _Side(delay, accepted), "127.0.0.1", 0)
    print(listening.sockets[0].getsockname()[1], flush=True)  # noqa: T201 -- for the process that started this one
    await loop.run_in_executor(None, sys.stdin.read)


@contextmanager
def slow_line(target: int, round_trip: float) -> Iterator[int]:
    """A port that leads to the port `target`, `round_trip` seconds away."""
    command = [sys.executable, "-m", "tests.support.slow_line", str(target), str(round_trip / 2)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin
    assert process.stdout
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.stdout.close()
        process.kill()
        process.wait()


if __name__ == "__main__":
    asyncio.run(_relay(int(sys.argv[1]), float(sys.argv[2])))
