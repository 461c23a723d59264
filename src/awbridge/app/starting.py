"""The start of a service: an address that is free, and signals that end it before it has started."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TypeVar

from awbridge.domain.errors import AddressUnusable, StoppedEarly

T = TypeVar("T")

AGAIN = 6.0  # seconds between cancellations of a start: longer than a database takes to close
RECEIVED: list[int] = []  # the signals that asked this process to stop, in order


@asynccontextmanager
async def started(context: AbstractAsyncContextManager[T], stop: asyncio.Event) -> AsyncGenerator[T]:
    """`context`, whose entry ends when `stop` is set meanwhile. Raises StoppedEarly then."""
    task = asyncio.current_task()
    assert task
    async with AsyncExitStack() as stack:
        watch = asyncio.create_task(_cancel_at(stop, task))
        try:
            value = await stack.enter_async_context(context)
        except asyncio.CancelledError:
            if not stop.is_set():
                raise
            while task.uncancel():
                pass
            raise StoppedEarly(RECEIVED[-1] if RECEIVED else signal.SIGTERM) from None
        finally:
            watch.cancel()
        yield value


async def _cancel_at(stop: asyncio.Event, task: asyncio.Task[object]) -> None:
    """Again and again: a library may lose a cancellation that comes just when what it waits for ends."""
    await stop.wait()
    while True:
        task.cancel()
        await asyncio.sleep(AGAIN)


def check_address(host: str, port: int) -> None:
    """Raise AddressUnusable, which says why, unless a server can listen there. Port 0 always can."""
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise AddressUnusable(f"{host} is not an address of this machine; use 127.0.0.1, or 0.0.0.0 for all") from None
    for family, kind, protocol, _, address in found:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                probe.bind(address)
            except OSError as error:
                raise AddressUnusable(_reason(error, where, host, port)) from None


def _reason(error: OSError, where: str, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{where} is in use by another program; stop that one, or choose another port with --port"
    if error.errno == errno.EACCES:
        return f"{where} needs rights that this user does not have; choose a port above 1023 with --port, not {port}"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine; use 127.0.0.1, or 0.0.0.0 for all"
    return f"{where} cannot be listened on: {error.strerror}"
