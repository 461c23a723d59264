"""ReportProcess: tells the other processes that this one runs, and how quickly it stores webhooks.

Webhook latency is known to the process that answers, and to no other. `awbridge doctor` and the pages of every replica
read it here.
"""

from __future__ import annotations

import socket
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

import awbridge
from awbridge.domain.errors import StoreError
from awbridge.steps.runtime.clock import Clock, is_ahead
from awbridge.store import Store
from awbridge.store.audit import processes
from awbridge.store.audit.processes import ReportedProcess


@dataclass(frozen=True, slots=True)
class AnsweredWebhooks:
    """Webhooks answered with 200 and with 503 since the start. `p99`: seconds to commit one; None: none came."""

    stored: int = 0
    unstored: int = 0
    p99: float | None = None


@dataclass(kw_only=True, eq=False)
class ReportProcess:
    """The reports of one process, every 30 s. `kind`: serve or work. `problem`: see `ReportedProcess`."""

    store: Store
    clock: Clock
    kind: str
    webhooks: Callable[[], AnsweredWebhooks] = AnsweredWebhooks
    problem: Callable[[], str] = str
    _process: ReportedProcess | None = field(default=None, init=False)
    _counted: deque[tuple[datetime, AnsweredWebhooks]] = field(
        default_factory=deque[tuple[datetime, AnsweredWebhooks]], init=False
    )
    _next_at: datetime | None = field(default=None, init=False)

    async def check(self) -> int:
        """Report where that is due. Always 0, so that the loop sleeps."""
        now = self.clock()
        if is_ahead(self._next_at, now, most=processes.EVERY):
            return 0
        self._next_at = now + processes.EVERY
        counts = self._of_the_last_hour(now)
        self._process = replace(
            self._process or self._started(now),
            seen_at=now,
            stored=counts.stored,
            unstored=counts.unstored,
            p99_ms=None if counts.p99 is None else round(counts.p99 * 1000),
            problem=self.problem() or None,
        )
        async with self.store.write() as session:
            await processes.report(session, self._process)
        return 0

    async def end(self) -> None:
        """Report that the process ends. Without it, the others notice after two minutes."""
        if self._process is None:
            return
        try:
            async with self.store.write() as session:
                await processes.end(session, self._process.id)
        except StoreError:
            return

    def _of_the_last_hour(self, now: datetime) -> AnsweredWebhooks:
        """What was answered since the newest report that is at least an hour old, or since the start."""
        total, counted = self.webhooks(), self._counted
        if not counted:
            counted.append((now, AnsweredWebhooks()))
        while len(counted) > 1 and now - counted[1][0] >= processes.COUNTED:
            counted.popleft()
        before = counted[0][1]
        counted.append((now, total))
        return replace(total, stored=total.stored - before.stored, unstored=total.unstored - before.unstored)

    def _started(self, now: datetime) -> ReportedProcess:
        return ReportedProcess(
            id=uuid.uuid4().hex,
            kind=self.kind,
            host=socket.gethostname(),
            version=awbridge.__version__,
            started_at=now,
            seen_at=now,
        )
