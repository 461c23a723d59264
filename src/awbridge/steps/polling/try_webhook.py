"""Try the webhook: has ClickPost send a test delivery and waits until it is in the inbox."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from awbridge.clickpost.tracking.webhook_registration import webhook_identity
from awbridge.domain.errors import VendorError
from awbridge.domain.json import JsonObject
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.orders.shipments import payload_text
from awbridge.store.polling import webhook_keys
from awbridge.store.polling.webhook_keys import NO_KEY, WRONG_KEY
from awbridge.store.tracking import inbox

CHECK_EVERY = 0.25  # seconds
GRACE = 2.0  # seconds after the wait, until every process has stored the refusals it counted


class SendsTests(Protocol):
    """The vendor call that a trial needs."""

    async def test_webhook(self, test_url: str, test_data: JsonObject) -> Any:
        """Have ClickPost send a test delivery."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookTrial:
    """The result of a test. `refused`: why deliveries got a 401 meanwhile; `error`: ClickPost's message."""

    arrived: bool
    seconds: float
    refused: frozenset[str] = frozenset()
    error: str = ""

    @property
    def header_missing(self) -> bool:
        """Whether deliveries without any key were received meanwhile: a proxy dropped the header."""
        return NO_KEY in self.refused

    @property
    def verdict(self) -> str:
        """The result as text."""
        if self.arrived:
            return f"the test arrived after {self.seconds:.1f} s"
        lines = [f"the test did not arrive within {self.seconds:.0f} s"]
        if self.header_missing:
            lines.append(
                "deliveries without any key were received meanwhile: a proxy drops the header webhook_key because of "
                "its underscore (awbridge doctor prints the setting that fixes it)"
            )
        elif WRONG_KEY in self.refused:
            lines.append(
                "deliveries with another key were received meanwhile: the address is right, but the key is not "
                "known here (awbridge webhook keys; AWBRIDGE_WEBHOOK_KEYS)"
            )
        else:
            lines.append(
                "no request was received meanwhile: is `awbridge serve` running on this database, and is the address "
                "reachable from outside?"
            )
        return "; ".join([*lines, *([f"ClickPost says: {self.error}"] if self.error else [])])


async def try_webhook(
    *,
    store: Store,
    clickpost: SendsTests,
    clock: Clock,
    url: str,
    timeout: float = 30.0,
    grace: float = GRACE,
    every: float = CHECK_EVERY,
    pause: float = 1.5,
) -> WebhookTrial:
    """Have ClickPost send a test to `url` and wait up to `timeout` seconds for it.

    If ClickPost could not deliver it, it is sent once more after `pause` seconds. After the timeout, up to `grace`
    seconds more are given to processes that may have refused it; they store refusals every second. The test names a
    waybill that does not exist, and is removed from the queue once received. Raises VendorError for a bad API key.
    """
    token = secrets.token_hex(8)
    body = _test_body(token, datetime.now(UTC))
    identity = webhook_identity(payload_text(body).encode())
    before = await _refusals(store)
    started = time.monotonic()
    error = await _send(clickpost, url, body)
    if error:
        await asyncio.sleep(pause)  # every process reads a newly stored key within a second
        error = await _send(clickpost, url, body)
    until = time.monotonic() if error else max(started + timeout, time.monotonic())
    refused = frozenset[str]()
    while not refused and time.monotonic() < until + grace:
        if await _arrived(store, identity, clock):
            return WebhookTrial(arrived=True, seconds=time.monotonic() - started)
        await asyncio.sleep(every)
        if time.monotonic() >= until:
            refused = await _refused_since(store, before)
    return WebhookTrial(arrived=False, seconds=time.monotonic() - started, refused=refused, error=error)


async def _send(clickpost: SendsTests, url: str, body: JsonObject) -> str:
    """ClickPost's error, without advice; "" if it sent the test."""
    try:
        await clickpost.test_webhook(url, body)
    except VendorError as error:
        if error.kind == "configuration":
            raise
        return str(error).removesuffix(f" {error.advice}")  # which is about payloads; the verdict says what to check
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
