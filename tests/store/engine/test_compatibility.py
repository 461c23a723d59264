"""What a migration says about older versions is true, and a version goes on beside a newer schema as it says."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from awbridge.domain.errors import MigrationError, SchemaTooNew
from awbridge.store import Store
from awbridge.store.engine.migrate import COLUMN_ADDED_BY, Migration, migrations, own_schema
from tests.support.newer import added, migrate_as_newer
from tests.support.rows import fetch

# What an older version's statements may not survive: something gone or renamed, or a row that is refused.
BREAKS_OLDER = re.compile(
    r"\bDROP\b|\bRENAME\b|\bALTER\s+COLUMN\b|\bSET\s+NOT\s+NULL\b|\bADD\s+(CONSTRAINT|CHECK|UNIQUE|PRIMARY|FOREIGN)\b"
    r"|\bCREATE\s+UNIQUE\b|\bCREATE\s+(OR\s+REPLACE\s+)?TRIGGER\b|\bDELETE\b|\bTRUNCATE\b"
    r"|\bADD\s+COLUMN\b(?=[^;]*\b(UNIQUE|REFERENCES|CHECK)\b)"
    r"|\bADD\s+COLUMN\b(?=[^;]*\bNOT\s+NULL\b)(?![^;]*\bDEFAULT\b)",
    re.IGNORECASE,
)


# They rename a table and make another of its name and columns: every statement goes on, as test_months.py shows.
SAME_TO_OLDER = {76, 77}

BEFORE = [m for m in migrations() if m.number < COLUMN_ADDED_BY]  # those that could not say it in the table


def breaks_older(migration: Migration) -> bool:
    """Whether a migration drops, renames or tightens something; comments aside."""
    return bool(BREAKS_OLDER.search(re.sub(r"--[^\n]*", "", migration.sql)))


@pytest.mark.parametrize("migration", migrations(), ids=lambda m: m.name)
def test_each_migration_says_what_it_is_compatible_with(migration: Migration) -> None:
    assert re.match(r"-- compatible from: \d{4} \(\S.*\)\n", migration.sql), "the first line, with the reason"
    known = [m.number for m in migrations()]
    assert migration.compatible_from in known
    assert migration.compatible_from <= migration.number


@pytest.mark.parametrize("migration", migrations(), ids=lambda m: m.name)
def test_a_migration_that_drops_renames_or_tightens_is_compatible_with_nothing_older(migration: Migration) -> None:
    stops_older = breaks_older(migration) and migration.number not in SAME_TO_OLDER
    assert not stops_older or migration.compatible_from == migration.number


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE paces",
        "ALTER TABLE scans DROP COLUMN remark",
        "DROP INDEX shipments_open; CREATE INDEX shipments_open ON shipments (edd)",
        "ALTER TABLE scans RENAME COLUMN remark TO words",
        "ALTER TABLE scans RENAME TO sightings",
        "{{postgres: ALTER TABLE scans ALTER COLUMN ndr_code TYPE BIGINT}}",
        "{{postgres: ALTER TABLE scans ALTER COLUMN scan_id SET NOT NULL}}",
        "{{postgres: ALTER TABLE scans ADD CONSTRAINT some CHECK (ndr_code > 0)}}",
        "CREATE UNIQUE INDEX one_scan ON scans (scan_id)",
        "ALTER TABLE scans ADD COLUMN weight INTEGER NOT NULL",
        "ALTER TABLE scans ADD COLUMN weight INTEGER CHECK (weight > 0)",
        "ALTER TABLE scans\n  ADD  COLUMN other TEXT REFERENCES shipments",
        "DELETE FROM paces",
    ],
)
def test_what_drops_renames_or_tightens_is_noticed(sql: str) -> None:
    assert breaks_older(added(9001, sql))


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE more (id BIGINT NOT NULL PRIMARY KEY, name TEXT UNIQUE)",
        "CREATE INDEX scans_by_remark ON scans (remark) WHERE remark IS NOT NULL",
        "ALTER TABLE scans ADD COLUMN weight INTEGER",
        "ALTER TABLE scans ADD COLUMN words TEXT NOT NULL DEFAULT ''",
        "-- We DROP nothing here.\nUPDATE scans SET remark = '' WHERE remark = '-'",
    ],
)
def test_what_only_adds_is_not_taken_for_it(sql: str) -> None:
    assert not breaks_older(added(9001, sql))


def test_the_first_line_is_no_part_of_the_checksum_and_everything_else_is() -> None:
    plain = added(9001, "SELECT 1;\n")
    assert added(9001, "SELECT 1;\n", compatible_from=7).checksum == plain.checksum
    assert added(9001, "SELECT 2;\n").checksum != plain.checksum
    assert added(9001, "SELECT 1;\n-- compatible from: 0007 (too late)\n").checksum != plain.checksum
    first = next(m for m in migrations() if m.number == 1)
    assert first.checksum == "b867ed512851131af9379a25ff318d094b1a430607eeb0e506e161315c29ecfd", (
        "as databases of released versions have it"
    )


def test_a_migration_that_says_nothing_is_compatible_with_nothing_older() -> None:
    assert added(9001, "SELECT 1").compatible_from == 9001
    assert added(9001, "SELECT 1", compatible_from=12).compatible_from == 12


@pytest.fixture
async def newer(store: Store) -> AsyncIterator[None]:
    """Takes back what a newer version has migrated: on PostgreSQL other tests get the same database."""
    yield
    async with store.write() as session:
        for statement in ("DELETE FROM schema_migrations WHERE number > 9000", "DROP TABLE IF EXISTS of_a_newer"):
            await session.script(statement)


@pytest.mark.usefixtures("newer")
async def test_a_version_goes_on_beside_a_newer_schema_that_is_compatible_with_it(store: Store) -> None:
    table = added(9001, "CREATE TABLE of_a_newer (id BIGINT)", compatible_from=own_schema())
    older = added(9002, "SELECT 1", compatible_from=1)
    await migrate_as_newer(store, table, older)
    state = await store.schema_state()
    assert (state.schema, state.missing, state.newer[-2:]) == (9002, (), (table.name, older.name))
    assert await store.pending_migrations() == []
    assert await store.migrate() == [], "an older replica that starts now changes nothing"
    assert {row["compatible_from"] for row in await fetch(store, _STATED)} == {own_schema(), 1}


_STATED = "SELECT compatible_from FROM schema_migrations WHERE number > 9000"


@pytest.mark.parametrize("compatible_from", [9001, 9002, None])
@pytest.mark.usefixtures("newer")
async def test_a_version_refuses_a_newer_schema_that_is_not_compatible_with_it(
    store: Store, compatible_from: int | None
) -> None:
    fine = added(9001, "CREATE TABLE of_a_newer (id BIGINT)", compatible_from=own_schema())
    await migrate_as_newer(store, fine, added(9002, "SELECT 1", compatible_from=compatible_from))
    needed = compatible_from or 9002
    for look in (store.migrate, store.schema_state, store.pending_migrations):
        with pytest.raises(SchemaTooNew) as refused:
            await look()
        assert str(refused.value) == (
            "the database has migration 9002_of_a_test, which this version of awbridge does not know and cannot work "
            f"beside: it needs schema {needed}, this version's is {own_schema():04}. "
            "Install the version that made it, or a newer one."
        )


async def test_what_an_older_version_applied_says_it_too_once_there_is_a_place_for_it(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await Store.open(database_url)
    with monkeypatch.context() as patch:
        patch.setattr("awbridge.store.engine.migrate.migrations", lambda: BEFORE)
        await store.migrate()
    state = await store.schema_state()
    assert [m.name for m in state.missing] == [m.name for m in migrations() if m.number >= COLUMN_ADDED_BY]
    await store.migrate()
    recorded = await fetch(store, "SELECT number, compatible_from FROM schema_migrations")
    assert {row["number"]: row["compatible_from"] for row in recorded} == {
        m.number: m.compatible_from for m in migrations()
    }
    await store.close()


async def test_a_newer_schema_that_had_no_place_to_say_it_is_refused(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await Store.open(database_url)
    with monkeypatch.context() as patch:
        patch.setattr("awbridge.store.engine.migrate.migrations", lambda: BEFORE)
        await store.migrate()
        patch.setattr("awbridge.store.engine.migrate.migrations", lambda: BEFORE[:-1])
        with pytest.raises(MigrationError, match=rf"needs schema {BEFORE[-1].number:04}"):
            await store.schema_state()
    await store.close()


async def test_a_database_that_lacks_what_is_compatible_says_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    additive = added(9001, "CREATE TABLE of_a_newer (id BIGINT)", compatible_from=own_schema())
    dropping = added(9002, "DROP TABLE of_a_newer", compatible_from=9002)
    for more, go_on in (((), True), ((additive,), True), ((additive, dropping), False)):
        monkeypatch.setattr("awbridge.store.engine.migrate.migrations", lambda more=more: [*migrations(), *more])
        state = await store.schema_state()
        assert state.missing == more
        assert state.older_versions_go_on is go_on
