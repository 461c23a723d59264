"""Bring a database to the schema this version needs: numbered files, run once each, in order, under a lock."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import resources

from awbridge.domain.errors import MigrationError, StoreBusy, StoreError
from awbridge.store.database import Database
from awbridge.store.queries import Queries, for_dialect

_sql = Queries("migrations")


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file: `0001_first_orders.sql`."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the file, so that an edited migration is noticed."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


@cache
def migrations() -> list[Migration]:
    """All migrations of this version, oldest first."""
    folder = resources.files("awbridge.store") / "migrations"
    files = sorted(f.name for f in folder.iterdir() if f.name.endswith(".sql"))
    return [Migration(int(name[:4]), name.removesuffix(".sql"), (folder / name).read_text()) for name in files]


async def migrate(database: Database) -> list[str]:
    """Apply what is missing, each in a transaction of its own, so that no table stays locked while the others run.

    The names of what was applied here. Several processes may call this at once. Raises MigrationError when the database
    was made by a newer version or a migration was edited after it ran.
    """
    await _make_history(database)
    applied: list[str] = []
    while migration := await _apply_next(database):
        applied.append(migration.name)
    return applied


async def _apply_next(database: Database) -> Migration | None:
    async with database.write() as session:
        await session.execute(_sql.lock)
        done = {row["number"]: row["checksum"] for row in await session.fetch(_sql.history)}
        known = migrations()
        _check_history(done, known)
        missing = next((m for m in known if m.number not in done), None)
        if missing:
            await session.script(for_dialect(missing.sql, database.dialect))
            await session.execute(_sql.record, missing.number, missing.name, missing.checksum, datetime.now(UTC))
        return missing


async def pending(database: Database) -> list[str]:
    """The names of migrations that the database still needs. Raises MigrationError as `migrate` does."""
    try:
        async with database.read() as session:
            done = {row["number"]: row["checksum"] for row in await session.fetch(_sql.history)}
    except StoreBusy:
        raise
    except StoreError:  # an empty database has no history yet; looking must not write one
        done = {}
    _check_history(done, migrations())
    return [m.name for m in migrations() if m.number not in done]


def _check_history(done: dict[int, str], known: list[Migration]) -> None:
    by_number = {m.number: m for m in known}
    if newer := sorted(set(done) - set(by_number)):
        raise MigrationError(
            f"the database has migration {newer[-1]}, which this version of awbridge does not know. "
            "Install the version that made it, or a newer one."
        )
    for number, checksum in done.items():
        if by_number[number].checksum != checksum:
            raise MigrationError(f"migration {by_number[number].name} was changed after it ran on this database.")


async def _make_history(database: Database) -> None:
    # Two processes that create the table at the same moment collide once on PostgreSQL; the second look finds it made.
    for last in (False, True):
        try:
            async with database.write() as session:
                await session.execute(_sql.make_history)
        except StoreError:
            if last:
                raise
        else:
            return
