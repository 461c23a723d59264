"""Columns of `shipments` that allocate a courier, or move a shipment to another account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from awbridge.domain.orders.shipment import Shipment, State, account_key, shard_of
from awbridge.store.couriers import accounts
from awbridge.store.engine.database import Session
from awbridge.store.engine.queries import Queries
from awbridge.store.orders.shipments import from_row

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
    return [from_row(row) for row in await session.fetch(_sql.claim_allocating, owner, until, now, limit)]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAllocated:
    """What allocate decided about a shipment that got no courier. `ask_at`: when the recommendation is asked again."""

    state: State
    no_of_retries: int
    problem: str | None
    ask_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The courier account that was chosen for a shipment, and by what."""

    transporter: str
    courier_partner_id: int
    account_code: str | None
    by: str


async def allocate(session: Session, reference_number: str, owner: str, chosen: Chosen, *, now: datetime) -> bool:
    """Give a shipment its courier and hand it to push; False when the lease was lost."""
    await accounts.ensure(session, [(chosen.courier_partner_id, chosen.account_code)])
    changed = await session.execute(
        _sql.allocated,
        shard_of(reference_number),
        reference_number,
        owner,
        chosen.transporter,
        chosen.courier_partner_id,
        chosen.account_code,
        chosen.by,
        now,
        account_key(chosen.courier_partner_id, chosen.account_code),
    )
    return changed > 0


async def not_allocated(
    session: Session, reference_number: str, owner: str, decided: NotAllocated, *, now: datetime
) -> bool:
    """Keep what became of a shipment that got no courier."""
    changed = await session.execute(
        _sql.not_allocated,
        shard_of(reference_number),
        reference_number,
        owner,
        decided.state.value,
        decided.no_of_retries,
        decided.problem,
        decided.ask_at,
        now,
    )
    return changed > 0


async def movable(session: Session, transporter: str, after: tuple[int, str], *, limit: int) -> list[Shipment]:
    """What a transporter still has to place, after this (shard, reference number), locked."""
    return [from_row(row) for row in await session.fetch(_sql.movable, transporter, *after, limit)]


async def move(session: Session, reference_number: str, chosen: Chosen, *, now: datetime) -> bool:
    """Put a shipment under another courier account; False when ClickPost may hold it, or it is being sent."""
    await accounts.ensure(session, [(chosen.courier_partner_id, chosen.account_code)])
    changed = await session.execute(
        _sql.move,
        shard_of(reference_number),
        reference_number,
        chosen.transporter,
        chosen.courier_partner_id,
        chosen.account_code,
        chosen.by,
        now,
        account_key(chosen.courier_partner_id, chosen.account_code),
    )
    return changed > 0
