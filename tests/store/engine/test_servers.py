"""Several accounts on the connections of one server: each in its schema, none in another's, each in its turn."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import pytest

from awbridge.domain.errors import SettingsError, StoreBusy, StoreError
from awbridge.store import Store
from awbridge.store.engine.connections import pool as pools
from awbridge.store.engine.connections.pool import SchemaConnection
from awbridge.store.engine.connections.servers import Servers
from awbridge.store.engine.postgres import PostgresDatabase
from tests.support.pgbouncer import pgbouncer
from tests.support.ports import free_port
from tests.support.postgres import PostgresServer
from tests.support.rows import fetch, sql
from tests.support.stores import open_directly

pytestmark = pytest.mark.postgres

ADD = sql("INSERT INTO things (name) SELECT * FROM unnest($1::text[])")
NAMES = "SELECT name FROM things ORDER BY name"


@pytest.fixture
async def url(postgres: PostgresServer) -> AsyncIterator[str]:
    """A database in which schemas may be made; they are gone after the test."""
    url = postgres.url()
    yield url
    connection = await asyncpg.connect(url)
    made = await connection.fetch("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'account_%'")
    for row in made:
        await connection.execute(f"DROP SCHEMA {row['nspname']} CASCADE")
    await connection.execute("DROP TABLE IF EXISTS things")
    await connection.close()


async def make(postgres: PostgresServer, *schemas: str, columns: str = "name TEXT") -> None:
    for schema in schemas:
        postgres.execute(
            postgres.url(), f"CREATE SCHEMA IF NOT EXISTS {schema}; CREATE TABLE {schema}.things ({columns})"
        )


@asynccontextmanager
async def shared(url: str, *schemas: str, connections: int = 2) -> AsyncIterator[list[Store]]:
    """A store for each schema on the same connections."""
    servers = Servers()
    try:
        yield [await open_directly(url, connections=connections, schema=schema, servers=servers) for schema in schemas]
    finally:
        await servers.close()


async def add(store: Store, *names: str) -> None:
    async with store.write() as session:
        await session.execute(ADD, list(names))


async def names(store: Store) -> list[str]:
    return [row["name"] for row in await fetch(store, NAMES)]


@pytest.fixture
def followed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The schemas that connections were set to, each a round trip."""
    seen: list[str] = []
    follow = SchemaConnection.follow

    async def noted(self: SchemaConnection, schema: str) -> None:
        seen.append(schema)
        await follow(self, schema)

    monkeypatch.setattr(SchemaConnection, "follow", noted)
    return seen


async def backends(store: Store) -> list[int]:
    rows = await fetch(store, "SELECT pid FROM pg_stat_activity WHERE application_name = 'awbridge'")
    return [row["pid"] for row in rows]


async def test_each_account_sees_its_own_tables_over_one_connection(
    url: str, postgres: PostgresServer, followed: list[str]
) -> None:
    await make(postgres, "account_a", "account_b", "public")
    async with shared(url, "account_a", "account_b", "") as (a, b, home):
        for store, name in ((a, "a"), (b, "b"), (home, "home"), (a, "again")):
            await add(store, name)
            await store.write_at_once([ADD], [(f"{name} at once",)])
        assert followed == [schema for schema in ("account_a", "account_b", "", "account_a") for _ in range(2)]
        assert [await names(store) for store in (a, b, home)] == [
            ["a", "a at once", "again", "again at once"],
            ["b", "b at once"],
            ["home", "home at once"],
        ]


async def test_without_accounts_no_round_trip_is_added(url: str, postgres: PostgresServer, followed: list[str]) -> None:
    await make(postgres, "public")
    async with shared(url, "") as (home,):
        await add(home, "one")
        await home.write_at_once([ADD], [("two",)])
        assert await names(home) == ["one", "two"]
    assert followed == []


async def test_an_account_is_set_once_while_it_is_alone(
    url: str, postgres: PostgresServer, followed: list[str]
) -> None:
    await make(postgres, "account_a")
    store = await open_directly(url, schema="account_a")
    for n in range(5):
        await add(store, f"{n}")
    await store.close()
    assert followed == ["account_a"]


async def test_connections_go_to_the_account_that_they_are_set_to(
    url: str, postgres: PostgresServer, followed: list[str]
) -> None:
    await make(postgres, "account_a", "account_b")
    async with shared(url, "account_a", "account_b", connections=3) as (a, b):
        for n in range(10):
            await add(a, f"{n}")
            await add(b, f"{n}")
    assert followed == ["account_a", "account_b"]


async def test_an_account_without_a_schema_sees_no_other_tables(url: str, postgres: PostgresServer) -> None:
    await make(postgres, "public")
    async with shared(url, "account_none") as (store,):
        with pytest.raises(StoreError, match="things"):
            await names(store)
        assert await store.pending_migrations(), "nothing is applied"


async def test_a_transaction_that_fails_or_is_cut_off_leaves_nobody_in_the_wrong_schema(
    url: str, postgres: PostgresServer
) -> None:
    await make(postgres, "account_a", "account_b")
    async with shared(url, "account_a", "account_b") as (a, b):
        for broken in (sql("SELECT 1 / 0 AS n"), sql("SELECT pg_terminate_backend(pg_backend_pid())")):
            with pytest.raises(StoreError):
                async with b.write() as session:
                    await session.execute(broken)
            await add(a, "a")
        for n in range(20):
            task = asyncio.create_task(add(b, f"{n}"))
            await asyncio.sleep(n * 0.0002)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await add(a, "a")
        assert set(await names(a)) == {"a"}
        assert "a" not in await names(b)


async def test_a_statement_means_each_schema_at_its_own_migration(url: str, postgres: PostgresServer) -> None:
    """The server analyses a prepared statement anew for each path.

    Migrations beside which a version goes on change no type that it reads or writes. Where one does, a statement is
    refused at most once, and never answered for the wrong schema.
    """
    await make(postgres, "account_old", columns="name TEXT, number INTEGER")
    await make(postgres, "account_new", columns="added TEXT DEFAULT '', number TEXT, name TEXT")
    by_name, everything = sql("SELECT name, $1::text AS given FROM things"), sql("SELECT * FROM things ORDER BY name")
    put = sql("INSERT INTO things (name, number) VALUES ('z', $1)")
    async with shared(url, "account_old", "account_new") as (old, new):
        await add(old, "old")
        await add(new, "new")
        numbers = ((old, "old", 7), (new, "new", "seven"))
        for _ in range(3):
            for store, name, _number in numbers:
                async with store.read() as session:
                    assert dict((await session.fetch(by_name, "x"))[0]) == {"name": name, "given": "x"}
                    assert (await session.fetch(everything))[0]["name"] == name
                async with store.write() as session:
                    assert (await session.fetch(everything))[0]["name"] == name
        refused: list[type] = []
        for _ in range(3):
            for store, name, number in numbers:
                try:
                    async with store.write() as session:
                        await session.fetch(by_name, "x")
                        assert (await session.fetch(everything))[0]["name"] == name
                        await session.execute(put, number)
                except StoreError as error:
                    refused.append(type(error))
        assert refused == [StoreBusy], "it is known from then on that the schemas differ"


async def test_a_shared_connection_costs_a_store_nothing_and_stays_when_that_is_closed(
    url: str, postgres: PostgresServer
) -> None:
    await make(postgres, "account_a")
    async with shared(url, "account_a") as (first,):
        await add(first, "kept")
        before = await backends(first)
        assert isinstance(first.database, PostgresDatabase)
        others = [
            Store(PostgresDatabase(first.database.server, schema=f"account_{n}", shared=True)) for n in range(500)
        ]
        for store in others:
            await store.close()
            await store.close()
        assert await names(first) == ["kept"]
        assert await backends(first) == before


async def test_closed_servers_open_nothing_again(url: str) -> None:
    servers = Servers()
    store = await open_directly(url, servers=servers)
    await servers.close()
    for use in (names(store), open_directly(url, servers=servers)):
        with pytest.raises(StoreBusy, match="closed"):
            await use


async def test_a_server_that_was_away_is_reached_by_the_next_store(url: str, postgres: PostgresServer) -> None:
    servers, away = Servers(), f"postgresql://x@127.0.0.1:{free_port()}/x"
    for _ in range(2):
        with pytest.raises(StoreBusy, match="AWBRIDGE_DATABASE_URL"):
            await Store.open(away, schema="account_a", servers=servers)
    await make(postgres, "account_a")
    store, again = await asyncio.gather(*(Store.open(url, schema="account_a", servers=servers) for _ in range(2)))
    assert isinstance(store.database, PostgresDatabase)
    assert isinstance(again.database, PostgresDatabase)
    assert store.database.server is again.database.server
    await servers.close()


@pytest.mark.parametrize("schema", ["Account", "a b", 'x"; DROP SCHEMA public', "pg_own", "a" * 64, "1a"])
async def test_what_is_no_name_of_a_schema_is_refused(schema: str, url: str) -> None:
    with pytest.raises(SettingsError, match="no schema's name"):
        await Store.open(url, schema=schema)


async def test_behind_a_pooler_of_transactions_each_transaction_is_in_its_schema(
    postgres: PostgresServer, url: str
) -> None:
    await make(postgres, "account_a", "account_b", "public")
    servers = Servers()
    with pgbouncer(url, pool_mode="transaction", servers=1) as via:
        a, b, home = [
            await Store.open(f"{via}?pooler=transaction", schema=schema, servers=servers)
            for schema in ("account_a", "account_b", "")
        ]

        async def use(store: Store, name: str) -> None:
            for n in range(5):
                await add(store, f"{name}{n}")
                await store.write_at_once([ADD], [(f"{name}{n} at once",)])
                await names(store)

        await asyncio.gather(use(a, "a"), use(b, "b"), use(home, "h"))
        for store, name in ((a, "a"), (b, "b"), (home, "h")):
            found = await names(store)
            assert len(found) == 10
            assert {one[0] for one in found} == {name}
        await servers.close()


async def test_webhooks_that_flood_one_account_delay_anothers_commit_by_one_batch(
    url: str, postgres: PostgresServer
) -> None:
    await make(postgres, "account_a", "account_b")
    done: list[str] = []

    async def write(store: Store, name: str) -> None:
        await store.write_at_once([ADD], [(name,)])
        done.append(name)

    ended = False

    async def flood(store: Store) -> None:
        while not ended:
            await write(store, "a")

    async with shared(url, "account_a", "account_b") as (a, b):
        floods = [asyncio.create_task(flood(a)) for _ in range(20)]
        await write(a, "a")
        for n in range(3):
            before = len(done)
            await write(b, f"b{n}")
            assert done[before:].count("a") <= 1, "the one that was being written"
        ended = True
        await asyncio.gather(*floods)
        assert done.count("a") > 20


async def test_a_flood_of_transactions_leaves_connections_to_the_others(url: str, postgres: PostgresServer) -> None:
    await make(postgres, "account_a", "account_b")
    inside: list[str] = []
    end = asyncio.Event()

    async def hold(name: str) -> None:
        async with a.write() as session:
            await session.execute(ADD, [name])
            inside.append(name)
            await end.wait()

    async with shared(url, "account_a", "account_b", connections=5) as (a, b):
        flood = [asyncio.create_task(hold(f"{n}")) for n in range(60)]
        for n in range(5):
            await add(b, f"{n}")
        assert len(inside) <= 2, "of four"
        assert await names(b) == [f"{n}" for n in range(5)]
        end.set()
        await asyncio.gather(*flood)
        assert len(await names(a)) == 60


async def test_there_are_never_more_connections_than_set(url: str, postgres: PostgresServer) -> None:
    schemas = [f"account_{n}" for n in range(20)]
    await make(postgres, *schemas)
    most = 0

    async def watch() -> None:
        """The most that there were for ten looks: a process of the server outlives its connection by a moment."""
        nonlocal most
        connection = await asyncpg.connect(url)
        looks: deque[int] = deque(maxlen=10)
        try:
            while True:
                looks.append(
                    await connection.fetchval(
                        "SELECT COUNT(*) FROM pg_stat_activity"
                        " WHERE application_name = 'awbridge' AND datname = current_database()"
                    )
                )
                if len(looks) == looks.maxlen:
                    most = max(most, min(looks))
                await asyncio.sleep(0.002)
        finally:
            await connection.close()

    async def use(store: Store) -> None:
        for n in range(6):
            await asyncio.gather(add(store, f"{n}"), store.write_at_once([ADD], [(f"{n} at once",)]), names(store))

    async with shared(url, *schemas, connections=4) as stores:
        watching = asyncio.create_task(watch())
        await asyncio.gather(*map(use, stores))
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        assert [len(await names(store)) for store in stores] == [12] * 20
    assert 2 <= most <= 4


async def test_what_the_server_keeps_for_a_connection_is_bounded(
    url: str, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "MOST_SCHEMAS", 3)
    schemas = [f"account_{n}" for n in range(5)]
    await make(postgres, *schemas)

    async def used(stores: Sequence[Store]) -> set[int]:
        found: set[int] = set()
        for store in stores:
            found.add((await fetch(store, "SELECT pg_backend_pid() AS pid"))[0]["pid"])
            await store.write_at_once([ADD], [("x",)])
        return found

    async with shared(url, *schemas) as stores:
        assert len(await used(stores[:3])) == 1
        assert len(await used(stores)) == 2


async def test_connections_that_rest_too_long_are_closed(
    url: str, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make(postgres, "account_a", "account_b")
    async with shared(url, "account_a", "account_b", connections=5) as (a, b):
        async with a.write(), a.read() as session:
            await session.fetch(sql(NAMES))
        monkeypatch.setattr(pools, "LONGEST_IDLE", 0.05)
        await add(b, "x")  # from now on it is looked after
        await add(a, "x")
        assert isinstance(a.database, PostgresDatabase)
        pool = a.database.server._pool  # pyright: ignore
        pool._close_idle()  # pyright: ignore
        while pool._resting:  # pyright: ignore
            await asyncio.sleep(0.01)
        await add(a, "again")
        assert await names(a) == ["again", "x"]
