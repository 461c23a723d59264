"""Two times: the real one, and the courier's, which may start in the past and run faster."""

import time
from collections.abc import Callable


class Clock:
    """Real and courier time, both as epoch seconds.

    Courier time starts `backdate_seconds` before the real start and runs `speed` times as fast; it can be pushed
    forward, and it never overtakes real time, so that no scan lies in the future.
    """

    def __init__(self, *, speed: float, backdate_seconds: float, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._speed = speed
        self._backdate = backdate_seconds
        self._advanced = 0.0
        self._started = now()

    def restart(self) -> None:
        """Start both times anew."""
        self._advanced = 0.0
        self._started = self._now()

    def real(self) -> float:
        """Epoch seconds now."""
        return self._now()

    def since_start(self) -> float:
        """Real seconds since the start."""
        return self._now() - self._started

    def courier(self) -> float:
        """Epoch seconds of the courier's clock, at most real()."""
        now = self._now()
        ahead = (now - self._started) * self._speed + self._advanced
        return min(self._started - self._backdate + ahead, now)

    def advance(self, seconds: float) -> None:
        """Push courier time forward; what would lie beyond real time is lost."""
        behind = self._now() - self.courier()
        self._advanced += min(seconds, behind)
