"""What the overview shows besides needs: orders by hour, failures, webhooks, held accounts and scheduled runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from awbridge.clickpost.wire.answer_codes import ANSWER_NAMES
from awbridge.domain.orders.shipment import State
from awbridge.steps.orders.shipment_columns import courier_name
from awbridge.steps.polling.watch import Coverage, coverage
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.schedule import Schedule, schedules
from awbridge.store import Store
from awbridge.store.audit import activity
from awbridge.store.audit.activity import HourCounts
from awbridge.store.couriers import accounts
from awbridge.store.couriers.accounts import Held
from awbridge.store.engine.database import Session
from awbridge.store.polling import arrivals
from awbridge.store.registration import failures
from awbridge.web.pages.language import gettext

HOURS = 24
LASTS = timedelta(seconds=10)  # how long all visitors are shown the same numbers
_MOST_FAILURES = 8  # groups that are shown; the page of failures has all
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_FAILED = (State.REJECTED, State.GAVE_UP, State.RETRYING)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureBar:
    """Shipments of a courier that fail with one answer. `url`: their list."""

    courier: str
    business_status: int | None
    http_status: int | None
    shipments: int
    url: str

    @property
    def answer(self) -> str:
        """ClickPost's answer, in the visitor's language: bars outlast a visit."""
        if self.business_status is None:
            return f"HTTP {self.http_status}" if self.http_status else gettext("no response")
        return f"{self.business_status} {gettext(ANSWER_NAMES.get(self.business_status, ''))}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldAccount:
    """A courier account whose shipments are held, and why."""

    name: str
    held: Held


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookNumbers:
    """Webhooks of the last hour, and how much of the last day came by them (None: no scan came)."""

    last_at: datetime | None
    by_minute: float
    share: float | None
    gaps: int
    covered_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """All of it, at one time."""

    at: datetime
    hours: Sequence[HourCounts]
    failures: Sequence[FailureBar]
    webhooks: WebhookNumbers
    held: Sequence[HeldAccount]
    schedules: Sequence[Schedule]


class ActivityReader:
    """Reads the activity, at most once in a while however many pages ask for it."""

    def __init__(self, store: Store, clock: Clock, zone: ZoneInfo, crons: Sequence[tuple[str, str]]) -> None:
        self._store = store
        self._clock = clock
        self._zone = zone
        self._crons = crons
        self._last: Activity | None = None

    async def read(self) -> Activity:
        """The activity now, or of the last seconds."""
        now = self._clock()
        if self._last is not None and timedelta() <= now - self._last.at < LASTS:
            return self._last
        covered = await coverage(store=self._store, clock=self._clock, back=_DAY)
        jobs = await schedules(store=self._store, clock=self._clock, zone=self._zone, crons=self._crons)
        async with self._store.read() as session:
            self._last = Activity(
                at=now,
                hours=await activity.by_hour(session, until=_next_hour(now, self._zone), hours=HOURS),
                failures=await _failures(session),
                webhooks=await _webhooks(session, covered, now),
                held=await _held(session, now),
                schedules=jobs,
            )
        return self._last


def _next_hour(now: datetime, zone: ZoneInfo) -> datetime:
    """The end of the current hour in the zone, as UTC."""
    hour = now.astimezone(zone).replace(minute=0, second=0, microsecond=0)
    return hour.astimezone(now.tzinfo) + _HOUR


async def _failures(session: Session) -> list[FailureBar]:
    """The largest groups of failing shipments, over all states in which orders fail."""
    found: dict[tuple[int, int | None, int | None], list[tuple[int, State]]] = {}
    for state in _FAILED:
        for group in await failures.groups(session, state):
            key = (group.courier_partner_id, group.http_status, group.business_status)
            found.setdefault(key, []).append((group.shipments, state))
    bars = [_bar(*key, counts) for key, counts in found.items()]
    return sorted(bars, key=lambda bar: -bar.shipments)[:_MOST_FAILURES]


def _bar(courier: int, http: int | None, code: int | None, counts: Sequence[tuple[int, State]]) -> FailureBar:
    """The bar of one courier and answer. Its list is that of the state with most of them."""
    query = f"state={max(counts)[1].value}&courier={courier}" + ("" if code is None else f"&failure_code={code}")
    return FailureBar(
        courier=courier_name(courier),
        business_status=code,
        http_status=http,
        shipments=sum(shipments for shipments, _ in counts),
        url=f"/shipments?{query}" if courier else "/failures",
    )


async def _webhooks(session: Session, covered: Coverage, now: datetime) -> WebhookNumbers:
    arrived = await arrivals.since(session, arrivals.stretch_of(now - _HOUR))
    deliveries = sum(a.deliveries for a in arrived if a.source == "webhook")
    by_webhook = sum(courier.by_webhook for courier in covered.day.values())
    scans = by_webhook + sum(courier.by_polling for courier in covered.day.values())
    return WebhookNumbers(
        last_at=covered.last_webhook_at,
        by_minute=deliveries / 60,
        share=by_webhook / scans if scans else None,
        gaps=sum(not span.covered for span in covered.spans if now - span.to_at > _HOUR),
        covered_until=covered.covered_until,
    )


async def _held(session: Session, now: datetime) -> list[HeldAccount]:
    every = {a.state.account: a for a in await accounts.every(session)}
    return [
        HeldAccount(name=courier_name(every[key].courier_partner_id, every[key].account_code), held=held)
        for key, held in sorted((await accounts.held(session, now=now)).items())
        if key in every
    ]
