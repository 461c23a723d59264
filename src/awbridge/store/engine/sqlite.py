# apsw names its buffer type by a Python 3.12 name, which the type checker does not know when it checks for 3.11.
# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false
"""SQLite through apsw: one writing thread, a few reading ones.

Settings that the house depends on: WAL, synchronous=FULL (a commit is on the disk), foreign keys, BEGIN IMMEDIATE for
every write. A transaction that is one function of the writing thread commits with synchronous=NORMAL and is then synced
(connections/wal.py), so that the next one need not wait for the disk. Several processes may share the file: a lock file
is taken before BEGIN, because SQLite's own busy handler lets one process starve the others.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterable, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from functools import lru_cache, partial
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import apsw

from awbridge.domain.errors import StoreBusy, StoreError
from awbridge.private_files import touch_private
from awbridge.store.engine.connections.file_lock import LOCK_TIMEOUT, FileLock
from awbridge.store.engine.connections.wal import LogCopy, LogSync
from awbridge.store.engine.connections.worker import Worker
from awbridge.store.engine.database import Row, Session
from awbridge.store.engine.queries import Statement

T = TypeVar("T")

READERS = 2
# Rows that one statement writes at most; few numbers, so that each text is prepared once and kept. apsw keeps no text
# above 16 KiB.
SIZES = (8, 16, 32, 64, 128)
LONGEST_KEPT = 16_000  # characters
KEPT_STATEMENTS = 400
_SYNCHRONOUS = {True: "FULL", False: "NORMAL"}


@lru_cache(maxsize=4096)  # the time of a delivery goes into a row of many tables
def _time_text(moment: datetime) -> str:
    text = str(moment if moment.tzinfo is UTC else moment.astimezone(UTC))  # half the time of isoformat
    return f"{text[:10]}T{text[11:26] if text[19] == '.' else text[11:19] + '.000000'}Z"


def _to_sqlite(value: object) -> Any:
    if isinstance(value, datetime):
        return _time_text(value)
    if isinstance(value, list):
        return json.dumps(value)
    return value


_AS_IT_IS = frozenset({int, str, bytes, bool, type(None)})


def _bound(row: Sequence[object]) -> tuple[Any, ...]:
    return tuple(
        [v if (k := type(v)) in _AS_IT_IS else _time_text(v) if k is datetime else _to_sqlite(v) for v in row]  # pyright: ignore[reportArgumentType]
    )


def _all_bound(rows: Sequence[Sequence[object]]) -> Iterable[Any]:
    """The values of many rows, one row after the other. Column by column: most columns need no conversion."""
    columns: list[Sequence[object]] = []
    for column in zip(*rows, strict=True):
        columns.append(column if _AS_IT_IS.issuperset(map(type, column)) else _bound(column))
    return chain.from_iterable(zip(*columns, strict=True))


def _converter(name: str, declared: str | None) -> Callable[[Any], Any] | None:
    if name.endswith("_at"):
        return datetime.fromisoformat
    return bool if declared == "BOOLEAN" else None


def _rows(connection: apsw.Connection, sql: str, args: tuple[Any, ...]) -> list[Row]:
    cursor = connection.execute(sql, args)
    first = cursor.fetchone()
    if first is None:
        return []
    described = cursor.get_description()
    names = [column[0] for column in described]
    converters = [(n, convert) for n, column in enumerate(described) if (convert := _converter(column[0], column[1]))]
    rows: list[Row] = []
    for values in chain((first,), cursor):
        converted = [*values]
        for n, convert in converters:
            if (value := converted[n]) is not None:
                converted[n] = convert(value)
        rows.append(dict(zip(names, converted)))  # noqa: B905 as long; checking costs a third more
    return rows


def _write_rows(connection: apsw.Connection, statement: Statement, rows: Sequence[Sequence[object]]) -> None:
    """Many rows to a statement: at each the thread hands over Python's lock, and has to win it back under load."""
    together, apart = _pieces(statement, rows)
    for sql, args in together:
        connection.execute(sql, args).fetchall()
    connection.executemany(statement.sqlite, map(_bound, apart)).fetchall()


def _fetch_rows(connection: apsw.Connection, statement: Statement, rows: Sequence[Sequence[object]]) -> list[Row]:
    together, apart = _pieces(statement, rows)
    pieces = [*together, *((statement.sqlite, _bound(row)) for row in apart)]
    return [found for sql, args in pieces for found in _rows(connection, sql, args)]


def _pieces(
    statement: Statement, rows: Sequence[Sequence[object]]
) -> tuple[list[tuple[str, tuple[Any, ...]]], Sequence[Sequence[object]]]:
    """The texts and arguments that hold many rows each, and the rows that are left for the statement itself."""
    pieces: list[tuple[str, tuple[Any, ...]]] = []
    start = 0
    while len(rows) - start > 1 and (fitting := fitting_rows(statement, len(rows) - start)):
        size, sql = fitting
        some = rows[start : start + size]
        blank = (None,) * ((size - len(some)) * len(some[0]))
        pieces.append((sql, (*_all_bound(some), *blank, len(some))))
        start += size
    return pieces, rows[start:]


@lru_cache(maxsize=4096)
def fitting_rows(statement: Statement, rows: int) -> tuple[int, str] | None:
    """The smallest size that holds so many rows, else the largest there is, and its text."""
    found = None
    for size in SIZES:
        sql = statement.sqlite_rows(size)
        if sql is None or len(sql) > LONGEST_KEPT:
            break
        found = size, sql
        if size >= rows:
            break
    return found


def _connect(path: str) -> apsw.Connection:
    connection = apsw.Connection(path, statementcachesize=KEPT_STATEMENTS)
    connection.set_busy_timeout(int(LOCK_TIMEOUT * 1000))
    # Else SQLite plans a statement anew whenever its LIMIT or another parameter that it looked at has a new value.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA cache_size = -65536")
    return connection


class _Thread:
    """One thread with one connection to the file; work is handed to it in order."""

    def __init__(self, path: str, name: str) -> None:
        self.connection = _connect(path)
        self._worker = Worker(name)

    async def run(self, work: Callable[[], T]) -> T:
        with _our_errors():
            return await self._worker.run(work)

    async def close(self) -> None:
        try:
            await self.run(self.connection.close)
        finally:
            self._worker.end()


@contextmanager
def _our_errors() -> Generator[None]:
    try:
        yield
    except (apsw.BusyError, apsw.LockedError) as error:
        raise StoreBusy(f"the database is locked: {error}") from error
    except apsw.FullError as error:
        raise StoreBusy("the disk that holds the database is full") from error
    except apsw.Error as error:
        raise StoreError(f"SQLite: {error}") from error


class _SqliteSession:
    """A session whose statements the event loop hands to a thread."""

    def __init__(self, thread: _Thread) -> None:
        self._thread = thread
        self._connection = thread.connection

    async def fetch(self, statement: Statement, *args: object) -> list[Row]:
        values = tuple(_to_sqlite(a) for a in args)
        return await self._run(lambda: _rows(self._connection, statement.sqlite, values))

    async def execute(self, statement: Statement, *args: object) -> int:
        values = tuple(_to_sqlite(a) for a in args)

        def work() -> int:
            before = self._connection.total_changes()
            self._connection.execute(statement.sqlite, values).fetchall()
            return self._connection.total_changes() - before

        return await self._run(work)

    async def write_rows(self, statement: Statement, rows: Sequence[Sequence[object]]) -> None:
        if rows:
            await self._run(lambda: _write_rows(self._connection, statement, rows))

    async def add_rows(self, statement: Statement, rows: Sequence[Sequence[object]]) -> None:
        await self.write_rows(statement, rows)

    async def fetch_rows(self, statement: Statement, rows: Sequence[Sequence[object]]) -> list[Row]:
        return await self._run(lambda: _fetch_rows(self._connection, statement, rows)) if rows else []

    async def script(self, sql: str) -> None:
        await self._run(lambda: self._connection.execute(sql).fetchall())

    async def _run(self, work: Callable[[], T]) -> T:
        return await self._thread.run(work)


class _SessionInThread(_SqliteSession):
    """The same within the thread: nothing is awaited."""

    async def _run(self, work: Callable[[], T]) -> T:
        with _our_errors():
            return work()


def _finished(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that awaits nothing but turns (`asyncio.sleep(0)`), which it need not wait for."""
    try:
        while work.send(None) is None:
            pass
    except StopIteration as end:
        return end.value
    finally:
        work.close()
    raise RuntimeError("a transaction in the writing thread of SQLite awaits something else than its session")


class SqliteDatabase:
    """A SQLite file. Safe for several tasks of one event loop and for several processes."""

    dialect = "sqlite"
    schema = ""
    description = "SQLite"

    def __init__(self, path: str | Path) -> None:
        path = self._path = str(path)
        try:
            touch_private(Path(path))  # SQLite gives -wal and -shm the same mode
            self._writer = _Thread(path, "sqlite-write")
            self._readers = [_Thread(path, "sqlite-read") for _ in range(READERS)]
            self._lock = FileLock(f"{path}-lock")
            self._log = LogSync(path)
        except (apsw.Error, OSError) as error:
            raise StoreError(
                f"cannot open the SQLite file {path}: {error}. Check that the folder exists and may be written."
            ) from error
        self._copy = LogCopy(self._writer.connection, partial(_connect, path))
        self._turn = asyncio.Lock()
        self._reading = [0] * READERS  # sessions that each has now
        self._next_reader = 0
        self._waits = True  # whether a commit of the writing thread waits for the disk itself

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[Session]:
        # The one with the fewest sessions, else in turn: what counts a large table does so for a second.
        turns = ((self._next_reader + n) % READERS for n in range(1, READERS + 1))
        chosen = self._next_reader = min(turns, key=self._reading.__getitem__)
        self._reading[chosen] += 1
        try:
            yield _SqliteSession(self._readers[chosen])
        finally:
            self._reading[chosen] -= 1

    @asynccontextmanager
    async def snapshot(self) -> AsyncGenerator[Session]:
        reader = _Thread(self._path, "sqlite-snapshot")
        try:
            session = _SqliteSession(reader)
            await session.script("BEGIN; SELECT 1 FROM sqlite_schema")  # what it sees is settled by its first read
            yield session
        finally:
            await reader.close()

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[Session]:
        async with self._turn:
            try:
                await self._writer.run(self._begin)
                yield _SqliteSession(self._writer)
            except BaseException:
                # The thread works in order, so this runs after all that a cancelled task had submitted.
                await asyncio.shield(self._writer.run(self._roll_back))
                raise
            await asyncio.shield(self._writer.run(self._commit))

    async def write_at_once(
        self,
        statements: Sequence[Statement],
        rows: Sequence[Sequence[object]],
        *,
        on_written: Callable[[], None] | None = None,
    ) -> None:
        def work() -> None:
            for statement in statements:
                _write_rows(self._writer.connection, statement, rows)

        await self._run_whole(work, on_written=on_written)

    async def transact(self, work: Callable[[Session], Coroutine[Any, Any, T]], *, lasts: bool = True) -> T:
        return await self._run_whole(lambda: _finished(work(_SessionInThread(self._writer))), lasts=lasts)

    async def _run_whole(
        self, work: Callable[[], T], *, lasts: bool = True, on_written: Callable[[], None] | None = None
    ) -> T:
        """A transaction. The next one may begin before this is on the disk, which is awaited where it must last."""

        def transaction() -> T:
            self._begin(waits=False)
            try:
                result = work()
            except BaseException:
                self._roll_back()
                raise
            self._commit()
            return result

        async with self._turn:
            # A task cancelled here leaves the transaction whole: the thread ends it before it begins another.
            result = await self._writer.run(transaction)
        if on_written:
            on_written()
        if lasts:
            await self._log.sync()
        return result

    async def close(self) -> None:
        self._copy.close()
        self._log.close()
        for thread in (*self._readers, self._writer):
            await thread.close()
        self._lock.close()

    def _begin(self, *, waits: bool = True) -> None:
        self._lock.take()
        try:
            if self._log.failed:
                self._copy.copy_all()
                self._log.failed = False
            if waits is not self._waits:
                # Not kept: SQLite obeys this pragma when it prepares the statement.
                self._writer.connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS[waits]}", can_cache=False)
                self._waits = waits
            self._writer.connection.execute("BEGIN IMMEDIATE")
        except BaseException:
            self._lock.give_back()
            raise

    def _commit(self) -> None:
        try:
            self._writer.connection.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        try:
            self._copy.after_commit()
        finally:
            self._lock.give_back()

    def _roll_back(self) -> None:
        try:
            if self._writer.connection.in_transaction:
                self._writer.connection.execute("ROLLBACK")
        finally:
            self._lock.give_back()
