"""Statements on an asyncpg connection."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import asyncpg

from awbridge.store.engine.columns import in_columns
from awbridge.store.engine.database import Row
from awbridge.store.engine.queries import Statement, statements

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

FEWEST_COPIED = 32  # rows; with fewer, COPY costs more by its second round trip than it saves
SCRIPT_TIMEOUT = 24 * 3600.0  # seconds that a migration may take: an index over a large table takes its time

_INSERT = re.compile(r"(?:--[^\n]*\n)*\s*INSERT INTO (\w+) \(([\w,\s]+)\)\s*SELECT \* FROM unnest\([^()]*\)\s*")

AnyConnection: TypeAlias = "asyncpg.Connection[Any] | PoolConnectionProxy[Any]"


@lru_cache(maxsize=64)
def _insertion(sql: str) -> tuple[str, tuple[str, ...]]:
    """The table and the columns of a statement that is nothing but an INSERT of all rows. Raises ValueError."""
    found = _INSERT.fullmatch(sql)
    if not found:
        raise ValueError(f"not an INSERT of all rows, which add_rows needs: {sql}")
    return found[1], tuple(column.strip() for column in found[2].split(","))


class InArrays:
    """Many rows in one statement: each column is an array, which the statement reads with unnest."""

    async def fetch(self, statement: Statement, *args: object) -> list[Row]:
        raise NotImplementedError

    async def execute(self, statement: Statement, *args: object) -> int:
        raise NotImplementedError

    async def write_rows(self, statement: Statement, rows: Sequence[Sequence[object]]) -> None:
        if rows and statement.postgres:
            await self.execute(statement, *map(list, zip(*rows, strict=True)))

    async def add_rows(self, statement: Statement, rows: Sequence[Sequence[object]]) -> None:
        await self.write_rows(statement, rows)

    async def fetch_rows(self, statement: Statement, rows: Sequence[Sequence[object]]) -> list[Row]:
        return await self.fetch(statement, *map(list, zip(*rows, strict=True))) if rows else []


class PostgresSession(InArrays):
    """A session on an asyncpg connection.

    A statement that was prepared before a migration changed what it returns is refused once. Outside of a transaction
    asyncpg prepares it again. So does this with the first statement of a transaction, which `restart` begins again.
    """

    def __init__(self, connection: AnyConnection, restart: Callable[[], Awaitable[None]] | None = None) -> None:
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

    async def add_rows(self, statement: Statement, rows: Sequence[Sequence[object]]) -> None:
        if len(rows) < FEWEST_COPIED:
            await self.write_rows(statement, rows)
            return
        table, columns = _insertion(statement.postgres)
        self._restart = None
        await self._connection.copy_records_to_table(table, columns=columns, records=rows)

    async def fetch_rows(self, statement: Statement, rows: Sequence[Sequence[object]]) -> list[Row]:
        if not rows:
            return []
        sql, columns = in_columns(statement.postgres, rows)
        return cast("list[Row]", await self._run(self._connection.fetch, sql, columns))

    async def script(self, sql: str) -> None:
        self._restart = None
        for statement in statements(sql):  # Citus passes some on with all the text that they came in
            await self._connection.execute(statement, timeout=SCRIPT_TIMEOUT)

    async def _run(self, call: Callable[..., Awaitable[Any]], sql: str, args: Sequence[object]) -> Any:
        restart, self._restart = self._restart, None
        try:
            return await call(sql, *args)
        except asyncpg.InvalidCachedStatementError:
            if restart is None:
                raise
            await restart()
            return await call(sql, *args)
