"""A pace for calls: so many a second over all processes, and none before the vendor's own wish."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.polling import paces

LONGEST_SILENCE = 30.0  # seconds of waiting after which whoever waits says that it lives


class Pace:
    """Hands out turns. Whoever wants to call awaits `turn` first; turns are spread evenly, not bunched.

    The turns are a row in the database, so that any number of processes make no more calls than one. The more they are,
    the longer each waits: `beat` is called while it does, so that nobody takes waiting for hanging.
    """

    def __init__(
        self,
        name: str,
        calls_per_second: float,
        *,
        beat: Callable[[], None] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._name = name
        self._gap = timedelta(seconds=1.0 / calls_per_second)
        self._beat = beat or (lambda: None)
        self._sleep = sleep

    async def turn(
        self, store: Store, clock: Clock, *, before_waiting: Callable[[timedelta], Awaitable[None]] | None = None
    ) -> None:
        """Return when it is time for one more call. Raises StoreBusy.

        `before_waiting` is told how long that will be: whoever holds a lease makes it last.
        """
        async with store.write() as session:
            wait = await paces.take(session, self._name, gap=self._gap, now=clock())
        self._beat()
        if before_waiting:
            await before_waiting(wait)
        left = wait.total_seconds()
        while left > 0:
            await self._sleep(min(left, LONGEST_SILENCE))
            left -= LONGEST_SILENCE
            self._beat()

    async def rest(self, store: Store, clock: Clock, seconds: float) -> None:
        """Give no turn for so long: the vendor asked for it. Raises StoreBusy."""
        async with store.write() as session:
            await paces.rest(session, self._name, seconds, now=clock())
