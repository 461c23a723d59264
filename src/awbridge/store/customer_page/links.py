"""The tables `track_links` and `track_link_progress`: which shipment a link to the customer's page belongs to.

Nothing in them depends on a key. A revoked link, and that of an erased shipment, has no row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from awbridge.domain.customer_page.links import Linked, link_id, shard_of_link
from awbridge.domain.orders.shipment import shard_of
from awbridge.store.engine.database import Row, Session
from awbridge.store.engine.queries import Queries
from awbridge.store.engine.shards import fetch_of

_sql = Queries(__name__)

BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)


async def add_many(session: Session, links: Iterable[tuple[str, int]]) -> None:
    """Store the links of shipments, each by reference number and generation. One that is stored already stays."""
    rows = sorted(_row(reference_number, generation) for reference_number, generation in links)
    if rows:
        await session.write_rows(_sql.add, rows)


def _row(reference_number: str, generation: int) -> tuple[int, int, str]:
    identity = link_id(reference_number, generation)
    return shard_of_link(identity), identity, reference_number


async def find(session: Session, link_ids: Iterable[int]) -> dict[int, str]:
    """Link id -> reference number, of those links that exist. Without any id no query is made."""
    keys = [(shard_of_link(identity), identity) for identity in sorted(set(link_ids))]
    rows = await session.fetch_rows(_sql.find, keys) if keys else []
    return {row["link_id"]: row["reference_number"] for row in rows}


async def add_missing(session: Session, shipments: Iterable[Linked]) -> None:
    """Store the links of those of these shipments that have none and are not erased.

    They are locked first: a link that is being revoked must not come back.
    """
    wanted = {link_id(s.reference_number, s.link_generation): s.reference_number for s in shipments}
    stored = await find(session, wanted)
    rows = await fetch_of(session, _sql.lock, [reference for i, reference in wanted.items() if i not in stored])
    await add_many(
        session, [(r["reference_number"], r["link_generation"] or 0) for r in rows if r["erased_at"] is None]
    )


async def drop(session: Session, reference_number: str, generation: int) -> None:
    """Remove a link: it opens nothing any more."""
    shard, identity, _ = _row(reference_number, generation)
    await session.execute(_sql.drop, shard, identity)


async def renew(session: Session, shipment: Linked) -> bool:
    """Replace a shipment's link by its next one; False for an erased shipment, which has none.

    The caller holds the shipment locked.
    """
    reference, before = shipment.reference_number, shipment.link_generation
    if not await session.execute(_sql.set_generation, shard_of(reference), reference, before + 1):
        return False
    await drop(session, reference, before)
    await add_many(session, [(reference, before + 1)])
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far shipments were looked through: up to this time of storing, and this reference number."""

    until_at: datetime = BEFORE_ALL
    reference_number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A shipment that may lack its link."""

    reference_number: str
    created_at: datetime
    link_generation: int


async def progress(session: Session, number: int) -> Position:
    """How far a pass has come; before all shipments where it never ran."""
    rows = await session.fetch(_sql.progress, number)
    return Position(until_at=rows[0]["until_at"], reference_number=rows[0]["reference_number"]) if rows else Position()


async def set_progress(session: Session, number: int, position: Position) -> None:
    """A pass has come so far. It does not go back."""
    await session.execute(_sql.set_progress, number, position.until_at, position.reference_number)


async def stored_after(session: Session, position: Position, *, before: datetime, limit: int) -> Sequence[Stored]:
    """Up to `limit` shipments that were stored after a position and before a time, oldest first."""
    rows = await session.fetch(_sql.stored_after, position.until_at, position.reference_number, before, limit)
    return [_stored(row) for row in rows]


def _stored(row: Row) -> Stored:
    return Stored(
        reference_number=row["reference_number"],
        created_at=row["created_at"],
        link_generation=row["link_generation"] or 0,
    )
