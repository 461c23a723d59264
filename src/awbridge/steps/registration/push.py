"""Push: registers due shipments with ClickPost. Claim, call, record; no transaction is open during a call.

One pipeline: while calls are in flight, the next shipments are claimed and answers that have come are recorded in
groups. A slow courier uses only its own seats. A killed worker loses only its leases: another one claims the
shipments, and ClickPost answers a repeated reference number with 323 and the first waybill.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import structlog
from msgspec.structs import replace

from awbridge.clickpost.orders.create import create_order_request
from awbridge.clickpost.wire.answers import OrderAnswer
from awbridge.domain import concurrency
from awbridge.domain.concurrency import ConcurrencyLimit
from awbridge.domain.errors import StoreBusy, StoreError
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.shipment import Region, SettleBy, Shipment, StoredPayload
from awbridge.steps.records.unrecorded import Unrecorded
from awbridge.steps.registration.claim import Claimed, Claims
from awbridge.steps.registration.record import FinishedCall, attempts_of, record
from awbridge.steps.registration.verdict import (
    NAMES,
    FindsOrders,
    PushPolicy,
    is_answered,
    is_pushback,
    must_be_settled,
)
from awbridge.steps.runtime import traces
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.lease import Lease
from awbridge.steps.runtime.work import until_recorded
from awbridge.store import Store
from awbridge.store.orders import payload_versions

log = structlog.get_logger()

_PAUSE = 0.25  # seconds until the next claim while calls are in flight and none returns


class PlacesOrders(FindsOrders, Protocol):
    """The ClickPost calls that push needs."""

    async def create_order(self, order: JsonObject, /, *, region: Region = Region.INDIA) -> OrderAnswer:
        """Register one shipment. Never raises for a failure of the vendor."""
        ...


async def push_due(*, store: Store, clickpost: PlacesOrders, clock: Clock, policy: PushPolicy) -> int:
    """Register the shipments that are due until none is left or the round is over; how many were claimed."""
    push = Push(store=store, clickpost=clickpost, clock=clock, policy=policy)
    try:
        claimed = await push.round()
    finally:
        await push.drain()
    push.raise_first_error()
    return claimed


@dataclass(kw_only=True, eq=False)
class Push:
    """The pipeline of one process. Calls in flight outlive a round; `drain` waits for them."""

    store: Store
    clickpost: PlacesOrders
    clock: Clock
    policy: PushPolicy
    unrecorded: Unrecorded | None = None
    limit: ConcurrencyLimit = field(init=False)
    _calls: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]], init=False)
    _in_use: Counter[str] = field(default_factory=Counter[str], init=False)
    _answers: deque[FinishedCall] = field(default_factory=deque[FinishedCall], init=False)
    _recording: asyncio.Task[None] | None = field(default=None, init=False)
    _changed: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _errors: list[Exception] = field(default_factory=list[Exception], init=False)
    _stopping: bool = field(default=False, init=False)
    _abandoned: bool = field(default=False, init=False)
    _ended_calls: int = field(default=0, init=False)  # since the last claim
    _claim_at: float = field(default=0.0, init=False)
    _claims: Claims = field(init=False)
    _doubts: Counter[str] = field(default_factory=Counter[str], init=False)  # answers to record that blame the account

    def __post_init__(self) -> None:
        self._claims = Claims(store=self.store, policy=self.policy)
        self.limit = concurrency.starting(self.policy.concurrency)

    async def round(self) -> int:
        """Claim and call until nothing is due and nothing in flight, or the round's time is over; how many claimed."""
        try:
            return await self._round(time.monotonic() + self.policy.round.total_seconds())
        except asyncio.CancelledError:
            self._abandon()
            raise

    async def _round(self, ends_at: float) -> int:
        claimed = 0
        while time.monotonic() < ends_at and not self._stopping:
            self.raise_first_error()
            self._changed.clear()
            new = 0
            if self._should_claim():
                was_busy = self.is_busy  # what ends during a claim may allow what the claim did not find
                try:
                    new = await self._claim()
                except StoreBusy:
                    if not claimed:
                        raise
                    return claimed
                claimed += new
                if not new and not was_busy:
                    return claimed
            if not new:
                await self._wait_for_change()
        return claimed

    def _should_claim(self) -> bool:
        """Whether enough seats became free, or the pause is over. One claim for each free seat would cost too much."""
        if not self._free:
            return False
        some = max(self.limit.now // 4, 1)
        return self._ended_calls >= some or not self.is_busy or time.monotonic() >= self._claim_at

    def stop(self) -> None:
        """Stop claiming: the round ends."""
        self._stopping = True
        self._changed.set()

    async def drain(self) -> None:
        """Wait until every call in flight has ended and is recorded."""
        try:
            while self.is_busy:
                await asyncio.wait([*self._calls, *([self._recording] if self._recording else [])])
        except asyncio.CancelledError:
            self._abandon()
            raise

    def _abandon(self) -> None:
        """Cancel all calls in flight: their leases cover them."""
        self._abandoned = True
        self._answers.clear()
        for task in (*self._calls, *([self._recording] if self._recording else [])):
            task.cancel()

    def raise_first_error(self) -> None:
        """Raise the first error of a call or a recording since the last call of this."""
        if self._errors:
            error, self._errors = self._errors[0], []
            raise error

    @property
    def is_busy(self) -> bool:
        """Whether a call is in flight, or an answer is not recorded yet."""
        return bool(self._calls) or self._recording is not None

    @property
    def _free(self) -> int:
        # Unrecorded answers take seats too, so that calls stop while the database is unavailable.
        busy = len(self._calls) + self._doubts.total() + max(len(self._answers) - self.policy.batch, 0)
        return max(self.limit.now - busy, 0)

    async def _wait_for_change(self) -> None:
        try:
            async with asyncio.timeout(_PAUSE):
                await self._changed.wait()
        except TimeoutError:
            pass

    async def _claim(self) -> int:
        self._ended_calls, self._claim_at = 0, time.monotonic() + _PAUSE
        self.limit = concurrency.after_rest(self.limit, time.monotonic())
        claimed, free = 0, min(self._free, self.policy.batch)
        async for taken in self._claims.take(now=self.clock(), free=free, in_use=self._in_use + self._doubts):
            for one in taken:
                self._start(one)
            claimed += len(taken)
        return claimed

    def _start(self, claimed: Claimed) -> None:
        account = claimed.shipment.account
        self._in_use[account] += 1
        task = asyncio.create_task(self._call(claimed.shipment, claimed.owner, claimed.until, probe=claimed.probe))
        self._calls.add(task)
        task.add_done_callback(lambda ended: self._ended(ended, account))

    def _ended(self, task: asyncio.Task[None], account: str) -> None:
        self._calls.discard(task)
        self._ended_calls += 1
        self._in_use[account] -= 1
        if not self._in_use[account]:
            del self._in_use[account]
        # A failure must not interrupt other calls: it is raised in the next turn of the round.
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self._errors.append(error)
        self._changed.set()

    async def _call(self, shipment: Shipment, owner: str, until: datetime, *, probe: bool) -> None:
        if not Lease(until, self.policy.longest_call).allows(self.clock()):
            return  # this process was suspended: the next holder calls
        answer = asked = None
        with traces.calling("push", shipment.reference_number) as note:
            if shipment.settle_by is not SettleBy.ASKING:
                shipment = await self._to_send(shipment)
                answer = await self._create(shipment)
                note(outcome=NAMES[type(answer.outcome)].value)
            if answer is None or must_be_settled(shipment, answer.outcome, self.clock(), self.policy):
                asked = await self.clickpost.find_order(shipment.reference_number, region=shipment.region)
        done = FinishedCall(
            shipment=shipment,
            owner=owner,
            account=shipment.account,
            probe=probe,
            answer=answer,
            asked=asked,
            answered_at=self.clock(),
        )
        self._answers.append(done)
        # Until it is known whether these open the breaker, no others go in their place.
        if done.blames_account:
            self._doubts[done.account] += 1
        if self._recording is None:
            self._recording = asyncio.create_task(self._record_answers())
            self._recording.add_done_callback(self._recorded)

    async def _create(self, shipment: Shipment) -> OrderAnswer:
        """Call create-order, and adapt the limit to how the vendor coped."""
        request, sent_at = create_order_request(shipment), time.monotonic()
        answer = await self.clickpost.create_order(request, region=shipment.region)
        before, at = self.limit, time.monotonic()
        if is_pushback(answer):
            self.limit = concurrency.after_pushback(before, sent_at=sent_at, at=at)
            if self.limit.value < before.value:
                log.warning("push.slowed", calls=self.limit.now, before=before.now)
        elif is_answered(answer.outcome):
            self.limit = concurrency.after_answer(before, sent_at=sent_at, in_flight=len(self._calls), at=at)
        return answer

    async def _to_send(self, shipment: Shipment) -> Shipment:
        """The shipment with the payload that goes out: its own, or the first that may have been placed."""
        first = shipment.held_version
        if shipment.settle_by is not SettleBy.REPEATING or first in (None, shipment.payload_version):
            return shipment
        async with self.store.read() as session:
            versions = await payload_versions.of_shipment(session, shipment)
        payload = next((v.payload for v in versions if v.version == first), None)
        if not payload:
            return shipment
        return replace(shipment, stored_payload=StoredPayload.of(payload), payload_version=first)

    async def _record_answers(self) -> None:
        """Record all waiting answers in groups, one transaction each, until none is left."""
        while self._answers:
            group = [self._answers.popleft() for _ in range(min(len(self._answers), self.policy.batch))]
            try:
                await self._record(group)
            except Exception as error:
                self._errors.append(error)
            if self._doubts:
                self._doubts -= Counter(done.account for done in group if done.blames_account)
            self._changed.set()

    def _recorded(self, _ended: asyncio.Task[None]) -> None:
        self._recording = None
        self._changed.set()
        if self._answers and not self._abandoned:  # one arrived after the last group
            self._recording = asyncio.create_task(self._record_answers())
            self._recording.add_done_callback(self._recorded)

    async def _record(self, group: Sequence[FinishedCall]) -> None:
        # While the database stays unavailable, the leases end, the repeated calls return the same answers as 323, and
        # these answers are kept on disk.
        try:
            await until_recorded(lambda: record(self.store, group, self.clock(), self.policy))
        except StoreBusy:
            if self.unrecorded:
                await self.unrecorded.keep([attempt for done in group for attempt in attempts_of(done)])
            raise
        except StoreError:
            if len(group) == 1:
                raise
            # A row that the database refuses must not fail the others: record halves, then single rows.
            half = len(group) // 2
            for part in (group[:half], group[half:]):
                try:
                    await self._record(part)
                except StoreError as error:
                    self._errors.append(error)
