"""The work of one round: many items at once, and results that are recorded although the database is busy."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import stamina

from awbridge.domain.errors import StoreBusy

T = TypeVar("T")


async def for_each(items: Iterable[T], work: Callable[[T], Awaitable[object]], *, at_once: int) -> None:
    """Do the work for each item, `at_once` at most. A failure does not interrupt the others: all finish, then the first
    error is raised."""
    seats = asyncio.Semaphore(at_once)

    async def one(item: T) -> None:
        async with seats:
            await work(item)

    for ended in await asyncio.gather(*map(one, items), return_exceptions=True):
        if isinstance(ended, BaseException):
            raise ended


async def until_recorded(record: Callable[[], Awaitable[T]]) -> T:
    """Record the result of a call that was made and must be kept: a busy database is retried. Raises StoreBusy."""
    async for attempt in stamina.retry_context(on=StoreBusy, attempts=6, timeout=20.0):
        with attempt:
            return await record()
    raise AssertionError("the last attempt returns or raises")
