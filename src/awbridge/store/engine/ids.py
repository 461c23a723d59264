"""Ids that grow with time and need no round trip: microseconds since 1970, never the same twice in one process."""

from __future__ import annotations

import os
import threading
from datetime import datetime

from awbridge.store.engine.clocks.shared_time import SHARED_TIME

_PROCESS_BITS = 10
STEP = 1 << _PROCESS_BITS  # between two ids that `take` gives


class Ids:
    """A source of 63-bit ids, for any thread. The low bits are the process's own, so that two processes do not meet."""

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()
        self._process = int.from_bytes(os.urandom(2), "big") & ((1 << _PROCESS_BITS) - 1)

    def next(self) -> int:
        """The next id: greater than every one before it from this source."""
        with self._lock:
            self._last = last = max(self._last + 1, _microseconds())
        return (last << _PROCESS_BITS) | self._process

    def take(self, count: int) -> list[int]:
        """The next `count` ids, as `next` would give them."""
        with self._lock:
            first = max(self._last + 1, _microseconds())
            self._last = first + count - 1
        return [(number << _PROCESS_BITS) | self._process for number in range(first, first + count)]


def _microseconds() -> int:
    return int(SHARED_TIME.seconds() * 1_000_000)


def first_id(at: datetime) -> int:
    """No id that was given since then is smaller. A time for which there is no id gives the nearest."""
    return min(max(int(at.timestamp() * 1_000_000) << _PROCESS_BITS, 0), 2**63 - 1)
