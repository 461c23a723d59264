"""PostgreSQL through asyncpg: a pool, one transaction per write; and one connection beside it for writes in one go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, cast

import asyncpg

from awbridge.domain.errors import StoreBusy, StoreError
from awbridge.store.engine import pooler
from awbridge.store.engine.columns import in_columns
from awbridge.store.engine.database import Row, Session
from awbridge.store.engine.pooler import Pooling, Reach
from awbridge.store.engine.primary import Primary, takes_no_writes
from awbridge.store.engine.queries import Statement

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

ACQUIRE_TIMEOUT = 10.0  # seconds to wait for a free connection
COMMAND_TIMEOUT = 30.0  # seconds that one statement may take
SCRIPT_TIMEOUT = 24 * 3600.0  # the same of a migration: an index over a large table takes its time
AT_ONCE_TIMEOUT = 5.0  # seconds that a write in one go may take; then its connection is thrown away
LONGEST_IDLE = 300.0  # seconds; the pool's own connections are given up as soon

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
    asyncpg.InvalidCachedStatementError,  # within a transaction: the next one prepares it again
    asyncpg.TargetServerAttributeNotMatched,
)
# The session is not, or no longer, a primary's: a new one is needed, whatever error follows.
_READ_ONLY = (asyncpg.ReadOnlySQLTransactionError,)


async def _leave_as_it_is(connection: object) -> None:
    """Nothing here outlives its transaction, so a connection needs no cleaning that would cost a round trip."""
    del connection


class InArrays:
    """Many rows in one statement: each column is an array, which the statement reads with unnest."""

    async def fetch(self, statement: Statement, *args: object) -> list[Row]:
        raise NotImplementedError

    async def execute(self, statement: Statement, *args: object) -> int:
        raise NotImplementedError

    async def write_rows(self, statement: Statement, rows: Sequence[Sequence[object]]) -> None:
        if rows and statement.postgres:
            await self.execute(statement, *map(list, zip(*rows, strict=True)))

    async def fetch_rows(self, statement: Statement, rows: Sequence[Sequence[object]]) -> list[Row]:
        return await self.fetch(statement, *map(list, zip(*rows, strict=True))) if rows else []


class PostgresSession(InArrays):
    """A session on an asyncpg connection.

    A statement that was prepared before a migration changed what it returns is refused once. Outside of a transaction
    asyncpg prepares it again. So does this with the first statement of a transaction, which `restart` begins again.
    """

    def __init__(
        self, connection: PoolConnectionProxy[Any], restart: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        self._connection = connection
        self._restart = restart  # until a statement has run

    async def fetch(self, statement: Statement, *args: object) -> list[Row]:
        return cast("list[Row]", await self._run(self._connection.fetch, statement.postgres, args))

    async def execute(self, statement: Statement, *args: object) -> int:
        tag: str = await self._run(self._connection.execute, statement.postgres, args)
        count = tag.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def write_rows(self, statement: Statement, rows: Sequence[Sequence[object]]) -> None:
        if rows and statement.postgres:
            sql, columns = in_columns(statement.postgres, rows)
            await self._run(self._connection.execute, sql, columns)

    async def fetch_rows(self, statement: Statement, rows: Sequence[Sequence[object]]) -> list[Row]:
        if not rows:
            return []
        sql, columns = in_columns(statement.postgres, rows)
        return cast("list[Row]", await self._run(self._connection.fetch, sql, columns))

    async def script(self, sql: str) -> None:
        self._restart = None
        await self._connection.execute(sql, timeout=SCRIPT_TIMEOUT)

    async def _run(self, call: Callable[..., Awaitable[Any]], sql: str, args: Sequence[object]) -> Any:
        restart, self._restart = self._restart, None
        try:
            return await call(sql, *args)
        except asyncpg.InvalidCachedStatementError:
            if restart is None:
                raise
            await restart()
            return await call(sql, *args)


@contextmanager
def _our_errors() -> Generator[None]:
    """The driver's errors as those of a store."""
    try:
        yield
    except _AWAY as error:
        raise StoreBusy(f"PostgreSQL: {type(error).__name__}: {error}") from error
    except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise StoreBusy(f"PostgreSQL connection: {error}") from error
    except asyncpg.PostgresError as error:
        raise StoreError(f"PostgreSQL: {type(error).__name__}: {error}") from error


class _OwnConnection:
    """One connection that stays, opened as needed.

    To take one out of the pool and to give it back costs a task each, and meanwhile the server has nothing to do.
    """

    def __init__(self, primary: Primary, pooling: Pooling) -> None:
        self.primary = primary
        self._pooling = pooling
        self._turn = asyncio.Lock()
        self._connection: asyncpg.Connection[Any] | None = None
        self._used_at = 0.0  # by the loop's clock

    async def execute(self, sql: str, columns: Sequence[Sequence[object]]) -> None:
        """One statement, committed on return. The connection is closed after a timeout or a cancellation."""
        async with self._turn:
            connection = await self._open()
            try:
                await self._write(connection, sql, columns)
            except (TimeoutError, asyncio.CancelledError, *_READ_ONLY):
                connection.terminate()
                raise

    async def _write(self, connection: asyncpg.Connection[Any], sql: str, columns: Sequence[Sequence[object]]) -> None:
        if self._pooling is not Pooling.TRANSACTION:
            await connection.execute(sql, *columns, timeout=AT_ONCE_TIMEOUT)
            return
        async with asyncio.timeout(AT_ONCE_TIMEOUT), connection.transaction():
            await connection.execute(sql, *columns)

    async def _open(self) -> asyncpg.Connection[Any]:
        """The connection; a new one if it was cut, or was idle so long that a proxy may have dropped it.

        One that is in a transaction is never used: what is written there would be acknowledged and not committed.
        """
        now = asyncio.get_running_loop().time()
        idle, self._used_at = now - self._used_at, now
        if self._connection and not self._connection.is_closed():
            if idle <= LONGEST_IDLE and self._is_fit(self._connection):
                return self._connection
            self._connection.terminate()
        self._connection = await self._new()
        return self._connection

    def _is_fit(self, connection: asyncpg.Connection[Any]) -> bool:
        unwritable = self._pooling is Pooling.NONE and takes_no_writes(connection)
        return not unwritable and not connection.is_in_transaction()

    async def _new(self) -> asyncpg.Connection[Any]:
        connection = await self.primary.connect(**_options(), **self._pooling.options)
        try:
            if self._pooling is Pooling.NONE:
                await pooler.refuse_pooler(connection)
        except BaseException:  # also when cancelled in the middle of its transaction
            connection.terminate()
            raise
        return connection

    async def close(self) -> None:
        async with self._turn:
            if self._connection:
                await self._connection.close()

    def terminate(self) -> None:
        if self._connection:
            self._connection.terminate()


def _options() -> dict[str, Any]:
    settings = {"application_name": "awbridge"}
    return {"command_timeout": COMMAND_TIMEOUT, "timeout": ACQUIRE_TIMEOUT, "server_settings": settings}


class PostgresDatabase:
    """A PostgreSQL server. Connections are opened as needed and replaced when they break.

    `pooling` is how it is reached: behind a pooler of transactions reads are transactions too.
    """

    dialect = "postgres"

    def __init__(self, pool: asyncpg.Pool[Any], own: _OwnConnection, pooling: Pooling) -> None:
        self._pool = pool
        self._own = own
        self.pooling = pooling

    @property
    def description(self) -> str:
        return "PostgreSQL" + ("" if self.pooling is Pooling.NONE else f" behind a pooler ({self.pooling} mode)")

    @classmethod
    async def connect(cls, url: str, *, connections: int = 10) -> PostgresDatabase:
        """Open a pool; with the connection beside it there are at most that many `connections`, at least two.

        Raises StoreError when the address, the password or the pooler before it is wrong, StoreBusy when it is away.
        """
        url, configured = pooler.declared(url)
        primary = Primary(url)
        try:
            pooling = await pooler.find(primary.connect, configured, url=url, **_options())
            pool = await asyncpg.create_pool(
                url,
                min_size=1,
                max_size=max(connections - 1, 1),
                reset=_leave_as_it_is,
                connect=primary.connect,
                init=pooler.refuse_pooler if pooling is Pooling.NONE else None,
                **_options(),
                **pooling.options,
            )
        except _AWAY as error:
            raise StoreBusy(f"PostgreSQL does not answer: {error}. Check AWBRIDGE_DATABASE_URL.") from error
        except (asyncpg.PostgresError, ValueError) as error:
            raise StoreError(f"PostgreSQL refused the connection: {error}. Check AWBRIDGE_DATABASE_URL.") from error
        return cls(pool, _OwnConnection(primary, pooling), pooling)

    async def reach(self) -> Reach:
        """What two new connections show of a pooler. Raises StoreError."""
        with _our_errors():
            return await pooler.reach(self._own.primary.connect, **_options())

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[Session]:
        if self.pooling is Pooling.TRANSACTION:
            async with self.write() as session:
                yield session
            return
        async with self._session() as connection:
            yield PostgresSession(connection)

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[Session]:
        async with self._session() as connection:
            transaction = connection.transaction()
            await transaction.start()

            async def restart() -> None:
                nonlocal transaction
                await transaction.rollback()
                transaction = connection.transaction()
                await transaction.start()

            try:
                yield PostgresSession(connection, restart)
            except (TimeoutError, asyncio.CancelledError):
                raise  # the connection is discarded; a frozen server would not answer ROLLBACK either
            except BaseException:
                await transaction.rollback()
                raise
            await transaction.commit()

    async def write_at_once(self, statements: Sequence[Statement], rows: Sequence[Sequence[object]]) -> None:
        if not rows:
            return
        [sql] = [statement.postgres for statement in statements if statement.postgres]
        with _our_errors():
            try:
                await self._own.execute(*in_columns(sql, rows))
            except (TimeoutError, *_READ_ONLY):
                await self._pool.expire_connections()
                raise

    @asynccontextmanager
    async def _session(self) -> AsyncGenerator[PoolConnectionProxy[Any]]:
        with _our_errors():
            async with self._writable() as connection:
                try:
                    yield connection
                except (TimeoutError, *_READ_ONLY):
                    connection.terminate()
                    # What froze this one, cut it off or made it read only, did so to the idle ones; each would cost a
                    # wait of its own.
                    await self._pool.expire_connections()
                    raise
                except asyncio.CancelledError:
                    # The pool would wait for the server to cancel, which a frozen server never does.
                    connection.terminate()
                    raise

    @asynccontextmanager
    async def _writable(self) -> AsyncGenerator[PoolConnectionProxy[Any]]:
        connection = await self._pool.acquire(timeout=ACQUIRE_TIMEOUT)
        try:
            if self.pooling is Pooling.NONE and takes_no_writes(connection):
                connection.terminate()
                await self._pool.release(connection)
                await self._pool.expire_connections()
                connection = await self._pool.acquire(timeout=ACQUIRE_TIMEOUT)
            yield connection
        finally:
            await self._pool.release(connection)

    async def close(self) -> None:
        try:
            async with asyncio.timeout(5.0):
                await self._own.close()
                await self._pool.close()
        except TimeoutError:
            self._own.terminate()
            self._pool.terminate()
