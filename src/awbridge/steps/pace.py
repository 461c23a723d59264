"""A pace for calls: so many a second and no more, and none before the vendor's own wish."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable


class Pace:
    """Hands out turns. Whoever wants to call awaits `turn` first; turns are spread evenly, not bunched.

    One pace is one process's: several processes make several times as many calls.
    """

    def __init__(
        self,
        calls_per_second: float,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._gap = 1.0 / calls_per_second
        self._now = now
        self._sleep = sleep
        self._next = 0.0

    async def turn(self) -> None:
        """Return when it is time for one more call."""
        now = self._now()
        at = max(now, self._next)
        self._next = at + self._gap
        if at > now:
            await self._sleep(at - now)

    def rest(self, seconds: float) -> None:
        """Give no turn for so long: the vendor asked for it."""
        self._next = max(self._next, self._now() + seconds)
