"""Keep calls: failed calls that no step keeps (accounts, webhook registration) become attempts too; on request all.

The client's hook may not wait, so it puts them into a small queue; a loop writes them down in batches. When the queue
is full it goes onto the disk; where that has no place, calls are dropped, counted and told.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Sequence
from datetime import datetime

import structlog

from awbridge.domain.attempt import AttemptOutcome
from awbridge.domain.call import Call
from awbridge.domain.errors import StoreBusy, StoreError
from awbridge.steps.audit.calls import is_failure
from awbridge.steps.records.unrecorded import Unrecorded
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.audit import attempts
from awbridge.store.audit.attempts import NewAttempt

log = structlog.get_logger()

CAPACITY = 1000  # calls that may wait
BATCH = 100  # calls in one transaction

_Waiting = tuple[Call, bool, datetime]  # whether it failed, and when


class CallRecorder:
    """The client's `on_call` hook; `flush` writes down what waits.

    `kept_elsewhere`: the APIs whose steps keep failed calls. `all_calls`: good ones are taken too, but for the APIs in
    `kept_whole`, whose steps keep them.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        kept_elsewhere: Collection[str] = (),
        kept_whole: Collection[str] = (),
        all_calls: bool = False,
        capacity: int = CAPACITY,
        unrecorded: Unrecorded | None = None,
    ) -> None:
        self._unrecorded = unrecorded
        self._clock = clock
        self._kept_elsewhere = frozenset(kept_elsewhere)
        self._kept_whole = frozenset(kept_whole)
        self._all_calls = all_calls
        self._capacity = capacity
        self._waiting: deque[_Waiting] = deque()
        self._told = 0
        self._dropped = 0
        self.on_waiting: Callable[[], None] | None = None

    def __call__(self, call: Call) -> None:
        """Take a call if it is wanted and nobody else keeps it. Never waits, never raises."""
        failed = is_failure(call.http_status, call.business_status, "")
        if call.api in (self._kept_elsewhere if failed else self._kept_whole) or not (failed or self._all_calls):
            return
        if len(self._waiting) >= self._capacity and not self.put_aside():
            self._drop()
            return
        self._waiting.append((call, failed, self._clock()))
        if self.on_waiting:
            self.on_waiting()

    @property
    def dropped(self) -> int:
        """How many calls are lost: for which there was no place, neither here nor on the disk."""
        return self._dropped + (self._unrecorded.dropped if self._unrecorded else 0)

    def put_aside(self) -> bool:
        """Put what waits onto the disk; False where there is none for it."""
        if self._unrecorded is None:
            return False
        self._unrecorded.keep_now([_attempt(waiting) for waiting in self._waiting])
        self._waiting.clear()
        return True

    def _drop(self) -> None:
        if self._unrecorded:
            self._unrecorded.drop(1)  # it also raises the alarm
        else:
            self._dropped += 1

    async def flush(self, store: Store) -> int:
        """Write down a batch; how many. What the database refuses now waits on."""
        if self.dropped > self._told:
            log.error("calls.dropped", dropped=self.dropped - self._told)
            self._told = self.dropped
        batch = [self._waiting[n] for n in range(min(BATCH, len(self._waiting)))]
        if not batch:
            return 0
        try:
            await _write(store, batch)
        except StoreBusy:
            self.put_aside()  # a process that is killed meanwhile loses none of them
            raise
        except StoreError:
            await self._one_by_one(store, batch)  # one bad row must not hold up the rest for ever
        for _ in batch:
            self._waiting.popleft()
        return len(batch)

    async def _one_by_one(self, store: Store, batch: Sequence[_Waiting]) -> None:
        for waiting in batch:
            try:
                await _write(store, [waiting])
            except StoreBusy:
                raise
            except StoreError:
                self._drop()


async def _write(store: Store, batch: Sequence[_Waiting]) -> None:
    async with store.write() as session:
        await attempts.add_many(session, [_attempt(waiting) for waiting in batch])


def _attempt(waiting: _Waiting) -> NewAttempt:
    call, failed, made_at = waiting
    outcome = AttemptOutcome.FAILED if failed else AttemptOutcome.DONE
    return NewAttempt(call=call, reference_number=None, outcome=outcome, made_at=made_at)
