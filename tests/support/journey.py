"""One order through the whole bridge: accepted, placed by the real client, told of by a webhook, messaged."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from opentelemetry.trace import TracerProvider

from awbridge.clickpost.client.async_client import AsyncClickPost
from awbridge.clickpost.tracking.webhook_registration import webhook_identity
from awbridge.domain.notify.notices import Channel
from awbridge.domain.tracking.scan import Source
from awbridge.steps.orders import intake
from awbridge.steps.records.counted_calls import count_call
from awbridge.steps.registration.push import push_due
from awbridge.steps.registration.verdict import PushPolicy
from awbridge.steps.tracking.apply import ApplyPolicy, apply_due
from awbridge.steps.tracking.ingest import Ingest
from awbridge.store import Store
from awbridge.store.tracking.inbox import NewDelivery
from tests.support.notices import Kept, a_payload, notify
from tests.support.receivers import Receiver, Request, http_server, ok
from tests.support.world import INDIA, SetClock, as_body, webhook

PHONE = "9000000000"  # that of `a_payload`


@dataclass
class Bridge:
    """The steps on one store, and a ClickPost on loopback that gives each answer of `answers` once, then places."""

    store: Store
    clock: SetClock
    clickpost: AsyncClickPost
    ingest: Ingest
    answers: list[object] = field(default_factory=list[object])
    sms: Kept = field(default_factory=Kept)

    async def order(self, *references: str) -> None:
        """Accept orders."""
        orders = [a_payload(reference) for reference in references]
        await intake.take_in(store=self.store, clock=self.clock, orders=orders)

    async def push(self) -> None:
        """Register what is due."""
        policy = PushPolicy(retry_delays=(60.0, 300.0, 900.0))
        await push_due(store=self.store, clickpost=self.clickpost, clock=self.clock, policy=policy)

    async def hear(self, waybill: str, code: int, *, at: datetime | None = None, **more: object) -> None:
        """Receive a webhook and apply it. `at`: the time of its scan, now by default."""
        body = as_body(webhook(waybill, code, at or self.clock.now, **more))
        await self.ingest.accept(NewDelivery(webhook_identity(body), Source.WEBHOOK, body, self.clock.now))
        self.clock.forward(seconds=3)
        while await apply_due(store=self.store, clock=self.clock, policy=ApplyPolicy(zone=INDIA)):
            pass

    async def tell(self) -> None:
        """Send the messages that are due."""
        while await notify(self.store, {Channel.SMS: self.sms}, self.clock):
            pass


@asynccontextmanager
async def bridge_on(store: Store, *, tracer_provider: TracerProvider | None = None) -> AsyncGenerator[Bridge]:
    """The steps on this store, while the block lasts. `tracer_provider`: of the client."""
    ingest = Ingest(store)
    running = asyncio.create_task(ingest.run())
    try:
        async with http_server() as vendor:
            client = AsyncClickPost(
                username="shop", key="k3y", url=vendor.url, on_call=count_call, tracer_provider=tracer_provider
            )
            async with client as clickpost:
                bridge = Bridge(store, SetClock(), clickpost, ingest)
                _answer_for(vendor, bridge)
                yield bridge
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def _answer_for(vendor: Receiver, bridge: Bridge) -> None:
    def respond(request: Request) -> bytes:
        reference = json.loads(request.body)["shipment_details"]["reference_number"]
        placed = {"meta": {"status": 200, "success": True}, "result": {"waybill": f"AWB-{reference}"}}
        body = as_body(bridge.answers.pop(0) if bridge.answers else placed)
        return ok(body=body.decode())

    vendor.respond = respond
