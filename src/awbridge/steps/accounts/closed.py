"""Waits until services have closed an account that was suspended: an export would lack what they store meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from awbridge.steps.accounts.host import FRESH, MOMENT
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.accounts import wakes
from awbridge.store.audit import processes

NOTICED = timedelta(seconds=2 * FRESH)  # after which no process opens an account that is suspended
PATIENCE = timedelta(seconds=60)  # the lease of a process that was killed, and the longest request


async def until_closed(
    home: Store,
    account: str,
    suspended_at: datetime,
    *,
    clock: Clock,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> bool:
    """Whether no process works for the account any more; False if one still does after a minute.

    `home`: the database of the home. Where no process runs on it, there is nothing to wait for.
    """
    until = clock() + PATIENCE
    while True:
        now = clock()
        async with home.read() as session:
            if not await processes.alive(session, now=now):
                return True
            held = await wakes.is_held(session, account, now=now)
        if not held and now >= suspended_at + NOTICED:
            return True
        if now >= until:
            return False
        await pause(MOMENT)
