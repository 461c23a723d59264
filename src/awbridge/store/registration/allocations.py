"""Columns of `shipments` that allocate a courier, or move a shipment to another account."""

from __future__ import annotations

from datetime import datetime

from awbridge.domain.orders.shipment import Shipment, State, account_key, shard_of
from awbridge.domain.retry import NotDone
from awbridge.store.couriers import accounts
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.store.engine.database import Session
from awbridge.store.engine.queries import Queries, Statement
from awbridge.store.orders.shipments import fetch_shipments

_sql = Queries(__name__)


async def set_allocated_by(session: Session, reference_number: str, by: str | None) -> None:
    """Keep what chose the courier."""
    await session.execute(_sql.set_allocated_by, shard_of(reference_number), reference_number, by)


async def set_allocating(session: Session, reference_number: str, *, now: datetime) -> bool:
    """It has no courier yet: a recommendation is requested at once; False if it is placed or cancelled."""
    return await session.execute(_sql.set_allocating, shard_of(reference_number), reference_number, now) > 0


async def claim_allocating(
    session: Session, *, owner: str, now: datetime, until: datetime, limit: int
) -> list[Shipment]:
    """Take up to `limit` shipments that wait for a courier under a lease that ends at `until`."""
    return await fetch_shipments(session, _sql.claim_allocating, owner, until, now, limit)


async def allocate(
    session: Session, reference_number: str, owner: str, account: CourierAccount, *, by: str, now: datetime
) -> bool:
    """Give a shipment its courier, chosen `by` a rule or the like, for push; False when the lease was lost."""
    key = (shard_of(reference_number), reference_number, owner)
    return await _set_account(session, _sql.allocated, account, by, now, key)


async def _set_account(
    session: Session, write: Statement, account: CourierAccount, by: str, now: datetime, key: tuple[object, ...]
) -> bool:
    carrier = (account.courier_partner_id, account.account_code)
    await accounts.ensure(session, [carrier])
    return await session.execute(write, *key, account.transporter, *carrier, by, now, account_key(*carrier)) > 0


async def not_allocated(
    session: Session, reference_number: str, owner: str, decided: NotDone[State], *, now: datetime
) -> bool:
    """Store the next state of a shipment that got no courier; False when the lease was lost."""
    shard = shard_of(reference_number)
    return await session.execute(_sql.not_allocated, shard, reference_number, owner, *decided.columns, now) > 0


async def movable(session: Session, transporter: str, after: tuple[int, str], *, limit: int) -> list[Shipment]:
    """What a transporter still has to place, after this (shard, reference number), locked."""
    return await fetch_shipments(session, _sql.movable, transporter, *after, limit)


async def move(session: Session, reference_number: str, account: CourierAccount, *, by: str, now: datetime) -> bool:
    """Put a shipment under another courier account; False when ClickPost may hold it, or it is being sent."""
    return await _set_account(session, _sql.move, account, by, now, (shard_of(reference_number), reference_number))
