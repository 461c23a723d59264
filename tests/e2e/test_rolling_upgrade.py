"""A newer version migrates the database under replicas of this one."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx2
import pytest

from awbridge.store import Store
from awbridge.store.engine.migrate import Migration, own_schema
from awbridge.store.engine.queries import columns
from tests.e2e.pushing import pushing, ready, stored
from tests.e2e.test_killed import give_orders, in_state
from tests.support import newer
from tests.support.ports import free_port
from tests.support.processes import Running, bridge_environment, running

pytestmark = pytest.mark.slow


async def migrate_as_newer(url: str, migration: Migration) -> None:
    """This process is of a newer version than the replicas."""
    store = await Store.open(url)
    await newer.migrate_as_newer(store, migration)
    await store.close()


def widening() -> Migration:
    changes = [
        "CREATE TABLE of_a_newer_version (id BIGINT NOT NULL PRIMARY KEY)",
        *(f"ALTER TABLE {table} ADD COLUMN newer TEXT" for table in (*columns(), "schema_migrations")),
        "CREATE INDEX inbox_newer ON inbox (newer) WHERE newer IS NOT NULL",
    ]
    return newer.added(9001, ";".join(changes), compatible_from=own_schema())


RENAMING = newer.added(9002, "ALTER TABLE replays RENAME COLUMN changed TO altered", compatible_from=9002)
WHY = (
    "migration 9002_of_a_test, which this version of awbridge does not know and cannot work beside: "
    f"it needs schema 9002, this version's is {own_schema():04}. Install the version that made it"
)


def started(arguments: list[str], env: Mapping[str, str], folder: Path) -> subprocess.Popen[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("AWBRIDGE_")}
    command = [sys.executable, "-m", "awbridge", *arguments]
    return subprocess.Popen(command, cwd=folder, env={**clean, **env}, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Its exit code, and its standard error on one line."""
    try:
        errors = process.communicate(timeout=60)[1]
    finally:
        process.kill()
    return process.returncode, " ".join(errors.split())


async def until(true: Callable[[], bool], what: str, *, seconds: float = 200) -> None:
    deadline = time.monotonic() + seconds
    while not await asyncio.to_thread(true):
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        await asyncio.sleep(0.1)


async def place(bridge: Running, first: int) -> None:
    """Send five orders from this number on and wait until they are placed."""
    references = set(await asyncio.to_thread(lambda: give_orders(bridge, 5, first=first)))
    await until(lambda: references <= set(in_state(bridge, "placed")), f"{references} placed")


async def test_an_old_replica_keeps_working_on_a_compatible_schema_and_stops_on_an_incompatible_one(
    database_url: str, sandbox: Running, tmp_path: Path
) -> None:
    port, second = free_port(), free_port()
    env = bridge_environment(database_url, sandbox.url, port)
    late_env = bridge_environment(database_url, sandbox.url, second)
    with running(["serve"], env, tmp_path, port) as bridge:
        async with pushing(bridge) as pusher:
            await place(bridge, 0)
            assert ready(bridge) == 200

            await migrate_as_newer(database_url, widening())
            assert [ready(bridge) for _ in range(5)] == [200] * 5
            await place(bridge, 5)
            with running(["serve"], late_env, tmp_path, second) as late:
                assert ready(late) == 200, "an old replica can start, too"
                await place(late, 10)

            await migrate_as_newer(database_url, RENAMING)
            refused = httpx2.get(f"{bridge.url}/readyz", timeout=10)
            assert (refused.status_code, refused.json()["title"]) == (503, "The schema is too new")
            assert WHY in refused.json()["detail"]
            await until(lambda: "version.superseded" in bridge.log(), "the steps end")
            code, errors = await asyncio.to_thread(lambda: ended(started(["serve"], late_env, tmp_path)))
            assert (code, WHY in errors) == (1, True), errors
        assert pusher.refused == set(), "webhooks are acknowledged throughout"
        assert len(pusher.acknowledged) > 100
        assert set(pusher.acknowledged) - await stored(database_url) == set()


async def test_steps_alone_end_when_the_schema_is_too_new(database_url: str, tmp_path: Path) -> None:
    store = await Store.open(database_url)
    worker = started(["work"], bridge_environment(database_url, "http://127.0.0.1:9", free_port()), tmp_path)
    try:
        await until_migrated(store)
        await newer.migrate_as_newer(store, RENAMING)
        code, errors = await asyncio.to_thread(ended, worker)
        assert (code, WHY in errors) == (1, True), errors
    finally:
        worker.kill()
        await store.close()


async def until_migrated(store: Store) -> None:
    deadline = time.monotonic() + 60
    while await store.pending_migrations():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
