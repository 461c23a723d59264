"""Detects a connection pooler. A pooler such as PgBouncer may give each transaction another server session.

In transaction mode a statement prepared in one transaction does not exist in the next, or is another client's. The
driver does not notice: it may get the answer to another statement. So a pooler is found before anything else is asked,
and behind one nothing outlives its transaction.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlencode, urlsplit

import asyncpg

from awbridge.domain.errors import SettingsError, StoreError

PARAMETER = "pooler"  # of the URL
SERVER = "SELECT pg_backend_pid()"

Connection: TypeAlias = "asyncpg.Connection[Any]"


class Pooling(StrEnum):
    """How long a client keeps its server session."""

    NONE = "none"
    SESSION = "session"
    TRANSACTION = "transaction"

    @property
    def options(self) -> dict[str, Any]:
        """What a connection needs: without a cache, asyncpg prepares each statement in the transaction that runs it."""
        return {"statement_cache_size": 0} if self is Pooling.TRANSACTION else {}


def declared(url: str) -> tuple[str, Pooling | None]:
    """The URL without `?pooler=`, and its value; None if it is not set. Raises SettingsError."""
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    modes = [value for name, value in query if name == PARAMETER]
    if not modes:
        return url, None
    if modes[-1] not in set(Pooling):
        raise SettingsError(
            f"AWBRIDGE_DATABASE_URL: write ?{PARAMETER}=transaction, session or none, not {modes[-1]!r}"
        )
    rest = urlencode([(name, value) for name, value in query if name != PARAMETER])
    return parts._replace(query=rest).geturl(), Pooling(modes[-1])


async def find(connect: Callable[..., Awaitable[Connection]], configured: Pooling | None, **options: Any) -> Pooling:
    """How the server is reached, by what it shows; `configured` is trusted only if it is safe.

    Raises StoreError for a pooler that cannot be used, or not in the configured mode.
    """
    if configured is Pooling.TRANSACTION:
        return configured  # correct behind any pooler; without one only slower
    options |= Pooling.TRANSACTION.options
    first = await connect(**options)
    try:
        if not await _is_pooled(first):
            return Pooling.NONE
        if configured is None:
            return Pooling.TRANSACTION
        second = await connect(**options)
        try:
            if await _changes_servers(first, second):
                raise StoreError(
                    f"AWBRIDGE_DATABASE_URL says {PARAMETER}={configured}, but the pooler there gives each transaction "
                    "another server session: answers would be mixed up. "
                    f"Write ?{PARAMETER}=transaction, or leave it out."
                )
        finally:
            second.terminate()
        return Pooling.SESSION
    finally:
        first.terminate()


async def _is_pooled(connection: Connection) -> bool:
    """Whether a pooler answers for the server: the backend named at the start is not the one that answers."""
    try:
        async with connection.transaction():
            return await connection.fetchval(SERVER) != connection.get_server_pid()
    except asyncpg.PostgresConnectionError as error:
        raise StoreError(
            f"PostgreSQL, or the pooler before it, closed the connection at the first transaction: {error}. "
            "PgBouncer does so with pool_mode = statement; awbridge needs transaction or session."
        ) from error


async def _changes_servers(first: Connection, second: Connection) -> bool:
    """Whether the first gets another server session while the second holds the one that it had."""
    before = await _server(first)
    async with second.transaction():
        await _server(second, begin=False)
        return await _server(first) != before


async def _server(connection: Connection, *, begin: bool = True) -> int:
    if not begin:
        return await connection.fetchval(SERVER)
    async with connection.transaction():
        return await connection.fetchval(SERVER)
