"""Partitions of months on PostgreSQL beside the tables without them: retention, writing, reading, creating an account.

Processor time is that of all of PostgreSQL's processes. What is written and read is verified.
"""

from __future__ import annotations

import asyncio
import statistics
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from tempfile import TemporaryDirectory

import asyncpg
import click
from tests.support.months import add_month, rows_of_all
from tests.support.postgres import PostgresServer, postgres_server
from tests.support.statements import statements_of

from awbridge.domain.attempt import AttemptOutcome
from awbridge.domain.call import Call
from awbridge.domain.orders.shipment import shard_of
from awbridge.sinks.objects import Objects
from awbridge.steps.privacy.retain import RetainPolicy, retain
from awbridge.steps.runtime.clock import utc_now
from awbridge.store import Store
from awbridge.store.audit import attempts
from awbridge.store.audit.attempts import NewAttempt
from awbridge.store.engine import migrate, partitions
from awbridge.store.engine.ids import Ids
from awbridge.store.engine.packing import packed_texts
from awbridge.store.engine.partitions import KEYS, Month
from bench.idle import seconds_of

DAYS = 100  # that calls and events are kept
AGO = 5  # months with partitions before this one; the first of them is old
BATCH = 100  # rows of one transaction
TRANSACTIONS = 100  # of one round of writing
READS = 400  # of one round of reading
BEFORE = 75  # the newest schema without partitions

_ids = Ids()
_SIZES = """
SELECT pg_database_size(current_database()) AS bytes, pg_current_wal_lsn() - '0/0'::pg_lsn AS wal,
  (SELECT SUM(n_dead_tup) FROM pg_stat_user_tables) AS dead
"""
_ANSWER = '{"meta":{"status":200,"success":true,"message":"SUCCESS"},"result":{"waybill":"%s","label":"%s"}}'


class Place:
    """A database with months, or without."""

    def __init__(self, server: PostgresServer, url: str, *, months: bool) -> None:
        self.url, self.months, self.server = url, months, server
        self.name = "months" if months else "one table"
        self.writing: list[float] = []  # processor time of a row in the server, in microseconds
        self.sending: list[float] = []  # the same in this process
        self.reading: list[float] = []  # of a look at one shipment's calls

    async def prepare(self, rows: int) -> None:
        """Fill an old month and the one before this; the other months are there and empty."""
        self.store = await Store.open(self.url)
        await migrate.migrate(self.store.database, until=None if self.months else BEFORE)
        month = old = Month.of(datetime.now(UTC) - timedelta(days=30 * AGO))
        while self.months and month.begins_at < datetime.now(UTC) + timedelta(days=20):
            for table in KEYS:
                await partitions.make(self.store.database, table, month, ahead=False)
            month = month.next
        for at in (old.begins_at, Month.of(datetime.now(UTC) - timedelta(days=30)).begins_at):
            for start in range(0, rows, 50_000):
                await add_month(self.store, at + timedelta(seconds=start), min(50_000, rows - start))
        async with self.store.write() as session:
            await session.script("ANALYZE")

    async def timed(self, work: Callable[[], Awaitable[object]]) -> float:
        """Processor seconds of the server for this work."""
        before = seconds_of(self.server.pid)
        await work()
        return seconds_of(self.server.pid) - before

    async def write(self) -> None:
        """A round of writing: calls, events and deliveries, as the service writes them."""
        sql = statements_of("events")
        for _ in range(TRANSACTIONS):
            now = datetime.now(UTC)
            names = [uuid.uuid4().hex for _ in range(BATCH)]
            calls = [_call(name, now) for name in names]
            events = [
                (shard_of(n), _ids.next(), n, "shipment.placed", packed_texts(_ANSWER % (n, n)), now) for n in names
            ]
            async with self.store.write() as session:
                await attempts.add(session, calls)
                await session.write_rows(sql.add, events)
                await session.write_rows(sql.add_deliveries, [(e[0], e[1], 1, now, now) for e in events])

    async def read(self) -> None:
        """A round of looking at the calls of one shipment."""
        async with self.store.read() as session:
            for number in range(1, READS + 1):
                assert await attempts.of_shipment(session, f"R{number * 64}") is not None

    async def retain(self) -> str:
        """Delete the old month, and say what that took."""
        policy = RetainPolicy(attempts=DAYS, events=DAYS, inbox=0, payloads=0, pause=0.0, budget=3600.0)
        had, before = await rows_of_all(self.store), await self._sizes()
        started, cpu = time.perf_counter(), seconds_of(self.server.pid)
        with TemporaryDirectory() as folder:
            done = await retain(
                store=self.store, objects=Objects.open(f"file://{folder}"), clock=utc_now, policy=policy
            )
        took, cpu = time.perf_counter() - started, seconds_of(self.server.pid) - cpu
        gone = {table: had[table] - left for table, left in (await rows_of_all(self.store)).items()}
        assert all(gone.values()), done
        await asyncio.sleep(1.5)  # until the statistics are told
        after = await self._sizes()
        return (
            f"{self.name}: {sum(gone.values()):,} rows in {took:.2f} s, {cpu:.2f} s of processor time, "
            f"{(after['wal'] - before['wal']) / 2**20:.1f} MiB of WAL, {after['dead']:,} dead rows, "
            f"the database from {before['bytes'] / 2**20:.0f} to {after['bytes'] / 2**20:.0f} MiB"
        )

    async def _sizes(self) -> asyncpg.Record:
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute("SELECT pg_stat_force_next_flush()")
            found = await connection.fetchrow(_SIZES)
            assert found
            return found
        finally:
            await connection.close()


def _call(name: str, now: datetime) -> NewAttempt:
    call = Call(
        api="create-order",
        method="POST",
        url="https://www.clickpost.in/api/v3/create-order/?username=shop&key=***",
        request=_ANSWER % (name, name),
        http_status=200,
        business_status=200,
        response=_ANSWER % (name, name),
        ms=80,
    )
    return NewAttempt(call=call, reference_number=name, outcome=AttemptOutcome.PLACED, made_at=now)


async def _create(server: PostgresServer, accounts: int) -> None:
    """Create accounts with and without partitions, in turn; processor time, files and bytes of one."""
    url = await server.new_database()
    took: dict[str, list[float]] = {"one table": [], "months": []}
    sizes: dict[str, list[int]] = {"one table": [], "months": []}
    connection = await asyncpg.connect(url)
    for number in range(accounts):
        for name, until in (("one table", BEFORE), ("months", None)):
            size, cpu = await connection.fetchval("SELECT pg_database_size(current_database())"), seconds_of(server.pid)
            store = await Store.open(url, schema=f"account_{name[:3]}_{number}")
            await migrate.migrate(store.database, until=until)
            await store.close()
            took[name].append(seconds_of(server.pid) - cpu)
            sizes[name].append(await connection.fetchval("SELECT pg_database_size(current_database())") - size)
    await connection.close()
    for name in took:
        click.echo(
            f"creating an account, {name}: {statistics.mean(took[name]) * 1000:.0f} ms of processor time, "
            f"{statistics.mean(sizes[name]) / 2**20:.2f} MiB"
        )


async def _measure(server: PostgresServer, rows: int, rounds: int, accounts: int) -> None:
    await _create(server, accounts)
    places = [Place(server, await server.new_database(), months=months) for months in (False, True)]
    for place in places:
        await place.prepare(rows)
    for number in range(rounds + 1):
        for place in places if number % 2 else reversed(places):
            own = time.process_time()
            wrote = await place.timed(place.write)
            own = time.process_time() - own
            read = await place.timed(place.read)
            if number:  # the first is not measured
                place.sending.append(own / (TRANSACTIONS * BATCH) * 1e6)
                place.writing.append(wrote / (TRANSACTIONS * BATCH) * 1e6)
                place.reading.append(read / READS * 1e6)
    for place in places:
        sent, wrote, read = map(statistics.median, (place.sending, place.writing, place.reading))
        click.echo(
            f"{place.name}: a call with an event and its delivery {sent:.1f} us here and {wrote:.1f} us of the server, "
            f"the calls of a shipment {read:.0f} us of it"
        )
    for place in places:
        click.echo(await place.retain())
        await place.store.close()


@click.command()
@click.option("--rows", default=300_000, show_default=True, help="Of each table in the month that is deleted.")
@click.option("--rounds", default=6, show_default=True, help="Of writing and reading.")
@click.option("--accounts", default=10, show_default=True, help="Accounts to create of each kind.")
def months(rows: int, rounds: int, accounts: int) -> None:
    """Retention by dropping months beside deleting rows, and what months cost otherwise."""
    with postgres_server(durable=True, settings=("autovacuum=off",)) as server:
        asyncio.run(_measure(server, rows, rounds, accounts))
