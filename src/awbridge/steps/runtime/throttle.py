"""ApplyThrottle: lets incoming webhooks go before applying stored ones.

A webhook must be answered within two seconds; its content may be applied later. One process does both. So apply rests
between its rounds, and rests longer while more deliveries arrive than it can apply.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

GATHER = 0.02  # seconds between rounds while deliveries arrive: fewer and larger rounds
OVERRUN = 2  # deliveries that arrive for each applied one: above it a rush begins
RECOVERED = 4 / 3  # and at this it ends: apply is then faster without rests, and catches up when less arrives
SHARE = 4  # in a rush, seconds of rest for each second of work
MEASURE = 0.04  # seconds of rest in which the undisturbed rate of arrivals is measured
MEASURE_EVERY = 1.0  # seconds between measurements while apply keeps up
LONGEST = 0.5  # seconds


class ApplyThrottle:
    """Decides when apply rests. `arrived`: how many deliveries have arrived since the start."""

    def __init__(self, arrived: Callable[[], int]) -> None:
        self._arrived = arrived
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

        Returns at once where none has arrived since the last call.
        """
        if self.is_quiet:
            return
        self._arrived_before = self._arrived()
        self._rush = self._demand * worked > (RECOVERED if self._rush else OVERRUN) * done
        if self._rush:
            await self._measure(min(max(SHARE * worked, MEASURE), LONGEST))
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
