"""Columns of `shipments` that mark stuck parcels, so that lists find them. schema.sql describes them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from awbridge.domain.orders.shipment import Shipment, shard_of
from awbridge.domain.tracking.overdue import StuckAfter
from awbridge.store.engine.database import Session
from awbridge.store.engine.queries import Queries
from awbridge.store.orders.shipments import fetch_shipments

_sql = Queries(__name__)


async def to_mark(session: Session, *, counted_until: datetime, limit: int) -> list[Shipment]:
    """Open parcels without a mark whose limit is counted from then or earlier, locked.

    Those that another transaction has locked are skipped.
    """
    return await fetch_shipments(session, _sql.to_mark, counted_until, limit)


async def missed(session: Session, limits: StuckAfter, *, now: datetime, limit: int) -> list[str]:
    """References of open parcels without a mark that are stuck, and are not `to_mark` yet. Reads all that are open."""
    rows = await session.fetch(_sql.missed, *limits.since(now), now - limits.shortest, limit)
    return [row["reference_number"] for row in rows]


async def no_longer(session: Session, limits: StuckAfter, *, now: datetime, limit: int) -> list[str]:
    """References of open parcels that are marked and, by these limits, not stuck. Reads all that are marked."""
    rows = await session.fetch(_sql.no_longer, *limits.since(now), limit)
    return [row["reference_number"] for row in rows]


async def mark(session: Session, rows: Iterable[tuple[str, datetime | None, datetime | None]]) -> None:
    """Store since when parcels are stuck (None: they are not), and from when their limit is counted.

    A row is (reference number, stuck since, counted from). The caller holds the locks.
    """
    await session.write_rows(_sql.mark, [(shard_of(row[0]), *row) for row in rows])
