"""The drill on both databases: workers are killed, connections dropped, every order is placed once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest

from awbridge.domain.errors import AwbridgeError
from awbridge.drill import Plan, run_drill
from awbridge.store import Store
from tests.store import rows
from tests.support.postgres import PostgresServer

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("workers", [2, 4])
async def test_every_order_is_placed_once_on_a_bad_day(database_url: str, workers: int, tmp_path: Path) -> None:
    plan = Plan(orders=250, workers=workers, kills=2, seed=workers, database_url=database_url)
    result = await run_drill(plan, tmp_path)
    assert result.faults == []
    assert result.numbers["workers killed"] == 2
    assert result.numbers["orders created at ClickPost"] == 250
    assert result.numbers["calls to create-order"] > 275, "too little went wrong to mean anything"


async def test_connections_that_drop_lose_nothing(postgres: PostgresServer, tmp_path: Path) -> None:
    url = await postgres.new_database()
    dropped = 0

    async def drop() -> None:
        nonlocal dropped
        admin = await asyncpg.connect(postgres.url())
        try:
            while True:
                await asyncio.sleep(0.7)
                dropped += await admin.fetchval(
                    "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = $1",
                    url.rsplit("/", 1)[1].partition("?")[0],
                )
        finally:
            await admin.close()

    dropping = asyncio.create_task(drop())
    try:
        result = await run_drill(Plan(orders=200, workers=2, kills=0, seed=7, database_url=url), tmp_path)
    finally:
        dropping.cancel()
    assert dropped > 5, "too few connections were dropped to mean anything"
    assert result.faults == []


async def test_a_drill_keeps_its_hands_off_a_database_that_is_in_use(database_url: str, tmp_path: Path) -> None:
    store = await Store.open(database_url)
    await store.migrate()
    await rows.add(store, "REF-1")
    await store.close()
    with pytest.raises(AwbridgeError, match="empty"):
        await run_drill(Plan(orders=1, database_url=database_url), tmp_path)
