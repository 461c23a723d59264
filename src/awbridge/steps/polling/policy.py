"""What covering updated-order and polling track-order share: policy, pace, and the way into the inbox."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from awbridge.clickpost.tracking.track import UpdatedPage
from awbridge.clickpost.tracking.webhook_bodies import delivery_identity
from awbridge.clickpost.wire.answers import TrackAnswer
from awbridge.domain.attempt import AttemptOutcome
from awbridge.domain.errors import VendorError
from awbridge.domain.json import JsonObject
from awbridge.domain.tracking.asking import PollingRules
from awbridge.domain.tracking.scan import Source
from awbridge.steps.records.unrecorded import Unrecorded, keep_call
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.lease import LeasePolicy
from awbridge.steps.runtime.pace import Pace
from awbridge.store import Store
from awbridge.store.audit.attempts import NewAttempt
from awbridge.store.orders.shipments import payload_text
from awbridge.store.tracking.inbox import NewDelivery

SHORTEST = timedelta(seconds=1)
USUAL = timedelta(minutes=5)  # ClickPost recommends windows of 5 to 10 minutes
POLLING = "polling"  # the name of the pace that updated-order and track-order share
PAUSES = (0.5, 2.0, 5.0)  # seconds before a failed call is repeated while a person waits for the result
BeforeWaiting = Callable[[timedelta], Awaitable[None]]  # receives how long the wait for a turn will be


class TrackingVendor(Protocol):
    """The vendor's calls that catching up needs."""

    def updated_order(
        self, start: datetime, end: datetime, *, window: timedelta, page: str = ""
    ) -> AsyncIterator[UpdatedPage]:
        """Every shipment whose status changed in a window of at most 30 minutes, page by page, from `page` on."""
        ...

    async def track_order(self, waybills: Sequence[str], cp_id: int) -> TrackAnswer:
        """The timelines of up to 5 waybills of one courier."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchUpPolicy(LeasePolicy):
    """Window sizes, polling rules, batch size and pace.

    `pace` limits calls over all processes; None: no limit. Failed calls that cannot be stored are kept as `unrecorded`.
    `lease` covers one call and storing its result; waiting for a turn is added.
    """

    window: timedelta = timedelta(minutes=10)
    lag: timedelta = timedelta(minutes=1)
    polling: PollingRules = field(default_factory=PollingRules)
    silent_for: timedelta = timedelta(days=45)
    batch: int = 50  # shipments polled in one round, so that a round stays short while ClickPost is slow
    pace: Pace | None = None
    unrecorded: Unrecorded | None = None
    lease: timedelta = timedelta(minutes=5)
    longest_call: timedelta = timedelta(seconds=60)

    @property
    def shortest(self) -> timedelta:
        """The shortest window that is worth a call."""
        return max(min(self.window / 2, USUAL), SHORTEST)


async def wait_for_turn(
    store: Store, clock: Clock, policy: CatchUpPolicy, before_waiting: BeforeWaiting | None = None
) -> None:
    """Return when the pace allows one more call."""
    if policy.pace:
        await policy.pace.turn(store, clock, before_waiting=before_waiting)
    elif before_waiting:
        await before_waiting(timedelta(0))


def deliveries_of(source: Source, items: Sequence[JsonObject], now: datetime) -> list[NewDelivery]:
    """The items of an answer as deliveries for the inbox."""
    return [NewDelivery(delivery_identity(source, item), source, payload_text(item).encode(), now) for item in items]


async def keep_failed_call(store: Store, error: VendorError, now: datetime, policy: CatchUpPolicy) -> None:
    """Record a failed call."""
    failed = NewAttempt(call=error.call, reference_number=None, outcome=AttemptOutcome.FAILED, made_at=now)
    await keep_call(store, policy.unrecorded, failed)
