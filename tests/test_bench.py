"""The benchmarks' own rows fit into today's tables: their statements and generators name columns by hand."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import apsw
import asyncpg
from bench import databases, reading_load, reading_rows, scale

from tests.support.postgres import PostgresServer
from tests.support.stores import migrate, migrated_file

SOME = 20


async def test_the_rows_of_the_reading_benchmark_fit_into_their_tables(tmp_path: Path) -> None:
    await migrated_file(tmp_path)
    connection = apsw.Connection(str(tmp_path / "awbridge.db"))
    for rows in reading_rows.tables():
        places = ", ".join("?" * len(rows.columns))
        text = f"INSERT INTO {rows.table} ({', '.join(rows.columns)}) VALUES ({places})"
        some = [tuple(map(reading_rows.shown, row)) for row in islice(rows.read(SOME), SOME)]
        connection.executemany(text, some)
        assert connection.execute(f"SELECT count(*) FROM {rows.table}").fetchone() == (len(some),)
    connection.close()


async def test_the_indexes_that_the_reading_benchmark_drops_are_all_made_again(postgres: PostgresServer) -> None:
    url = await migrate(await postgres.new_database())
    connection = await asyncpg.connect(url)
    count = "SELECT count(*), count(*) FILTER (WHERE indisvalid) FROM pg_index WHERE indrelid::regclass::text !~ '\\.'"
    try:
        before, valid = await connection.fetchrow(count)
        assert before == valid
        dropped = await reading_load.drop_indexes(connection)
        assert (await connection.fetchrow(count))[0] <= before - len(dropped)
        for index in dropped:
            await connection.execute(index)
        assert tuple(await connection.fetchrow(count)) == (before, valid)
    finally:
        await connection.close()


async def test_the_statements_of_the_large_database_fit_into_their_tables(postgres: PostgresServer) -> None:
    url = await migrate(await postgres.new_database())
    await databases.fill(url, range(SOME), code=scale.CODE)
    connection = await asyncpg.connect(url)
    try:
        for text in (scale._SCANS, scale._DELIVERIES, scale._MILESTONES, scale._PROMISES):
            await connection.execute(text.replace("$1", "1").replace("$2", str(SOME)))
        assert await connection.fetchval("SELECT count(*) FROM scans") == SOME
        assert await connection.fetchval("SELECT count(*) FROM inbox") == SOME
    finally:
        await connection.close()
