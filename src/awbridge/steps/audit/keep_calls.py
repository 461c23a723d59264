"""Keep calls: records failed calls that no step records (accounts, webhook registration); optionally all calls.

The client's hook must not wait, so it puts calls into a small queue, which a loop stores in batches. A full queue is
written to the local disk. If the disk has no space, calls are dropped, counted and logged.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime

import structlog

from awbridge.domain.attempt import AttemptOutcome
from awbridge.domain.call import Call
from awbridge.domain.errors import StoreBusy
from awbridge.steps.audit.calls import is_failure
from awbridge.steps.records.unrecorded import Unrecorded, record_all
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.audit.attempts import NewAttempt

log = structlog.get_logger()

CAPACITY = 1000  # calls that may wait
BATCH = 100  # calls in one transaction

_Waiting = tuple[Call, bool, datetime]  # whether it failed, and when


@dataclass(eq=False)
class CallRecorder:
    """The client's `on_call` hook; `flush` stores the waiting calls.

    `kept_elsewhere`: the APIs whose steps record failed calls. `all_calls`: record successful calls too, except those
    of the APIs in `kept_whole`, whose steps record them.
    """

    clock: Clock
    _: KW_ONLY
    kept_elsewhere: Collection[str] = ()
    kept_whole: Collection[str] = ()
    all_calls: bool = False
    capacity: int = CAPACITY
    unrecorded: Unrecorded | None = None
    on_waiting: Callable[[], None] | None = None
    _waiting: deque[_Waiting] = field(default_factory=deque[_Waiting], init=False)
    _logged: int = field(default=0, init=False)
    _dropped: int = field(default=0, init=False)

    def __call__(self, call: Call) -> None:
        """Queue a call unless it is not wanted or a step records it. Never waits, never raises."""
        failed = is_failure(call.http_status, call.business_status, "")
        if call.api in (self.kept_elsewhere if failed else self.kept_whole) or not (failed or self.all_calls):
            return
        if len(self._waiting) >= self.capacity and not self.write_to_disk():
            self._drop()
            return
        self._waiting.append((call, failed, self.clock()))
        if self.on_waiting:
            self.on_waiting()

    @property
    def dropped(self) -> int:
        """How many calls were lost: neither the queue nor the disk had space."""
        return self._dropped + (self.unrecorded.dropped if self.unrecorded else 0)

    def write_to_disk(self) -> bool:
        """Write the waiting calls to the local disk; False if there is no place configured for them."""
        if self.unrecorded is None:
            return False
        self.unrecorded.keep_now([_attempt(waiting) for waiting in self._waiting])
        self._waiting.clear()
        return True

    def _drop(self) -> None:
        if self.unrecorded:
            self.unrecorded.drop(1)  # it also raises the alarm
        else:
            self._dropped += 1

    async def flush(self, store: Store) -> int:
        """Store a batch; how many. While the database is away, the calls keep waiting."""
        if self.dropped > self._logged:
            log.error("calls.dropped", dropped=self.dropped - self._logged)
            self._logged = self.dropped
        batch = [self._waiting[n] for n in range(min(BATCH, len(self._waiting)))]
        if not batch:
            return 0
        try:
            refused = await record_all(store, [_attempt(waiting) for waiting in batch])
        except StoreBusy:
            self.write_to_disk()  # if this process is killed meanwhile, none of them is lost
            raise
        for _ in range(refused):
            self._drop()
        for _ in batch:
            self._waiting.popleft()
        return len(batch)


def _attempt(waiting: _Waiting) -> NewAttempt:
    call, failed, made_at = waiting
    outcome = AttemptOutcome.FAILED if failed else AttemptOutcome.DONE
    return NewAttempt(call=call, reference_number=None, outcome=outcome, made_at=made_at)
