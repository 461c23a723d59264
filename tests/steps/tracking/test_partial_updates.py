"""Partial updates of the sandbox: a scan once without its location, a status older than the scan."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from awbridge.domain.notify.notices import Channel
from awbridge.domain.tracking.milestones import Milestone
from awbridge.domain.tracking.scan import Source
from awbridge.sandbox import JourneyWeights, SandboxConfig, running
from awbridge.sandbox.tracking.responses import tracked
from awbridge.store import Store
from tests.sandbox.helpers import merchant, place, receiver, settled
from tests.steps.tracking.test_apply import apply
from tests.steps.tracking.test_apply import deliver as deliver_polled
from tests.steps.tracking.test_shipment_details import HOUR, a_placed, deliver, hooks
from tests.support.notices import Kept, a_customer, notify, stored_notices
from tests.support.world import INDIA, SetClock, timeline

DELIVERED_CODE = 8
OTHERS = ("ndr_delivered", "rto", "cancelled", "lost", "damaged", "expired")
DELIVERED = JourneyWeights(delivered=1, **dict.fromkeys(OTHERS, 0))


async def run_sandbox(config: SandboxConfig, orders: int) -> tuple[list[dict[str, Any]], list[Any]]:
    """The webhooks of some orders that ran to their end, and the sandbox's books of these."""
    async with receiver() as hook, running(config.model_copy(update={"webhook_url": hook.url})) as sandbox:
        async with merchant(sandbox) as http:
            for number in range(orders):
                await place(http, f"R-{number}")
        await sandbox.finish()
        await settled(sandbox)
        return hook.bodies, list(sandbox.registry.orders.values())


@pytest.mark.heavy
async def test_a_scan_reported_in_part_is_one_scan_with_its_location(store: Store) -> None:
    config = SandboxConfig(seed=5, missing_locations=1, backdate_seconds=30 * 86400)
    bodies, entries = await run_sandbox(config, 8)
    for entry in entries:
        await a_placed(store, entry.reference_number, entry.waybill)
    random.Random(5).shuffle(bodies)
    now = datetime.now(UTC) + HOUR
    await deliver(store, *hooks(*bodies), at=now, apart=False)
    dice = random.Random(5)
    polled = [
        {"waybill": entry.waybill, "cp_id": entry.cp_id, "result": tracked(entry, dice, waybill=entry.waybill)}
        for entry in entries
    ]
    await deliver_polled(store, *polled, source=Source.TRACK_ORDER, at=now + HOUR)
    await apply(store, clock=SetClock(now + 2 * HOUR))
    for entry in entries:
        known = [(s.status_code, s.scanned_at, s.location) for s in await timeline(store, entry.reference_number)]
        true = [(s.code, datetime.fromtimestamp(s.scanned_at, UTC), s.location) for s in entry.scans]
        assert sorted(known) == sorted(true), entry.reference_number


def stale(bodies: list[dict[str, Any]], now: datetime) -> set[str]:
    """The waybills of which ClickPost's word about the latest status, or the status itself, is more than a day old."""
    found: set[str] = set()
    for body in bodies:
        word = body.get("latest_time_stamp")
        latest = body["additional"]["latest_status"]
        times = [read_time(word), read_time(latest["timestamp"])] if word else [read_time(latest["timestamp"])]
        if int(latest["clickpost_status_code"]) == DELIVERED_CODE and now - min(times) > timedelta(days=1):
            found.add(str(body["waybill"]))
    return found


def read_time(stamp: str) -> datetime:
    plain = stamp.replace("T", " ").replace(": ", ":").rstrip("Z").partition(".")[0]
    return datetime.strptime(plain, "%Y-%m-%d %H:%M:%S").replace(tzinfo=INDIA)


@pytest.mark.heavy
async def test_an_older_word_of_clickpost_keeps_a_message_back(store: Store) -> None:
    variants: dict[Any, float] = {"all_statuses": 1}
    config = SandboxConfig(seed=5, older_time_stamps=1, weights=DELIVERED, webhook_variants=variants)
    bodies, entries = await run_sandbox(config, 12)
    now = datetime.now(UTC)
    clock, sms = SetClock(now + timedelta(minutes=len(bodies) + 5)), Kept()
    for entry in entries:
        await a_customer(store, entry.reference_number, entry.waybill, now=now - timedelta(days=5))
    await deliver(store, *hooks(*bodies), at=now, apart=False)
    while await notify(store, {Channel.SMS: sms}, clock):
        pass
    old = stale(bodies, clock())
    assert 0 < len(old) < len(entries)
    for entry in entries:
        states = {n.milestone: n.state for n in await stored_notices(store, entry.reference_number)}
        expected = "suppressed" if entry.waybill in old else "sent"
        assert states[Milestone.DELIVERED] == expected, entry.reference_number
