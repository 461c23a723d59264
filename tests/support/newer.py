"""A database that a newer version has migrated: three more columns in each table, one first, one midway, one last."""

from __future__ import annotations

import re

import pytest

from awbridge.store import Store
from awbridge.store.engine.migrate import Migration, migrations, own_schema
from awbridge.store.engine.queries import for_dialect, schema_text

FIRST, MIDWAY, LAST = COLUMNS = ("first_of_newer", "midway_of_newer", "last_of_newer")
MIGRATION = Migration(8000, "8000_of_a_newer_version", f"-- compatible from: {own_schema():04} (adds columns)\n")

_TABLE = re.compile(r"^CREATE TABLE (\w+) \(\n(.*?)^\)(.*?);\n", re.MULTILINE | re.DOTALL)
_HISTORY = """
CREATE TABLE schema_migrations (
  number INTEGER NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  checksum TEXT NOT NULL,
  applied_at TIMESTAMPTZ NOT NULL,
  compatible_from INTEGER
);
"""


def added(number: int, sql: str, *, compatible_from: int | None = None) -> Migration:
    """A migration of a newer version; without `compatible_from` it has no such line."""
    first_line = "" if compatible_from is None else f"-- compatible from: {compatible_from:04} (a test's)\n"
    return Migration(number, f"{number:04}_of_a_test", first_line + sql)


async def migrate_as_newer(store: Store, *more: Migration) -> None:
    """Apply migrations that this version does not know."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("awbridge.store.engine.migrate.migrations", lambda: [*migrations(), *more])
        assert await store.migrate() == [m.name for m in more]


async def make(url: str) -> str:
    """The URL, after its empty database was migrated so."""
    opened = await Store.open(url)
    history = "".join(map(_applied, (*migrations(), MIGRATION)))
    async with opened.write() as session:
        await session.script(schema(opened.dialect) + history)
    await opened.close()
    return url


def schema(dialect: str) -> str:
    """Every table as the newer version has it."""
    declared = schema_text() + _HISTORY
    return for_dialect(_TABLE.sub(_widened, declared), dialect)


def _widened(table: re.Match[str]) -> str:
    name, lines = table[1], table[2].splitlines()
    midway = (sum(re.match(r"  [a-z]", line) is not None for line in lines) + 1) // 2
    within = [f"  {FIRST} TEXT,", *lines[:midway], f"  {MIDWAY} TEXT,", *lines[midway:]]
    body = "\n".join(within)
    return f"CREATE TABLE {name} (\n{body}\n){table[3]};\nALTER TABLE {name} ADD COLUMN {LAST} TEXT;\n"


def _applied(migration: Migration) -> str:
    values = f"{migration.number}, '{migration.name}', '{migration.checksum}', '2026-11-01T00:00:00Z'"
    return (
        "INSERT INTO schema_migrations (number, name, checksum, applied_at, compatible_from) "
        f"VALUES ({values}, {migration.compatible_from});\n"
    )
