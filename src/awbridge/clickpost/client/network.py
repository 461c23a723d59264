"""A network connection of the direct client: TCP and TLS by asyncio, reads and writes within time limits."""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
from typing import cast

import aiohappyeyeballs
import httpx2

_NEXT_ADDRESS = 0.25  # seconds until the next address of a host is tried beside the last one (RFC 8305)
_MOST_UNREAD = 256 * 1024  # bytes that wait to be read before the server is slowed down


async def connect(host: str, port: int, *, tls: ssl.SSLContext | None, timeout: float | None) -> Connection:
    """Open a connection, with TLS if there is a context. `timeout` is seconds for all of it.

    Raises httpx2.ConnectTimeout, and httpx2.ConnectError for everything else, such as a refused certificate.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout):
            addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            opened = await aiohappyeyeballs.start_connection(  # pyright: ignore[reportUnknownMemberType]
                addresses, happy_eyeballs_delay=_NEXT_ADDRESS
            )
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _, connection = await loop.create_connection(
                Connection, sock=opened, ssl=tls, server_hostname=host if tls else None
            )
    except TimeoutError as error:
        raise httpx2.ConnectTimeout(str(error)) from error
    except OSError as error:
        raise httpx2.ConnectError(str(error)) from error
    return connection


class Connection(asyncio.Protocol):
    """One connection. One task at a time reads or writes."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._unread: list[bytes] = []
        self._size = 0
        self._has_ended = self._is_full = False
        self._error: Exception | None = None
        self._waiting: asyncio.Future[None] | None = None

    @property
    def is_readable(self) -> bool:
        """Whether bytes have come or the server has closed it, also where the event loop has not seen that yet."""
        if self._unread or self._has_ended or self._transport.is_closing():
            return True
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(poll.poll(0))

    async def read(self, timeout: float | None) -> bytes:
        """What has come, at least one byte; nothing if the server closed. Raises httpx2.ReadTimeout, ReadError."""
        if not self._unread and not self._has_ended:
            await self._wait(httpx2.ReadTimeout, timeout)
        if self._unread:
            data = self._unread[0] if len(self._unread) == 1 else b"".join(self._unread)
            self._unread = []
            if self._size > _MOST_UNREAD:
                self._transport.resume_reading()
            self._size = 0
            return data
        if self._error:
            raise httpx2.ReadError(str(self._error)) from self._error
        return b""

    async def write(self, data: bytes, timeout: float | None) -> None:
        """Send bytes. Raises httpx2.WriteTimeout. That the server has closed is for `read` to tell."""
        if self._has_ended:
            return
        self._transport.write(data)
        while self._is_full and not self._has_ended:
            await self._wait(httpx2.WriteTimeout, timeout)

    async def aclose(self) -> None:
        """Close it, whatever is still to be sent."""
        self._transport.abort()
        await asyncio.sleep(0)

    async def _wait(self, error: type[httpx2.TimeoutException], timeout: float | None) -> None:
        waiting = self._waiting = self._loop.create_future()
        timer = None if timeout is None else self._loop.call_later(timeout, _expire, waiting, error)
        try:
            await waiting
        finally:
            self._waiting = None
            if timer:
                timer.cancel()

    def _wake(self) -> None:
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(None)

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._unread.append(data)
        self._size += len(data)
        if self._size > _MOST_UNREAD >= self._size - len(data):
            self._transport.pause_reading()
        if not self._is_full:
            self._wake()

    def eof_received(self) -> None:
        self._has_ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._has_ended = True
        self._error = self._error or exc
        self._wake()

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        self._wake()


def _expire(waiting: asyncio.Future[None], error: type[httpx2.TimeoutException]) -> None:
    if not waiting.done():
        waiting.set_exception(error(""))
