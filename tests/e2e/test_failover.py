"""A primary goes, its replica takes over, the old one comes back as standby: awbridge goes on, and nothing is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from awbridge.store import Store
from tests.store.rows import fetch
from tests.support.postgres import PostgresServer, free_port, postgres_server, standby_of
from tests.support.processes import WEBHOOK_KEY, Running, bridge_environment, running

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

SOON = 3.0  # seconds after a new primary takes writes


@dataclass
class Pusher:
    """ClickPost: a webhook every 20 ms, each a delivery of its own, never again."""

    url: str
    acknowledged: dict[int, float] = field(default_factory=dict[int, float])
    refused: set[int] = field(default_factory=set[int])
    slowest: float = 0.0

    async def push(self) -> None:
        async with httpx2.AsyncClient(timeout=10, headers={"webhook_key": WEBHOOK_KEY}) as http:
            for number in range(1_000_000):
                started = time.monotonic()
                answer = await http.post(f"{self.url}/webhooks/clickpost", json=_scan(number))
                self.slowest = max(self.slowest, time.monotonic() - started)
                if answer.status_code == 200:
                    self.acknowledged[number] = time.monotonic()
                else:
                    assert answer.status_code == 503, answer.text
                    self.refused.add(number)
                await asyncio.sleep(0.02)

    async def until_taken(self, after: float) -> float:
        """Seconds from then to the first delivery that was acknowledged."""
        while time.monotonic() - after < 60:
            if later := [at for at in self.acknowledged.values() if at > after]:
                return min(later) - after
            await asyncio.sleep(0.01)
        raise AssertionError("no delivery was taken for a minute")


def _scan(number: int) -> dict[str, object]:
    at = datetime.now(UTC) - timedelta(minutes=5)
    scan = {"timestamp": at.strftime("%Y-%m-%d %H:%M:%S"), "clickpost_status_code": 5, "status": f"s{number}"}
    additional = {"latest_status": scan, "order_status_id": 7_000_000 + number}
    return {"waybill": f"AWB{number}", "cp_id": 4, **scan, "additional": additional}


@asynccontextmanager
async def pushing(bridge: Running) -> AsyncGenerator[Pusher]:
    pusher = Pusher(bridge.url)
    task = asyncio.create_task(pusher.push())
    try:
        yield pusher
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def ready(bridge: Running) -> int:
    return httpx2.get(f"{bridge.url}/readyz", timeout=10).status_code


async def stored(url: str) -> set[int]:
    store = await Store.open(url)
    rows = await fetch(store, "SELECT identity FROM inbox")
    await store.close()
    return {int(row["identity"].rpartition(":")[2]) - 7_000_000 for row in rows}


def both(one: PostgresServer, other: PostgresServer, database: str) -> str:
    return f"postgresql://awbridge@127.0.0.1:{one.port},127.0.0.1:{other.port}/{database}"


async def turn_over(old: PostgresServer, new: PostgresServer, bridge: Running, pusher: Pusher) -> None:
    """The primary ends, its standby takes over, and what was the primary follows it."""
    old.stop_fast()
    await asyncio.sleep(0.5)
    assert await asyncio.to_thread(ready, bridge) == 503, "no host takes writes"
    await asyncio.to_thread(new.promote)
    promoted_at = time.monotonic()
    assert await pusher.until_taken(promoted_at) < SOON
    await asyncio.to_thread(old.follow, new)
    back_at = time.monotonic()
    assert await pusher.until_taken(back_at) < SOON
    assert await asyncio.to_thread(ready, bridge) == 200
    await asyncio.sleep(1)


async def test_a_new_primary_is_found_by_itself_and_nothing_that_was_taken_is_lost(tmp_path: Path) -> None:
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
        assert pusher.refused, "without a primary a delivery cannot be taken"
        assert pusher.slowest < 2, "a refusal comes before ClickPost gives up"
        assert set(pusher.acknowledged) - await stored(hosts) == set()
