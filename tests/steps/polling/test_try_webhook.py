"""A test delivery counts once it is in the inbox; otherwise the verdict gives the reason."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from awbridge.clickpost.tracking.webhook_registration import webhook_identity
from awbridge.domain.call import Call
from awbridge.domain.errors import VendorError
from awbridge.steps.polling.try_webhook import WebhookTrial, try_webhook
from awbridge.store import Store
from awbridge.store.polling import webhook_keys
from awbridge.store.tracking import inbox
from tests.support.rows import T0, delivery, fetch
from tests.support.world import SetClock, as_body

pytestmark = pytest.mark.heavy

CALL = Call(api="test-webhook", method="POST", url="u")


class Vendor:
    """Sends the test as `sends` does. `failing`: how often it says that the address did not answer 200."""

    def __init__(self, sends: Callable[[Any], Awaitable[None]] | None = None, *, failing: int = 0) -> None:
        self.sends = sends
        self.failing = failing
        self.kind = "permanent"

    async def test_webhook(self, test_url: str, test_data: Any) -> None:
        if self.failing:
            self.failing -= 1
            raise VendorError("the URL did not answer 200", call=CALL, kind=self.kind, advice="Correct the field.")
        if self.sends:
            await self.sends(test_data)


async def tried(store: Store, vendor: Vendor, *, timeout: float = 0.3, grace: float = 0.1) -> WebhookTrial:
    world = {"store": store, "clickpost": vendor, "clock": SetClock(), "url": "https://x", "every": 0.02, "pause": 0.0}
    return await try_webhook(**world, timeout=timeout, grace=grace)


def arriving(store: Store, *, after: float = 0.0) -> Callable[[Any], Awaitable[None]]:
    async def send(body: Any) -> None:
        async def arrive() -> None:
            await asyncio.sleep(after)
            raw = as_body(body)
            async with store.write() as session:
                await inbox.add(session, [delivery(webhook_identity(raw), body=raw)])

        running.append(asyncio.create_task(arrive()))

    running: list[asyncio.Task[None]] = []
    return send


@pytest.mark.parametrize("failing", [0, 1])
async def test_a_test_that_arrives_counts_and_waits_for_no_shipment(store: Store, failing: int) -> None:
    trial = await tried(store, Vendor(arriving(store, after=0.1), failing=failing), timeout=20.0)
    assert trial.arrived
    assert "arrived after" in trial.verdict
    (row,) = await fetch(store, "SELECT due_at, applied_at FROM inbox")
    assert (row["due_at"], row["applied_at"]) == (None, T0)


async def test_clickposts_answer_alone_is_no_proof(store: Store) -> None:
    trial = await tried(store, Vendor())
    assert not trial.arrived
    assert "no request was received meanwhile" in trial.verdict


@pytest.mark.parametrize(
    ("reason", "missing", "words"), [("no_key", True, "proxy drops the header"), ("wrong_key", False, "another key")]
)
async def test_a_refusal_meanwhile_names_the_cause(store: Store, reason: str, missing: bool, words: str) -> None:
    async def refuse(_body: Any) -> None:
        async with store.write() as session:
            await webhook_keys.refuse(session, reason, 1, last_at=T0)

    await refuse(None)  # one of before is no hint
    trial = await tried(store, Vendor(refuse))
    assert (trial.arrived, trial.header_missing) == (False, missing)
    assert words in trial.verdict


@pytest.mark.parametrize("failing", [0, 2])
async def test_a_refusal_that_is_stored_after_the_wait_is_reported_too(store: Store, failing: int) -> None:
    async def refuse_late() -> None:
        await asyncio.sleep(0.3)
        async with store.write() as session:
            await webhook_keys.refuse(session, "no_key", 1, last_at=T0)

    late = asyncio.create_task(refuse_late())
    trial = await tried(store, Vendor(failing=failing), timeout=0.05, grace=20.0)
    await late
    assert trial.header_missing
    assert trial.seconds < 20.0


async def test_a_test_that_comes_within_the_grace_has_arrived(store: Store) -> None:
    assert (await tried(store, Vendor(arriving(store, after=0.3)), timeout=0.05, grace=20.0)).arrived


async def test_what_clickpost_says_against_it_is_passed_on(store: Store) -> None:
    verdict = (await tried(store, Vendor(failing=9))).verdict
    assert verdict.endswith("ClickPost says: the URL did not answer 200."), "no advice about fields"


async def test_a_bad_api_key_is_an_error_at_once(store: Store) -> None:
    vendor = Vendor(failing=9)
    vendor.kind = "configuration"
    with pytest.raises(VendorError):
        await tried(store, vendor)
    assert vendor.failing == 8
