"""PostgreSQL through asyncpg: the tables of one schema, one transaction per write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

from awbridge.store.engine.columns import in_columns
from awbridge.store.engine.connections.server import Server
from awbridge.store.engine.connections.session import PostgresSession
from awbridge.store.engine.database import Session
from awbridge.store.engine.detect.pooler import Pooling, Reach
from awbridge.store.engine.queries import Statement

T = TypeVar("T")


class PostgresDatabase:
    """A schema on a PostgreSQL server. `schema` is "" for the one that the URL or the role leads to.

    `shared`: whether the server's connections are others' too, and stay open when this is closed.
    """

    dialect = "postgres"

    def __init__(self, server: Server, *, schema: str = "", shared: bool = False) -> None:
        self.server = server
        self.schema = schema
        self._shared = shared
        self._joined = True
        server.join(schema)

    @property
    def pooling(self) -> Pooling:
        """How the server is reached."""
        return self.server.pooling

    @property
    def description(self) -> str:
        return "PostgreSQL" + ("" if self.pooling is Pooling.NONE else f" behind a pooler ({self.pooling} mode)")

    @classmethod
    async def connect(cls, url: str, *, connections: int = 10, schema: str = "") -> PostgresDatabase:
        """Reach a server by connections of its own. Raises as `Server.connect` does."""
        return cls(await Server.connect(url, connections=connections), schema=schema)

    async def reach(self) -> Reach:
        """What two new connections show of a pooler. Raises StoreError."""
        return await self.server.reach()

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[Session]:
        if self.pooling is Pooling.TRANSACTION:
            async with self.write() as session:
                yield session
            return
        async with self.server.lend(self.schema) as connection:
            yield PostgresSession(connection)

    def snapshot(self) -> AbstractAsyncContextManager[Session]:
        return self._transaction(isolation="repeatable_read", readonly=True)

    def write(self) -> AbstractAsyncContextManager[Session]:
        return self._transaction()

    async def transact(self, work: Callable[[Session], Coroutine[Any, Any, T]], *, lasts: bool = True) -> T:
        async with self.write() as session:
            if not lasts:
                await session.script("SET LOCAL synchronous_commit = off")
            return await work(session)

    @asynccontextmanager
    async def _transaction(self, **options: Any) -> AsyncGenerator[Session]:
        async with self.server.lend(self.schema) as connection:
            transaction = connection.transaction(**options)

            async def start() -> None:
                await transaction.start()
                if self.pooling is Pooling.TRANSACTION:
                    await connection.follow_in_transaction(self.schema)

            async def restart() -> None:
                nonlocal transaction
                await transaction.rollback()
                transaction = connection.transaction(**options)
                await start()

            await start()
            try:
                yield PostgresSession(connection, restart)
            except (TimeoutError, asyncio.CancelledError):
                raise  # the connection is discarded; a frozen server would not answer ROLLBACK either
            except BaseException:
                await transaction.rollback()
                raise
            await transaction.commit()

    async def write_at_once(
        self,
        statements: Sequence[Statement],
        rows: Sequence[Sequence[object]],
        *,
        on_written: Callable[[], None] | None = None,
    ) -> None:
        if not rows:
            return
        [sql] = [statement.postgres for statement in statements if statement.postgres]
        await self.server.write_at_once(self.schema, *in_columns(sql, rows))

    async def close(self) -> None:
        if self._joined:
            self._joined = False
            self.server.leave(self.schema)
        if not self._shared:
            await self.server.close()
