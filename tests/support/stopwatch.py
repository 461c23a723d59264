"""Time without the seconds in which this process waited for a processor."""

from __future__ import annotations

import time
from pathlib import Path

# Seconds from outside, with the requests that the process itself makes: ClickPost hangs up after about 2.
IN_TIME = 1.95


def _kept_waiting() -> float:
    """Seconds that the threads of this process have waited for a processor, as Linux counts them."""
    total = 0
    for thread in Path("/proc/self/task").glob("*/schedstat"):
        try:
            total += int(thread.read_text().split()[1])
        except OSError:  # it has just ended
            continue
    return total / 1e9


class Stopwatch:
    """Runs from its creation. On a busy machine it slows down like the measured code."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._waited = _kept_waiting()

    @property
    def seconds(self) -> float:
        """Seconds since then, without those in which other processes had the processors."""
        waited = max(_kept_waiting() - self._waited, 0.0)
        return max(time.monotonic() - self._started - waited, 0.0)
