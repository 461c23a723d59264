"""Columns of `shipments` for cancellations of shipments that ClickPost holds. shipments.py requests them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from awbridge.domain.orders.cancellation import CancelState
from awbridge.domain.orders.shipment import Shipment, shard_of
from awbridge.domain.retry import NotDone
from awbridge.store.engine.database import Session
from awbridge.store.engine.pages import BEFORE_ALL
from awbridge.store.engine.queries import Queries
from awbridge.store.orders.shipments import fetch_shipments

_sql = Queries(__name__)


async def cancelled(session: Session, reference_number: str, *, now: datetime) -> bool:
    """The shipment is cancelled; False if that was known, or if no cancellation was requested."""
    return await session.execute(_sql.cancelled, shard_of(reference_number), reference_number, now) > 0


async def not_cancelled(
    session: Session, reference_number: str, owner: str, decided: NotDone[CancelState], *, now: datetime
) -> bool:
    """Store the next state; False when the lease was lost (then nothing is written)."""
    shard = shard_of(reference_number)
    return await session.execute(_sql.not_cancelled, shard, reference_number, owner, *decided.columns, now) > 0


async def overtaken(session: Session, reference_number: str, problem: str, *, now: datetime) -> bool:
    """Tracking shows an end other than the requested cancellation; False if that was known."""
    return await session.execute(_sql.overtaken, shard_of(reference_number), reference_number, problem, now) > 0


async def need_a_person(
    session: Session, *, after: tuple[datetime, str] | None = None, limit: int = 50
) -> Sequence[Shipment]:
    """Shipments whose cancellation was refused or gave up, the oldest request first.

    `after` is the (cancel_requested_at, reference_number) where the last page ended.
    """
    return await fetch_shipments(session, _sql.need_a_person, *(after or BEFORE_ALL), limit)


async def count_in_need(session: Session) -> int:
    """How many cancellations were refused or given up."""
    return (await session.fetch(_sql.count_in_need))[0]["shipments"]
