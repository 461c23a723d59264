"""Watch: raises an alarm when webhooks stop while polling still finds scans, and reports the coverage.

ClickPost does not announce when it stops calling. A changed address, a proxy that drops the key or an expired
certificate looks like a quiet day, unless polling finds scans meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from awbridge.domain.errors import StoreError
from awbridge.domain.notify.alarm_causes import AlarmCause
from awbridge.domain.tracking.coverage import CourierCoverage, Span, silent, spans
from awbridge.domain.tracking.scan import Source
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.audit import samples
from awbridge.store.engine.database import Session
from awbridge.store.notify import alarms
from awbridge.store.polling import arrivals, polls, webhook_keys, windows
from awbridge.store.polling.arrivals import Arrived
from awbridge.store.polling.webhook_keys import Refusal

log = structlog.get_logger()

CHECK_EVERY = 5.0  # seconds
IDLE_EVERY = 60.0  # the same where nothing arrived
WRITE_EVERY = 1.0  # seconds between storing refusals; `awbridge webhook test` waits for that
FORGET_EVERY = 3600.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchPolicy:
    """The alarm's limits: no webhook for `silent_after`, and `at_least` so many scans found by polling meanwhile."""

    silent_after: timedelta = timedelta(hours=1)
    at_least: int = 3


@dataclass(slots=True)
class WebhookRefusals:
    """Webhooks that were refused, by reason: counted by the endpoint, stored by `Watch`."""

    counted: dict[str, tuple[int, datetime]] = field(default_factory=dict[str, tuple[int, datetime]])
    on_first: Callable[[], None] | None = None  # called for the first after `take`

    def add(self, reason: str, now: datetime) -> None:
        """Count one, in memory only, so that a flood of them does not reach the database."""
        is_first = not self.counted
        self.counted[reason] = (self.counted.get(reason, (0, now))[0] + 1, now)
        if is_first and self.on_first:
            self.on_first()

    def take(self) -> dict[str, tuple[int, datetime]]:
        """The counts since the last call, which are reset."""
        taken, self.counted = self.counted, {}
        return taken

    def put_back(self, taken: Mapping[str, tuple[int, datetime]]) -> None:
        """Add counts back that could not be stored."""
        for reason, (refused, last_at) in taken.items():
            more, at = self.counted.get(reason, (0, last_at))
            self.counted[reason] = (refused + more, max(last_at, at))


class Watch:
    """Checks for silence every few seconds while anything arrives, else every minute; stores refusals every second.

    Silence is measured from the start of this process at the earliest.
    """

    def __init__(self, store: Store, clock: Clock, policy: WatchPolicy, refusals: WebhookRefusals) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy
        self._refusals = refusals
        self._since = clock()
        self._checked_at = float("-inf")
        self._wrote_at = float("-inf")
        self._forgot_at = float("-inf")
        self._silent_at: datetime | None = None  # when the silence may become an alarm

    @property
    def due_in(self) -> float:
        """Seconds until the next check where nothing arrives: refusals are to be stored, or the silence is long."""
        if self._refusals.counted:
            return self._wrote_at + WRITE_EVERY - time.monotonic()
        left = (self._silent_at - self._clock()).total_seconds() if self._silent_at else 0.0
        return min(left if left > 0 else IDLE_EVERY, IDLE_EVERY)

    async def check(self) -> int:
        """One round, at most one in 5 s. Always 0: there is never more to do at once."""
        now = time.monotonic()
        if now - self._wrote_at >= WRITE_EVERY:
            self._wrote_at = now
            await self._write_refusals()
        if now - self._checked_at >= CHECK_EVERY:
            self._checked_at = now
            await self.judge()
            if now - self._forgot_at >= FORGET_EVERY:
                self._forgot_at = now
                async with self._store.write() as session:
                    await arrivals.forget(session, now=self._clock())
        return 0

    async def _write_refusals(self) -> None:
        if not (taken := self._refusals.take()):
            return
        try:
            async with self._store.write() as session:
                for reason, (refused, last_at) in sorted(taken.items()):
                    await webhook_keys.refuse(session, reason, refused, last_at=last_at)
        except StoreError:
            self._refusals.put_back(taken)
            raise

    async def judge(self) -> None:
        """Raise or clear the alarm, once over all processes."""
        now = self._clock()
        self._since = min(self._since, now)  # the clock may have been ahead at the start
        async with self._store.read() as session:
            last_at = await arrivals.last_webhook_at(session)
            since = max(last_at or self._since, self._since)
            self._silent_at = since + self._policy.silent_after
            found = _found_by_polling(await arrivals.since(session, since))
            raised_at = (await _alarms(session)).get(AlarmCause.WEBHOOKS_SILENT)
        is_silent = silent(
            last_webhook_at=last_at,
            listening_since=self._since,
            found_meanwhile=found,
            now=now,
            after=self._policy.silent_after,
            at_least=self._policy.at_least,
        )
        if is_silent and raised_at is None:
            async with self._store.write() as session:
                last = last_at.isoformat() if last_at else "never"
                text = f"no webhook since {last}, but polling found {found} scans; run awbridge doctor"
                is_mine = await alarms.raise_(session, AlarmCause.WEBHOOKS_SILENT, text, now=now)
            if is_mine:
                log.error("webhooks.silent", last_webhook=last, found_by_polling=found, do="run awbridge doctor")
        elif raised_at is not None and last_at is not None and last_at > raised_at:
            async with self._store.write() as session:
                is_mine = await alarms.clear(session, AlarmCause.WEBHOOKS_SILENT, now=now)
            if is_mine:
                log.info("webhooks.resumed", silent_seconds=round((last_at - raised_at).total_seconds()))


async def _alarms(session: Session) -> dict[str, datetime]:
    return {alarm.cause: alarm.raised_at for alarm in await alarms.open_now(session)}


def _found_by_polling(arrived: Sequence[Arrived]) -> int:
    return sum(a.scans for a in arrived if a.source != Source.WEBHOOK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What is covered, and by which source. `hour` and `day`: courier id -> the sources of its new scans."""

    at: datetime
    spans: list[Span]
    covered_until: datetime | None
    last_webhook_at: datetime | None
    hour: dict[int, CourierCoverage]
    day: dict[int, CourierCoverage]
    found_since_last_webhook: int
    alarms: dict[str, datetime]
    refusals: dict[str, Refusal]
    silent_shipments: int

    @property
    def lag(self) -> timedelta | None:
        """How far updated-order is behind now; None before its first window."""
        return self.at - self.covered_until if self.covered_until else None

    @property
    def webhook_silence(self) -> timedelta | None:
        """The time since the last webhook; None if there was none within 8 days."""
        return self.at - self.last_webhook_at if self.last_webhook_at else None


async def coverage(*, store: Store, clock: Clock, back: timedelta = timedelta(days=7)) -> Coverage:
    """The coverage now, with uncovered spans as far `back`."""
    now = clock()
    async with store.read() as session:
        last_at = await arrivals.last_webhook_at(session)
        found = await windows.since(session, now - back)
        return Coverage(
            at=now,
            spans=spans(found, start=now - back, now=now),
            covered_until=await windows.covered_until(session),
            last_webhook_at=last_at,
            hour=_by_courier(await arrivals.since(session, arrivals.stretch_of(now - timedelta(hours=1)))),
            day=_by_courier(await arrivals.since(session, arrivals.stretch_of(now - timedelta(days=1)))),
            found_since_last_webhook=_found_by_polling(await arrivals.since(session, last_at)) if last_at else 0,
            alarms=await _alarms(session),
            refusals=await webhook_keys.refusals(session),
            silent_shipments=await _silent_shipments(session, now),
        )


async def _silent_shipments(session: Session, now: datetime) -> int:
    sample = await samples.large(session, now=now)
    return sample.figures.silent_shipments if sample else await polls.count_aged_out(session)


def _by_courier(arrived: Sequence[Arrived]) -> dict[int, CourierCoverage]:
    by_courier: dict[int, CourierCoverage] = {}
    for a in arrived:
        if a.scans:
            known = by_courier.get(a.courier_partner_id, CourierCoverage())
            webhook = a.scans if a.source == Source.WEBHOOK else 0
            by_courier[a.courier_partner_id] = CourierCoverage(
                by_webhook=known.by_webhook + webhook, by_polling=known.by_polling + a.scans - webhook
            )
    return by_courier
