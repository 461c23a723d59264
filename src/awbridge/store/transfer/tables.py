"""The tables of an account as the database itself describes them, their rows in pages, and how they are dropped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from awbridge.domain.errors import StoreError
from awbridge.domain.transfer.manifest import Kind
from awbridge.store import Store
from awbridge.store.engine.database import Row, Session
from awbridge.store.engine.queries import Queries, Statement

_sql = Queries(__name__)

HISTORY = "schema_migrations"
# What running processes write on their own, and write again: an account is empty beside it.
OF_PROCESSES = frozenset({"clock_marks", "figure_samples", "processes"})

# A column's type, as either engine names it.
_KINDS = {
    "smallint": Kind.SMALLINT,
    "integer": Kind.INTEGER,
    "bigint": Kind.BIGINT,
    "double precision": Kind.FLOAT,
    "text": Kind.TEXT,
    "boolean": Kind.BOOLEAN,
    "bytea": Kind.BYTES,
    "timestamptz": Kind.TIME,
    "timestamp with time zone": Kind.TIME,
}
_ARRAYS = {kind: kind.value for kind in Kind} | {
    Kind.FLOAT: "double precision",
    Kind.BYTES: "bytea",
    Kind.TIME: "timestamptz",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table: its columns with what they hold, and those of its primary key."""

    name: str
    columns: tuple[str, ...]
    kinds: tuple[Kind, ...]
    key: tuple[str, ...]


async def tables(session: Session) -> dict[str, Table]:
    """Every table by name, with those of a newer version that has migrated the database. Raises StoreError."""
    rows = await session.fetch(_sql.columns)
    return {name: _table(name, list(some)) for name, some in groupby(rows, key=lambda row: str(row["table_name"]))}


def _table(name: str, rows: Sequence[Row]) -> Table:
    unknown = [row["type"] for row in rows if row["type"].lower() not in _KINDS]
    if unknown:
        raise StoreError(f"the table {name} has columns of the type {unknown[0]}, which cannot be copied")
    return Table(
        name=name,
        columns=tuple(row["name"] for row in rows),
        kinds=tuple(_KINDS[row["type"].lower()] for row in rows),
        key=tuple(row["name"] for row in sorted(rows, key=lambda row: row["key_place"]) if row["key_place"]),
    )


async def page(session: Session, table: Table, *, after: Sequence[object], limit: int) -> list[Row]:
    """At most so many rows in the order of the primary key, after the row with this key; () for the first ones."""
    return await session.fetch(_page_of(table, first=not after), *after, limit)


def key_of(table: Table, row: Row) -> tuple[Any, ...]:
    """The primary key of a row."""
    return tuple(row[name] for name in table.key)


async def add(session: Session, table: Table, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Add rows of these columns."""
    await session.write_rows(_insert(table, columns), rows)


async def has_rows(session: Session, name: str) -> bool:
    """Whether a table has any row."""
    text = f"SELECT EXISTS (SELECT 1 FROM {_quoted(name)}) AS found"  # noqa: S608 a name out of the catalogue
    return bool((await session.fetch(Statement("has_rows", text, text)))[0]["found"])


async def count(session: Session, name: str) -> int:
    """The rows of a table."""
    text = f"SELECT COUNT(*) AS rows FROM {_quoted(name)}"  # noqa: S608 a name out of the catalogue
    return (await session.fetch(Statement("count", text, text)))[0]["rows"]


async def empty(session: Session, name: str) -> None:
    """Delete all rows of a table."""
    text = f"DELETE FROM {_quoted(name)}"  # noqa: S608 a name out of the catalogue
    await session.execute(Statement("empty", text, text))


async def drop(session: Session, name: str) -> None:
    """Drop a table. Raises StoreBusy where it is in use."""
    await session.fetch(_sql.wait_briefly)
    await session.script(f"DROP TABLE {_quoted(name)}")


async def drop_schema(session: Session, schema: str) -> None:
    """Drop a schema of PostgreSQL with whatever is left in it. Raises StoreBusy where that is in use."""
    await session.fetch(_sql.wait_briefly)
    await session.script(f"DROP SCHEMA IF EXISTS {_quoted(schema)} CASCADE")


async def default_schema(session: Session) -> str | None:
    """The schema that the session leads to; "" on SQLite."""
    return (await session.fetch(_sql.default_schema))[0]["name"]


async def analyze(store: Store, names: Iterable[str]) -> None:
    """Let PostgreSQL take the statistics of tables that were just filled: without them it plans as for empty ones."""
    if store.dialect != "postgres":
        return
    for name in names:
        async with store.write() as session:
            await session.script(f"ANALYZE {_quoted(name)}")


def _page_of(table: Table, *, first: bool) -> Statement:
    columns, key = _list(table.columns), _list(table.key)
    numbers = range(1, len(table.key) + 1)
    where = {mark: f" WHERE ({key}) > ({', '.join(f'{mark}{n}' for n in numbers)})" for mark in ("$", "?")}
    place = 1 if first else len(table.key) + 1

    def text(mark: str) -> str:
        after = "" if first else where[mark]
        return f"SELECT {columns} FROM {_quoted(table.name)}{after} ORDER BY {key} LIMIT {mark}{place}"  # noqa: S608

    return Statement(f"page of {table.name}", text("$"), text("?"))


def _insert(table: Table, columns: Sequence[str]) -> Statement:
    kinds = dict(zip(table.columns, table.kinds, strict=True))
    into = f"INSERT INTO {_quoted(table.name)} ({_list(columns)})"
    arrays = ", ".join(f"${n}::{_ARRAYS[kinds[name]]}[]" for n, name in enumerate(columns, start=1))
    values = ", ".join(f"?{n}" for n in range(1, len(columns) + 1))
    return Statement(f"add to {table.name}", f"{into} SELECT * FROM unnest({arrays})", f"{into} VALUES ({values})")  # noqa: S608


def _list(names: Iterable[str]) -> str:
    return ", ".join(map(_quoted, names))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
