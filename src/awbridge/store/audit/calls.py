"""Calls of the table `attempts` as evidence: with what is known of their shipment, and which try it was."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime

from awbridge.domain.orders.shipment import shard_of
from awbridge.store.engine.database import Session, row_as
from awbridge.store.engine.queries import Queries
from awbridge.store.engine.store import Store

_sql = Queries(__name__)

PAGE = 500  # calls read at once


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCall:
    """A call and its shipment. `try_number` counts the calls of this API about this shipment, the first is 1."""

    shard: int
    id: int
    reference_number: str | None
    api: str
    method: str
    url: str
    request: str = field(repr=False)
    http_status: int | None
    business_status: int | None
    response: str = field(repr=False)
    error: str
    outcome: str
    ms: int
    made_at: datetime
    waybill: str | None
    order_id: str | None
    courier_partner_id: int | None
    account_code: str | None
    transporter: str | None
    state: str | None
    no_of_retries: int | None
    problem: str | None
    try_number: int


async def of_file(session: Session, file: int) -> list[KeptCall]:
    """The calls that make up a file of the archive, oldest first."""
    return [row_as(KeptCall, row) for row in await session.fetch(_sql.of_file, file)]


async def of_shipment(session: Session, reference_number: str) -> list[KeptCall]:
    """Every call about a shipment, oldest first."""
    rows = await session.fetch(_sql.of_shipment, shard_of(reference_number), reference_number)
    return [row_as(KeptCall, row) for row in rows]


async def failed_between(store: Store, start: datetime, end: datetime) -> AsyncIterator[KeptCall]:
    """Calls from `start` (inclusive) to `end` (exclusive) that did not surely go well, oldest first, page by page."""
    after = (start, -1)
    while True:
        async with store.read() as session:
            page = [row_as(KeptCall, row) for row in await session.fetch(_sql.failed_between, start, end, *after, PAGE)]
        for call in page:
            yield call
        if len(page) < PAGE:
            return
        after = (page[-1].made_at, page[-1].id)
