"""ApplyThrottle: lets incoming webhooks, and customers who wait for their pages, go before applying stored deliveries.

A webhook must be answered within two seconds, a page sooner; the content of a delivery may be applied later. One
process does all of them. So apply lets deliveries gather between its rounds, as a large round costs less for each of
them. It rests longer while more deliveries arrive than it can apply, or while many wait for pages.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

GATHER = 0.25  # seconds between rounds while deliveries arrive
QUIET_AFTER = 1.0  # seconds without an arrival
OVERRUN = 2  # deliveries that arrive for each applied one: above it a rush begins
RECOVERED = 4 / 3  # and at this it ends: apply is then faster without rests, and catches up when less arrives
CROWD_SHARE = 2  # while many wait for pages, seconds of rest for each second of work
SHARE = 4  # in a rush, seconds of rest for each second of work
LEAST = 0.04  # seconds of rest in a rush
LONGEST = 0.5  # seconds


def _nobody() -> bool:
    return False


class ApplyThrottle:
    """Decides when apply rests. `arrived`: how many deliveries have arrived since the start.

    `crowded`: whether many wait for pages.
    """

    def __init__(
        self,
        arrived: Callable[[], int],
        crowded: Callable[[], bool] = _nobody,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._arrived = arrived
        self._crowded = crowded
        self._clock = clock
        self._sleep = sleep
        self._seen = arrived()  # at the last look
        self._came_at = float("-inf")  # when a look last found more
        self._began = (clock(), self._seen)  # of the measurement of arrivals
        self._demand = 0.0  # arrivals a second
        self._rush = False

    @property
    def is_quiet(self) -> bool:
        """Whether no delivery arrives: none in the last second."""
        arrived, now = self._arrived(), self._clock()
        if arrived != self._seen:
            self._seen, self._came_at = arrived, now
        return now - self._came_at >= QUIET_AFTER

    async def give_way(self, worked: float, done: int, *, more: bool) -> None:
        """Rest after `worked` seconds that applied `done` deliveries; `more`: others are left.

        Returns at once where none arrives, and nobody waits for pages.
        """
        self._measure()
        rest = CROWD_SHARE * worked if self._crowded() else 0.0
        if not self.is_quiet:
            self._rush = more and self._demand * worked > (RECOVERED if self._rush else OVERRUN) * done
            if self._rush:
                rest = max(SHARE * worked, LEAST)
            elif not more:
                rest = max(rest, GATHER)
        if rest:
            await self._sleep(min(rest, LONGEST))

    def _measure(self) -> None:
        """Arrivals since the last call. A short pause of theirs does not end a rush."""
        now, arrived = self._clock(), self._arrived()
        began_at, before = self._began
        if now > began_at:
            self._demand = max((arrived - before) / (now - began_at), self._demand / 2)
            self._began = now, arrived
