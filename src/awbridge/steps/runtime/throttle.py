"""ApplyThrottle: who does work that can wait lets those go first who wait for an answer.

What a webhook means may be found out a little later; the webhook itself wants to be answered within two seconds. Both
are done by one process. So apply rests between its rounds, long where more comes in than it could keep up with.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

GATHER = 0.02  # seconds between rounds while deliveries come in: fewer rounds, each with more to do
OVERRUN = 2  # times as many deliveries come as get done: a rush, and answers go first until no more come than get done
SHARE = 4  # then the rest is this many times as long as the work
LOOK = 0.04  # seconds of rest that show how many come when nothing holds them up
LOOK_EVERY = 1.0  # seconds between such looks while the work keeps up
LONGEST = 0.5  # seconds


class ApplyThrottle:
    """When to rest. `arrived` counts, for ever, those who wait for an answer."""

    def __init__(self, arrived: Callable[[], int]) -> None:
        self._arrived = arrived
        self._arrived_before = 0
        self._demand = 0.0  # how many come a second, by the last looks
        self._look_at = 0.0  # by the loop's clock
        self._rush = False

    async def give_way(self, worked: float, done: int, *, more: bool) -> None:
        """Rest after `worked` seconds that got `done` deliveries done; `more`: others are left.

        Returns at once where nobody has come since the last time.
        """
        arrived = self._arrived()
        nobody, self._arrived_before = arrived == self._arrived_before, arrived
        if nobody:
            return
        self._rush = self._demand * worked > (done if self._rush else OVERRUN * done)
        if self._rush:
            await self._look(min(max(SHARE * worked, LOOK), LONGEST))
        elif not more:
            await asyncio.sleep(GATHER)
        elif asyncio.get_running_loop().time() >= self._look_at:
            await self._look(LOOK)

    async def _look(self, rest: float) -> None:
        """Rest, and count who comes in its second half: in the first come those whom the work held up."""
        clock = asyncio.get_running_loop().time
        await asyncio.sleep(rest / 2)
        before, started = self._arrived(), clock()
        await asyncio.sleep(rest / 2)
        seen = (self._arrived() - before) / (clock() - started)
        self._demand = max(seen, self._demand / 2)  # a pause of theirs is not yet the end of a rush
        self._look_at = clock() + LOOK_EVERY
