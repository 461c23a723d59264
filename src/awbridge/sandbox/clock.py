"""The two clocks of the sandbox: real time, and courier time, which may start in the past and run faster."""

import time
from collections.abc import Callable


class Clock:
    """Real and courier time, both in epoch seconds.

    Courier time starts `backdate_seconds` before the real start and runs `speed` times as fast. It can be advanced.
    It never passes real time, so that no scan is in the future.
    """

    def __init__(self, *, speed: float, backdate_seconds: float, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._speed = speed
        self._backdate = backdate_seconds
        self._advanced = 0.0
        self._started = now()

    def restart(self) -> None:
        self._advanced = 0.0
        self._started = self._now()

    def real(self) -> float:
        """Current real time, epoch seconds."""
        return self._now()

    def since_start(self) -> float:
        """Real seconds since the start."""
        return self._now() - self._started

    def courier(self) -> float:
        """Current courier time, epoch seconds; at most real()."""
        now = self._now()
        ahead = (now - self._started) * self._speed + self._advanced
        return min(self._started - self._backdate + ahead, now)

    def advance(self, seconds: float) -> None:
        """Move courier time forward, at most to real time."""
        behind = self._now() - self.courier()
        self._advanced += min(seconds, behind)
