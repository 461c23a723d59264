"""ClickPost pushing webhooks to a bridge without a pause, and which of them are stored."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx2

from awbridge.store import Store
from tests.support.processes import WEBHOOK_KEY, Running
from tests.support.rows import fetch


@dataclass
class Pusher:
    """ClickPost: a webhook every 20 ms, each a new delivery, never retried."""

    url: str
    acknowledged: dict[int, float] = field(default_factory=dict[int, float])
    refused: set[int] = field(default_factory=set[int])
    slowest: float = 0.0

    async def push(self) -> None:
        async with httpx2.AsyncClient(timeout=10, verify=False, headers={"webhook_key": WEBHOOK_KEY}) as http:
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
    return httpx2.get(f"{bridge.url}/readyz", timeout=10, verify=False).status_code


async def stored(url: str) -> set[int]:
    store = await Store.open(url)
    rows = await fetch(store, "SELECT identity FROM inbox")
    await store.close()
    ends = [row["identity"].rpartition(":")[2] for row in rows]
    return {int(end) - 7_000_000 for end in ends if end.isdecimal()}  # others were polled
