"""A real standby of PostgreSQL: what requests read from it; what happens when it lags, is away or the wrong one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from awbridge.app.doctor.diagnosis import OK, WARNING, CheckContext, Diagnosis
from awbridge.app.doctor.postgres import check_replica
from awbridge.app.settings import Settings
from awbridge.domain.errors import SettingsError
from awbridge.steps.runtime.clock import utc_now
from awbridge.store import Store
from awbridge.store.engine.reads import replica as replicas
from awbridge.store.engine.reads.replica import Replica
from tests.support.app import web_on
from tests.support.postgres import PostgresServer, postgres_server, standby_of
from tests.support.rows import add, fetch
from tests.support.stores import migrate

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

_COUNT = "SELECT COUNT(*) AS n FROM shipments"


@asynccontextmanager
async def reading_from(url: str, read_url: str, *, max_age: float = 5.0) -> AsyncGenerator[tuple[Store, Replica]]:
    store = await Store.open(url)
    store.read_from(read_url, connections=2, max_age=max_age)
    assert store.replica
    try:
        yield store, store.replica
    finally:
        await store.close()


async def shipments_seen(store: Store) -> tuple[int, bool]:
    """How many shipments a request sees, and whether it read from the replica."""
    assert store.replica
    async with store.replica.reading() as reading:
        seen = (await fetch(store, _COUNT))[0]["n"]
    return seen, reading is not None


async def until(right: Callable[[], Awaitable[bool]], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not await right():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def it_is_read_while_it_is_fresh(url: str, standby: PostgresServer, read_url: str) -> None:
    async with reading_from(url, read_url, max_age=4.0) as (store, replica):
        await until(lambda: _sees(store, (1, True)))
        assert (await diagnosed(store)).level == OK
        assert replica.counts["replica"] > 0
        assert replica.age < 4.0
        # Nothing is replayed any more: what it shows is told to be old, and soon it is not read.
        standby.execute(read_url, "SELECT pg_wal_replay_pause()")
        await add(store, "SECOND")
        assert (await fetch(store, _COUNT))[0]["n"] == 2  # outside of such a request
        assert await shipments_seen(store) == (1, True)
        await until(lambda: _sees(store, (2, False)))
        standby.execute(read_url, "SELECT pg_wal_replay_resume()")
        await until(lambda: _sees(store, (2, True)))


async def _sees(store: Store, expected: tuple[int, bool]) -> bool:
    return await shipments_seen(store) == expected


async def a_request_that_writes_reads_what_it_wrote(url: str, standby: PostgresServer, read_url: str) -> None:
    async with reading_from(url, read_url, max_age=60) as (store, replica):
        await until(lambda: _sees(store, (2, True)))
        standby.execute(read_url, "SELECT pg_wal_replay_pause()")
        async with replica.reading():
            assert (await fetch(store, _COUNT))[0]["n"] == 2
            await add(store, "THIRD")
            assert (await fetch(store, _COUNT))[0]["n"] == 3
        standby.execute(read_url, "SELECT pg_wal_replay_resume()")


async def the_pages_and_the_metrics_show_it(url: str, read_url: str) -> None:
    async with reading_from(url, read_url) as (store, replica):
        await until(lambda: _sees(store, (3, True)))
        async with web_on(store) as web:
            page = await web.http.get("/shipments")
            assert page.headers["awbridge-data-age"] == "1"
            assert "figures from 1 s ago" in page.text
            before = replica.counts["replica"]
            metrics = (await web.http.get("/metrics")).text
            assert replica.counts["replica"] > before
        assert "awbridge_replica_age_seconds" in metrics
        assert 'awbridge_replica_reads_total{server="replica"}' in metrics


async def what_it_refuses_the_primary_answers(url: str, read_url: str) -> None:
    async with reading_from(url, read_url) as (store, replica):
        await until(lambda: _sees(store, (3, True)))
        async with replica.reading():
            rows = await fetch(store, "SELECT pg_current_wal_lsn()::text AS n")  # a standby refuses that
        assert rows
        assert replica.counts["primary"] == 1
        assert await shipments_seen(store) == (3, True)  # it is not away for that


async def the_primary_is_read_while_it_is_away(
    url: str, standby: PostgresServer, read_url: str, patch: pytest.MonkeyPatch
) -> None:
    patch.setattr(replicas, "AWAY_FOR", 1.0)
    async with reading_from(url, read_url) as (store, replica):
        await until(lambda: _sees(store, (3, True)))
        async with replica.reading():
            standby.kill()
            assert (await fetch(store, _COUNT))[0]["n"] == 3  # in the middle of a request
        assert replica.counts["primary"] == 1
        assert await shipments_seen(store) == (3, False)
        assert (await diagnosed(store)).level == WARNING
        standby.start()
        await until(lambda: _sees(store, (3, True)))


async def diagnosed(store: Store) -> Diagnosis:
    """What the doctor says of the replica."""
    [found] = await check_replica(CheckContext(settings=Settings(), store=store, clickpost=None, clock=utc_now, url=""))
    return found


async def wrong_ones_are_refused(url: str, primary: PostgresServer, standby: PostgresServer) -> None:
    other = await migrate(await primary.new_database())
    name = other.rpartition("/")[2]
    async with reading_from(url, primary.url(url.rpartition("/")[2])) as (store, replica):
        with pytest.raises(SettingsError, match="AWBRIDGE_DATABASE_READ_URL leads to a server that is no standby"):
            await replica.verify()
        assert not (await shipments_seen(store))[1]
    async with reading_from(url, standby.url(name)) as (_, replica):
        with pytest.raises(SettingsError, match="replica of another database"):
            await replica.verify()


async def test_requests_that_only_show_something_read_from_a_standby(monkeypatch: pytest.MonkeyPatch) -> None:
    with postgres_server() as primary, standby_of(primary) as standby:
        url = await migrate(await primary.new_database())
        read_url = standby.url(url.rpartition("/")[2])
        store = await Store.open(url)
        await add(store, "FIRST")
        await store.close()
        await it_is_read_while_it_is_fresh(url, standby, read_url)
        await a_request_that_writes_reads_what_it_wrote(url, standby, read_url)
        await the_pages_and_the_metrics_show_it(url, read_url)
        await what_it_refuses_the_primary_answers(url, read_url)
        await the_primary_is_read_while_it_is_away(url, standby, read_url, monkeypatch)
        await wrong_ones_are_refused(url, primary, standby)
