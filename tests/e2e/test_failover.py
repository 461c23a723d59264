"""A primary fails, its replica takes over, the old one returns as standby: awbridge resumes without losing data."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from awbridge.app.doctor.diagnosis import CheckContext, Diagnosis
from awbridge.app.doctor.postgres import check_durability
from awbridge.app.settings import Settings
from awbridge.domain.errors import StoreBusy
from awbridge.steps.runtime.clock import utc_now
from awbridge.store import Store
from tests.e2e.pushing import Pusher, pushing, ready, stored
from tests.support.pgbouncer import pgbouncer
from tests.support.ports import free_port
from tests.support.postgres import PostgresServer, postgres_server, standby_of
from tests.support.processes import Running, bridge_environment, running

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.timeout(300)]

SOON = 10.0  # seconds after a new primary accepts writes; it takes about one


def both(one: PostgresServer, other: PostgresServer, database: str) -> str:
    return f"postgresql://awbridge@127.0.0.1:{one.port},127.0.0.1:{other.port}/{database}"


async def turn_over(old: PostgresServer, new: PostgresServer, bridge: Running, pusher: Pusher) -> None:
    """The primary stops, its standby takes over, and the old primary becomes its standby."""
    old.stop_fast()
    await asyncio.sleep(0.5)
    assert await asyncio.to_thread(ready, bridge) == 503, "no host accepts writes"
    await asyncio.to_thread(new.promote)
    promoted_at = time.monotonic()
    assert await pusher.until_taken(promoted_at) < SOON
    await asyncio.to_thread(old.follow, new)
    back_at = time.monotonic()
    assert await pusher.until_taken(back_at) < SOON
    assert await asyncio.to_thread(ready, bridge) == 200
    await asyncio.sleep(1)


async def the_doctor_tells_which_standby_loses_commits(primary: PostgresServer, url: str) -> None:
    """An asynchronous one does, whoever asks. A plain role cannot see which one is synchronous; the setting decides."""
    admin = await asyncpg.connect(url)
    await admin.execute("CREATE ROLE plain LOGIN")
    plain = url.replace("awbridge@", "plain@")
    for who in (url, plain):
        found = await standbys_of(who)
        assert (found.level, "1 standby connected, and commits wait for none" in found.found) == ("warning", True), who
    await admin.execute("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
    await admin.execute("SELECT pg_reload_conf()")
    await admin.close()
    said: list[str] = []
    for who in (url, plain):
        async with asyncio.timeout(60):
            while (found := await standbys_of(who)).level != "ok":
                await asyncio.sleep(0.2)
        said.append(found.found)
    assert said == [
        "1 standby connected; commits wait for 1 of them",
        "1 standby connected; commits wait for those in synchronous_standby_names",
    ]
    primary.execute(url, "ALTER SYSTEM RESET synchronous_standby_names")


async def a_failover_behind_two_poolers(old: PostgresServer, new: PostgresServer) -> None:
    """Each host is a PgBouncer. One lets clients in although its server is away, the other still reports a standby."""
    soon = "query_wait_timeout = 2"  # else a query waits for the server that is away
    with (
        pgbouncer(old.url(), pool_mode="transaction", more=soon) as one,
        pgbouncer(new.url(), pool_mode="transaction") as other,
    ):
        remembers = await asyncpg.connect(other, statement_cache_size=0)
        assert await remembers.fetchval("SELECT pg_is_in_recovery()")
        store = await Store.open(f"{one.rpartition('/')[0]},{urlsplit(other).netloc.rpartition('@')[2]}/postgres")
        try:
            old.stop_fast()
            await asyncio.to_thread(new.promote)
            let_in = await asyncpg.connect(one, statement_cache_size=0)
            let_in.terminate()
            again = await asyncpg.connect(other, statement_cache_size=0)
            reported = again.get_settings().in_hot_standby
            again.terminate()
            async with asyncio.timeout(60):
                while not await writes(store):
                    await asyncio.sleep(0.2)
            assert reported == "on", "if PgBouncer reports what is, half of this test proves nothing"
        finally:
            remembers.terminate()
            await store.close()


async def writes(store: Store) -> bool:
    try:
        async with store.write() as session:
            await session.script("CREATE TABLE IF NOT EXISTS after_failover (n INT)")
    except StoreBusy:
        return False
    return True


async def standbys_of(url: str) -> Diagnosis:
    """What the doctor says of standbys; that these servers do not wait for the disk, it says as well."""
    store = await Store.open(url, connections=2)
    try:
        context = CheckContext(settings=Settings(), store=store, clickpost=None, clock=utc_now, url="")
        crash, found = await check_durability(context)
    finally:
        await store.close()
    assert crash.found.startswith("fsync = off: a crash of the server loses webhooks")
    return found


async def test_a_new_primary_is_found_automatically_and_no_accepted_webhook_is_lost(tmp_path: Path) -> None:
    with postgres_server() as one, standby_of(one) as other:
        url = await one.new_database()
        hosts = both(one, other, url.rpartition("/")[2])
        port = free_port()
        with running(["serve"], bridge_environment(hosts, "http://127.0.0.1:9", port), tmp_path, port) as bridge:
            async with pushing(bridge) as pusher:
                await pusher.until_taken(time.monotonic())
                assert ready(bridge) == 200
                await turn_over(one, other, bridge, pusher)
                # And back, past a host that is a standby, listed first.
                await turn_over(other, one, bridge, pusher)
        await the_doctor_tells_which_standby_loses_commits(one, url)
        await a_failover_behind_two_poolers(one, other)
        assert pusher.refused, "without a primary a delivery cannot be stored"
        assert pusher.slowest < 3, "a refusal comes after 1.3 s; the rest is the machine's"
        assert set(pusher.acknowledged) - await stored(hosts) == set()
