"""Sends webhooks: a queue, workers, and up to `webhook_tries` attempts per webhook."""

import asyncio
import base64
import contextlib
import ipaddress
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx2

from awbridge.sandbox.config import KeyLocation, SandboxConfig, Variant
from awbridge.sandbox.faults.injector import FaultInjector
from awbridge.sandbox.shipments.models import SimulatedOrder, SimulatedScan
from awbridge.sandbox.webhooks.bodies import WebhookContext, build_body, draw_variant
from awbridge.sandbox.webhooks.key_first import post_key_first
from awbridge.sandbox.wire.json import JsonObject


def is_loopback(url: str) -> bool:
    """Whether a URL is on this machine. The sandbox calls no other addresses."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme not in ("http", "https"):
        return False
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(slots=True)
class WebhookCounts:
    """Webhooks by outcome. `sent` counts attempts, the others count webhooks."""

    sent: int = 0
    acknowledged: int = 0
    failed: int = 0
    dropped: int = 0
    without_address: int = 0


@dataclass(slots=True, eq=False)
class WebhookDelivery:
    """A webhook to deliver. `round` is 0, or the number of the manual redelivery it belongs to."""

    order: SimulatedOrder
    scan: SimulatedScan
    latest: SimulatedScan
    round: int
    tries: int = 0
    content: JsonObject | None = None
    """Body to send instead of one built from the scan."""


@dataclass(slots=True)
class HeldScans:
    """Scans of one shipment that are held back and sent together."""

    size: int
    scans: list[SimulatedScan] = field(default_factory=list[SimulatedScan])


def _key_header(location: KeyLocation, key: str) -> dict[str, str]:
    basic = base64.b64encode(f"clickpost:{key}".encode()).decode()
    schemes: dict[str, str] = {"raw": key, "bearer": f"Bearer {key}", "basic": f"Basic {basic}"}
    return {"authorization": schemes[location]} if location in schemes else {location: key}


class WebhookSender:
    """Sends each new scan to the registered webhook address."""

    def __init__(self, config: SandboxConfig, faults: FaultInjector) -> None:
        self._config = config
        self._faults = faults
        self._queue: asyncio.Queue[WebhookDelivery] = asyncio.Queue()
        self._timers: set[asyncio.TimerHandle] = set()
        self._held: dict[str, HeldScans] = {}
        self._workers: list[asyncio.Task[None]] = []
        self._client: httpx2.AsyncClient | None = None
        self._round = 0
        self.counts = WebhookCounts()
        self.in_flight = 0
        self.url = config.webhook_url
        self.key = config.webhook_key or f"{faults.rng('webhook_key').getrandbits(128):032x}"

    async def start(self) -> None:
        """Open the HTTP client and start the workers."""
        limits = httpx2.Limits(max_connections=self._config.webhook_workers + 4)
        self._client = httpx2.AsyncClient(
            timeout=self._config.webhook_timeout_seconds,
            limits=limits,
            trust_env=False,
            verify=False,
        )
        self._workers = [asyncio.create_task(self._run_worker()) for _ in range(self._config.webhook_workers)]

    async def stop(self) -> None:
        """Discard queued webhooks and close the HTTP client."""
        for timer in self._timers:
            timer.cancel()
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        if self._client:
            await self._client.aclose()

    @property
    def queued(self) -> int:
        """Webhooks that are queued, delayed or held back."""
        held = sum(len(held.scans) for held in self._held.values())
        return self._queue.qsize() + len(self._timers) + held

    def enqueue_scan(self, order: SimulatedOrder, scan: SimulatedScan) -> None:
        """Queue the webhook of a new scan, subject to faults."""
        if not self.url:
            self.counts.without_address += 1
            return
        reference = order.reference_number
        held = self._held.get(order.waybill)
        rng = self._faults.rng("bulk", reference, scan.index)
        if held is None and not order.has_piece_scans and self._faults.occurs("bulk_webhooks", reference, rng.random()):
            held = self._held[order.waybill] = HeldScans(size=rng.randint(2, 5))
        if held is None:
            self._enqueue_with_faults(WebhookDelivery(order, scan, scan, round=0))
            return
        held.scans.append(scan)
        is_last = not order.is_open and scan is order.latest
        if len(held.scans) >= held.size or is_last:
            del self._held[order.waybill]
            for one in held.scans:
                self._enqueue_with_faults(WebhookDelivery(order, one, scan, round=0))

    def next_round(self) -> int:
        """The number of a manual redelivery, which changes the random draws of its bodies."""
        self._round += 1
        return self._round

    def redeliver(self, orders: Iterable[SimulatedOrder]) -> int:
        """Queue a webhook for every scan of these orders again. Returns how many."""
        number = self.next_round()
        deliveries = [
            WebhookDelivery(order, scan, order.latest_of(scan.waybill) or scan, number)
            for order in orders
            for scan in order.scans
        ]
        if not self.url:
            return 0
        for delivery in deliveries:
            self._queue.put_nowait(delivery)
        return len(deliveries)

    def enqueue_return(self, order: SimulatedOrder, delivered: SimulatedScan, content: JsonObject) -> None:
        """Queue a webhook for a return request of a delivered order."""
        self._queue_after(0, WebhookDelivery(order, delivered, delivered, round=0, content=content))

    def _enqueue_with_faults(self, delivery: WebhookDelivery) -> None:
        reference = delivery.order.reference_number
        rng = self._faults.rng("webhook", reference, delivery.scan.index)
        draws = [rng.random() for _ in range(4)]
        if self._faults.occurs("dropped_webhooks", reference, draws[0]):
            self.counts.dropped += 1
            return
        delay = 0.0
        if self._faults.occurs("late_webhooks", reference, draws[1]):
            delay += self._faults.faults.late_seconds
        if self._faults.occurs("shuffled_webhooks", reference, draws[2]):
            delay += rng.uniform(0, self._faults.faults.shuffle_seconds)
        copies = 2 if self._faults.occurs("duplicate_webhooks", reference, draws[3]) else 1
        for _ in range(copies):
            self._queue_after(delay, WebhookDelivery(delivery.order, delivery.scan, delivery.latest, delivery.round))

    def _queue_after(self, delay: float, delivery: WebhookDelivery) -> None:
        if delay <= 0:
            self._queue.put_nowait(delivery)
            return

        def enqueue() -> None:
            self._timers.discard(timer)
            self._queue.put_nowait(delivery)

        timer = asyncio.get_running_loop().call_later(delay, enqueue)
        self._timers.add(timer)

    async def _run_worker(self) -> None:
        while True:
            delivery = await self._queue.get()
            self.in_flight += 1
            try:
                await self._attempt(delivery)
            finally:
                self.in_flight -= 1

    async def _attempt(self, delivery: WebhookDelivery) -> None:
        if not self.url:
            self.counts.without_address += 1
            return
        delivery.tries += 1
        self.counts.sent += 1
        status = await self.post(self.url, delivery.content or self.build_body(delivery))
        if status == 200:
            self.counts.acknowledged += 1
            delivery.order.acknowledged[delivery.scan.index] += 1
        elif delivery.tries >= self._config.webhook_tries:
            self.counts.failed += 1
        else:
            self._queue_after(self._config.webhook_pause_seconds, delivery)

    def build_body(self, delivery: WebhookDelivery, variant: Variant | None = None) -> JsonObject:
        """The JSON of a webhook; the same for every attempt."""
        rng = self._faults.rng("body", delivery.order.reference_number, delivery.scan.index, delivery.round)
        context = WebhookContext(
            order=delivery.order, scan=delivery.scan, latest=delivery.latest, rng=rng, config=self._config
        )
        return build_body(context, variant or draw_variant(context))

    async def post(self, url: str, content: object) -> int | None:
        """Send one body now. Returns the HTTP status, or None if there was no response."""
        if self._client is None or not is_loopback(url):
            return None
        key = _key_header(self._config.webhook_key_in, self.key)
        headers = {"content-type": "application/json", **key}
        if self._config.webhook_key_first:
            timeout = self._config.webhook_timeout_seconds
            return await asyncio.to_thread(post_key_first, url, key, json.dumps(content).encode(), timeout)
        with contextlib.suppress(httpx2.HTTPError, httpx2.InvalidURL, OSError):
            response = await self._client.post(url, content=json.dumps(content).encode(), headers=headers)
            return response.status_code
        return None
