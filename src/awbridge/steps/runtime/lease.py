"""Leases: no work starts that could outlive its lease, or the lease is renewed while the work runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec import Struct

from awbridge.domain.errors import StoreError

RENEWED = timedelta(minutes=5)  # the lease of work of unknown length
RENEW_EVERY = 60.0  # seconds


class LeaseLost(Exception):
    """Another process may hold the work now: abort, and write nothing more."""


class Lease(Struct, frozen=True, gc=False):
    """A lease that ends at `until`. Each piece of work under it lasts at most `longest`."""

    until: datetime
    longest: timedelta

    def allows(self, now: datetime) -> bool:
        """Whether work that starts now is certain to end within the lease."""
        return now < self.until and now + self.longest <= self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasePolicy:
    """The lease of claimed rows, and the longest call under it. Raises ValueError where the lease is shorter."""

    lease: timedelta = timedelta(seconds=120)
    longest_call: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        checked(self.lease, self.longest_call)

    def begin(self, now: datetime) -> Lease:
        """A lease that begins now."""
        return Lease(now + self.lease, self.longest_call)


def checked(lease: timedelta, longest: timedelta) -> None:
    """Raise ValueError where a lease is shorter than the longest work under it: no work could ever start."""
    if lease < longest:
        raise ValueError(
            f"a lease of {lease.total_seconds():g} s ends before work of {longest.total_seconds():g} s can"
        )


@asynccontextmanager
async def renewed(renew: Callable[[], Awaitable[bool]], *, every: float = RENEW_EVERY) -> AsyncGenerator[None]:
    """Renew a lease of `RENEWED` while the block runs.

    Raises LeaseLost and cancels the block when `renew` returns False, or when the database was unavailable for so long
    that the lease may have ended.
    """
    until_sure = RENEWED.total_seconds() - every
    loop = asyncio.get_running_loop()

    async def keep(limit: asyncio.Timeout) -> None:
        renewed_at = loop.time()
        while True:
            await asyncio.sleep(every)
            started_at = loop.time()
            try:
                is_held = await renew()
            except StoreError:
                is_held = loop.time() - renewed_at < until_sure
            else:
                renewed_at = started_at
            if not is_held:
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
