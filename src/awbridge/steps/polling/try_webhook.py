"""Try the webhook: has ClickPost send a test and waits until it is in the inbox. Being told so is no proof."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from awbridge.clickpost.tracking.webhooks import webhook_identity
from awbridge.domain.errors import VendorError
from awbridge.domain.json import JsonObject
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.orders.shipments import payload_text
from awbridge.store.polling import webhook_keys
from awbridge.store.polling.webhook_keys import NO_KEY, WRONG_KEY
from awbridge.store.tracking import inbox

LOOK_EVERY = 0.25  # seconds
GRACE = 2.0  # seconds after the wait, until every process has written down what it refused meanwhile


class SendsTests(Protocol):
    """What this needs of the vendor."""

    async def test_webhook(self, test_url: str, test_data: JsonObject) -> Any:
        """Have ClickPost send a test delivery."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookTrial:
    """What came of a test. `refused`: why deliveries were answered with 401 meanwhile; `said`: ClickPost's own word."""

    arrived: bool
    seconds: float
    refused: frozenset[str] = frozenset()
    said: str = ""

    @property
    def header_missing(self) -> bool:
        """Deliveries came meanwhile, without any key: a proxy dropped the header."""
        return NO_KEY in self.refused

    @property
    def verdict(self) -> str:
        """What to tell a person."""
        if self.arrived:
            return f"the test arrived after {self.seconds:.1f} s"
        lines = [f"the test did not arrive within {self.seconds:.0f} s"]
        if self.header_missing:
            lines.append(
                "deliveries came without any key meanwhile: a proxy drops the header webhook_key, for its underscore "
                "(awbridge doctor prints the line that cures it)"
            )
        elif WRONG_KEY in self.refused:
            lines.append(
                "deliveries came with another key meanwhile: the address is right, the key is not the one that is "
                "known here (awbridge webhook keys; AWBRIDGE_WEBHOOK_KEYS)"
            )
        else:
            lines.append(
                "nothing knocked meanwhile: is `awbridge serve` running on this database, and does the address lead to "
                "it from outside?"
            )
        return "; ".join([*lines, *([f"ClickPost says: {self.said}"] if self.said else [])])


async def try_webhook(
    *,
    store: Store,
    clickpost: SendsTests,
    clock: Clock,
    url: str,
    timeout: float = 30.0,
    grace: float = GRACE,
    every: float = LOOK_EVERY,
    pause: float = 1.5,
) -> WebhookTrial:
    """Have ClickPost send a test to `url` and wait up to `timeout` seconds for it.

    A test that ClickPost could not deliver is sent once more after `pause` seconds. When the time is over, up to
    `grace` seconds more are given to the processes that may have refused it: they write down what they refused every
    second. The test names a waybill that nobody has; once it has come it is taken out of the queue. Raises VendorError
    for a bad API key.
    """
    token = secrets.token_hex(8)
    body = _test_body(token, datetime.now(UTC))
    identity = webhook_identity(payload_text(body).encode())
    before = await _refusals(store)
    started = time.monotonic()
    said = await _send(clickpost, url, body)
    if said:
        await asyncio.sleep(pause)  # a key stored this moment is known everywhere a second later
        said = await _send(clickpost, url, body)
    until = time.monotonic() if said else max(started + timeout, time.monotonic())
    refused = frozenset[str]()
    while not refused and time.monotonic() < until + grace:
        if await _arrived(store, identity, clock):
            return WebhookTrial(arrived=True, seconds=time.monotonic() - started)
        await asyncio.sleep(every)
        if time.monotonic() >= until:
            refused = await _refused_since(store, before)
    return WebhookTrial(arrived=False, seconds=time.monotonic() - started, refused=refused, said=said)


async def _send(clickpost: SendsTests, url: str, body: JsonObject) -> str:
    """What ClickPost says against it; "" where it sent the test."""
    try:
        await clickpost.test_webhook(url, body)
    except VendorError as error:
        if error.kind == "configuration":
            raise
        return str(error)
    return ""


def _test_body(token: str, now: datetime) -> JsonObject:
    return {
        "waybill": f"AWBRIDGE-TEST-{token}",
        "cp_id": 35,
        "order_status_id": f"awbridge-test-{token}",
        "clickpost_status_code": 28,
        "clickpost_status_description": "AwbRegistered",
        "status": "test",
        "timestamp": now.strftime("%Y-%m-%dT%H:%M:%S"),
        "additional": {},
    }


async def _arrived(store: Store, identity: str, clock: Clock) -> bool:
    async with store.read() as session:
        if await inbox.received_at(session, identity) is None:
            return False
    async with store.write() as session:
        await inbox.settle(session, identity, now=clock())
    return True


async def _refused_since(store: Store, before: Mapping[str, int]) -> frozenset[str]:
    return frozenset(reason for reason, count in (await _refusals(store)).items() if count > before.get(reason, 0))


async def _refusals(store: Store) -> dict[str, int]:
    async with store.read() as session:
        return {reason: r.refused for reason, r in (await webhook_keys.refusals(session)).items()}
