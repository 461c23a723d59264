"""A PostgreSQL server as this process reaches it: how, and by which connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from awbridge.domain.errors import StoreBusy, StoreError
from awbridge.store.engine.connections.errors import AWAY, READ_ONLY, our_errors
from awbridge.store.engine.connections.own import OwnConnection
from awbridge.store.engine.connections.pool import Pool, SchemaConnection
from awbridge.store.engine.connections.turns import Turns
from awbridge.store.engine.detect import pooler
from awbridge.store.engine.detect.pooler import Pooling, Reach
from awbridge.store.engine.detect.primary import Primary, takes_no_writes

ACQUIRE_TIMEOUT = 10.0  # seconds to wait for a free connection
COMMAND_TIMEOUT = 30.0  # seconds that one statement may take


def _options() -> dict[str, Any]:
    settings = {"application_name": "awbridge"}
    return {"command_timeout": COMMAND_TIMEOUT, "timeout": ACQUIRE_TIMEOUT, "server_settings": settings}


class Server:
    """A server with its connections. They are opened as needed and replaced when they break.

    Any number of accounts use them, each with its tables in a schema of its own; "" is the schema that the URL or the
    role leads to. `pooling` is how the server is reached: behind a pooler of transactions reads are transactions too,
    and the schema is set in each.
    """

    def __init__(self, primary: Primary, pooling: Pooling, connections: int) -> None:
        size = max(connections - 1, 1)
        self.primary = primary
        self.pooling = pooling
        self._turns = Turns(size)
        self._pool = Pool(self._new, size)
        self._own = OwnConnection(self._new, pooling)

    @classmethod
    async def connect(cls, url: str, *, connections: int) -> Server:
        """Reach a server; with the connection beside the pool there are at most so many `connections`, at least two.

        Raises StoreError when the address, the password or the pooler before it is wrong, StoreBusy when it is away.
        """
        url, configured = pooler.declared(url)
        primary = Primary(url)
        try:
            pooling = await pooler.find(primary.connect, configured, url=url, **_options())
            server = cls(primary, pooling, connections)
            server._pool.give_back(await server._pool.take(""))
        except AWAY as error:
            raise StoreBusy(f"PostgreSQL does not answer: {error}. Check AWBRIDGE_DATABASE_URL.") from error
        except (asyncpg.PostgresError, ValueError) as error:
            raise StoreError(f"PostgreSQL refused the connection: {error}. Check AWBRIDGE_DATABASE_URL.") from error
        return server

    def join(self, schema: str) -> None:
        """A store of this schema uses the connections until it leaves."""
        self._turns.join(schema)

    def leave(self, schema: str) -> None:
        """A store of this schema was closed."""
        self._turns.leave(schema)

    async def reach(self) -> Reach:
        """What two new connections show of a pooler. Raises StoreError."""
        with our_errors():
            return await pooler.reach(self.primary.connect, **_options())

    @asynccontextmanager
    async def lend(self, schema: str) -> AsyncGenerator[SchemaConnection]:
        """A connection whose statements run in this schema; behind a pooler of transactions, one as it comes.

        Waits for the account's turn. Raises StoreBusy and StoreError, also for what the block raises of the driver.
        """
        with our_errors():
            connection = await self._take(schema)
            try:
                if connection.schema != schema and self.pooling is not Pooling.TRANSACTION:
                    await connection.follow(schema)
                yield connection
            except (TimeoutError, *READ_ONLY):
                connection.terminate()
                # What froze this one, cut it off or made it read only, did so to the idle ones; each would cost a
                # wait of its own.
                self._pool.expire()
                raise
            except asyncio.CancelledError:
                connection.terminate()  # a frozen server would not answer the request to cancel either
                raise
            except (asyncpg.InvalidCachedStatementError, asyncpg.DataError):
                connection.differs = len(connection.schemas) > 1
                raise
            finally:
                self._pool.give_back(connection)
                self._turns.give_back(schema)

    async def write_at_once(self, schema: str, sql: str, columns: Sequence[Sequence[object]]) -> None:
        """One statement on the connection beside the pool, committed on return."""
        with our_errors():
            try:
                await self._own.execute(schema, sql, columns)
            except (TimeoutError, *READ_ONLY):
                self._pool.expire()
                raise

    async def _take(self, schema: str) -> SchemaConnection:
        async with asyncio.timeout(ACQUIRE_TIMEOUT):
            await self._turns.take(schema)
            try:
                return await self._writable("" if self.pooling is Pooling.TRANSACTION else schema)
            except BaseException:
                self._turns.give_back(schema)
                raise

    async def _writable(self, schema: str) -> SchemaConnection:
        connection = await self._pool.take(schema)
        if self.pooling is Pooling.NONE and takes_no_writes(connection):
            connection.terminate()
            self._pool.give_back(connection)
            self._pool.expire()
            connection = await self._pool.take(schema)
        return connection

    async def _new(self) -> SchemaConnection:
        connection = await self.primary.connect(connection_class=SchemaConnection, **_options(), **self.pooling.options)
        assert isinstance(connection, SchemaConnection)
        try:
            if self.pooling is Pooling.NONE:
                await pooler.refuse_pooler(connection)
                await connection.plan_plainly()
        except BaseException:  # also when cancelled in the middle of its transaction
            connection.terminate()
            raise
        return connection

    async def close(self) -> None:
        """Close every connection."""
        try:
            async with asyncio.timeout(5.0):
                await self._own.close()
                await self._pool.close()
        except TimeoutError:
            self._own.terminate()
            self._pool.terminate()
