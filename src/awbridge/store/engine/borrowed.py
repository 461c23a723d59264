"""Sessions on the caller's PostgreSQL connection: asyncpg, psycopg 3, SQLAlchemy 2, Django.

The connection's owner opens and ends the transaction. Nothing here connects, commits or rolls back more than its own
savepoint. A connection without asyncio is spoken to by the same code: nothing that it is asked for has to be awaited,
so `without_waiting` runs a coroutine over it to its end in one go.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from inspect import isawaitable
from typing import Any, TypeVar

from awbridge.domain.errors import MigrationError, NoTransaction
from awbridge.store.engine import migrate
from awbridge.store.engine.connections.session import InArrays, PostgresSession
from awbridge.store.engine.database import Row, Session
from awbridge.store.engine.queries import Queries, Statement

_sql = Queries(__name__)
T = TypeVar("T")

_NO_TRANSACTION = "25P01"  # PostgreSQL's code for SAVEPOINT outside a transaction
_NO_TABLE = "42P01"
_SUPPORTED = (
    "an asyncpg connection, a psycopg 3 connection or cursor, a SQLAlchemy 2 connection or session (with psycopg or "
    "asyncpg), or Django's connection (with psycopg 3)"
)

# What may hold a $ that is no parameter, or such a parameter.
_TOKEN = re.compile(r"""'(?:[^']|'')*' | "[^"]*" | --[^\n]* | \$(\d+)""", re.VERBOSE)


@cache
def with_named_parameters(sql: str) -> str:
    """`$1` as `%(p1)s`, which is what psycopg understands; every other % is doubled."""
    return _TOKEN.sub(lambda found: f"%(p{found[1]})s" if found[1] else found[0], sql.replace("%", "%%"))


def _named(args: Sequence[object]) -> dict[str, object]:
    return {f"p{number}": value for number, value in enumerate(args, start=1)}


def _as_utc(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) else value


async def _settled(value: Any) -> Any:
    """What a driver gave, whether it has to be awaited or not."""
    return await value if isawaitable(value) else value


class _PsycopgSession(InArrays):
    """On a psycopg connection, with asyncio or without."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def fetch(self, statement: Statement, *args: object) -> list[Row]:
        cursor = await self._run(statement, args)
        names = [column.name for column in cursor.description]
        rows = await _settled(cursor.fetchall())
        return [dict(zip(names, map(_as_utc, row), strict=True)) for row in rows]

    async def execute(self, statement: Statement, *args: object) -> int:
        return (await self._run(statement, args)).rowcount

    async def script(self, sql: str) -> None:
        await _settled(self._connection.execute(sql))

    async def _run(self, statement: Statement, args: Sequence[object]) -> Any:
        from psycopg.rows import tuple_row
        from psycopg.types.datetime import TimestamptzLoader

        # The connection's own way of making rows and times is its owner's affair (Django may drop the time zone).
        cursor = self._connection.cursor(row_factory=tuple_row)
        cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
        await _settled(cursor.execute(with_named_parameters(statement.postgres), _named(args)))
        return cursor


class _SqlalchemySession(InArrays):
    """On a SQLAlchemy Connection or AsyncConnection: through it, so that it knows of the transaction."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._numbered = connection.dialect.driver == "asyncpg"

    async def fetch(self, statement: Statement, *args: object) -> list[Row]:
        result = await self._run(statement, args)
        return [{name: _as_utc(value) for name, value in row.items()} for row in result.mappings()]

    async def execute(self, statement: Statement, *args: object) -> int:
        return (await self._run(statement, args)).rowcount

    async def script(self, sql: str) -> None:
        await _settled(self._connection.exec_driver_sql(sql))

    async def _run(self, statement: Statement, args: Sequence[object]) -> Any:
        if self._numbered:
            return await _settled(self._connection.exec_driver_sql(statement.postgres, tuple(args)))
        return await _settled(self._connection.exec_driver_sql(with_named_parameters(statement.postgres), _named(args)))


async def session_on(connection: Any) -> Session:
    """A session on the caller's connection. Raises TypeError for any other object or another database."""
    library = _library(connection)
    if library == "asyncpg":
        return PostgresSession(connection)
    if library == "psycopg":
        return _PsycopgSession(connection if hasattr(connection, "cursor") else connection.connection)
    if library == "django":
        return _PsycopgSession(_below_django(connection))
    if library == "sqlalchemy":
        found = connection if hasattr(connection, "exec_driver_sql") else await _settled(connection.connection())
        if found.dialect.driver in ("psycopg", "psycopg_async", "asyncpg"):
            return _SqlalchemySession(found)
        raise TypeError(f"SQLAlchemy speaks {found.dialect.name} with {found.dialect.driver} here; give {_SUPPORTED}")
    raise TypeError(f"{type(connection).__module__}.{type(connection).__qualname__} is not known; give {_SUPPORTED}")


def is_async(connection: Any) -> bool:
    """Whether a connection is for asyncio: all of asyncpg's are; for others the class name says so."""
    return _library(connection) == "asyncpg" or any("async" in cls.__name__.lower() for cls in type(connection).__mro__)


def _library(connection: Any) -> str:
    named = (cls.__module__.partition(".")[0] for cls in type(connection).__mro__)
    return next((name for name in named if name in ("asyncpg", "psycopg", "sqlalchemy", "django")), "")


def _below_django(connection: Any) -> Any:
    if connection.vendor != "postgresql":
        raise TypeError(f"Django's connection is to {connection.vendor}, not to PostgreSQL; give {_SUPPORTED}")
    connection.validate_no_broken_transaction()
    connection.ensure_connection()
    below = connection.connection
    if _library(below) != "psycopg":
        raise TypeError(f"Django uses {type(below).__module__} here; install psycopg 3 (pip install 'psycopg[binary]')")
    return below


@asynccontextmanager
async def savepoint(session: Session, *, schema: str | None = None) -> AsyncGenerator[None]:
    """All that the block does, or nothing of it; the transaction around it stays usable either way.

    With `schema`, names in the block mean that schema's tables, whatever the connection's search_path is: the caller
    may have tables of the same names. Raises NoTransaction where none is open.
    """
    try:
        await session.script("SAVEPOINT awbridge_enqueue")
    except Exception as error:
        if _sqlstate(error) != _NO_TRANSACTION:
            raise
        raise NoTransaction(
            "no transaction is open on this connection, so that nothing could commit together: begin one first"
        ) from error
    try:
        before = (await session.fetch(_sql.look_in, schema))[0]["path"] if schema else None
        yield
        if before is not None:
            await session.execute(_sql.look_as_before, before)
    except BaseException:  # what is rolled back includes the search_path
        with suppress(Exception):  # a lost connection has no transaction left; the first error is reported
            await session.script("ROLLBACK TO SAVEPOINT awbridge_enqueue")
            await session.script("RELEASE SAVEPOINT awbridge_enqueue")
        raise
    await session.script("RELEASE SAVEPOINT awbridge_enqueue")


async def now_on_this_schema(session: Session, *, schema: str | None = None) -> datetime:
    """What time it is for the database. Raises MigrationError where this version cannot work on what its schema is.

    `schema` is the one that was looked in, for the error.
    """
    try:
        return await migrate.now_on_this_schema(session)
    except Exception as error:
        if _sqlstate(error) != _NO_TABLE:
            raise
        place = f" in the schema {schema!r}" if schema else ""
        remedy = (
            "see that awbridge migrate ran on this database with a search_path of that schema, and that your role may "
            "use it (GRANT USAGE ON SCHEMA)"
            if schema
            else "run awbridge migrate on its database; if they are in a schema of their own, pass its name as schema"
        )
        raise MigrationError(f"this connection sees no tables of awbridge{place}: {remedy}") from error


def _sqlstate(error: BaseException | None) -> str:
    """PostgreSQL's code of an error, whichever library wrapped it."""
    while error is not None:
        if code := getattr(error, "sqlstate", None):
            return str(code)
        error = getattr(error, "orig", None) or error.__cause__
    return ""


def without_waiting(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never has to wait, because all it talks to answers at once."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    work.close()
    raise RuntimeError("a connection without asyncio had to be waited for")
