"""A state machine for the fold: whatever order, repetition or source, a shipment's scans come to the same end."""

from __future__ import annotations

import asyncio
import json
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from awbridge.domain.orders.outcome import Placed
from awbridge.domain.orders.shipment import NewShipment, Region, Shipment
from awbridge.domain.tracking.scan import Source
from awbridge.steps.tracking.apply import ApplyPolicy, apply_due
from awbridge.store import Store
from awbridge.store.orders import shipments
from awbridge.store.tracking import inbox, scans
from awbridge.store.tracking.inbox import NewDelivery
from tests.support.rows import keep_placed
from tests.support.stores import migrated_file

pytestmark = pytest.mark.slow  # seconds of processor time

ZONE = ZoneInfo("Asia/Kolkata")
START = datetime(2026, 10, 1, 3, 30, tzinfo=UTC)
POLICY = ApplyPolicy(zone=ZONE)
REFERENCE, WAYBILL = "ORDER-1", "AWB1"

# (hours since the start, code): an NDR, an unknown code, two scans at one moment, delivered at the end.
JOURNEY = [(0, 28), (4, 4), (9, 5), (9, 1005), (20, 6), (26, 9), (26, 9), (44, 6), (50, 8)]
# The two 9s say the same at the same moment and differ in their ids alone; both ids must come to be known.
TWINS = (5, 6)
FORMATS = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H: %M: %SZ")

steps = st.integers(0, len(JOURNEY) - 1)


def event(step: int, form: int) -> dict[str, Any]:
    """A scan of the journey as ClickPost writes it, in one of its ways to write time."""
    hours, code = JOURNEY[step]
    at = (START + timedelta(hours=hours)).astimezone(ZONE)
    return {
        "timestamp": at.strftime(FORMATS[form % len(FORMATS)]),
        "status": f"status {code}",
        "location": "" if code == 28 else f"Hub {code}",
        "clickpost_status_code": str(code) if form % 2 else code,
        "clickpost_status_bucket": 6,  # contradicts most codes: the code wins
    }


class Fold(RuleBasedStateMachine):
    """Deliveries of one journey, in any order, any number of times, from every side."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.delivered: set[int] = set()
        self.number = 0

    @initialize()
    def open(self) -> None:
        self.loop.run(self._open())

    async def _open(self) -> None:
        self.store = await Store.open(await migrated_file(Path(self.folder.name)))
        new = NewShipment(
            reference_number=REFERENCE,
            order_id=None,
            transporter=None,
            courier_partner_id=4,
            account_code=None,
            region=Region.INDIA,
            delivery_type="FORWARD",
            payload={},
        )
        async with self.store.write() as session:
            await shipments.add(session, new, now=START)
            shipment = await shipments.get(session, REFERENCE)
            assert shipment
            await keep_placed(session, shipment, Placed(waybill=WAYBILL), now=START)

    @rule(step=steps, latest=steps, form=st.integers(0, 7), named=st.booleans())
    def webhook(self, step: int, latest: int, form: int, named: bool) -> None:
        """One scan by webhook, with the latest status of that moment; with or without its id."""
        latest = max(step, latest)
        body: dict[str, Any] = {
            **event(step, form),
            "waybill": WAYBILL,
            "additional": {"latest_status": event(latest, form + 1)},
        }
        if named or step in TWINS:
            body["order_status_id"] = 1000 + step
        self._deliver(Source.WEBHOOK, body, {step, latest} - set(TWINS) | {step})

    @rule(step=steps, form=st.integers(0, 7))
    def updated_order(self, step: int, form: int) -> None:
        """The latest status of some moment by updated-order."""
        body = {"waybill": WAYBILL, "courier_partner": 4, **event(step, form)}
        if form >= 4 and step not in TWINS:  # a side that tells no locations
            body["location"] = ""
        self._deliver(Source.UPDATED_ORDER, body, {step} - set(TWINS))

    @rule(step=steps, form=st.integers(0, 7))
    def report(self, step: int, form: int) -> None:
        """One scan out of a report that ClickPost mailed: a webhook of old, without an id."""
        self._deliver(Source.REPORT, {"waybill": WAYBILL, "cp_id": 4, **event(step, form)}, {step} - set(TWINS))

    @rule(step=steps, form=st.integers(0, 7))
    def track_order(self, step: int, form: int) -> None:
        """The whole timeline up to some moment by track-order, with ids of another kind."""
        history = [{**event(n, form), "checkpoint_id": 9000 + n} for n in range(step, -1, -1)]
        body = {"waybill": WAYBILL, "cp_id": 4, "result": {"latest_status": event(step, form), "scans": history}}
        self._deliver(Source.TRACK_ORDER, body, set(range(step + 1)))

    @rule()
    def apply(self) -> None:
        """Whatever waits is applied now, between any two deliveries."""
        self.loop.run(self._apply())

    @invariant()
    def never_a_scan_twice(self) -> None:
        if hasattr(self, "store"):
            assert len(self.loop.run(self._timeline())) <= len(JOURNEY)

    def teardown(self) -> None:
        if not hasattr(self, "store"):
            return
        # A twin known by one kind of id and a twin known by the other cannot be distinguished: all get their webhook.
        for step in set(range(len(JOURNEY))) - self.delivered | set(TWINS):
            self.webhook(step, step, step, True)
        self.loop.run(self._apply())
        timeline = self.loop.run(self._timeline())
        mine = sorted((s.scanned_at, s.status_code) for s in timeline)
        assert mine == sorted((START + timedelta(hours=hours), code) for hours, code in JOURNEY)
        shipment = self.loop.run(self._shipment())
        assert (shipment.status_code, shipment.final) == (8, True)
        assert shipment.status_at == START + timedelta(hours=50)
        self.loop.run(self.store.close())
        self.loop.close()
        self.folder.cleanup()

    def _deliver(self, source: Source, body: dict[str, Any], steps: set[int]) -> None:
        self.number += 1
        self.delivered |= steps
        delivery = NewDelivery(f"d:{self.number}", source, json.dumps(body).encode(), datetime.now(UTC))
        self.loop.run(self._store_delivery(delivery))

    async def _store_delivery(self, delivery: NewDelivery) -> None:
        async with self.store.write() as session:
            await inbox.add(session, [delivery])

    async def _apply(self) -> None:
        while await apply_due(store=self.store, clock=lambda: datetime.now(UTC), policy=POLICY):
            pass
        async with self.store.read() as session:
            assert (await inbox.problems(session, limit=5)) == []

    async def _timeline(self) -> list[scans.TimelineScan]:
        async with self.store.read() as session:
            return await scans.timeline(session, REFERENCE)

    async def _shipment(self) -> Shipment:
        async with self.store.read() as session:
            shipment = await shipments.get(session, REFERENCE)
        assert shipment
        return shipment


TestFold = Fold.TestCase
TestFold.settings = settings(
    max_examples=40, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
