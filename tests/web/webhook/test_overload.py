"""Overload, and a slow or dead database: 503 before ClickPost hangs up, never a false 200, immediate recovery."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager

import asyncpg
import httpx2
import pytest
from structlog.testing import capture_logs

from awbridge.domain.errors import StoreBusy
from awbridge.steps.tracking import ingest
from awbridge.steps.tracking.ingest import Ingest
from awbridge.store import Store
from awbridge.store.engine.connections import own
from awbridge.web.webhook.endpoint import PATH
from tests.support.app import Web, web_on
from tests.support.postgres import postgres_server
from tests.support.rows import T0, delivery, fetch, sql
from tests.support.stopwatch import IN_TIME, Stopwatch
from tests.support.stores import postgres_only, sqlite_only
from tests.support.world import as_body, webhook

pytestmark = pytest.mark.heavy

RIGHT = {"webhook_key": "right"}
AT_ONCE = 1.0  # seconds; less than what an answer takes that waits for its time to be up

_HOLD = """
import apsw, sys
other = apsw.Connection(sys.argv[1])
other.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


def hook(number: int) -> bytes:
    return as_body(webhook(f"AWB{number}", 5, T0, order_status_id=number + 1))


async def post(web: Web, number: int) -> httpx2.Response:
    return await web.http.post(PATH, content=hook(number), headers=RIGHT)


async def post_timed(web: Web, number: int) -> tuple[int, float]:
    watch = Stopwatch()
    answer = await post(web, number)
    assert answer.headers.get("retry-after") == ("1" if answer.status_code == 503 else None)
    return answer.status_code, watch.seconds


async def numbers(store: Store) -> set[int]:
    return {int(row["identity"].removeprefix("osid:")) - 1 for row in await fetch(store, "SELECT identity FROM inbox")}


@contextmanager
def locked_by_another_process(url: str) -> Iterator[None]:
    """The SQLite file is locked by a program that does not use our lock file."""
    command = [sys.executable, "-c", _HOLD, url.removeprefix("sqlite:///")]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdin
    assert other.stdout
    try:
        assert other.stdout.readline() == b"held\n"
        yield
    finally:
        other.stdin.close()
        other.wait(10)
        other.stdout.close()


@asynccontextmanager
async def frozen_backends(url: str, *, at_least: int = 1) -> AsyncGenerator[None]:
    """PostgreSQL is frozen: the server processes of our connections are stopped, not ended."""
    admin = await asyncpg.connect(url)
    query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'awbridge' AND datname = current_database()"
    pids = [row["pid"] for row in await admin.fetch(query)]
    await admin.close()
    assert len(pids) >= at_least
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@asynccontextmanager
async def frozen(store: Store, url: str) -> AsyncGenerator[None]:
    if store.dialect == "sqlite":
        with locked_by_another_process(url):
            yield
    else:
        async with frozen_backends(url):
            yield


def test_time_is_up_well_before_clickpost_hangs_up() -> None:
    assert ingest.TIMEOUT > AT_ONCE
    assert ingest.TIMEOUT + ingest.TICK < 1.5


async def test_a_frozen_database_is_503_in_time_and_the_next_delivery_after_it_is_stored_at_once(
    web: Web, store_url: str
) -> None:
    assert (await post(web, 0)).status_code == 200
    async with frozen(web.store, store_url):
        waves = [asyncio.create_task(post_timed(web, n)) for n in range(1, 20)]
        await asyncio.sleep(0.3)
        waves += [asyncio.create_task(post_timed(web, n)) for n in range(20, 40)]
        answers = await asyncio.gather(*waves)
    assert {status for status, _ in answers} == {503}
    assert max(seconds for _, seconds in answers) < IN_TIME
    status, seconds = await post_timed(web, 80)
    assert (status, seconds < AT_ONCE) == (200, True), seconds
    assert {0, 80} <= await numbers(web.store)


@postgres_only
async def test_a_frozen_connection_is_replaced(web: Web, store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "AT_ONCE_TIMEOUT", 0.8)
    assert (await post(web, 0)).status_code == 200
    async with frozen_backends(store_url):
        assert [(await post(web, 1)).status_code for _ in range(3)] == [503, 200, 200]
    assert await numbers(web.store) == {0, 1}


@postgres_only
async def test_frozen_connections_cost_one_delivery_together(
    web: Web, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own, "AT_ONCE_TIMEOUT", 0.8)

    async def hold() -> None:
        async with web.store.write() as session:
            await session.fetch(sql("SELECT 1 AS one"))
            await all_open.wait()

    all_open = asyncio.Barrier(8)
    await asyncio.gather(*(hold() for _ in range(8)))
    assert (await post(web, 4)).status_code == 200
    async with frozen_backends(store_url, at_least=9):  # the pool's, and that of ingest
        assert [(await post(web, n)).status_code for n in range(4)] == [503, 200, 200, 200]
        async with web.store.read() as session:
            assert await session.fetch(sql("SELECT 1 AS one"))
    assert await numbers(web.store) >= {1, 2, 3, 4}  # the first may have succeeded when its backend continued


@postgres_only
async def test_an_unknown_key_is_503_in_time_while_the_database_is_frozen(
    web: Web, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("awbridge.web.webhook.endpoint.LOOKUP_INTERVAL", 0.0)
    assert (await post(web, 0)).status_code == 200
    async with frozen_backends(store_url):
        watch = Stopwatch()
        answer = await web.http.post(PATH, content=hook(1), headers={"webhook_key": "perhaps registered just now"})
        assert (answer.status_code, watch.seconds < IN_TIME) == (503, True)


@postgres_only
async def test_a_write_cancelled_while_the_database_is_frozen_ends_at_once(store: Store, store_url: str) -> None:
    inside = asyncio.Event()

    async def write() -> None:
        async with store.write() as session:
            await session.fetch(sql("SELECT 1 AS one"))
            inside.set()
            await session.fetch(sql("SELECT pg_sleep(60) AS nothing"))

    writing = asyncio.create_task(write())
    await inside.wait()
    async with frozen_backends(store_url):
        watch = Stopwatch()
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        assert watch.seconds < AT_ONCE


@pytest.mark.postgres
@pytest.mark.usefixtures("postgres")  # skipped without PostgreSQL; the test stops a server of its own
async def test_a_stopped_postgres_is_503_in_time_and_used_again_after_its_restart() -> None:
    with postgres_server() as server:
        store = await Store.open(server.url())
        await store.migrate()
        async with web_on(store) as web:
            assert (await post(web, 0)).status_code == 200
            server.kill()
            answers = await asyncio.gather(*(post_timed(web, n) for n in range(1, 20)))
            assert {status for status, _ in answers} == {503}
            assert max(seconds for _, seconds in answers) < IN_TIME
            server.start()
            assert (await post_timed(web, 20))[0] == 200
            assert {0, 20} <= await numbers(store)
        await store.close()


@sqlite_only
async def test_a_full_queue_is_503_at_once_and_refused_deliveries_are_not_stored_later(
    web: Web, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "CAPACITY", 10)
    with locked_by_another_process(store_url):
        first = asyncio.create_task(post_timed(web, 0))  # the flush that hangs
        await asyncio.sleep(0.1)
        waiting = [asyncio.create_task(post_timed(web, n)) for n in range(1, 11)]
        await asyncio.sleep(0.1)
        refused = await asyncio.gather(*(post_timed(web, n) for n in range(11, 50)))
        answers = [await first, *await asyncio.gather(*waiting)]
    assert {status for status, _ in [*refused, *answers]} == {503}
    assert max(seconds for _, seconds in refused) < AT_ONCE
    assert max(seconds for _, seconds in answers) < IN_TIME
    again = await asyncio.gather(*(post_timed(web, n) for n in range(300, 310)))
    assert {status for status, _ in again} == {200}
    assert max(seconds for _, seconds in again) < AT_ONCE
    assert await numbers(web.store) <= {0, *range(300, 340)}


@sqlite_only
async def test_large_deliveries_fill_the_queue_by_bytes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "CAPACITY_BYTES", 10_000)
    inbox = Ingest(store)  # not running: nothing is flushed
    waiting = [asyncio.create_task(inbox.accept(delivery(f"d{n}", body=b"x" * 1000))) for n in range(10)]
    await asyncio.sleep(0)
    with pytest.raises(StoreBusy, match="too many"):
        await inbox.accept(delivery("d10"))
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(answer, StoreBusy) for answer in answers)
    inbox.check_room()  # refused deliveries no longer take room


@sqlite_only
async def test_a_refused_flood_writes_one_log_line_per_second(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "CAPACITY", 0)
    async with web_on(store) as web:
        with capture_logs() as lines:
            answers = await asyncio.gather(*(post(web, n) for n in range(200)))
    assert {answer.status_code for answer in answers} == {503}
    assert 1 <= len([line for line in lines if line["event"] == "webhook.not_stored"]) <= 3
