"""The server that takes writes is found among the hosts of the URL, and a session that takes none any more is left."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from awbridge.domain.errors import StoreBusy, StoreError
from awbridge.store import Store
from awbridge.store.engine.detect import primary
from awbridge.store.engine.detect.primary import hosts_of
from awbridge.store.tracking import inbox
from tests.support.ports import free_port
from tests.support.postgres import PostgresServer
from tests.support.rows import add, count, delivery, fetch, sql
from tests.support.stores import postgres_only

READ_ONLY = "default_transaction_read_only"


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("postgresql://u:p@one:5432/d?sslmode=require", ["postgresql://u:p@one:5432/d?sslmode=require"]),
        ("postgresql://u:p%2C@one:1,two/d?x=1", ["postgresql://u:p%2C@one:1/d?x=1", "postgresql://u:p%2C@two/d?x=1"]),
        ("postgres://[::1]:5432,10.0.0.2/d", ["postgres://[::1]:5432/d", "postgres://10.0.0.2/d"]),
        ("postgresql:///d?host=/run/postgresql", ["postgresql:///d?host=/run/postgresql"]),
    ],
)
def test_each_host_of_a_url_has_a_url_of_its_own(url: str, hosts: list[str]) -> None:
    assert hosts_of(url) == hosts


@contextmanager
def silent_host() -> Iterator[int]:
    """A host whose machine takes connections and says nothing; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


async def backend(store: Store) -> int:
    return (await fetch(store, "SELECT pg_backend_pid() AS pid"))[0]["pid"]


def several(url: str, *ports: int) -> str:
    """The URL with these hosts before and after its own."""
    head, at, rest = url.partition("@")
    host, slash, database = rest.partition("/")
    return f"{head}{at}127.0.0.1:{ports[0]},{host},127.0.0.1:{ports[1]}{slash}{database}"


async def test_a_host_that_says_nothing_holds_nobody_up(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(primary, "HOST_TIMEOUT", 9.0)
    url = await postgres.new_database()
    with silent_host() as silent:
        started = time.monotonic()
        store = await Store.open(several(url, silent, free_port()))
        assert time.monotonic() - started < 6, "as long as the host has"
        await store.migrate()
        await asyncio.gather(*(add(store, f"R-{n}") for n in range(8)))
        assert await count(store, "shipments") == 8
        await store.close()


async def test_where_no_host_answers_it_is_busy_before_a_caller_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert primary.HOST_TIMEOUT < 3
    monkeypatch.setattr(primary, "HOST_TIMEOUT", 0.5)
    with silent_host() as silent:
        started = time.monotonic()
        with pytest.raises(StoreBusy, match="AWBRIDGE_DATABASE_URL"):
            await Store.open(several("postgresql://u@127.0.0.1:1/d", silent, free_port()))
        assert time.monotonic() - started < 6, "a connection may take 10 s"


async def test_of_the_errors_of_several_hosts_a_refusal_is_reported(postgres: PostgresServer) -> None:
    with pytest.raises(StoreError, match=r"refused the connection.*nowhere"):
        await Store.open(several(postgres.url("nowhere"), free_port(), free_port()))


async def test_a_server_whose_sessions_read_only_is_no_primary(postgres: PostgresServer) -> None:
    url = await postgres.new_database()
    store = await Store.open(url)
    database = url.rpartition("/")[2]
    async with store.write() as session:
        await session.script(f"ALTER DATABASE {database} SET {READ_ONLY} = on")
    await store.close()
    with pytest.raises(StoreBusy, match="a standby, or read only"):
        await Store.open(url)


@postgres_only
async def test_a_session_that_says_that_it_reads_only_is_left_before_it_is_used(store: Store) -> None:
    async with store.read() as session:
        [row] = await session.fetch(sql("SELECT pg_backend_pid() AS pid"))
        await session.script(f"SET {READ_ONLY} = on")
    await add(store, "R-1")
    assert await backend(store) != row["pid"]


@postgres_only
async def test_a_session_that_refuses_a_write_is_left_and_so_are_the_idle_ones(store: Store) -> None:
    before = {await backend(store)}

    async def write() -> None:
        async with store.write() as session:
            before.add((await session.fetch(sql("SELECT pg_backend_pid() AS pid")))[0]["pid"])
            await session.script("SET TRANSACTION READ ONLY")
            await session.execute(sql("DELETE FROM paces"))

    with pytest.raises(StoreBusy, match="read-only transaction"):
        await write()
    assert await backend(store) not in before
    await add(store, "R-1")


@postgres_only
async def test_the_line_of_deliveries_is_left_when_it_reads_only(store: Store) -> None:
    name = sql(f"SELECT set_config('{READ_ONLY}', value, false) FROM unnest($1::text[]) AS value")
    await store.write_at_once([name], [("on",)])
    await inbox.add_at_once(store, [delivery("after")])
    assert [row["identity"] for row in await fetch(store, "SELECT identity FROM inbox")] == ["after"]
