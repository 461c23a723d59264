"""The time that all processes on one database share, so that leases and due times mean the same to each.

On PostgreSQL that is the database's clock: it is asked now and then, and in between the machine's steady clock counts
on, so that a wall clock which is wrong, or is set while the process runs, changes nothing. On SQLite it is the
machine's.

With several accounts it is the time of the home's database for all of them, wherever their tables are: a lease of an
account ends at the same moment for every process that works for it. Only the home's store is measured; who opens an
account's opens the home's before.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from awbridge.store.engine.clocks import clock_marks
from awbridge.store.engine.database import Session

SLOW = 1.0  # seconds; a slower answer is too imprecise about the time


# While the machine sleeps, on Linux CLOCK_BOOTTIME counts; on macOS CLOCK_MONOTONIC, which is not time.monotonic().
_AWAKE_AND_ASLEEP: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def _steady() -> float:
    """Seconds of a clock that cannot be set and that also runs while the machine sleeps."""
    return time.clock_gettime(_AWAKE_AND_ASLEEP)


def _wall() -> float:
    return datetime.now(UTC).timestamp()


class SharedTime:
    """The shared time as this process knows it. Until it was measured, the machine's."""

    def __init__(self, *, wall: Callable[[], float] = _wall, steady: Callable[[], float] = _steady) -> None:
        self._wall = wall
        self._steady = steady
        self._base: float | None = None  # the database's time when the steady clock showed 0
        self._last: float | None = None  # the same of whichever clock counts, at the last measurement
        self.skew = 0.0  # seconds by which the machine's clock was ahead of the shared time, when last measured

    def set_wall(self, wall: Callable[[], float]) -> None:
        """Take this for the machine's clock: seconds since 1970. For drills, whose machines' clocks are wrong."""
        self._wall = wall

    @property
    def base(self) -> float | None:
        """What changes by as many seconds as the shared time jumps; None until it was measured."""
        return self._last

    def now(self) -> datetime:
        """What time it is, aware, UTC."""
        return datetime.fromtimestamp(self.seconds(), UTC)

    def seconds(self) -> float:
        """What time it is, in seconds since 1970."""
        return self._wall() if self._base is None else self._base + self._steady()

    async def measure(self, session: Session) -> float | None:
        """Ask the database what time it is. By how many seconds the shared time has jumped since the last time.

        None where the answer took too long to say: what was known before counts on. Raises StoreBusy.
        """
        began = self._steady()
        theirs = await clock_marks.database_time(session)
        ended = self._steady()
        if theirs is None:
            self._base, self.skew = None, 0.0
            return self._jumped(self._wall() - ended)
        if ended - began > SLOW and self._base is not None:
            return None
        self._base = theirs.timestamp() - (began + ended) / 2
        self.skew = self._wall() - (self._base + ended)
        return self._jumped(self._base)

    def _jumped(self, base: float) -> float:
        before, self._last = self._last, base
        return 0.0 if before is None else base - before


SHARED_TIME = SharedTime()
"""This process's own. A process has one home."""
