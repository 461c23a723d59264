"""Shipments that match a filter, newest first. No index serves every combination, so each page reads a bounded number.

A page of rare matches may be empty and still have an `end`: the search continues from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime

from awbridge.domain.orders.listing import ShipmentFilter
from awbridge.domain.orders.shipment import Shipment, State
from awbridge.store.engine.database import Session
from awbridge.store.engine.pages import AFTER_ALL
from awbridge.store.engine.queries import Queries
from awbridge.store.engine.shards import fetch_of
from awbridge.store.orders.shipments import fetch_shipments

_sql = Queries(__name__)

EXAMINED = 5000  # rows that a page reads at most

Position = tuple[datetime, str]  # (created_at, reference number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Matching shipments; `end` is where the search continues, None if the list ends."""

    shipments: Sequence[Shipment]
    end: Position | None


async def newest(
    session: Session, wanted: ShipmentFilter, *, state: State | None, before: Position | None, limit: int
) -> Found:
    """Up to `limit` matching shipments of a state (None: of all), newest first, among the next EXAMINED ones."""
    start = before or AFTER_ALL
    if wanted.created_before is not None:
        start = min(start, (wanted.created_before, ""))
    one = (state.value,) if state else ()
    listed, last = (_sql.newest_in_state, _sql.last_of_state) if state else (_sql.newest, _sql.last_of_all)
    found = await fetch_shipments(session, listed, *astuple(wanted), *start, EXAMINED, limit, *one)
    if len(found) == limit:
        return Found(shipments=found, end=(found[-1].created_at, found[-1].reference_number))
    rows = await session.fetch(last, *start, EXAMINED - 1, *one)
    end = (rows[0]["created_at"], rows[0]["reference_number"]) if rows else None
    if end and wanted.created_from is not None and end[0] < wanted.created_from:
        end = None
    return Found(shipments=found, end=end)


async def with_phone(session: Session, tail: str, *, before: Position | None, limit: int) -> list[Shipment]:
    """Shipments whose customer's phone number ends in these four digits, newest first."""
    return await fetch_shipments(session, _sql.with_phone, tail, *(before or AFTER_ALL), limit)


async def failure_codes(session: Session, references: Sequence[str]) -> dict[str, int | None]:
    """ClickPost's code in the newest answer to create-order of each of these shipments."""
    return {row["reference_number"]: row["code"] for row in await fetch_of(session, _sql.failure_codes, references)}
