"""Load the reading benchmark's rows in bulk: without secondary indexes, which are created from the rows afterwards."""

from __future__ import annotations

import asyncio
import time
from itertools import islice
from pathlib import Path

import apsw
import asyncpg
import click

from awbridge.store import Store
from bench.reading_rows import Rows, shown, tables

CHUNK = 50_000  # rows
_DEFAULTED = {"shipments": ("account", "priority", "maybe_placed")}
# Without those of partitions, which go and come with that of their table; PostgreSQL describes the latter without them.
_INDEXES = """
SELECT indexname AS name, replace(indexdef, ' ON ONLY ', ' ON ') AS text FROM pg_indexes
WHERE schemaname = 'public' AND indexname NOT IN (SELECT conname FROM pg_constraint)
  AND NOT EXISTS (SELECT FROM pg_class c WHERE c.relname = indexname AND c.relispartition)
"""


async def load(url: str, shipments: int) -> None:
    """Migrate the database and fill it."""
    store = await Store.open(url)
    await store.migrate()
    await store.close()
    started = time.monotonic()
    if url.startswith("sqlite"):
        _load_sqlite(Path(url.removeprefix("sqlite:///")), shipments)
    else:
        await _load_postgres(url, shipments)
    click.echo(f"  loaded in {time.monotonic() - started:.0f} s", err=True)


def _load_sqlite(path: Path, shipments: int) -> None:
    connection = apsw.Connection(str(path))
    for setting in ("synchronous = OFF", "journal_mode = OFF", "cache_size = -3000000", "temp_store = FILE"):
        connection.execute(f"PRAGMA {setting}").fetchall()
    indexes = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    dropped = indexes.fetchall()
    for name, _ in dropped:
        connection.execute(f"DROP INDEX {name}")
    for rows in tables():
        places = ", ".join("?" * len(rows.columns))
        text = f"INSERT INTO {rows.table} ({', '.join(rows.columns)}) VALUES ({places})"
        with connection:
            connection.executemany(text, (tuple(map(shown, row)) for row in rows.read(shipments)))
        click.echo(f"  {rows.table}", err=True)
    for _, text in dropped:
        connection.execute(text)
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    connection.close()


async def _load_postgres(url: str, shipments: int) -> None:
    connection = await asyncpg.connect(url)
    try:
        for setting in ("synchronous_commit = off", "maintenance_work_mem = '1GB'"):
            await connection.execute(f"SET {setting}")
        dropped = await drop_indexes(connection)
        for rows in tables():
            await _copy(connection, rows, shipments)
            click.echo(f"  {rows.table}", err=True)
        for index in dropped:
            await connection.execute(index, timeout=3600)
        await connection.execute("VACUUM ANALYZE", timeout=3600)
        await connection.execute("CHECKPOINT", timeout=3600)
    finally:
        await connection.close()


async def drop_indexes(connection: asyncpg.Connection) -> list[str]:
    """Drop every index that is no constraint; the statements that make them again."""
    dropped = await connection.fetch(_INDEXES)
    for index in dropped:
        await connection.execute(f"DROP INDEX {index['name']}")
    return [index["text"] for index in dropped]


async def _copy(connection: asyncpg.Connection, rows: Rows, shipments: int) -> None:
    left = rows.read(shipments)
    while chunk := list(islice(left, CHUNK)):
        await connection.copy_records_to_table(rows.table, records=chunk, columns=rows.columns, timeout=3600)


if __name__ == "__main__":
    import sys

    asyncio.run(load(sys.argv[1], int(sys.argv[2])))
