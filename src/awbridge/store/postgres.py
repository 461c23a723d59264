"""PostgreSQL through asyncpg: a pool, one transaction per write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import asyncpg

from awbridge.domain.errors import StoreBusy, StoreError
from awbridge.store.database import Row, Session
from awbridge.store.queries import Statement

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

ACQUIRE_TIMEOUT = 10.0  # seconds to wait for a free connection
COMMAND_TIMEOUT = 30.0  # seconds that one statement may take
SCRIPT_TIMEOUT = 24 * 3600.0  # the same of a migration: an index over a large table takes its time
AT_ONCE_TIMEOUT = 5.0  # seconds that a write in one go may take; then its connection is thrown away

# The server is away, starting, full or restarting: the same request may work later.
_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
)


async def _leave_as_it_is(connection: object) -> None:
    """Nothing here outlives its transaction, so a connection needs no cleaning that would cost a round trip."""
    del connection


class PostgresSession:
    """A session on an asyncpg connection."""

    def __init__(self, connection: PoolConnectionProxy[Any]) -> None:
        self._connection = connection

    async def fetch(self, statement: Statement, *args: object) -> list[Row]:
        return cast("list[Row]", await self._connection.fetch(statement.postgres, *args))

    async def execute(self, statement: Statement, *args: object) -> int:
        tag: str = await self._connection.execute(statement.postgres, *args)
        count = tag.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def write_rows(self, statement: Statement, rows: Sequence[Sequence[object]]) -> None:
        if rows:
            await self._connection.execute(statement.postgres, *map(list, zip(*rows, strict=True)))

    async def fetch_rows(self, statement: Statement, rows: Sequence[Sequence[object]]) -> list[Row]:
        if not rows:
            return []
        arrays = map(list, zip(*rows, strict=True))
        return cast("list[Row]", await self._connection.fetch(statement.postgres, *arrays))

    async def script(self, sql: str) -> None:
        await self._connection.execute(sql, timeout=SCRIPT_TIMEOUT)


class PostgresDatabase:
    """A PostgreSQL server. Connections are opened as needed and mended by themselves."""

    dialect = "postgres"

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    @classmethod
    async def connect(cls, url: str, *, connections: int = 10) -> PostgresDatabase:
        """Open a pool. Raises StoreError when the address or the password is wrong, StoreBusy when it is away."""
        try:
            pool = await asyncpg.create_pool(
                url,
                min_size=1,
                max_size=connections,
                command_timeout=COMMAND_TIMEOUT,
                timeout=ACQUIRE_TIMEOUT,
                server_settings={"application_name": "awbridge"},
                reset=_leave_as_it_is,
            )
        except _AWAY as error:
            raise StoreBusy(f"PostgreSQL does not answer: {error}. Check AWBRIDGE_DATABASE_URL.") from error
        except (asyncpg.PostgresError, ValueError) as error:
            raise StoreError(f"PostgreSQL refused the connection: {error}. Check AWBRIDGE_DATABASE_URL.") from error
        return cls(pool)

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[Session]:
        async with self._session() as connection:
            yield PostgresSession(connection)

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[Session]:
        async with self._session() as connection:
            transaction = connection.transaction()
            await transaction.start()
            try:
                yield PostgresSession(connection)
            except (TimeoutError, asyncio.CancelledError):
                raise  # its connection is thrown away; a server that stands still would not answer ROLLBACK either
            except BaseException:
                await transaction.rollback()
                raise
            await transaction.commit()

    async def write_at_once(self, statement: Statement, rows: Sequence[Sequence[object]]) -> None:
        if not rows:
            return
        async with self._session() as connection:
            columns = map(list, zip(*rows, strict=True))
            await connection.execute(statement.postgres, *columns, timeout=AT_ONCE_TIMEOUT)

    @asynccontextmanager
    async def _session(self) -> AsyncGenerator[PoolConnectionProxy[Any]]:
        try:
            async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT) as connection:
                try:
                    yield connection
                except TimeoutError:
                    connection.terminate()
                    # What froze this one, or cut it off, did so to the idle ones; each would cost a wait of its own.
                    await self._pool.expire_connections()
                    raise
                except asyncio.CancelledError:
                    # The pool would wait for the server to cancel, and one that stands still does not.
                    connection.terminate()
                    raise
        except _AWAY as error:
            raise StoreBusy(f"PostgreSQL: {type(error).__name__}: {error}") from error
        except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            raise StoreBusy(f"PostgreSQL connection: {error}") from error
        except asyncpg.PostgresError as error:
            raise StoreError(f"PostgreSQL: {type(error).__name__}: {error}") from error

    async def close(self) -> None:
        try:
            await asyncio.wait_for(self._pool.close(), 5.0)
        except TimeoutError:
            self._pool.terminate()
