"""Every statement names its columns, so that a newer version's change nothing: neither rows nor prepared statements."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import apsw
import asyncpg
import pytest

from awbridge.domain.errors import AwbridgeError, StoreBusy
from awbridge.store import Store
from awbridge.store.engine.queries import Statement, columns, parse
from tests.support import newer
from tests.support.postgres import PostgresServer
from tests.support.rows import fetch, sql
from tests.support.statements import statement_files
from tests.support.stores import TABLES, migrated_file

ELSEWHERE = {"citus.distributed"}  # it reads what only a database with Citus has
WORKBENCH = "matching"  # tables of its own, made and thrown away by the version that uses them


def statements(*, workbench: bool = False) -> dict[str, Statement]:
    """`file.name` -> every statement of every file."""
    return {
        f"{file}.{name}": statement
        for file, text in statement_files().items()
        if workbench or file != WORKBENCH
        for name, statement in parse(text.read_text()).items()
    }


ALL = statements(workbench=True)
OF_THE_STORE = statements()
# A star is a column list that nobody wrote, but for counting and for arrays that are taken apart.
STAR = re.compile(r"(?:\bSELECT|\bRETURNING|\bDISTINCT|,|\.)\s*\*(?!\s+FROM\s+unnest\()", re.IGNORECASE)
INSERT = re.compile(r"\bINSERT\s+(?:OR\s+\w+\s+)?INTO\s+\w+\s*(\(?)", re.IGNORECASE)


def bare(text: str) -> str:
    """Without comments and literals."""
    return re.sub(r"--[^\n]*|'(?:[^']|'')*'", "", text)


def test_a_statement_names_the_columns_that_it_reads_and_writes() -> None:
    for name, statement in ALL.items():
        for text in (bare(statement.postgres), bare(statement.sqlite)):
            assert STAR.findall(text) == [], name
            assert [found for found in INSERT.findall(text) if not found] == [], name


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("SELECT * FROM scans", False),
        ("SELECT s.* FROM scans s", False),
        ("SELECT id, * FROM scans", False),
        ("UPDATE scans SET remark = '' RETURNING *", False),
        ("INSERT INTO paces VALUES ($1, $2)", False),
        ("INSERT OR IGNORE INTO paces SELECT name, next_turn FROM paces", False),
        ("SELECT COUNT(*) FROM scans -- SELECT * would be wrong", True),
        ("INSERT INTO paces (name, next_turn) SELECT * FROM unnest($1::text[], $2::double precision[])", True),
    ],
)
def test_a_star_and_an_insert_without_columns_are_noticed(text: str, fine: bool) -> None:
    found = bool(STAR.findall(bare(text))) or "" in INSERT.findall(bare(text))
    assert found is not fine


async def test_every_table_has_columns_of_a_newer_version_first_midway_and_last(store: Store) -> None:
    assert set(columns()) == set(TABLES)
    for table, known in {**columns(), "schema_migrations": ("number", "name", "checksum", "applied_at")}.items():
        found = await columns_of(store, table)
        assert (found[0], found[-1]) == (newer.FIRST, newer.LAST)
        assert newer.MIDWAY in found[2:-1]
        assert [c for c in found if c not in newer.COLUMNS][: len(known)] == list(known)


async def columns_of(store: Store, table: str) -> list[str]:
    asked = (
        f"SELECT name FROM pragma_table_info('{table}') ORDER BY cid"
        if store.dialect == "sqlite"
        else f"SELECT column_name AS name FROM information_schema.columns WHERE table_name = '{table}' "
        "ORDER BY ordinal_position"
    )
    return [row["name"] for row in await fetch(store, asked)]


# A column of a newer version may have the name of another table's: what two tables are joined in names the table.


CARELESS = "SELECT notices.id FROM notices JOIN scans ON scans.reference_number = notices.reference_number AND why = ''"
CAPTURED = "SELECT id FROM notices WHERE EXISTS (SELECT 1 FROM scans WHERE scans.status = why)"


def every_name(table: str) -> list[str]:
    """The name of every column that another table has and this one has not."""
    names = {column for of_table in columns().values() for column in of_table}
    return sorted(names.difference(columns()[table]))


def test_no_statement_is_ambiguous_on_sqlite_when_a_table_gets_a_column_that_another_has() -> None:
    def widened(opening: re.Match[str]) -> str:
        names = every_name(opening[1]) if opening[1] in columns() else []
        return opening[0] + "".join(f"  {name} TEXT,\n" for name in names)

    connection = apsw.Connection(":memory:")
    connection.execute(re.sub(r"^CREATE TABLE (\w+) \(\n", widened, newer.schema("sqlite"), flags=re.MULTILINE))
    with pytest.raises(apsw.SQLError, match="ambiguous"):
        connection.execute(f"EXPLAIN {CARELESS}")
    for name, statement in OF_THE_STORE.items():
        if not statement.sqlite:
            continue
        try:
            connection.execute(f"EXPLAIN {statement.sqlite}", nothing(statement.sqlite))
        except apsw.SQLError as error:
            pytest.fail(f"{name}: {error}")
    connection.close()


async def test_no_statement_means_another_column_on_postgres_when_a_table_gets_one_that_another_has(
    postgres: PostgresServer,
) -> None:
    connection = await asyncpg.connect(await postgres.new_database())
    try:
        await connection.execute(newer.schema("postgres"))
        # Nothing else is compared with a point: a name that means the new column is refused, ambiguous or not.
        for table in columns():
            added = ", ".join(f"ADD COLUMN {name} POINT" for name in every_name(table))
            await connection.execute(f"ALTER TABLE {table} {added}")
        for careless in (CARELESS, CAPTURED):
            with pytest.raises(asyncpg.PostgresError):
                await connection.prepare(careless)
        for name, statement in OF_THE_STORE.items():
            if name in ELSEWHERE:
                continue
            try:
                await connection.prepare(statement.postgres)
            except asyncpg.PostgresError as error:
                pytest.fail(f"{name}: {error}")
    finally:
        await connection.close()


def nothing(text: str) -> tuple[None, ...]:
    """NULL for each parameter."""
    return (None,) * max(map(int, re.findall(r"[$?](\d+)", text)), default=0)


# The pool stays open while somebody migrates.


@pytest.fixture
async def alone(database_url: str) -> AsyncIterator[Store]:
    """A store with one connection in its pool, on a migrated database that this test may change."""
    opened = await Store.open(database_url, connections=2)
    await opened.migrate()
    yield opened
    await opened.close()


async def elsewhere(store: Store, url: str, changes: Sequence[str]) -> None:
    """Another process changes tables."""
    if store.dialect == "sqlite":
        connection = apsw.Connection(url.removeprefix("sqlite:///"))
        connection.execute(";".join(changes))
        connection.close()
        return
    other = await asyncpg.connect(url)
    await other.execute(";".join(changes))
    await other.close()


async def ran(store: Store, statement: Statement) -> str:
    """How a statement ends in a transaction of its own, with NULL for all that it is given; without the row itself."""
    try:
        async with store.write() as session:
            await session.fetch(statement, *nothing(statement.postgres))
    except AwbridgeError as error:
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return ""


@pytest.mark.heavy
async def test_no_prepared_statement_minds_a_new_column_in_every_table(alone: Store, database_url: str) -> None:
    texts = {name: s for name, s in OF_THE_STORE.items() if name != "migrations.lock"}
    before = {name: await ran(alone, statement) for name, statement in texts.items()}
    assert sum(not problem for problem in before.values()) > len(texts) / 2, "most do nothing, well"
    changes = [f"ALTER TABLE {table} ADD COLUMN of_a_newer_version TEXT" for table in columns()]
    await elsewhere(alone, database_url, changes)
    assert {name: await ran(alone, statement) for name, statement in texts.items()} == before


CHANGES = sql("SELECT name, next_turn FROM paces")


async def change_what_it_returns(store: Store, url: str) -> None:
    """What no compatible migration does: PostgreSQL refuses the prepared statement, SQLite prepares it by itself."""
    back = "INSERT INTO paces (name, next_turn) VALUES ('a', 2)"
    if store.dialect == "sqlite":
        make = "CREATE TABLE paces (next_turn INTEGER, more TEXT, name TEXT NOT NULL PRIMARY KEY)"
        await elsewhere(store, url, ["DROP TABLE paces", make, back])
    else:
        await elsewhere(store, url, ["ALTER TABLE paces ALTER COLUMN next_turn TYPE BIGINT", back])


async def test_a_statement_that_became_invalid_is_prepared_again_at_the_start_of_a_transaction_and_outside_of_one(
    alone: Store, database_url: str
) -> None:
    for changed in (False, True):
        if changed:
            await change_what_it_returns(alone, database_url)
        async with alone.write() as session:
            first = [dict(row) for row in await session.fetch(CHANGES)]
            await session.execute(sql("INSERT INTO paces (name, next_turn) VALUES ($1, 1)"), f"changed {changed}")
        found = await fetch(alone, "SELECT name, next_turn FROM paces ORDER BY name")
    assert {"name": "a", "next_turn": 2} in first
    assert (
        [row["name"] for row in found] == ["a", "changed True"]
        if alone.dialect == "sqlite"
        else ["a", "changed False", "changed True"]
    )


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_a_transaction_that_had_begun_is_rolled_back_as_a_whole_and_succeeds_when_it_is_tried_again(
    alone: Store, database_url: str
) -> None:
    async def work() -> list[Any]:
        async with alone.write() as session:
            await session.execute(sql("INSERT INTO paces (name, next_turn) VALUES ($1, 1)"), "b")
            return await session.fetch(CHANGES)

    async with alone.write() as session:
        assert await session.fetch(CHANGES) == []
    await change_what_it_returns(alone, database_url)
    with pytest.raises(StoreBusy, match="cached statement plan is invalid"):
        await work()
    assert [row["name"] for row in await fetch(alone, "SELECT name FROM paces")] == ["a"]
    assert {row["name"] for row in await work()} == {"a", "b"}


OVER_ROWS = {name: found for name, found in OF_THE_STORE.items() if "\nWITH " in found.sqlite and found.sqlite_rows(2)}


@pytest.mark.parametrize("rows", [1, 64])
@pytest.mark.parametrize("analyzed", [False, True], ids=["unanalyzed", "analyzed"])
async def test_statements_over_rows_search_the_tables_of_sqlite(tmp_path: Path, *, analyzed: bool, rows: int) -> None:
    await migrated_file(tmp_path)
    connection = apsw.Connection(str(tmp_path / "awbridge.db"))
    if analyzed:  # when the tables were almost empty, which makes reading all of one look cheap
        connection.execute("ANALYZE")
        for table in columns():
            connection.execute("INSERT INTO sqlite_stat1 VALUES (?, NULL, '2')", (table,))
        connection.execute("ANALYZE sqlite_schema")
    for name, statement in OVER_ROWS.items():
        text = statement.sqlite if rows == 1 else statement.sqlite_rows(rows)
        assert text, name
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", nothing(text))]
        scanned = [step for step in plan if step.startswith("SCAN") and step.split()[1] in columns()]
        assert scanned == [], name
