"""ApplyThrottle: lets incoming webhooks, and customers who wait for their pages, go before applying stored deliveries.

A webhook must be answered within two seconds, a page sooner; the content of a delivery may be applied later. One
process does all of them. So apply rests between its rounds, and rests longer while more deliveries arrive than it can
apply, or while many wait for pages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

GATHER = 0.02  # seconds between rounds while deliveries arrive: fewer and larger rounds
OVERRUN = 2  # deliveries that arrive for each applied one: above it a rush begins
RECOVERED = 4 / 3  # and at this it ends: apply is then faster without rests, and catches up when less arrives
CROWD_SHARE = 4  # while many wait for pages, seconds of rest for each second of work
SHARE = 4  # in a rush, seconds of rest for each second of work
MEASURE = 0.04  # seconds of rest in which the undisturbed rate of arrivals is measured
MEASURE_EVERY = 1.0  # seconds between measurements while apply keeps up
LONGEST = 0.5  # seconds


def _nobody() -> bool:
    return False


class ApplyThrottle:
    """Decides when apply rests. `arrived`: how many deliveries have arrived since the start.

    `crowded`: whether many wait for pages.
    """

    def __init__(self, arrived: Callable[[], int], crowded: Callable[[], bool] = _nobody) -> None:
        self._arrived = arrived
        self.crowded = crowded
        self._arrived_before = 0
        self._demand = 0.0  # arrivals a second, by the last measurements
        self._measure_at = 0.0  # by the loop's clock
        self._rush = False

    @property
    def is_quiet(self) -> bool:
        """Whether no delivery has arrived since the last call of `give_way`."""
        return self._arrived() == self._arrived_before

    async def give_way(self, worked: float, done: int, *, more: bool) -> None:
        """Rest after `worked` seconds that applied `done` deliveries; `more`: others are left.

        Returns at once where none has arrived since the last call, and nobody waits for pages.
        """
        if self.is_quiet:
            if self.crowded():
                await asyncio.sleep(min(CROWD_SHARE * worked, LONGEST))
            return
        self._arrived_before = self._arrived()
        self._rush = self._demand * worked > (RECOVERED if self._rush else OVERRUN) * done
        if self._rush:
            await self._measure(min(max(SHARE * worked, MEASURE), LONGEST))
        elif self.crowded():
            await asyncio.sleep(min(max(CROWD_SHARE * worked, GATHER), LONGEST))
        elif not more:
            await asyncio.sleep(GATHER)
        elif asyncio.get_running_loop().time() >= self._measure_at:
            await self._measure(MEASURE)

    async def _measure(self, rest: float) -> None:
        """Rest, and count arrivals in the second half: those of the first half were delayed by the work."""
        clock = asyncio.get_running_loop().time
        await asyncio.sleep(rest / 2)
        before, started = self._arrived(), clock()
        await asyncio.sleep(rest / 2)
        seen = (self._arrived() - before) / (clock() - started)
        self._demand = max(seen, self._demand / 2)  # a short pause does not end a rush
        self._measure_at = clock() + MEASURE_EVERY
