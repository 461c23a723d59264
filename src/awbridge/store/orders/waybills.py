"""The tables `waybills` and `reused_waybills`: every known waybill and its shipment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec import Struct

from awbridge.domain.orders.shipment import Piece, Shipment, WaybillKind, shard_of
from awbridge.domain.tracking.attribution import MOST_USES, Use
from awbridge.store.engine.database import Row, Session, row_as
from awbridge.store.engine.queries import Queries
from awbridge.store.engine.shards import fetch_of

_sql = Queries(__name__)


@dataclass(frozen=True, slots=True)
class KnownWaybill:
    """A waybill and a shipment that it belongs to. Couriers count on their own: one number may exist at two of them.

    `since_at`: from when on it is this shipment's, where its courier had given it to another one before.
    """

    waybill: str
    courier_partner_id: int
    reference_number: str
    kind: WaybillKind
    piece: Piece | None = None
    since_at: datetime | None = None


class NewWaybill(Struct, frozen=True, gc=False):
    """A waybill to remember, with the label and codes that its answer gave. `since_at`: when its shipment was sent."""

    piece: Piece
    courier_partner_id: int
    reference_number: str
    kind: WaybillKind
    since_at: datetime


class SharedWaybill(Struct, frozen=True, gc=False):
    """A waybill that a shipment got while it was another one's already, at the same courier (used again) or another."""

    waybill: str
    courier_partner_id: int
    reference_number: str
    other_courier_partner_id: int
    other_reference_number: str


async def add(session: Session, new: Sequence[NewWaybill], *, now: datetime) -> list[SharedWaybill]:
    """Remember whose these waybills are, in key order. One that is another shipment's already stays that one's too.

    Those that are are returned, with the shipment that had each first.
    """
    rows = {
        (shard_of(w.piece.waybill), w.piece.waybill, w.courier_partner_id, w.reference_number): (
            w.kind.value,
            now,
            w.piece.label_url,
            w.piece.sort_code,
            w.piece.security_key,
            w.since_at,
        )
        for w in reversed(new)
    }
    ordered = [(*key, *rows[key]) for key in sorted(rows, key=lambda key: (key[:3], rows[key][-1], key[3]))]
    await session.write_rows(_sql.add, [row[:-1] for row in ordered])
    shared = [row_as(SharedWaybill, row) for row in await session.fetch_rows(_sql.shared, [row[:4] for row in ordered])]
    again = {(s.waybill, s.reference_number) for s in shared if s.courier_partner_id == s.other_courier_partner_id}
    used_again = [(*row, MOST_USES) for row in ordered if (row[1], row[3]) in again]
    await session.write_rows(_sql.add_use, used_again)
    return shared


async def find(session: Session, numbers: Sequence[str]) -> dict[str, list[KnownWaybill]]:
    """What is known of these waybills: of each its first use at every courier, and its later ones."""
    found: dict[str, list[KnownWaybill]] = {}
    for row in await fetch_of(session, _sql.find, numbers):
        found.setdefault(row["waybill"], []).append(_known(row))
    return found


async def uses(session: Session, numbers: Sequence[str]) -> dict[str, list[Use]]:
    """Whose these waybills are, as `find` knows it."""
    found: dict[str, list[Use]] = {}
    for row in await fetch_of(session, _sql.uses, numbers):
        use = Use(
            courier_partner_id=row["courier_partner_id"],
            reference_number=row["reference_number"],
            since_at=row["since_at"],
        )
        found.setdefault(row["waybill"], []).append(use)
    return found


def _known(row: Row) -> KnownWaybill:
    return row_as(KnownWaybill, row, piece=row_as(Piece, row))


async def pieces(session: Session, shipment: Shipment) -> list[Piece]:
    """The pieces of a multi-piece shipment, in the order of its answer."""
    if not shipment.children:
        return []
    known = {k.waybill: k.piece for k in await of_shipments(session, [shipment.reference_number])}
    return [known.get(child) or Piece(waybill=child) for child in shipment.children]


async def of_shipments(session: Session, references: Sequence[str]) -> list[KnownWaybill]:
    """Every waybill of these shipments: main, pieces, RTO."""
    if not references:
        return []
    return [_known(row) for row in await session.fetch(_sql.of_shipments, sorted(set(references)))]


async def reused_by(session: Session, references: Sequence[str]) -> dict[str, dict[str, datetime]]:
    """The waybills of shipments that another one had before, and from when on each is its own, by reference number."""
    found: dict[str, dict[str, datetime]] = {reference: {} for reference in references}
    if found:
        for row in await session.fetch(_sql.reused_by, list(found)):
            found[row["reference_number"]][row["waybill"]] = row["since_at"]
    return found


async def count_reused(session: Session, *, after: datetime) -> int:
    """How many waybills were given to another shipment after this time."""
    return (await session.fetch(_sql.count_reused, after))[0]["uses"]
