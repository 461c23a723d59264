"""What may be done under a lease: no work is begun that could outlive it, or it is renewed while work goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from awbridge.domain.errors import StoreError

RENEWED = timedelta(minutes=5)  # of work whose length nobody knows
RENEW_EVERY = 60.0  # seconds


class LeaseLost(Exception):
    """Somebody else may be at this work now: it ends here, and nothing more of it is written."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease that ends at `until`, for pieces of work that last at most `longest` each."""

    until: datetime
    longest: timedelta

    def allows(self, now: datetime) -> bool:
        """Whether a piece of work that begins now is sure to end within the lease."""
        return now < self.until and now + self.longest <= self.until


def checked(lease: timedelta, longest: timedelta) -> None:
    """Raise ValueError where a lease is shorter than the longest piece of work under it: nothing would ever begin."""
    if lease < longest:
        raise ValueError(
            f"a lease of {lease.total_seconds():g} s ends before work of {longest.total_seconds():g} s can"
        )


@asynccontextmanager
async def renewed(renew: Callable[[], Awaitable[bool]], *, every: float = RENEW_EVERY) -> AsyncGenerator[None]:
    """Renew a lease of `RENEWED` while the block runs.

    Raises LeaseLost, and breaks the block off, when `renew` says that it is lost, or the database could not be reached
    for so long that it may be.
    """
    until_sure = RENEWED.total_seconds() - every
    loop = asyncio.get_running_loop()

    async def keep(limit: asyncio.Timeout) -> None:
        renewed_at = loop.time()
        while True:
            await asyncio.sleep(every)
            begun_at = loop.time()
            try:
                is_ours = await renew()
            except StoreError:
                is_ours = loop.time() - renewed_at < until_sure
            else:
                renewed_at = begun_at
            if not is_ours:
                limit.reschedule(loop.time())
                return

    limit = asyncio.timeout(None)
    try:
        async with limit:
            keeping = asyncio.create_task(keep(limit))
            try:
                yield
            finally:
                keeping.cancel()
                await asyncio.gather(keeping, return_exceptions=True)
    except TimeoutError:
        if limit.expired():
            raise LeaseLost from None
        raise
