"""Set clocks: keeps this process on the database's time, and corrects the times that a clock ahead has written.

A clock that was ahead leaves windows that count as covered, tries that are due tomorrow, leases that do not end. Once
it is corrected, time goes back; that is detected here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from awbridge.steps.runtime.clock import Clock, is_ahead
from awbridge.store import Store
from awbridge.store.engine.clocks import clock_marks
from awbridge.store.engine.clocks.pull_back import WasAhead, pull_back
from awbridge.store.engine.clocks.shared_time import SHARED_TIME, SharedTime

log = structlog.get_logger()

MAY_DIFFER = 5.0  # seconds by which a machine's clock may be off without an alarm
GOES_BACK = timedelta(seconds=60)  # smaller steps are normal for synchronized clocks and delay nothing for longer
NOTE_EVERY = timedelta(seconds=20)  # so much less than GOES_BACK that what is not noted yet makes no difference
SHOWN_FOR = 3600.0  # seconds that a jump is an alarm
NOT_BEFORE = datetime(2026, 1, 1, tzinfo=UTC)  # an earlier clock was not set since the start


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockPolicy:
    """The account's zone; and the longest lease that covers a single call."""

    zone: ZoneInfo
    lease: timedelta


@dataclass(kw_only=True, eq=False)
class SetClocks:
    """Checks the time of one process, in one account's tables. `problem` says what is wrong with it; "" for nothing.

    `measures`: whether this is the home, whose database says what time it is, and which reports problems. An account's
    follows the time that the home has measured.
    """

    store: Store
    clock: Clock
    policy: ClockPolicy
    shared: SharedTime = SHARED_TIME
    steady: Callable[[], float] = time.monotonic
    measures: bool = True
    _base: float | None = field(init=False)  # of the shared time, when last looked at
    _jumped: float = field(default=0.0, init=False)
    _jumped_at: float = field(default=float("-inf"), init=False)
    _fell_back: timedelta = field(default=timedelta(0), init=False)  # how far this process's time was set back
    _unset: datetime | None = field(default=None, init=False)
    _note_again_at: datetime | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._base = self.shared.base

    async def check(self) -> int:
        """Measure the time, and pull back times that are ahead where it has gone back. Always 0. Raises StoreBusy."""
        gone_back = await self._gone_back()
        if gone_back is not None and gone_back > GOES_BACK:
            # Measure again: a machine that was suspended meanwhile compared an old time with the newest of the others.
            gone_back = await self._gone_back()
        if gone_back is None:
            return 0
        if gone_back > GOES_BACK:
            await self._pull_back(gone_back)
        elif not is_ahead(self._note_again_at, now := self.clock(), most=NOTE_EVERY):
            async with self.store.write() as session:
                await clock_marks.note(session, now)
            self._note_again_at = now + NOTE_EVERY
        return 0

    async def _gone_back(self) -> timedelta | None:
        """How far now is behind the latest recorded time; None where that is unknown.

        Also where another process has set the mark back already: this one may have written times ahead until now.
        """
        async with self.store.read() as session:
            jumped = await self.shared.measure(session) if self.measures else self._jump_of_others()
            latest = await clock_marks.latest(session)
        now = self.clock()
        self._unset = now if now < NOT_BEFORE else None
        if jumped is None or self._unset:
            return None
        if abs(jumped) > MAY_DIFFER and self.measures:
            self._jumped, self._jumped_at = jumped, self.steady()
            log.warning("clock.jumped", seconds=round(jumped))
        if jumped < -GOES_BACK.total_seconds():
            self._fell_back = timedelta(seconds=-jumped)
        return max(latest - now if latest else timedelta(0), self._fell_back)

    def _jump_of_others(self) -> float:
        """By how many seconds the shared time has jumped since this looked last, as the home has measured it."""
        before, self._base = self._base, self.shared.base
        return 0.0 if before is None or self._base is None else self._base - before

    async def _pull_back(self, by: timedelta) -> None:
        ahead = WasAhead(now=self.clock(), by=by, lease=self.policy.lease, zone=self.policy.zone)
        rows = await pull_back(self.store, ahead, clock=self.clock)
        async with self.store.write() as session:
            await clock_marks.set_back(session, now=self.clock(), by=by)
        self._fell_back = timedelta(0)
        log.warning("clock.was_ahead", seconds=round(by.total_seconds()), rows=dict(rows))

    @property
    def problem(self) -> str:
        """What is wrong with this machine's clock, or was within the last hour. "" for an account: the home says it."""
        if not self.measures:
            return ""
        if self._unset:
            return f"shows {self._unset:%Y-%m-%d %H:%M} UTC; it is not used to correct stored times"
        skew = self.shared.skew
        if abs(skew) > MAY_DIFFER:
            where = "ahead of" if skew > 0 else "behind"
            return f"is {abs(skew):.0f} s {where} the database's, which counts"
        if self.steady() - self._jumped_at < SHOWN_FOR:
            return f"was set {'forward' if self._jumped > 0 else 'back'} by {abs(self._jumped):.0f} s within the hour"
        return ""
