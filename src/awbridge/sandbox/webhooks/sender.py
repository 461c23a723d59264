"""Webhooks on their way: a queue, a few workers, at most three tries each, then forgotten."""

import asyncio
import base64
import contextlib
import ipaddress
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from urllib.parse import urlsplit

import httpx2

from awbridge.sandbox.config import KeyPlace, SandboxConfig, Variant
from awbridge.sandbox.faults.injector import FaultDesk
from awbridge.sandbox.shipments.models import Order, Scan
from awbridge.sandbox.webhooks.bodies import View, body, draw_variant
from awbridge.sandbox.wire.json import JsonObject


def is_loopback(url: str) -> bool:
    """Whether a URL points at this machine; the sandbox calls nothing else."""
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
class Counts:
    """What became of webhooks. `sent` counts tries, the others webhooks."""

    sent: int = 0
    acknowledged: int = 0
    failed: int = 0
    dropped: int = 0
    without_address: int = 0

    def as_json(self) -> dict[str, int]:
        """By name."""
        return asdict(self)


@dataclass(slots=True, eq=False)
class Job:
    """One webhook to be delivered. `round` tells a repetition asked for by the operator from the first sending."""

    order: Order
    scan: Scan
    latest: Scan
    round: int
    tries: int = 0
    content: JsonObject | None = None
    """What is sent in place of the scan."""


@dataclass(slots=True)
class Hold:
    """Scans of one shipment that are kept back to be sent together."""

    order: Order
    size: int
    scans: list[Scan] = field(default_factory=list[Scan])


def _key_header(place: KeyPlace, key: str) -> dict[str, str]:
    match place:
        case "raw":
            return {"authorization": key}
        case "bearer":
            return {"authorization": f"Bearer {key}"}
        case "basic":
            return {"authorization": f"Basic {base64.b64encode(f'clickpost:{key}'.encode()).decode()}"}
        case _:
            return {place: key}


class Delivery:
    """Sends each new scan to the registered address."""

    def __init__(self, config: SandboxConfig, faults: FaultDesk) -> None:
        self._config = config
        self._faults = faults
        self._queue: asyncio.Queue[Job] = asyncio.Queue()
        self._timers: set[asyncio.TimerHandle] = set()
        self._holds: dict[str, Hold] = {}
        self._workers: list[asyncio.Task[None]] = []
        self._client: httpx2.AsyncClient | None = None
        self._round = 0
        self.counts = Counts()
        self.in_flight = 0
        self.url = config.webhook_url
        self.key = config.webhook_key or f"{faults.dice('webhook_key').getrandbits(128):032x}"

    async def start(self) -> None:
        """Open the client and start the workers."""
        limits = httpx2.Limits(max_connections=self._config.webhook_workers + 4)
        self._client = httpx2.AsyncClient(
            timeout=self._config.webhook_timeout_seconds,
            limits=limits,
            trust_env=False,
            verify=False,
        )
        self._workers = [asyncio.create_task(self._work()) for _ in range(self._config.webhook_workers)]

    async def stop(self) -> None:
        """Forget what is waiting and close everything."""
        for timer in self._timers:
            timer.cancel()
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        if self._client:
            await self._client.aclose()

    @property
    def queued(self) -> int:
        """Webhooks that wait: for a worker, for their time, or for company."""
        held = sum(len(hold.scans) for hold in self._holds.values())
        return self._queue.qsize() + len(self._timers) + held

    def announce(self, order: Order, scan: Scan) -> None:
        """A new scan: decide what goes wrong with its webhook, and queue it."""
        if not self.url:
            self.counts.without_address += 1
            return
        reference = order.reference_number
        hold = self._holds.get(order.waybill)
        dice = self._faults.dice("bulk", reference, scan.index)
        if (
            hold is None
            and not order.tells_of_pieces
            and self._faults.strikes("bulk_webhooks", reference, dice.random())
        ):
            hold = self._holds[order.waybill] = Hold(order, size=dice.randint(2, 5))
        if hold is None:
            self._launch(Job(order, scan, scan, round=0))
            return
        hold.scans.append(scan)
        is_last = not order.open and scan is order.latest
        if len(hold.scans) >= hold.size or is_last:
            self._release(hold)

    def _release(self, hold: Hold) -> None:
        del self._holds[hold.order.waybill]
        for scan in hold.scans:
            self._launch(Job(hold.order, scan, hold.scans[-1], round=0))

    def next_round(self) -> int:
        """A number for a sending asked for by hand; its dice fall anew."""
        self._round += 1
        return self._round

    def repeat(self, orders: Iterable[Order]) -> int:
        """Send every scan of these orders again; how many webhooks were queued."""
        now = self.next_round()
        jobs = [
            Job(order, scan, order.latest_of(scan.waybill) or scan, now) for order in orders for scan in order.scans
        ]
        if not self.url:
            return 0
        for job in jobs:
            self._queue.put_nowait(job)
        return len(jobs)

    def tell_of_return(self, order: Order, delivered: Scan, content: JsonObject) -> None:
        """Queue a webhook about a return of a delivered order."""
        self._queue_after(0, Job(order, delivered, delivered, round=0, content=content))

    def _launch(self, job: Job) -> None:
        reference = job.order.reference_number
        dice = self._faults.dice("webhook", reference, job.scan.index)
        rolls = [dice.random() for _ in range(4)]
        if self._faults.strikes("dropped_webhooks", reference, rolls[0]):
            self.counts.dropped += 1
            return
        delay = 0.0
        if self._faults.strikes("late_webhooks", reference, rolls[1]):
            delay += self._faults.faults.late_seconds
        if self._faults.strikes("shuffled_webhooks", reference, rolls[2]):
            delay += dice.uniform(0, self._faults.faults.shuffle_seconds)
        copies = 2 if self._faults.strikes("duplicate_webhooks", reference, rolls[3]) else 1
        for _ in range(copies):
            self._queue_after(delay, Job(job.order, job.scan, job.latest, job.round))

    def _queue_after(self, delay: float, job: Job) -> None:
        if delay <= 0:
            self._queue.put_nowait(job)
            return

        def arrive() -> None:
            self._timers.discard(timer)
            self._queue.put_nowait(job)

        timer = asyncio.get_running_loop().call_later(delay, arrive)
        self._timers.add(timer)

    async def _work(self) -> None:
        while True:
            job = await self._queue.get()
            self.in_flight += 1
            try:
                await self._try(job)
            finally:
                self.in_flight -= 1

    async def _try(self, job: Job) -> None:
        if not self.url:
            self.counts.without_address += 1
            return
        job.tries += 1
        self.counts.sent += 1
        status = await self.post(self.url, job.content or self.body_of(job))
        if status == 200:
            self.counts.acknowledged += 1
        elif job.tries >= self._config.webhook_tries:
            self.counts.failed += 1
        else:
            self._queue_after(self._config.webhook_pause_seconds, job)

    def body_of(self, job: Job, variant: Variant | None = None) -> JsonObject:
        """The JSON of a webhook; the same for every try."""
        dice = self._faults.dice("body", job.order.reference_number, job.scan.index, job.round)
        view = View(order=job.order, scan=job.scan, latest=job.latest, dice=dice, config=self._config)
        return body(view, variant or draw_variant(view))

    async def post(self, url: str, content: object) -> int | None:
        """Send one body now. The HTTP status, or None if there was no answer."""
        if self._client is None or not is_loopback(url):
            return None
        headers = {"content-type": "application/json", **_key_header(self._config.webhook_key_in, self.key)}
        with contextlib.suppress(httpx2.HTTPError, httpx2.InvalidURL, OSError):
            response = await self._client.post(url, content=json.dumps(content).encode(), headers=headers)
            return response.status_code
        return None
