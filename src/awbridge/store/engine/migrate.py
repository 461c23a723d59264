"""Bring a database to the schema this version needs: numbered files, run once each, in order, under a lock.

During a rolling upgrade replicas of two versions share a database. Each file's first line says beside which of them it
may be run: `-- compatible from: 0037 (why)`. The schema of a version is the number of its newest file. That line goes
into the table too, where a version reads it that does not have the file.

A file of the same name in `migrations/citus` is run instead where the database has Citus, which refuses a part of it.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from awbridge.domain.errors import MigrationError, SchemaTooNew, StoreBusy, StoreDeadlock, StoreError
from awbridge.store.engine.database import Database, Row, Session
from awbridge.store.engine.queries import Queries, for_dialect

_sql = Queries(__name__)
_COMPATIBLE = re.compile(r"\A-- compatible from: (\d{4})\b.*\n")
TRIES = 10  # of a migration that deadlocks with what runs meanwhile
PAUSE = 0.3  # seconds between them, on average
COLUMN_ADDED_BY = 39  # the migration since which the table states what each is compatible with


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file: `0001_first_orders.sql`."""

    number: int
    name: str
    sql: str
    citus: str | None = None  # what is run instead where the database has Citus

    @property
    def checksum(self) -> str:
        """SHA-256 of the file without its first line on compatibility, so that an edited migration is noticed."""
        return hashlib.sha256(_COMPATIBLE.sub("", self.sql).encode()).hexdigest()

    @property
    def compatible_from(self) -> int:
        """The oldest schema whose versions can run beside it; its own number if not stated."""
        found = _COMPATIBLE.match(self.sql)
        return int(found[1]) if found else self.number


@dataclass(frozen=True, slots=True)
class SchemaState:
    """A database beside this version: which migrations it lacks, and the names of a newer version's that it has.

    This version goes on beside all of those.
    """

    schema: int  # the newest that the database has
    missing: tuple[Migration, ...]
    newer: tuple[str, ...]

    @property
    def older_versions_go_on(self) -> bool:
        """Whether what runs on this database now may run on while the missing ones are applied, and after."""
        return all(migration.compatible_from <= self.schema for migration in self.missing)


@cache
def migrations() -> list[Migration]:
    """All migrations of this version, oldest first."""
    folder = Path(__file__).parent / "migrations"
    instead = {file.stem: file.read_text(encoding="utf-8") for file in folder.glob("citus/*.sql")}
    files = [(file.stem, file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.sql"))]
    return [Migration(int(name[:4]), name, sql, instead.get(name)) for name, sql in files]


def own_schema() -> int:
    """The number of the newest migration of this version."""
    return max(m.number for m in migrations())


def unwatched(_more: int) -> None:
    """Nobody watches."""


async def migrate(
    database: Database, on_done: Callable[[int], None] = unwatched, *, until: int | None = None
) -> list[str]:
    """Apply what is missing, each in a transaction of its own, so that no table stays locked while the others run.

    To an empty database all are applied in one transaction, which is faster: it has nothing that others could wait for.
    `until`: the last one to apply; None for all.

    The names of what was applied here. Several processes may call this at once. Raises SchemaTooNew when the database
    was made by a newer version beside which this one cannot go on, MigrationError when a migration was edited.
    """
    if not (await look(database)).missing:  # as at most starts, which then wait for no other writer
        return []
    await _make_history(database)
    applied: list[str] = []
    while some := await _apply_next_at_last(database, own_schema() if until is None else until):
        applied += [migration.name for migration in some]
        on_done(len(some))
    return applied


async def _apply_next_at_last(database: Database, until: int) -> Sequence[Migration]:
    """The same, again where it deadlocked: replicas go on meanwhile, and take locks on several tables too."""
    for left in reversed(range(TRIES)):
        try:
            return await _apply_next(database, until)
        except StoreDeadlock:
            if not left:
                raise
            await asyncio.sleep(PAUSE * random.uniform(0.5, 1.5))  # noqa: S311
    raise AssertionError("the last try returns or raises")


async def _apply_next(database: Database, until: int) -> Sequence[Migration]:
    """Apply one migration, or all of them to an empty database; none if none is missing."""
    async with database.write() as session:
        await session.execute(_sql.lock)
        state = await _state(session, await session.fetch(_sql.history))
        missing = [migration for migration in state.missing if migration.number <= until]
        some = missing[:1] if state.schema else missing
        if some:
            citus = any(one.citus for one in some) and bool(await session.fetch(_sql.has_citus))
            texts = (one.citus if citus and one.citus else one.sql for one in some)
            await session.script("\n".join(for_dialect(text, database.dialect) for text in texts))
            now = datetime.now(UTC)
            await session.write_rows(_sql.record, [(one.number, one.name, one.checksum, now) for one in some])
            await _record_compatibility(session)
        return some


async def history(session: Session) -> list[Row]:
    """The migrations that were applied, oldest first: number, name, checksum."""
    return await session.fetch(_sql.history)


async def look(database: Database) -> SchemaState:
    """The database beside this version; writes nothing. Raises what `migrate` raises."""
    try:
        async with database.read() as session:
            return await _state(session, await session.fetch(_sql.history))
    except (StoreBusy, MigrationError):
        raise
    except StoreError:  # an empty database has no history yet; looking must not write one
        return nothing_applied()


def nothing_applied() -> SchemaState:
    """The state of an empty database."""
    return SchemaState(schema=0, missing=tuple(migrations()), newer=())


async def now_on_this_schema(session: Session) -> datetime:
    """What time it is for PostgreSQL, once its schema is seen to be one that this version works with, in one look.

    Raises MigrationError where migrations are missing, SchemaTooNew as `migrate` does.
    """
    own = [migration.number for migration in migrations()]
    [found] = await session.fetch(_sql.now_and_schema, own)
    if newer := found["newer"]:
        _check_compatible(
            dict(zip(newer, found["names"], strict=True)), dict(zip(newer, found["compatible_from"], strict=True))
        )
    if found["known"] < len(own):
        raise MigrationError(
            f"the database lacks migrations of this version of awbridge, whose schema is {own_schema():04}: run "
            "awbridge migrate in this version. With --dry-run it says whether what runs on the database now may run on."
        )
    return found["now_at"]


async def _state(session: Session, history: Sequence[Row]) -> SchemaState:
    done = {row["number"]: row for row in history}
    known = {m.number: m for m in migrations()}
    newer = {number: row["name"] for number, row in done.items() if number not in known}
    if newer:
        _check_compatible(newer, await _compatibility(session) if COLUMN_ADDED_BY in done else {})
    for number, migration in known.items():
        if number in done and done[number]["checksum"] != migration.checksum:
            raise MigrationError(f"migration {migration.name} was changed after it ran on this database.")
    missing = tuple(m for number, m in known.items() if number not in done)
    return SchemaState(schema=max(done, default=0), missing=missing, newer=tuple(newer.values()))


def _check_compatible(newer: Mapping[int, str], compatible_from: Mapping[int, int | None]) -> None:
    own = own_schema()
    for number, name in newer.items():
        oldest = compatible_from.get(number)
        if oldest is None or oldest > own:
            raise SchemaTooNew(
                f"the database has migration {name}, which this version of awbridge does not know and cannot work "
                f"beside: it needs schema {oldest or number:04}, this version's is {own:04}. "
                "Install the version that made it, or a newer one."
            )


async def _compatibility(session: Session) -> dict[int, int | None]:
    return {row["number"]: row["compatible_from"] for row in await session.fetch(_sql.compatibility)}


async def _record_compatibility(session: Session) -> None:
    """Record the compatibility of migrations that were applied before the column existed."""
    done = {row["number"] for row in await session.fetch(_sql.history)}
    if COLUMN_ADDED_BY not in done:
        return
    recorded = await _compatibility(session)
    known = [(m.number, m.compatible_from) for m in migrations() if m.number in done]
    lacking = [(number, oldest) for number, oldest in known if recorded.get(number) != oldest]
    await session.write_rows(_sql.record_compatibility, lacking)


async def _make_history(database: Database) -> None:
    # Two processes that create the schema or the table at the same time collide once on PostgreSQL; the second attempt
    # finds it.
    for last in (False, True):
        try:
            async with database.write() as session:
                if database.schema and not (await session.fetch(_sql.has_schema, database.schema))[0]["found"]:
                    await session.script(f'CREATE SCHEMA "{database.schema}"')
                await session.execute(_sql.make_history)
        except StoreError:
            if last:
                raise
        else:
            return
