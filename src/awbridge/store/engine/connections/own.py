"""One connection beside the pool, for writes in one go.

To take one out of the pool and to give it back costs more, and meanwhile the server has nothing to do.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from awbridge.store.engine.connections.errors import READ_ONLY
from awbridge.store.engine.connections.pool import LONGEST_IDLE, SchemaConnection
from awbridge.store.engine.connections.turns import Turns
from awbridge.store.engine.detect.pooler import Pooling
from awbridge.store.engine.detect.primary import takes_no_writes

AT_ONCE_TIMEOUT = 5.0  # seconds that a write in one go may take; then its connection is thrown away


class OwnConnection:
    """One connection that stays, opened as needed. Accounts use it in turn, one write each."""

    def __init__(self, connect: Callable[[], Awaitable[SchemaConnection]], pooling: Pooling) -> None:
        self._connect = connect
        self._pooling = pooling
        self._turns = Turns(1)
        self._connection: SchemaConnection | None = None
        self._used_at = 0.0  # by the loop's clock

    async def execute(self, schema: str, sql: str, columns: Sequence[Sequence[object]]) -> None:
        """One statement, committed on return. The connection is closed after a timeout or a cancellation."""
        async with self._turn(schema):
            connection = await self._open()
            try:
                await self._write(connection, schema, sql, columns)
            except (TimeoutError, asyncio.CancelledError, *READ_ONLY):
                connection.terminate()
                raise

    async def _write(
        self, connection: SchemaConnection, schema: str, sql: str, columns: Sequence[Sequence[object]]
    ) -> None:
        if self._pooling is not Pooling.TRANSACTION:
            if connection.schema != schema:
                async with asyncio.timeout(AT_ONCE_TIMEOUT):
                    await connection.follow(schema)
            await connection.execute(sql, *columns, timeout=AT_ONCE_TIMEOUT)
            return
        async with asyncio.timeout(AT_ONCE_TIMEOUT), connection.transaction():
            await connection.follow_in_transaction(schema)
            await connection.execute(sql, *columns)

    @asynccontextmanager
    async def _turn(self, schema: str) -> AsyncGenerator[None]:
        await self._turns.take(schema)
        try:
            yield
        finally:
            self._turns.give_back(schema)

    async def _open(self) -> SchemaConnection:
        """The connection; a new one if it was cut, or was idle so long that a proxy may have dropped it.

        One that is in a transaction is never used: what is written there would be acknowledged and not committed.
        """
        now = asyncio.get_running_loop().time()
        idle, self._used_at = now - self._used_at, now
        if self._connection and not self._connection.is_closed():
            if idle <= LONGEST_IDLE and self._is_fit(self._connection):
                return self._connection
            self._connection.terminate()
        self._connection = await self._connect()
        return self._connection

    def _is_fit(self, connection: SchemaConnection) -> bool:
        unwritable = self._pooling is Pooling.NONE and takes_no_writes(connection)
        return not unwritable and not connection.is_in_transaction() and not connection.is_worn

    async def close(self) -> None:
        """Close it after the writes that wait."""
        async with self._turn(""):
            if self._connection:
                await self._connection.close()

    def terminate(self) -> None:
        """Close it at once."""
        if self._connection:
            self._connection.terminate()
