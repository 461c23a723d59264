"""The table `waybills`: every air waybill we know, and whose it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from awbridge.domain.shipment import Piece, Shipment, WaybillKind, shard_of
from awbridge.store.database import Session
from awbridge.store.queries import Queries

_sql = Queries("waybills")


@dataclass(frozen=True, slots=True)
class KnownWaybill:
    """A waybill and the shipment it belongs to. Couriers count on their own: one number may exist at two of them."""

    waybill: str
    courier_partner_id: int
    reference_number: str
    kind: WaybillKind
    piece: Piece | None = None


@dataclass(frozen=True, slots=True)
class NewWaybill:
    """A waybill to remember, with the label and codes that its answer gave."""

    piece: Piece
    courier_partner_id: int
    reference_number: str
    kind: WaybillKind


async def add(
    session: Session, waybill: str, courier_partner_id: int, reference_number: str, kind: WaybillKind, *, now: datetime
) -> None:
    """Remember whose a waybill is. The first word stands."""
    new = NewWaybill(Piece(waybill=waybill), courier_partner_id, reference_number, kind)
    await add_many(session, [new], now=now)


async def add_many(session: Session, new: Sequence[NewWaybill], *, now: datetime) -> None:
    """Remember whose these waybills are, in key order. The first word about each stands."""
    rows = {
        (shard_of(w.piece.waybill), w.piece.waybill, w.courier_partner_id): (
            w.reference_number,
            w.kind.value,
            now,
            w.piece.label_url,
            w.piece.sort_code,
            w.piece.security_key,
        )
        for w in reversed(new)
    }
    await session.write_rows(_sql.add, [(*key, *rows[key]) for key in sorted(rows)])


async def find(session: Session, numbers: Sequence[str]) -> dict[str, list[KnownWaybill]]:
    """What is known of these waybills."""
    found: dict[str, list[KnownWaybill]] = {}
    if numbers:
        unique = sorted(set(numbers))
        for row in await session.fetch(_sql.find, unique, [shard_of(n) for n in unique]):
            known = KnownWaybill(
                row["waybill"],
                row["courier_partner_id"],
                row["reference_number"],
                WaybillKind(row["kind"]),
                Piece(
                    waybill=row["waybill"],
                    label_url=row["label_url"],
                    sort_code=row["sort_code"],
                    security_key=row["security_key"],
                ),
            )
            found.setdefault(known.waybill, []).append(known)
    return found


async def pieces(session: Session, shipment: Shipment) -> list[Piece]:
    """The pieces of a multi-piece shipment, in the order of its answer."""
    known = await find(session, shipment.children)
    return [
        next(
            (k.piece for k in known.get(child, []) if k.piece and k.reference_number == shipment.reference_number),
            Piece(waybill=child),
        )
        for child in shipment.children
    ]


async def of_shipments(session: Session, references: Sequence[str]) -> list[KnownWaybill]:
    """Every waybill of these shipments: main, pieces, RTO."""
    if not references:
        return []
    return [
        KnownWaybill(row["waybill"], row["courier_partner_id"], row["reference_number"], WaybillKind(row["kind"]))
        for row in await session.fetch(_sql.of_shipments, sorted(set(references)))
    ]
