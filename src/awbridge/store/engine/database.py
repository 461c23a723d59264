"""What a database must offer, whichever engine it is.

A read needs no transaction of its own; a write is one transaction that commits when the block ends and rolls back when
it raises. Statements come from the `.sql` files (queries.py) and carry both dialects.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import fields
from enum import Enum
from functools import lru_cache
from operator import itemgetter
from types import NoneType, UnionType
from typing import Any, Protocol, TypeVar, get_args, get_origin, get_type_hints

from msgspec import Struct

from awbridge.store.engine.queries import Statement

Row = Mapping[str, Any]
T = TypeVar("T")


def row_as(kind: type[T], row: Row, **read: object) -> T:
    """A row as a record (a dataclass or a struct), field by field, with enums and booleans.

    `read` are fields that are made from a column. Columns that the record does not know are ignored.
    """
    return _reader(kind, tuple(row.keys()))(row, read)


def reader_of(kind: type[T], rows: Sequence[Row]) -> Callable[[Row, Mapping[str, object]], T]:
    """What reads these rows, which have the same columns, as `row_as` does: (row, fields made from a column) -> record.

    Choosing it costs as much as reading a row, so that many rows are read faster.
    """
    return _reader(kind, tuple(rows[0].keys())) if rows else _reader(kind, ())


@lru_cache(maxsize=1024)
def _reader(kind: type[T], columns: tuple[str, ...]) -> Callable[[Row, Mapping[str, object]], T]:
    hints = get_type_hints(kind)
    names = tuple(name for name in _field_names(kind) if name in columns)
    types = {name: _without_none(hints[name]) for name in names}
    converted = tuple((name, found) for name, found in types.items() if found is bool or issubclass(found, Enum))
    values_of = itemgetter(*names) if len(names) > 1 else _only(*names)

    def read(row: Row, made: Mapping[str, object]) -> T:
        values: dict[str, Any] = dict(zip(names, values_of(row)))  # noqa: B905 as long; checking costs a third more
        for name, convert in converted:
            if (value := values[name]) is not None:
                values[name] = convert(value)
        values.update(made)
        return kind(**values)

    return read


def _field_names(kind: type[Any]) -> tuple[str, ...]:
    return kind.__struct_fields__ if issubclass(kind, Struct) else tuple(field.name for field in fields(kind))


def _only(*names: str) -> Callable[[Row], tuple[Any, ...]]:
    """`itemgetter` of one name or none, which returns a tuple too."""
    return lambda row: tuple(row[name] for name in names)


def _without_none(hint: Any) -> type:
    options = get_args(hint) if get_origin(hint) is UnionType else (hint,)
    kinds = [option for option in options if option is not NoneType]
    return kinds[0] if len(kinds) == 1 and isinstance(kinds[0], type) else object


class Session(Protocol):
    """An open connection, inside a transaction when it came from `write`."""

    async def fetch(self, statement: Statement, *args: object) -> list[Row]:
        """All rows of a statement."""
        ...

    async def execute(self, statement: Statement, *args: object) -> int:
        """Run a statement; the number of rows it changed."""
        ...

    async def write_rows(self, statement: Statement, rows: Sequence[Sequence[object]]) -> None:
        """Run one statement over many rows: as arrays through unnest on PostgreSQL; on SQLite as many VALUES, where
        it has a row of VALUES, else row by row. A statement without a text for the engine is skipped."""
        ...

    async def add_rows(self, statement: Statement, rows: Sequence[Sequence[object]]) -> None:
        """Insert many rows, like write_rows, by a statement that is nothing but an INSERT INTO of all of them.

        On PostgreSQL many go by COPY, which takes two thirds of an INSERT's time there."""
        ...

    async def fetch_rows(self, statement: Statement, rows: Sequence[Sequence[object]]) -> list[Row]:
        """Run one statement over many rows, like write_rows; all that it returns."""
        ...

    async def script(self, sql: str) -> None:
        """Run several statements without parameters (migrations), however long they take."""
        ...


class Writes(Protocol):
    """What can write many rows in one go: a database, or the store around it."""

    async def write_at_once(
        self,
        statements: Sequence[Statement],
        rows: Sequence[Sequence[object]],
        *,
        on_written: Callable[[], None] | None = None,
    ) -> None:
        """Statements over the same rows, committed on return: one round trip, or one hand-over to a thread.

        On PostgreSQL only one of them may have a text. On SQLite `on_written` is called once it is committed, but not
        yet on the disk: another one may be written meanwhile.

        Raises StoreBusy when the database cannot be had, or does not answer, in time.
        """
        ...


class Database(Writes, Protocol):
    """A database, opened once per process.

    `schema`: the schema of PostgreSQL that holds the tables; "" for the one that the URL or the role leads to.
    """

    dialect: str
    schema: str

    @property
    def description(self) -> str:
        """What it is and how it is reached, for a person."""
        ...

    def read(self) -> AbstractAsyncContextManager[Session]:
        """A session for reading; sees what was committed."""
        ...

    def snapshot(self) -> AbstractAsyncContextManager[Session]:
        """A session for reading; all that it reads was committed at one and the same moment."""
        ...

    def write(self) -> AbstractAsyncContextManager[Session]:
        """A transaction. Raises StoreBusy when the database cannot be had in time."""
        ...

    async def transact(self, work: Callable[[Session], Coroutine[Any, Any, T]], *, lasts: bool = True) -> T:
        """What `work` returns, which is one transaction. It awaits nothing but its session.

        Where it need not last, this returns before it is on the disk: a crash may undo it as a whole. A later
        transaction that must last takes it along.

        On SQLite all of it runs in the writing thread: other writers wait for its own time alone, not for an event loop
        that is busy, and the loop goes on meanwhile. Raises StoreBusy when the database cannot be had in time.
        """
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...
