"""The table `waybills`: every air waybill we know, and whose it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from awbridge.domain.shipment import WaybillKind, shard_of
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


async def add(
    session: Session, waybill: str, courier_partner_id: int, reference_number: str, kind: WaybillKind, *, now: datetime
) -> None:
    """Remember whose a waybill is. The first word stands."""
    await session.execute(_sql.add, shard_of(waybill), waybill, courier_partner_id, reference_number, kind.value, now)


async def find(session: Session, numbers: Sequence[str]) -> dict[str, list[KnownWaybill]]:
    """What is known of these waybills."""
    found: dict[str, list[KnownWaybill]] = {}
    if numbers:
        unique = sorted(set(numbers))
        for row in await session.fetch(_sql.find, unique, [shard_of(n) for n in unique]):
            known = KnownWaybill(
                row["waybill"], row["courier_partner_id"], row["reference_number"], WaybillKind(row["kind"])
            )
            found.setdefault(known.waybill, []).append(known)
    return found
