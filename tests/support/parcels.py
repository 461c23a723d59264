"""Parcels on their whole way: the steps of the service one after the other, against a sandbox, and what each costs.

The sandbox answers from a thread of its own, so that its processor time can be told from that of the steps. The time of
the steps runs ahead by half a day with each scan: polling finds what is due after days. A run in which a parcel lacks a
scan is void.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import threading
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from awbridge.app.connections import customer_channels, event_sender, templates, vendor
from awbridge.app.policies import apply_policy, catch_up_policy, deliver_policy, notify_policy, push_policy
from awbridge.app.settings import Settings
from awbridge.clickpost.client.async_client import AsyncClickPost
from awbridge.clickpost.tracking.webhook_registration import webhook_identity
from awbridge.domain.json import JsonObject
from awbridge.domain.tracking.scan import Source
from awbridge.rehearsal.demo_orders import ACCOUNTS, demo_order
from awbridge.sandbox.config import JourneyWeights, SandboxConfig
from awbridge.sandbox.server import running
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.webhooks.sender import WebhookDelivery
from awbridge.sinks.outgoing import EventSender
from awbridge.steps.notify.deliver_events import deliver_due
from awbridge.steps.notify.notify import notify_due
from awbridge.steps.orders import intake
from awbridge.steps.polling.track_order import poll_due
from awbridge.steps.polling.updated_order import cover_span
from awbridge.steps.registration.push import Push
from awbridge.steps.runtime.clock import utc_now
from awbridge.steps.tracking.apply import apply_due
from awbridge.store import Store
from awbridge.store.couriers import couriers
from awbridge.store.engine.queries import parse
from awbridge.store.notify import endpoints
from awbridge.store.tracking import inbox
from awbridge.store.tracking.inbox import NewDelivery
from tests.support.customers import STREETS, customer

_T = TypeVar("_T")
_BACK = 60 * 86_400.0  # seconds: no scan of a journey lies in the future
_WEIGHTS = JourneyWeights(delivered=50, ndr_delivered=35, rto=15, cancelled=0, lost=0, damaged=0, expired=0)
_A_SCAN = timedelta(hours=12)  # from one scan of a parcel to the next
_TOGETHER = 64  # webhooks in one commit
_SCANS = parse("-- name: scans\nSELECT COUNT(*) AS scans FROM scans")["scans"]


def an_order(number: int) -> JsonObject:
    """An order with the fields that ClickPost's examples fill in. No two customers are alike."""
    dice = random.Random(number)
    made = demo_order(number, 1)
    made["drop_info"] |= customer(dice, _address)
    details, price = made["shipment_details"], made["shipment_details"]["invoice_value"]
    details |= {"reference_number": f"CAP-0000-{number:07d}", "order_id": f"ORD-0000-{number:07d}"}
    details["items"] = [_item(dice, price / 2) for _ in range(2)]
    made["gst_info"] = {
        "seller_gstin": "27AAAAA0000A1Z5",
        "taxable_value": f"{price / 1.05:.2f}",
        "igst_tax_rate": "5",
        "igst_amount": f"{price - price / 1.05:.2f}",
        "is_seller_registered_under_gst": True,
        "place_of_supply": made["drop_info"]["drop_state"],
        "hsn_code": "6205",
        "invoice_reference": details["invoice_number"],
    }
    place = {name: made["pickup_info"][f"pickup_{name}"] for name in ("city", "state", "pincode", "country")}
    returned = {"name": "Demo Returns", "phone": "9000000001", "address": "2 Demo Street", **place}
    made["additional"] |= {"return_info": returned, "order_date": "2026-11-01"}
    return made


def _address(dice: random.Random) -> str:
    return f"{dice.randrange(1, 400)}, {dice.choice(STREETS)}, {dice.choice(STREETS)}"


def _item(dice: random.Random, price: float) -> JsonObject:
    return {
        "sku": f"SKU-{dice.randrange(5000):05d}-{dice.choice(('S', 'M', 'L', 'XL'))}",
        "description": dice.choice(("Cotton shirt, checked", "Linen trousers", "Silk scarf", "Canvas shoes, white")),
        "quantity": 1,
        "price": round(price, 2),
        "additional": {"brand": "Demo", "images": f"https://cdn.example.com/p/{dice.getrandbits(64):016x}.jpg"},
    }


class _Subscriber(asyncio.Protocol):
    """Answers every POST with 200."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._heard = b""

    def data_received(self, data: bytes) -> None:
        self._heard += data
        while (end := self._heard.find(b"\r\n\r\n")) >= 0:
            lengths = [line for line in self._heard[:end].lower().split(b"\r\n") if line.startswith(b"content-length:")]
            whole = end + 4 + (int(lengths[0].partition(b":")[2]) if lengths else 0)
            if len(self._heard) < whole:
                return
            self._heard = self._heard[whole:]
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")


class SimulatedClickPost:
    """A sandbox, and a subscriber of webhooks, in a thread of their own."""

    def __init__(self, config: SandboxConfig) -> None:
        self._config = config
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> SimulatedClickPost:
        self._thread.start()
        if not self._ready.wait(60):
            raise RuntimeError("the sandbox did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(30)

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        server = await self._loop.create_server(_Subscriber, "127.0.0.1", 0)
        self.subscriber_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/events"
        async with running(self._config) as self._sandbox:
            self.url = self._sandbox.url
            self._ready.set()
            await self._end.wait()
        server.close()

    def _there(self, work: Callable[[], _T]) -> _T:
        async def call() -> _T:
            return work()

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(120)

    def cpu(self) -> float:
        """Seconds of processor time that its thread has used."""
        return self._there(time.thread_time)

    def next_webhooks(self) -> list[bytes]:
        """Record the next scan of every parcel under way; the bodies of their webhooks."""
        return self._there(lambda: list(_next_webhooks(self._sandbox)))

    def scans(self) -> int:
        """How many scans there are."""
        return self._there(lambda: sum(len(order.scans) for order in self._sandbox.registry.shipments.values()))


def _next_webhooks(sandbox: Sandbox) -> Iterable[bytes]:
    for order in list(sandbox.registry.shipments.values()):
        if scan := sandbox.registry.record_next(order, real=sandbox.clock.real()):
            body = sandbox.webhooks.build_body(WebhookDelivery(order, scan, scan, round=0))
            yield json.dumps(body).encode()


def server_cpu(postmaster: int) -> float:
    """Seconds of processor time of a PostgreSQL server, those of its ended processes included; 0 without one."""
    ticks = 0
    for file in Path("/proc").glob("[0-9]*/stat") if postmaster else ():
        try:
            fields = file.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == postmaster:
            ticks += int(fields[11]) + int(fields[12])
        if file.parent.name == str(postmaster):
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Cost:
    """Work of one kind: how much, and its processor seconds: of this process, and of the database server."""

    count: int = 0
    own: float = 0.0
    server: float = 0.0
    wall: float = 0.0


@dataclass(kw_only=True)
class Road:
    """What parcels go through, and what each kind of work has cost so far."""

    store: Store
    clickpost: AsyncClickPost
    outgoing: EventSender
    settings: Settings
    simulated: SimulatedClickPost
    postmaster: int = 0
    costs: dict[str, Cost] = field(default_factory=lambda: defaultdict(Cost))
    _ahead: timedelta = timedelta(0)
    _placed: int = 0

    def clock(self) -> datetime:
        """The time of the steps."""
        return utc_now() + self._ahead

    async def follow(self, parcels: int, *, wave: int, after_scan: Callable[[], None] = lambda: None) -> None:
        """Take parcels in, `wave` with each scan of those before, until all have ended. Raises RuntimeError if void."""
        await self._set_up()
        while await self._place(min(wave, parcels - self._placed)) + await self._scan():
            after_scan()
        await self._settle()
        async with self.store.read() as session:
            stored = (await session.fetch(_SCANS))[0]["scans"]
        if stored != (made := self.simulated.scans()):
            raise RuntimeError(f"void: ClickPost has {made} scans, the database {stored}")

    @contextmanager
    def _measured(self, kind: str) -> Generator[Cost]:
        cost = self.costs[kind]
        theirs, server = self.simulated.cpu(), server_cpu(self.postmaster)
        own, wall = time.process_time(), time.perf_counter()
        yield cost
        cost.wall += time.perf_counter() - wall
        cost.own += time.process_time() - own - (self.simulated.cpu() - theirs)
        cost.server += server_cpu(self.postmaster) - server

    async def _set_up(self) -> None:
        async with self.store.write() as session:
            await couriers.put(session, ACCOUNTS, now=self.clock())
            await endpoints.add(session, self.simulated.subscriber_url, now=self.clock())

    async def _place(self, parcels: int) -> int:
        if not parcels:
            return 0
        orders = [an_order(self._placed + n) for n in range(parcels)]
        self._placed += parcels
        with self._measured("intake") as cost:
            await intake.take_in(store=self.store, clock=self.clock, orders=orders)
            cost.count += parcels
        push = Push(store=self.store, clickpost=self.clickpost, clock=self.clock, policy=push_policy(self.settings))
        with self._measured("push") as cost:
            while await push.round():
                pass
            await push.drain()
            cost.count += parcels
        return parcels

    async def _scan(self) -> int:
        """The next scan of every parcel under way, by webhook, by updated-order, and by polling where that is due."""
        began = utc_now()
        bodies = self.simulated.next_webhooks()
        self._ahead += _A_SCAN
        if not bodies:
            return 0
        with self._measured("webhook") as cost:
            for start in range(0, len(bodies), _TOGETHER):
                some = bodies[start : start + _TOGETHER]
                new = [NewDelivery(webhook_identity(body), Source.WEBHOOK, body, self.clock()) for body in some]
                await inbox.add_at_once(self.store, new)
            cost.count += len(bodies)
        await self._apply("apply webhook")
        policy = replace(catch_up_policy(self.settings), pace=None)
        work: Any = {"store": self.store, "clickpost": self.clickpost, "clock": self.clock, "policy": policy}
        with self._measured("updated-order") as cost:  # its windows are whole seconds
            await cover_span(start=began, end=utc_now() + timedelta(seconds=1), **work)
            cost.count += len(bodies)
        await self._apply("apply updated-order")
        with self._measured("track-order") as cost:
            while polled := await poll_due(**work):
                cost.count += polled
        await self._apply("apply track-order")
        await self._settle()
        return len(bodies)

    async def _apply(self, kind: str) -> None:
        policy = apply_policy(self.settings).quiet
        with self._measured(kind) as cost:
            while applied := await apply_due(store=self.store, clock=self.clock, policy=policy):
                cost.count += applied

    async def _settle(self) -> None:
        """Make and settle messages, and deliver events."""
        settings, clock, store = self.settings, self.clock, self.store
        channels, texts, rules = customer_channels(settings), templates(settings), notify_policy(settings)
        while await notify_due(store=store, channels=channels, templates=texts, clock=clock, policy=rules):
            pass
        policy = deliver_policy(settings)
        with self._measured("event") as cost:
            while delivered := await deliver_due(store=store, outgoing=self.outgoing, clock=clock, policy=policy):
                cost.count += delivered


@asynccontextmanager
async def road(url: str, *, seed: int = 1, postmaster: int = 0) -> AsyncGenerator[Road]:
    """A way for parcels on this database, which is migrated."""
    usual: dict[str, Any] = {"webhook_variants": {"all_statuses": 1}, "odd_values": 0, "missing_locations": 0}
    usual |= {"order_status_ids": 1, "tick_seconds": 86_400}  # no scan but those that are asked for
    config = SandboxConfig(seed=seed, backdate_seconds=_BACK, weights=_WEIGHTS, **usual)
    with SimulatedClickPost(config) as simulated:
        settings = Settings(
            database_url=url,
            clickpost_username="sandbox",
            clickpost_key="sandbox-key",
            clickpost_url=simulated.url,
            clickpost_tracking_url=simulated.url,
            notice_sms_url="json://127.0.0.1:9/sms/{to_digits}",
            notice_consent="sms",
            notice_quiet_hours="",
            notice_brand="Demo Shop",
            track_url="http://127.0.0.1",
            track_keys=("a key of links, for benchmarks only",),
            endpoint_networks=("127.0.0.0/8",),
        )
        store = await Store.open(url)
        try:
            async with vendor(settings) as clickpost, event_sender(settings) as outgoing:
                yield Road(
                    store=store,
                    clickpost=clickpost,
                    outgoing=outgoing,
                    settings=settings,
                    simulated=simulated,
                    postmaster=postmaster,
                )
        finally:
            await store.close()
