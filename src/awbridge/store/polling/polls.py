"""Columns of `shipments` that schedule polling: which shipments are polled by track-order, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from awbridge.domain.orders.shipment import Shipment, shard_of
from awbridge.store.engine.database import Session, row_as
from awbridge.store.engine.pages import AFTER_ALL
from awbridge.store.engine.queries import Queries
from awbridge.store.orders.shipments import fetch_shipments

_sql = Queries(__name__)


@dataclass(frozen=True, slots=True)
class DuePoll:
    """A shipment to poll."""

    reference_number: str
    waybill: str
    courier_partner_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DueSoon:
    """How many shipments of a courier are due soon, and when the first of them is due."""

    courier_partner_id: int
    shipments: int
    first_at: datetime


async def due_soon(session: Session, *, due: datetime, asked_before: datetime, limit: int) -> list[DueSoon]:
    """How many to poll by courier, among the `limit` earliest due by `due` and not polled since `asked_before`.

    The courier whose shipment is due first comes first.
    """
    return [row_as(DueSoon, row) for row in await session.fetch(_sql.due_soon, due, asked_before, limit)]


async def open_by_courier(session: Session, *, tracked_before: datetime) -> dict[int, tuple[int, int]]:
    """By courier: how many shipments are open, and how many of them had their last update before."""
    rows = await session.fetch(_sql.open_by_courier, tracked_before)
    return {row["courier_partner_id"]: (row["shipments"], row["silent"]) for row in rows}


async def claim_due_polls(
    session: Session,
    courier_partner_id: int,
    *,
    now: datetime,
    due: datetime,
    asked_before: datetime,
    next_poll_at: datetime,
    limit: int,
) -> list[DuePoll]:
    """Claim up to `limit` shipments of a courier to poll; none is polled again before `next_poll_at`."""
    rows = await session.fetch(_sql.claim_due_polls, now, next_poll_at, limit, due, courier_partner_id, asked_before)
    return [row_as(DuePoll, row) for row in rows]


async def age_out(session: Session, *, now: datetime, silent_since: datetime, limit: int) -> int:
    """Put shipments without any news since then onto a person's list, and off the schedule; how many.

    Looks at the first `limit` that are due.
    """
    return await session.execute(_sql.age_out, now, silent_since, limit)


async def resume_polling(
    session: Session, reference_number: str, *, now: datetime, asked_before: datetime, else_at: datetime
) -> bool:
    """Poll a shipment at once, or at `else_at` if it was polled since `asked_before`.

    False for one without a waybill and one that has reached its end.
    """
    shard = shard_of(reference_number)
    return await session.execute(_sql.resume_polling, shard, reference_number, now, asked_before, else_at) > 0


async def aged_out(session: Session, *, before: tuple[datetime, str] | None = None, limit: int = 50) -> list[Shipment]:
    """Shipments no longer polled for lack of updates; those aged out last come first.

    `before` is the (aged_out_at, reference_number) where the last page ended.
    """
    return await fetch_shipments(session, _sql.aged_out, *(before or AFTER_ALL), limit)


async def count_aged_out(session: Session) -> int:
    """How many shipments are on the list of the silent ones."""
    return (await session.fetch(_sql.count_aged_out))[0]["shipments"]


async def record_poll(session: Session, reference_number: str, *, polled_at: datetime, next_poll_at: datetime) -> None:
    """The question was answered: the next one is due then, unless the shipment has reached its end."""
    await session.execute(_sql.record_poll, shard_of(reference_number), reference_number, next_poll_at, polled_at)


async def count_placed(session: Session) -> int:
    """How many shipments have a waybill."""
    return (await session.fetch(_sql.count_placed))[0]["shipments"]


async def placed_after(session: Session, after: tuple[int, str], *, limit: int) -> list[DuePoll]:
    """All shipments with a waybill after this (shard, reference number), in that order."""
    return [row_as(DuePoll, row) for row in await session.fetch(_sql.placed_after, *after, limit)]
