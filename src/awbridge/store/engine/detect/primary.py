"""Connections to whichever server of PostgreSQL takes writes, out of the hosts that the URL names.

asyncpg asks one host after the other, and one that has died without a word would use up the time of all. So each is
asked on its own, a little after the one before it, and the first that takes writes is taken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

import asyncpg

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

HEAD_START = 0.2  # seconds until the next host is asked too
HOST_TIMEOUT = 2.0  # seconds that one of several hosts has to answer

Connection: TypeAlias = "asyncpg.Connection[Any]"


def hosts_of(url: str) -> list[str]:
    """One URL for each host of `postgresql://user@one:5432,two:5432/database`."""
    parts = urlsplit(url)
    credentials, at, hosts = parts.netloc.rpartition("@")
    if "," not in hosts:
        return [url]
    return [parts._replace(netloc=f"{credentials}{at}{host}").geturl() for host in hosts.split(",") if host]


def takes_no_writes(connection: Connection | PoolConnectionProxy[Any]) -> bool:
    """Whether the server reported a standby or read-only session. Sends no query. A pooler may report what was."""
    if connection.is_closed():
        return False
    settings = connection.get_settings()
    values = (getattr(settings, name, "off") for name in ("in_hot_standby", "default_transaction_read_only"))
    return "on" in values


class Primary:
    """Finds the server that accepts writes, again for every connection, because it may have changed."""

    def __init__(self, url: str) -> None:
        self._urls = hosts_of(url)
        self._last = self._urls[0]

    async def connect(self, dsn: str | None = None, *, timeout: float = 10.0, **options: Any) -> Connection:
        """A connection that takes writes, within `timeout` seconds. Raises what asyncpg raises.

        Takes the place of `asyncpg.connect` in a pool, which gives it the `dsn` that is known already. One host is
        waited for all that time, one of several less.
        """
        del dsn
        if len(self._urls) == 1:
            return await self._ask(self._urls[0], timeout, options)
        asked: list[asyncio.Task[Connection]] = []
        found: Connection | None = None
        try:
            for url in sorted(self._urls, key=lambda one: one != self._last):
                asked.append(asyncio.create_task(self._ask(url, min(HOST_TIMEOUT, timeout), options)))
                if found := await _first_of(asked, HEAD_START):
                    return found
            if found := await _first_of(asked, None):
                return found
        finally:
            for task in asked:
                _leave(task, found)
        raise _telling([error for task in asked if (error := task.exception())])

    async def _ask(self, url: str, timeout: float, options: dict[str, Any]) -> Connection:
        async with asyncio.timeout(timeout):
            found = await asyncpg.connect(url, timeout=timeout, **options)
            try:
                if len(self._urls) > 1 or takes_no_writes(found):
                    await _refuse_read_only(found)
            except BaseException:
                found.terminate()
                raise
        self._last = url
        return found


async def _first_of(asked: Sequence[asyncio.Task[Connection]], seconds: float | None) -> Connection | None:
    """The first connection that is there within so many seconds, or None once all have failed or the time is over."""
    waiting = {task for task in asked if not task.done()}
    deadline = None if seconds is None else asyncio.get_running_loop().time() + seconds
    while True:
        for task in asked:
            if task.done() and not task.cancelled() and task.exception() is None:
                return task.result()
        left = None if deadline is None else deadline - asyncio.get_running_loop().time()
        if not waiting or (left is not None and left <= 0):
            return None
        _, waiting = await asyncio.wait(waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED)


async def _refuse_read_only(connection: Connection) -> None:
    """Raise TargetServerAttributeNotMatched for a standby, and for a primary whose sessions default to read only.

    What was reported at the start is not enough. PgBouncer lets clients in while its server is away, and goes on
    reporting a standby after that was promoted.
    """
    async with connection.transaction():
        if await connection.fetchval("SHOW transaction_read_only") == "on":
            raise asyncpg.TargetServerAttributeNotMatched("the server is a standby, or read only")


def _leave(task: asyncio.Task[Connection], kept: Connection | None) -> None:
    """Want nothing more of a host: stop asking, and close what it gave besides or too late."""
    if task.done():
        _close(task, kept)
    else:
        task.cancel()
        task.add_done_callback(lambda late: _close(late, kept))


def _close(task: asyncio.Task[Connection], kept: Connection | None) -> None:
    if not task.cancelled() and task.exception() is None and (given := task.result()) is not kept:
        given.terminate()


def _telling(errors: Sequence[BaseException]) -> BaseException:
    """The most telling error of all hosts: a refusal, else that none accepts writes, else that one is unreachable."""
    kinds = (asyncpg.PostgresError, asyncpg.TargetServerAttributeNotMatched)
    return next((error for kind in kinds for error in errors if isinstance(error, kind)), errors[0])
