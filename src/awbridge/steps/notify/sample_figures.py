"""SampleFigures: counts the backlog in the background, so that /metrics and pages need not count a large one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from awbridge.domain.tracking.overdue import DEFAULT_STUCK_AFTER, StuckAfter
from awbridge.steps.runtime.clock import Clock, is_ahead
from awbridge.store import Store
from awbridge.store.audit import figures, samples


@dataclass(kw_only=True, eq=False)
class SampleFigures:
    """The counting of one process. Of all processes, one counts each time."""

    store: Store
    clock: Clock
    stuck_after: StuckAfter = DEFAULT_STUCK_AFTER
    _next_at: datetime | None = field(default=None, init=False)
    _pause: timedelta = field(default=samples.EVERY, init=False)

    async def check(self) -> int:
        """Count and store the figures where that is due. Always 0, so that the loop sleeps."""
        now = self.clock()
        if is_ahead(self._next_at, now, most=self._pause):
            return 0
        self._pause = samples.EVERY
        async with self.store.write() as session:
            is_due = await samples.begin(session, now=now)
        if is_due:
            async with self.store.read() as session:
                counted = await figures.read(session, now=now, stuck_after=self.stuck_after)
            async with self.store.write() as session:
                await samples.save(session, counted, now=now)
            if counted.counted < samples.SMALL:
                self._pause = samples.EVERY_SMALL
        self._next_at = now + self._pause
        return 0
