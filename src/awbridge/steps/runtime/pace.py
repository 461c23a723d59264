"""A rate limit for calls, shared by all processes, that also respects the vendor's Retry-After."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.polling import paces

LONGEST_SILENCE = 30.0  # seconds of waiting between two beats


class Pace:
    """Grants turns to call. Await `turn` before each call; turns are spread evenly.

    The next turn is a row in the database, so that all processes together keep the limit. `beat` is called while a
    process waits, so that waiting is not mistaken for hanging.
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

        `before_waiting` gets the length of the wait, so that the caller can extend its lease.
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
        """Grant no turn for this long, as the vendor requested. Raises StoreBusy."""
        async with store.write() as session:
            await paces.rest(session, self._name, seconds, now=clock())
