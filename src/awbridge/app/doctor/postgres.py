"""Checks of PostgreSQL: a pooler before it, whether commits survive a crash or a failover, months, Citus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awbridge.app.doctor.diagnosis import OK, PROBLEM, WARNING, CheckContext, Diagnosis
from awbridge.store.engine.detect.citus import Citus, citus
from awbridge.store.engine.detect.standbys import Durability, durability
from awbridge.store.engine.partitions import KEYS, WORTH_MONTHS, Month, listed
from awbridge.store.engine.partitions import rights as rights_on

if TYPE_CHECKING:
    from awbridge.store.engine.detect.pooler import Reach


async def check_pooler(context: CheckContext) -> list[Diagnosis]:
    """What two connections of their own show, compared with how this process reaches the server."""
    if context.store.dialect != "postgres":
        return []
    from awbridge.store.engine.detect.pooler import Pooling
    from awbridge.store.engine.postgres import PostgresDatabase

    database = context.store.database
    assert isinstance(database, PostgresDatabase)
    found = await database.reach()
    if database.pooling is not Pooling.TRANSACTION:
        return [_with_statements(found)]
    if found.changes_servers:
        text = "a pooler gives each transaction another server session (tried with two connections); awbridge keeps "
        return [Diagnosis("pooler", OK, text + "nothing beyond a transaction")]
    if found.pooled:
        text = (
            "a pooler answers, and two connections kept their server sessions; awbridge keeps nothing beyond a "
            "transaction all the same. If its mode is session, ?pooler=session saves planning"
        )
        return [Diagnosis("pooler", OK, text)]
    text = "?pooler=transaction is set, but no pooler answers: every statement is planned again"
    return [Diagnosis("pooler", WARNING, text, "remove it from AWBRIDGE_DATABASE_URL")]


def _with_statements(found: Reach) -> Diagnosis:
    """While prepared statements are kept."""
    if found.changes_servers:
        text = "the pooler gives each transaction another server session, but prepared statements are kept"
        return Diagnosis("pooler", PROBLEM, text, "write ?pooler=transaction in AWBRIDGE_DATABASE_URL, and restart")
    text = "a pooler keeps each session" if found.pooled else "no pooler"
    return Diagnosis("pooler", OK, f"{text} (tried with two connections); prepared statements are kept")


async def check_replica(context: CheckContext) -> list[Diagnosis]:
    """Whether the read replica is there, the right one, and fresh. Raises SettingsError for a wrong one."""
    replica = context.store.replica
    if replica is None:
        return []
    await replica.verify()
    async with replica.reading() as reading:
        if reading:
            return [Diagnosis("replica", OK, f"the read replica has everything of {reading.age:.1f} s ago")]
    text = f"the read replica is away, or lags by more than {replica.max_age:g} s: everything is read from the database"
    return [Diagnosis("replica", WARNING, text, "see its log, and pg_stat_replication on the primary")]


async def check_durability(context: CheckContext) -> list[Diagnosis]:
    """Whether the server may lose what it acknowledged."""
    if context.store.dialect != "postgres":
        return []
    async with context.store.read() as session:
        found = await durability(session)
    return [*_of_crashes(found), *_of_failovers(found)]


def _of_crashes(found: Durability) -> list[Diagnosis]:
    if not found.crash_loses_commits:
        return []
    setting = "fsync = off" if not found.fsync else "synchronous_commit = off"
    text = f"{setting}: a crash of the server loses webhooks that were answered with 200, and orders that were accepted"
    return [Diagnosis("durability", WARNING, text, f"set {setting.replace('off', 'on')} in PostgreSQL")]


def _of_failovers(found: Durability) -> list[Diagnosis]:
    if not found.standbys:
        return []
    several = f"{found.standbys} standby" + ("s" if found.standbys > 1 else "")
    if not found.failover_loses_commits:
        waited = f"{found.synchronous} of them" if found.synchronous else "those in synchronous_standby_names"
        return [Diagnosis("durability", OK, f"{several} connected; commits wait for {waited}")]
    text = f"{several} connected, and commits wait for none: a failover loses what had not been sent yet"
    page = "docs/how-to/operate/operations.md"
    do = f"set synchronous_standby_names in PostgreSQL, or see {page} (What an asynchronous standby loses)"
    return [Diagnosis("durability", WARNING, text, do)]


async def check_months(context: CheckContext) -> list[Diagnosis]:
    """Whether large tables get the partitions of their months."""
    if context.store.dialect != "postgres":
        return []
    month = Month.of(context.clock()).next
    async with context.store.read() as session:
        found = await listed(session, list(KEYS))
        large = [table for table, parts in found.items() if sum(part.bytes for part in parts) >= WORTH_MONTHS]
        rights = [await rights_on(session, table) for table in large]
    if lacking := [one for one in rights if not (one.creates and one.owns)]:
        one = lacking[0]
        text = f"{one.role} may not make the monthly partitions of {', '.join(large)}: old rows are deleted one by one"
        do = f"GRANT CREATE ON SCHEMA {one.space} TO {one.role}; GRANT {one.owner} TO {one.role}"
        return [Diagnosis("months", WARNING, text, do)]
    if without := [
        table for table in large if not any(part.first < month.end <= part.end for part in found[table][:-1])
    ]:
        text = f"no partition of the next month yet, and many rows: {', '.join(without)}"
        return [Diagnosis("months", WARNING, text, "awbridge migrate makes it; the log says why retain has not")]
    return [Diagnosis("months", OK, f"the next month of {', '.join(large)} has a partition")] if large else []


async def check_citus(context: CheckContext) -> list[Diagnosis]:
    """Whether Citus has the settings that an account in a schema of its own needs."""
    if context.store.dialect != "postgres":
        return []
    async with context.store.read() as session:
        found = await citus(session)
    return [of_citus(found)] if found else []


def of_citus(found: Citus) -> Diagnosis:
    """What to say about Citus in this database."""
    if found.hides:
        text = (
            f"each new connection asks for types, and Citus {found.version} has it look at every relation: that takes "
            "seconds, and longer with each account"
        )
        do = "ALTER DATABASE ... SET citus.override_table_visibility = off, and restart awbridge"
        return Diagnosis("Citus", PROBLEM, text, do)
    if found.node is None:
        text = f"Citus {found.version} does not distribute the schema {found.schema}: it stays on the coordinator"
        if found.schema == "public":
            return Diagnosis("Citus", OK, text)
        return Diagnosis("Citus", WARNING, text, f"SELECT citus_schema_distribute('{found.schema}')")
    return Diagnosis("Citus", OK, f"Citus {found.version} keeps the schema {found.schema} on {found.node}")
