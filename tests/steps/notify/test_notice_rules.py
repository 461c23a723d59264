"""No order of events breaks a rule: deliveries in any order, nights, crashes, opt-outs, retries.

The rules: only what a latest_status says, never the scan around it; nothing on a status older than a day; once for each
milestone; never an earlier milestone after a later one; nothing in quiet hours; nothing to who opted out, nor over a
channel without consent.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from awbridge.clickpost.wire.tracking_codes import STATUSES, milestone_of
from awbridge.domain.notify.notices import Channel, MaybeSent, Message, NotSent, QuietHours, SendResult, Sent
from awbridge.domain.tracking.milestones import JOURNEY, Milestone
from awbridge.domain.tracking.scan import Source
from awbridge.sinks.templates import Templates
from awbridge.steps.notify.notify import notify_due
from awbridge.steps.tracking.apply import ApplyPolicy, apply_due
from awbridge.store import Store
from awbridge.store.notify import notices, opt_outs
from awbridge.store.orders import shipments
from awbridge.store.tracking import inbox
from awbridge.store.tracking.inbox import NewDelivery
from tests.support.notices import POLICY, RULES, a_customer
from tests.support.stores import migrated_file
from tests.support.world import INDIA, SetClock, indian

pytestmark = pytest.mark.slow  # seconds of processor time

START = datetime(2026, 11, 2, 4, 0, tzinfo=UTC)  # 9:30 in India
QUIET = QuietHours(start=time(21), end=time(9))
RULED = replace(POLICY, rules=replace(RULES, quiet={Channel.SMS: QUIET}))
APPLY = ApplyPolicy(zone=INDIA)

codes = st.sampled_from(sorted(STATUSES))


class Killed(BaseException):
    """The process ends here."""


class Machine(RuleBasedStateMachine):
    """One shipment, its courier, its customer, and a clock that only goes forward."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = SetClock(START)
        self.sent: list[tuple[Milestone, Channel]] = []
        self.doubtful: set[str] = set()
        self.latest: set[Milestone | None] = set()
        self.mood = "well"
        self.opted_out = False
        self.number = 0
        self.repeatable = False

    @initialize()
    def open(self) -> None:
        self.loop.run(self._open())

    async def _open(self) -> None:
        self.store = await Store.open(await migrated_file(Path(self.folder.name)))
        await a_customer(self.store, "R", "AWB1", now=START)

    @rule(hours=st.sampled_from([0.1, 0.1, 0.5, 2.0, 9.0, 30.0]))
    def time_passes(self, hours: float) -> None:
        self.clock.forward(hours=hours)

    @rule(
        outer=codes,
        latest=codes,
        ago=st.sampled_from([0.0, 0.1, 1.0, 23.0, 40.0]),
        further=st.floats(0, 10),
        times=st.integers(1, 3),
    )
    def webhook(self, outer: int, latest: int, ago: float, further: float, times: int) -> None:
        """A bulk push: some scans, all with one latest_status, which may be long past."""
        self.latest.add(milestone_of(latest))
        at = self.clock.now - timedelta(hours=ago)
        shown = {"timestamp": indian(at), "clickpost_status_code": latest, "status": "s", "location": ""}
        for n in range(times):
            earlier = indian(at - timedelta(hours=further + n))
            scan = {"timestamp": earlier, "clickpost_status_code": outer, "status": "x"}
            self.loop.run(self._take({"waybill": "AWB1", "cp_id": 4, **scan, "additional": {"latest_status": shown}}))

    async def _take(self, body: dict[str, Any]) -> None:
        self.number += 1
        row = NewDelivery(f"d:{self.number}", Source.WEBHOOK, json.dumps(body).encode(), self.clock.now)
        async with self.store.write() as session:
            await inbox.add(session, [row])

    @rule()
    def apply(self) -> None:
        self.loop.run(apply_due(store=self.store, clock=self.clock, policy=APPLY))

    @rule(mood=st.sampled_from(["well", "away", "hangs", "killed after", "killed after", "killed before"]))
    def mood_of_the_service(self, mood: str) -> None:
        self.mood = mood

    @precondition(lambda self: self.number >= 12)  # late: nothing is sent after it
    @rule()
    def opt_out(self) -> None:
        self.loop.run(self._opt_out())

    async def _opt_out(self) -> None:
        async with self.store.write() as session:
            await opt_outs.add(session, "+919000000000", now=self.clock.now)
        self.opted_out = True

    @rule()
    def notify(self) -> None:
        try:
            self.loop.run(self._notify())
        except Killed:
            self.mood = "well"

    async def _notify(self) -> None:
        channels = {c: _Line(self, c, c is Channel.MAIL) for c in (Channel.SMS, Channel.MAIL, Channel.WHATSAPP)}
        # One at a time: what is killed while another is on its way would be two processes, which the store tests hold.
        policy = replace(RULED, concurrency=1)
        await notify_due(store=self.store, channels=channels, templates=Templates(), clock=self.clock, policy=policy)

    async def check(self, channel: Channel, message: Message) -> None:
        """Every rule, at the moment of sending, from what the tables say then."""
        now = self.clock.now
        async with self.store.read() as session:
            (notice,) = [n for n in await notices.of_shipment(session, "R") if n.key == message.key]
            shipment = await shipments.get(session, "R")
        assert shipment
        assert shipment.status_at
        assert notice.milestone in self.latest, "of a scan that is no latest_status"
        assert channel is not Channel.WHATSAPP, "without consent"
        assert now - shipment.status_at <= timedelta(days=1), "stale"
        again = (notice.milestone, channel) in self.sent
        if channel is Channel.SMS:
            assert not again, "twice"
            assert not QUIET.until(now, INDIA), "in quiet hours"
            assert not self.opted_out, "to who opted out"
        else:
            assert not again or message.key in self.doubtful, "twice, though the first was sure"
        if notice.milestone in JOURNEY:
            later = JOURNEY[JOURNEY.index(notice.milestone) + 1 :]
            assert not {m for m, c in self.sent if c is channel} & set(later), "after a later one"
        self.sent.append((notice.milestone, channel))

    def teardown(self) -> None:
        if not hasattr(self, "store"):
            return
        self.mood = "well"
        for _ in range(6):
            self.clock.forward(hours=11)
            self.apply()
            self.notify()
        left = self.loop.run(self._open_notices())
        assert left == [], "every notice comes to its end, and says why"
        self.loop.run(self.store.close())
        self.loop.close()
        self.folder.cleanup()

    async def _open_notices(self) -> list[str]:
        async with self.store.read() as session:
            made = await notices.of_shipment(session, "R")
        return [f"{n.milestone} {n.state} {n.why}" for n in made if n.due_at is not None or not n.why]


class _Line:
    """A channel in one of its moods."""

    def __init__(self, machine: Machine, channel: Channel, repeatable: bool) -> None:
        self._machine = machine
        self._channel = channel
        self.repeatable = repeatable

    async def send(self, message: Message) -> SendResult:
        mood = self._machine.mood
        if mood == "killed before":
            raise Killed
        if mood == "away":
            return NotSent("away")
        await self._machine.check(self._channel, message)
        if mood in ("killed after", "hangs"):
            self._machine.doubtful.add(message.key)
        else:
            self._machine.doubtful.discard(message.key)
        if mood == "killed after":
            raise Killed
        return MaybeSent("no answer") if mood == "hangs" else Sent()


TestRules = Machine.TestCase
TestRules.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
