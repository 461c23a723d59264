"""The load of a drill: orders that a shop sends until they are accepted, and storms of webhooks."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx2

from awbridge.rehearsal.demo_orders import demo_order

WEBHOOK_KEY = "drill-webhook-key"
AT_ONCE = 3  # orders in one request
AGAIN_AFTER = 0.3  # seconds until a request without an acceptance is repeated
TIMEOUT = 20.0  # seconds that the shop waits for an answer
PATIENCE = 60.0  # seconds for what is under way at the end
SENDERS = 48  # connections of a storm
STORM_IDS = 7_000_000_000  # order_status_id of a storm's first delivery


@dataclass(slots=True)
class Load:
    """What was sent, and what awbridge acknowledged."""

    url: str
    seed: int
    per_second: float  # orders
    sent: set[str] = field(default_factory=set[str])  # reference numbers
    acknowledged: set[str] = field(default_factory=set[str])  # reference numbers
    refused: dict[str, str] = field(default_factory=dict[str, str])  # reference number -> why for good
    repeated: int = 0  # requests that were repeated
    storm_sent: int = 0  # requests
    storm_acknowledged: set[int] = field(default_factory=set[int])  # order_status_ids
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(STORM_IDS))

    async def orders(self, over: asyncio.Event) -> None:
        """Send new orders at a steady rate until `over`, then those under way until they are accepted."""
        numbers = itertools.count()
        async with httpx2.AsyncClient(base_url=self.url, timeout=TIMEOUT) as http, asyncio.TaskGroup() as sending:
            while not over.is_set():
                sending.create_task(self._send(http, [next(numbers) for _ in range(AT_ONCE)]))
                await asyncio.sleep(AT_ONCE / self.per_second)

    async def _send(self, http: httpx2.AsyncClient, numbers: list[int]) -> None:
        """Send orders until they are accepted, as a shop must: the same ones, whatever became of the last try."""
        body = [demo_order(number, self.seed) for number in numbers]
        references = {order["shipment_details"]["reference_number"] for order in body}
        self.sent |= references
        while True:
            try:
                answer = await http.post("/v1/shipments", json=body)
            except httpx2.TransportError:
                pass
            else:
                if answer.is_success:
                    self.acknowledged |= {shipment["reference_number"] for shipment in answer.json()["shipments"]}
                    return
                if answer.status_code < 500 and answer.status_code != 429:
                    self.refused |= dict.fromkeys(references, f"{answer.status_code} {answer.text[:200]}")
                    return
            self.repeated += 1
            await asyncio.sleep(AGAIN_AFTER)

    async def storm(self, seconds: float) -> None:
        """New webhooks over many connections as fast as they are answered, each sent until it is acknowledged.

        Those under way after so many seconds get `PATIENCE` more.
        """
        limits = httpx2.Limits(max_connections=SENDERS, max_keepalive_connections=SENDERS)
        headers = {"webhook_key": WEBHOOK_KEY}
        async with httpx2.AsyncClient(base_url=self.url, timeout=5.0, headers=headers, limits=limits) as http:
            over = asyncio.get_running_loop().time() + seconds
            async with asyncio.TaskGroup() as senders:
                for _ in range(SENDERS):
                    senders.create_task(self._storm(http, over))

    async def _storm(self, http: httpx2.AsyncClient, over: float) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._deliver(http, next(self._ids), give_up_at=over + PATIENCE)
            if loop.time() >= over:
                return

    async def _deliver(self, http: httpx2.AsyncClient, number: int, *, give_up_at: float) -> None:
        body = _scan(number)
        while asyncio.get_running_loop().time() < give_up_at:
            self.storm_sent += 1
            with contextlib.suppress(httpx2.TransportError):
                if (await http.post("/webhooks/clickpost", json=body)).status_code == 200:
                    self.storm_acknowledged.add(number)
                    return
            await asyncio.sleep(AGAIN_AFTER)


def _scan(number: int) -> dict[str, object]:
    """A webhook about a shipment that awbridge does not know: it is stored and waits for it."""
    at = datetime.now(UTC) - timedelta(minutes=5)
    return {
        "waybill": f"STORM{number}",
        "cp_id": 4,
        "order_status_id": number,
        "clickpost_status_code": 5,
        "status": "In Transit",
        "timestamp": at.strftime("%Y-%m-%d %H:%M:%S"),
    }


@asynccontextmanager
async def sending(load: Load) -> AsyncGenerator[None]:
    """Orders are sent while the block runs; at its end those under way get `PATIENCE` to be accepted."""
    over = asyncio.Event()
    task = asyncio.create_task(load.orders(over))
    try:
        yield
        over.set()
        await asyncio.wait([task], timeout=PATIENCE)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
