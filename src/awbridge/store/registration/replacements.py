"""Columns of `shipments` that link a shipment to its successor: replacements and fallbacks."""

from __future__ import annotations

from datetime import datetime

from awbridge.domain.orders.shipment import NewShipment, Shipment, shard_of
from awbridge.store.engine.database import Session
from awbridge.store.engine.queries import Queries
from awbridge.store.orders.shipments import fetch_shipments
from awbridge.store.registration.allocations import set_allocated_by

_sql = Queries(__name__)


async def link(session: Session, old: str, successor: str, *, now: datetime) -> None:
    """Note on both that the one was made in place of the other."""
    await session.execute(_sql.set_replaces, shard_of(successor), successor, old)
    await session.execute(_sql.set_replaced_by, shard_of(old), old, successor, now)


async def hold_back(session: Session, reference_number: str, waits_for: str, *, now: datetime) -> None:
    """Hold a shipment that was never sent until another is cancelled."""
    problem = f"waits until {waits_for} is cancelled"
    await session.execute(_sql.hold_back, shard_of(reference_number), reference_number, waits_for, problem, now)


async def waiting(session: Session, after: tuple[int, str], *, limit: int) -> dict[tuple[int, str], str]:
    """(shard, reference number) -> the shipment whose cancellation it waits for, after this key, in key order."""
    rows = await session.fetch(_sql.waiting, *after, limit)
    return {(row["shard"], row["reference_number"]): row["waits_for"] for row in rows}


async def release(session: Session, reference_number: str, *, now: datetime) -> None:
    """What it waited for is cancelled: push takes it up, unless it was cancelled itself meanwhile."""
    await session.execute(_sql.release, shard_of(reference_number), reference_number, now)


async def explain_waiting(session: Session, reference_number: str, problem: str, *, now: datetime) -> bool:
    """Record why it still waits for another's cancellation; False if that is recorded, or if it no longer waits."""
    shard = shard_of(reference_number)
    return await session.execute(_sql.explain_waiting, shard, reference_number, problem, now) > 0


async def claim_replaceable(
    session: Session, *, owner: str, now: datetime, until: datetime, not_before: datetime, failures: int, limit: int
) -> list[Shipment]:
    """Take shipments that another transporter might take: ended, or failed at least `failures` times, since then."""
    return await fetch_shipments(session, _sql.claim_replaceable, owner, until, now, not_before, failures, limit)


async def free_ended(session: Session, *, now: datetime, not_before: datetime) -> list[str]:
    """Give back the leases on ended shipments that ran out; the reference numbers."""
    return [row["reference_number"] for row in await session.fetch(_sql.free_ended, now, not_before)]


async def replace_later(session: Session, reference_number: str, owner: str, *, at: datetime) -> None:
    """Check again then whether another transporter can take it."""
    await session.execute(_sql.replace_later, shard_of(reference_number), reference_number, owner, at)


async def not_replaced(session: Session, reference_number: str, owner: str) -> None:
    """No other transporter takes it in its current state. It is checked again when it has changed."""
    await session.execute(_sql.not_replaced, shard_of(reference_number), reference_number, owner)


async def supersede(
    session: Session, reference_number: str, owner: str, new: NewShipment, *, problem: str, now: datetime
) -> bool:
    """End a shipment in favour of a successor that was added; False when anything happened to it since its claim.

    The caller rolls back on False: the successor must not stand without this.
    """
    shard = shard_of(reference_number)
    done = await session.execute(_sql.replaced, shard, reference_number, owner, new.reference_number, problem, now)
    await session.execute(_sql.set_replaces, shard_of(new.reference_number), new.reference_number, reference_number)
    await set_allocated_by(session, new.reference_number, f"fallback of {reference_number}")
    return done > 0


async def placed_though_replaced(session: Session, *, limit: int) -> list[str]:
    """Shipments placed by a worker thought dead, after a successor had replaced them."""
    return [row["reference_number"] for row in await session.fetch(_sql.placed_though_replaced, limit)]
