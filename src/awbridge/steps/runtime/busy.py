"""Whether this process is busy: what takes many small steps may then take fewer and larger ones."""

from __future__ import annotations

import time
from collections.abc import Callable

WINDOW = 0.05  # seconds over which processor time is measured, at least
BUSY = 0.3  # of a core


class ProcessLoad:
    """Call it: has this process used more than a share of one core since it was last measured?

    `used`: seconds of processor time so far.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, used: Callable[[], float] = time.process_time
    ) -> None:
        self._clock = clock
        self._used = used
        self._measured_at, self._used_then = clock(), used()
        self._is_busy = False

    def __call__(self) -> bool:
        """Whether it is busy. Measures again where the last time is long enough ago."""
        passed = self._clock() - self._measured_at
        if passed >= WINDOW:
            used = self._used()
            self._is_busy = used - self._used_then > BUSY * passed
            self._measured_at += passed
            self._used_then = used
        return self._is_busy
