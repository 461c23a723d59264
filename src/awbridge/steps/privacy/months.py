"""Months of PostgreSQL's tables: made ahead, and dropped when every row of them is old."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import structlog

from awbridge.domain.errors import StoreBusy, StoreError
from awbridge.store import Store
from awbridge.store.engine import partitions
from awbridge.store.engine.ids import first_id
from awbridge.store.engine.partitions import Made, Month, Partition
from awbridge.store.privacy import retention
from awbridge.store.privacy.retention import RetainedTable

T = TypeVar("T")

log = structlog.get_logger()

TRIES = 8  # to lock a table that is in use; each waits for half a second at most, during which others wait too
PAUSE = 1.5  # seconds between them, on average
WHOLE_FROM = timedelta(days=60)  # rows that are kept for less are deleted on their day: a month more would be much
PATIENCE = timedelta(days=7)  # that an old month whose table is always in use waits to be dropped; then its rows go


@dataclass(frozen=True, slots=True, kw_only=True)
class OldMonths:
    """About how many rows were dropped, by table. `rows_before`: older ones are still to be deleted, row by row."""

    counts: Counter[str]
    rows_before: datetime


async def make_months(store: Store, family: Sequence[str], *, now: datetime, worth: int, tries: int = TRIES) -> None:
    """Make the partitions of this month and the next, of large tables. What fails is logged; the next day it is tried.

    `worth`: the bytes from which on a table is large. `tries`: to lock what is in use.
    """

    async def make() -> dict[str, Made]:
        made = await partitions.make_ahead(store.database, family, now=now, worth=worth)
        if Made.MADE in made.values():
            await partitions.analyze(store.database, family)
        return made

    try:
        made = await _patiently(make, tries)
    except StoreBusy as error:
        log.warning("partitions.busy", table=family[0], problem=str(error))
        return
    except StoreError as error:
        log.warning("partitions.refused", table=family[0], problem=str(error))
        return
    for name, what in made.items():
        if what is Made.MADE:
            log.info("partitions.made", partition=name)
        elif what is Made.LEFT:
            log.info("partitions.left", partition=name)


async def drop_months(
    store: Store, table: RetainedTable, *, before: datetime, whole: bool, is_over: Callable[[], bool]
) -> OldMonths:
    """Drop the months of a table that ended `before`, unless one of their rows must be kept.

    `whole`: rows wait until all of their month is old. `is_over`: whether the time of the round has ended.
    """
    counts = Counter[str]()
    if store.dialect != "postgres":
        return OldMonths(counts=counts, rows_before=before)
    async with store.read() as session:
        found = await partitions.listed(session, table.months)
    rows_before = _begin_of_month(found, before) if whole else before
    for span in _old_spans(found, before):
        if is_over():
            break
        try:
            if await _patiently(partial(_drop, store, table, span, before)):
                counts.update({part.table: part.rows for part in span})
                log.info("partitions.dropped", partition=span[0].name, rows=sum(part.rows for part in span))
        except StoreBusy as error:
            log.warning("partitions.busy", table=table.name, problem=str(error))
            if span[0].is_month and before - span[0].ends_at < PATIENCE:
                return OldMonths(counts=counts, rows_before=span[0].begins_at)
        except StoreError as error:
            log.warning("partitions.refused", table=table.name, problem=str(error))
            rows_before = before
    return OldMonths(counts=counts, rows_before=rows_before)


async def _drop(store: Store, table: RetainedTable, span: Sequence[Partition], before: datetime) -> bool:
    is_needed = partial(retention.is_month_needed, table=table, first=span[0].first, end=span[0].end, before=before)
    return await partitions.drop(store.database, span, is_needed=is_needed)


def _begin_of_month(found: Mapping[str, Sequence[Partition]], at: datetime) -> datetime:
    """When the month of this moment begins, if each table has a partition of it; else the moment."""
    month = Month.of(at)
    return month.begins_at if all(any(part.is_of(month) for part in parts) for parts in found.values()) else at


def _old_spans(found: Mapping[str, Sequence[Partition]], before: datetime) -> list[tuple[Partition, ...]]:
    """The partitions that ended before this moment: of each table the one of the same span."""
    ended = [
        {(part.first, part.end): part for part in parts if not part.is_default and part.end <= first_id(before)}
        for parts in found.values()
    ]
    return [tuple(some[span] for some in ended) for span in ended[0] if all(span in some for some in ended)]


async def _patiently(work: Callable[[], Awaitable[T]], tries: int = TRIES) -> T:
    """Try again while a table is in use. Raises StoreError."""
    for left in reversed(range(tries)):
        try:
            return await work()
        except StoreBusy:
            if not left:
                raise
            await asyncio.sleep(PAUSE * random.uniform(0.5, 1.5))  # noqa: S311
    raise AssertionError("the last try returns or raises")
