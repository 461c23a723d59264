"""The two engines: opening, transactions, values that go in and come out, several writers."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from itertools import product
from pathlib import Path
from typing import Any, cast

import apsw
import asyncpg
import pytest

from awbridge.domain.errors import SettingsError, StoreBusy, StoreError
from awbridge.store import Store
from awbridge.store.engine.connections import own as own_connection
from awbridge.store.engine.database import Session
from awbridge.store.engine.detect import pooler
from awbridge.store.orders import shipments
from awbridge.store.tracking import inbox
from tests.support.ports import free_port
from tests.support.postgres import PostgresServer
from tests.support.rows import T0, add, claim_in, count, delivery, fetch, new_shipment, sql
from tests.support.stores import postgres_only, sqlite_only

pytestmark = pytest.mark.heavy

PLANNED_BY = ("jit", "max_parallel_workers_per_gather")
NEW_PACE = sql("INSERT INTO paces (name, next_turn) VALUES ($1, 0)")


@pytest.mark.parametrize(
    "url", ["", "awbridge.db", "mysql://host/db", "sqlite://file.db", "sqlite:///", "sqlite:", "sqlite:///:memory:"]
)
async def test_an_url_that_names_no_database_we_know_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(SettingsError, match=r"AWBRIDGE_DATABASE_URL.*sqlite:///"):
        await Store.open(url)


async def test_a_sqlite_file_in_a_missing_folder_is_refused_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"missing/a\.db.*Check that the folder exists"):
        await Store.open(f"sqlite:///{tmp_path}/missing/a.db")


async def test_a_server_that_does_not_answer_is_busy_not_broken() -> None:
    with pytest.raises(StoreBusy, match="AWBRIDGE_DATABASE_URL"):
        await Store.open(f"postgresql://x@127.0.0.1:{free_port()}/x")


async def test_a_database_that_does_not_exist_is_refused(postgres: PostgresServer) -> None:
    with pytest.raises(StoreError, match="refused the connection"):
        await Store.open(postgres.url("nowhere"))


@postgres_only
async def test_postgres_neither_compiles_nor_divides_a_statement_among_workers(store: Store) -> None:
    async with store.write() as written, store.read() as read:
        for session in (written, read):
            found = [dict((await session.fetch(sql(f"SHOW {name}")))[0]) for name in PLANNED_BY]
            assert found == [{"jit": "off"}, {"max_parallel_workers_per_gather": "0"}]


async def test_sqlite_keeps_the_promises_that_the_house_depends_on(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/a%20b.db")
    assert (tmp_path / "a b.db").exists()

    async with store.write() as session:
        found = [dict((await session.fetch(sql(f"PRAGMA {name}")))[0]) for name in ("journal_mode", "synchronous")]
        keys = dict((await session.fetch(sql("PRAGMA foreign_keys")))[0])
    assert found == [{"journal_mode": "wal"}, {"synchronous": 2}]
    assert keys == {"foreign_keys": 1}
    await store.close()


@sqlite_only
async def test_reads_do_not_wait_for_one_that_takes_long(store: Store) -> None:
    counting = (
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 3000000) SELECT MAX(n) AS n FROM n"
    )
    long = asyncio.create_task(fetch(store, counting))
    await asyncio.sleep(0)
    for _ in range(8):
        await fetch(store, "SELECT 1 AS one")
    assert not long.done(), "each second one waited for its thread"
    assert [row["n"] for row in await long] == [3_000_000]


@pytest.fixture
def planned() -> Iterator[list[int]]:
    """What SQLite asks the authorizer while it plans statements, on every connection that is opened meanwhile."""
    asked: list[int] = []

    def note(action: int, *_: object) -> int:
        asked.append(action)
        return apsw.SQLITE_OK

    def watch(connection: apsw.Connection) -> None:
        connection.authorizer = note

    apsw.connection_hooks.append(watch)
    yield asked
    apsw.connection_hooks.remove(watch)


async def test_sqlite_plans_a_statement_once_whatever_its_values(tmp_path: Path, planned: list[int]) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/a.db")
    over_rows = "WITH row (name) AS (VALUES ($1)) SELECT t.name FROM row JOIN t ON t.name = row.name"
    statements = [(sql("SELECT name FROM t WHERE name > $1 LIMIT $2"), sql(over_rows))] * 3
    async with store.write() as session:
        await session.script("CREATE TABLE t (name TEXT PRIMARY KEY)")
        await session.write_rows(sql("INSERT INTO t (name) VALUES ($1)"), [(name,) for name in "abcdefgh"])
        plans: list[int] = []
        for limit, (some, of_rows) in enumerate(statements, start=2):
            planned.clear()
            assert len(await session.fetch(some, "a", limit)) == limit
            assert len(await session.fetch_rows(of_rows, [(name,) for name in "abcdefgh"[:limit]])) == limit
            plans.append(len(planned))
    assert plans[0] > 0
    assert plans[1:] == [0, 0]
    await store.close()


async def test_a_write_that_raises_leaves_nothing(store: Store) -> None:
    async def fail() -> None:
        async with store.write() as session:
            await shipments.add(session, new_shipment(), now=T0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await count(store, "shipments") == 0
    await add(store, "AFTER")
    assert await count(store, "shipments") == 1


async def test_a_write_that_is_cancelled_leaves_nothing_and_the_next_one_works(store: Store) -> None:
    inside = asyncio.Event()

    async def write_for_ever() -> None:
        async with store.write() as session:
            await shipments.add(session, new_shipment(), now=T0)
            inside.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(write_for_ever())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await count(store, "shipments") == 0
    await add(store, "AFTER")
    assert await count(store, "shipments") == 1


async def test_writes_cancelled_at_any_moment_are_whole_or_absent(store: Store) -> None:
    async def add_two(n: int) -> None:
        async with store.write() as session:
            await shipments.add(session, new_shipment(f"{n}-a"), now=T0)
            await shipments.add(session, new_shipment(f"{n}-b"), now=T0)

    for n in range(40):
        task = asyncio.create_task(add_two(n))
        await asyncio.sleep(n * 0.0001)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await add(store, "LAST-a", "LAST-b")
    there = {row["reference_number"] for row in await fetch(store, "SELECT reference_number FROM shipments")}
    assert {r[:-2] for r in there if r.endswith("-a")} == {r[:-2] for r in there if r.endswith("-b")}
    assert "LAST-a" in there


async def test_a_whole_transaction_commits_what_its_work_did_and_returns_what_that_returns(store: Store) -> None:
    async def count_after(session: Session, name: str, *, fails: bool = False) -> int:
        await session.execute(NEW_PACE, name)
        await asyncio.sleep(0)  # a turn for others, where there are any
        if fails:
            raise ValueError("the work fails")
        return (await session.fetch(sql("SELECT COUNT(*) AS n FROM paces")))[0]["n"]

    assert await store.transact(lambda session: count_after(session, "a")) == 1
    with pytest.raises(ValueError, match="the work fails"):
        await store.transact(lambda session: count_after(session, "b", fails=True))
    with pytest.raises(StoreError, match="syntax error"):
        await store.transact(lambda session: session.script("SELEKT"))
    assert await store.transact(lambda session: count_after(session, "c")) == 2


async def test_a_whole_transaction_needs_no_turn_of_the_event_loop(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/a.db")
    await store.migrate()
    other = apsw.Connection(str(tmp_path / "a.db"))

    async def write(session: Session) -> None:
        for name in "abc":
            await session.execute(NEW_PACE, name)

    task = asyncio.create_task(store.transact(write))
    await asyncio.sleep(0)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and [*other.execute("SELECT COUNT(*) FROM paces")] != [(3,)]:
        time.sleep(0.001)  # the loop is held
    assert not task.done()
    assert time.monotonic() < deadline
    await task
    await store.close()


@sqlite_only
async def test_a_whole_transaction_that_awaits_something_else_is_refused_and_leaves_nothing(store: Store) -> None:
    answer = asyncio.get_running_loop().create_future()

    async def wait(session: Session) -> None:
        await session.execute(NEW_PACE, "a")
        await answer

    with pytest.raises(RuntimeError, match="awaits something else"):
        await store.transact(wait)
    assert await count(store, "paces") == 0


async def test_a_write_is_not_seen_before_it_is_committed(store: Store) -> None:
    async with store.write() as session:
        await shipments.add(session, new_shipment(), now=T0)
        assert await count(store, "shipments") == 0
    assert await count(store, "shipments") == 1


async def test_a_statement_that_the_database_refuses_is_a_store_error(store: Store) -> None:
    with pytest.raises(StoreError) as refused:
        async with store.write() as session:
            await session.execute(sql("INSERT INTO nowhere VALUES (1)"))
    assert not isinstance(refused.value, StoreBusy)


async def test_text_and_times_come_back_as_they_went_in(store: Store) -> None:
    india = timezone(timedelta(hours=5, minutes=30))
    at = datetime(2026, 3, 1, 0, 15, 7, 1, tzinfo=india)
    payload = {"पता": "गली नं. ५, 🏠", "quote": 'it\'s "so" \\ \n', "z": 1, "a": [1.5, None, True]}
    await add(store, "रेफ़-🙂", now=at, payload=payload)
    async with store.read() as session:
        found = await shipments.get(session, "रेफ़-🙂")
    assert found is not None
    assert found.payload == payload
    assert list(found.payload) == list(payload)
    assert found.created_at == at
    assert found.created_at.utcoffset() == timedelta(0)
    assert found.created_at.microsecond == 1
    assert found.success is False
    assert found.children == ()


@pytest.mark.parametrize("at", [datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 0, 0, 999999, tzinfo=UTC)])
async def test_times_sort_as_times_whatever_their_fraction(store: Store, at: datetime) -> None:
    await add(store, "DUE", now=at)
    async with store.write() as session:
        early = await claim_in(session, now=at - timedelta(microseconds=1), until=at)
        due = await claim_in(session, now=at, until=at)
    assert (len(early), len(due)) == (0, 1)


async def test_a_deliverys_bytes_come_back_as_they_came(store: Store) -> None:
    body = bytes(range(256)) + "नमस्ते".encode()
    async with store.write() as session:
        await inbox.add(session, [delivery("x", body=body)])
        assert (await inbox.claim(session, now=T0, limit=5))[0].body == body


async def test_however_many_rows_are_written_at_once_each_is_there_as_it_was_given(store: Store) -> None:
    for number, in_one_go in product((1, 2, 7, 8, 9, 63, 64, 65, 128, 129, 300), (False, True)):
        name = f"many {number} {in_one_go}"
        new = [delivery(f"{name} {place}", body=b"\x00\xff%d" % place) for place in range(number)]
        if in_one_go:
            await inbox.add_at_once(store, new)
        else:
            async with store.write() as session:
                await inbox.add(session, new)
        rows = await fetch(store, "SELECT identity, body FROM inbox WHERE identity LIKE $1", f"{name} %")
        assert {row["identity"]: bytes(row["body"]) for row in rows} == {one.identity: one.body for one in new}


@sqlite_only
async def test_a_batch_of_which_one_row_is_refused_leaves_nothing_behind_and_the_next_goes_in(store: Store) -> None:
    for number in (1, 5, 300):  # a statement by itself, a statement for many, several in one transaction
        new = [delivery(f"{number} {place}") for place in range(number)]
        with pytest.raises((StoreError, TypeError)):  # of the server, or of the driver while rows are being written
            await inbox.add_at_once(store, [*new, delivery("no text", problem=cast("str", 1j))])
        assert await count(store, "inbox") == 0
    await inbox.add_at_once(store, [delivery("after")])
    assert await count(store, "inbox") == 1


_WRITER = """
import asyncio, sys
from awbridge.store import Store
from awbridge.store.engine.queries import parse

sql = parse('''
-- name: read
SELECT value FROM counter
-- name: write
UPDATE counter SET value = $1
-- name: note
INSERT INTO notes (who, n) VALUES ($1, $2)
''')

async def main():
    store = await Store.open(sys.argv[1])
    for n in range(300):
        async with store.write() as session:
            value = (await session.fetch(sql["read"]))[0]["value"]
            await session.execute(sql["write"], value + 1)
            await session.execute(sql["note"], sys.argv[2], n)
    await store.close()

asyncio.run(main())
"""


async def test_two_processes_write_the_same_sqlite_file_without_loss(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    store = await Store.open(url)
    async with store.write() as session:
        await session.script(
            "CREATE TABLE counter (value INTEGER); INSERT INTO counter VALUES (0);"
            "CREATE TABLE notes (who TEXT, n INTEGER)"
        )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "src")}
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, url, who], env=environment, stderr=subprocess.PIPE)
        for who in ("a", "b")
    ]
    ended = [await asyncio.to_thread(writer.communicate, timeout=60) for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0], ended
    assert await fetch(store, "SELECT value FROM counter") == [{"value": 600}]
    assert await count(store, "notes") == 600
    await store.close()


async def test_two_stores_on_one_database_write_by_turns_without_loss(database_url: str) -> None:
    one, two = await Store.open(database_url), await Store.open(database_url)
    await one.migrate()

    async def write(store: Store, name: str) -> None:
        for n in range(50):
            await add(store, f"{name}-{n}")

    await asyncio.gather(write(one, "one"), write(two, "two"))
    assert await count(one, "shipments") == 100
    await one.close()
    await two.close()


async def test_a_pool_mends_itself_after_its_connections_were_cut(postgres: PostgresServer) -> None:
    url = await postgres.new_database()
    store = await Store.open(url)
    await store.migrate()
    admin = await asyncpg.connect(postgres.url())
    await admin.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1", url.rpartition("/")[2]
    )
    await admin.close()
    for attempt in range(20):
        try:
            await add(store, f"AFTER-{attempt}")
            break
        except StoreBusy:
            await asyncio.sleep(0.05)
    assert await count(store, "shipments") == 1
    await store.close()


async def _own_backends(store: Store) -> list[int]:
    """The processes behind connections that have stored deliveries, the newest first."""
    rows = await fetch(
        store,
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%INTO inbox%' "
        "AND pid <> pg_backend_pid() ORDER BY backend_start DESC",
    )
    return [row["pid"] for row in rows]


@postgres_only
async def test_single_writes_share_one_connection_until_it_has_been_idle(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asyncio.gather(*(inbox.add_at_once(store, [delivery(f"d{n}")]) for n in range(5)))
    [first] = await _own_backends(store)
    await inbox.add_at_once(store, [delivery("d5")])
    assert await _own_backends(store) == [first]
    monkeypatch.setattr(own_connection, "LONGEST_IDLE", 0.01)
    await asyncio.sleep(0.02)
    await inbox.add_at_once(store, [delivery("d6")])
    assert first not in (await _own_backends(store))[:1]
    assert await count(store, "inbox") == 7


@postgres_only
async def test_a_lost_connection_costs_at_most_one_write(store: Store) -> None:
    """The client may or may not have noticed the loss before the next write, but never reports an unstored one."""
    stored = {"d1", "d3"}
    await inbox.add_at_once(store, [delivery("d1")])
    [lost] = await _own_backends(store)
    assert await fetch(store, f"SELECT pg_terminate_backend({lost}, 5000) AS gone") == [{"gone": True}]
    try:
        await inbox.add_at_once(store, [delivery("d2")])
        stored.add("d2")
    except StoreBusy:
        pass
    await inbox.add_at_once(store, [delivery("d3")])
    assert {r["identity"] for r in await fetch(store, "SELECT identity FROM inbox")} == stored
    assert lost not in await _own_backends(store)


@postgres_only
async def test_nothing_is_written_within_a_check_that_was_cancelled(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new connection is checked in a transaction. What is written in it later would never be committed."""
    inside = asyncio.Event()

    async def hang(connection: Any) -> None:
        if not inside.is_set():
            await connection.execute("BEGIN")  # as where the check is cancelled before it knows that it began
            inside.set()
            await asyncio.sleep(60)

    monkeypatch.setattr(pooler, "refuse_pooler", hang)
    task = asyncio.create_task(inbox.add_at_once(store, [delivery("cut")]))
    await inside.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await inbox.add_at_once(store, [delivery("whole")])
    assert [row["identity"] for row in await fetch(store, "SELECT identity FROM inbox")] == ["whole"]


async def test_writes_in_one_go_that_are_cancelled_at_any_moment_are_whole_or_absent(store: Store) -> None:
    for n in range(30):
        pair = [delivery(f"{n}-a"), delivery(f"{n}-b")]
        task = asyncio.create_task(inbox.add_at_once(store, pair))
        await asyncio.sleep(n * 0.0001)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await inbox.add_at_once(store, [delivery("last-a"), delivery("last-b")])
    there = {row["identity"] for row in await fetch(store, "SELECT identity FROM inbox")}
    assert {i[:-2] for i in there if i.endswith("-a")} == {i[:-2] for i in there if i.endswith("-b")}
    assert "last-a" in there
