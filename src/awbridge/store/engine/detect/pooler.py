"""Detects a connection pooler. A pooler such as PgBouncer may give each transaction another server session.

In transaction mode a statement prepared in one transaction does not exist in the next, or is another client's. The
driver does not notice: it may get the answer to another statement. So a pooler is found before anything else is asked,
and behind one nothing outlives its transaction.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlencode, urlsplit

import asyncpg

from awbridge.domain.errors import SettingsError, StoreError

PARAMETER = "pooler"  # of the URL
SERVER = "SELECT pg_backend_pid()"

_OF_THE_CONNECTION = ("host", "port", "user", "password", "database", "dbname", "application_name")
_OPTION = re.compile(r"(?:-c\s*|--)(\w+)=((?:\\.|\S)*)")

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


@dataclass(frozen=True, slots=True)
class Reach:
    """What two connections showed.

    `pooled`: the backend that was named at the start is not the one that answers. `changes_servers`: the server session
    that answered the first connection answered the second, or another one answered the first, while both were open.
    """

    pooled: bool
    changes_servers: bool


async def reach(connect: Callable[..., Awaitable[Connection]], **options: Any) -> Reach:
    """Try with two connections of their own. Raises StoreError for a pooler that allows no transactions."""
    options |= Pooling.TRANSACTION.options
    first = await connect(**options)
    try:
        pooled = await is_pooled(first)
        second = await connect(**options)
        try:
            return Reach(pooled, await _changes_servers(first, second))
        finally:
            second.terminate()
    finally:
        first.terminate()


async def find(
    connect: Callable[..., Awaitable[Connection]], configured: Pooling | None, *, url: str, **options: Any
) -> Pooling:
    """How the server is reached, by what it shows; `configured` is trusted only if it is safe.

    A pooler may name the backend that it uses first. So two connections are tried unless one has shown a pooler.

    Raises StoreError for a pooler that cannot be used, not in the configured mode, or not with the settings in the URL.
    """
    options |= Pooling.TRANSACTION.options
    first = await connect(**options)
    try:
        pooled = await is_pooled(first)
        if pooled:
            await _refuse_lost_settings(first, url)
        if configured is Pooling.TRANSACTION or (pooled and configured is None):
            return Pooling.TRANSACTION  # correct behind any pooler; without one only slower
        second = await connect(**options)
        try:
            changes = await _changes_servers(first, second)
        finally:
            second.terminate()
    finally:
        first.terminate()
    if changes and configured is None:
        return Pooling.TRANSACTION
    if changes:
        raise StoreError(
            f"AWBRIDGE_DATABASE_URL says {PARAMETER}={configured}, but the pooler there gives each transaction "
            "another server session: answers would be mixed up. "
            f"Write ?{PARAMETER}=transaction, or leave it out."
        )
    return Pooling.SESSION if pooled else Pooling.NONE


async def is_pooled(connection: Connection) -> bool:
    """Whether a pooler answers for the server: the backend named at the start is not the one that answers.

    Raises StoreError where it allows no transactions.
    """
    try:
        return await _server(connection) != connection.get_server_pid()
    except asyncpg.PostgresConnectionError as error:
        raise StoreError(
            f"PostgreSQL, or the pooler before it, closed the connection at the first transaction: {error}. "
            "PgBouncer does so with pool_mode = statement; awbridge needs transaction or session."
        ) from error


async def refuse_pooler(connection: Connection) -> None:
    """Raise StoreError if a pooler answers that was not there when this process started, and close the connection."""
    if await is_pooled(connection):
        connection.terminate()
        raise StoreError(
            "a pooler has been put before PostgreSQL since awbridge started, which keeps prepared statements: answers "
            "would be mixed up. Restart awbridge."
        )


async def _changes_servers(first: Connection, second: Connection) -> bool:
    """Whether one server session serves both, or another one serves the first while the second holds one."""
    before = await _server(first)
    async with second.transaction():
        if await second.fetchval(SERVER) == before:
            return True
        return await _server(first) != before


async def _server(connection: Connection) -> int:
    async with connection.transaction():
        return await connection.fetchval(SERVER)


async def _refuse_lost_settings(connection: Connection, url: str) -> None:
    """Raise StoreError where a server setting of the URL, such as search_path, does not reach the server."""
    for name, value in _server_settings(url):
        async with connection.transaction():
            found = await connection.fetchval("SELECT current_setting($1, true)", name)
            if found is None:
                continue  # not a setting of the server
            wanted = await connection.fetchval("SELECT set_config($1, $2, true)", name, value)
        if found != wanted:
            raise StoreError(
                f"AWBRIDGE_DATABASE_URL asks for {name}={value}, but the pooler before PostgreSQL drops that: there it "
                f"is {found!r}. Set it for the role (ALTER ROLE ... SET {name} = ...), and leave it out of the URL."
            )


def _server_settings(url: str) -> list[tuple[str, str]]:
    """The settings that a URL gives to the server: `?search_path=x`, and `?options=-c search_path=x`."""
    found: list[tuple[str, str]] = []
    for name, value in parse_qsl(urlsplit(url).query):
        if name == "options":
            found += [(one[1], one[2]) for one in _OPTION.finditer(value)]
        elif name not in _OF_THE_CONNECTION:
            found.append((name, value))
    return found
