"""Finds shipments by a reference number, a waybill (own, of a piece, RTO), an order id."""

from __future__ import annotations

from datetime import datetime

from awbridge.domain.errors import NotFound, NotPossible
from awbridge.domain.orders.shipment import Shipment
from awbridge.store.couriers import accounts
from awbridge.store.engine.database import Session
from awbridge.store.orders import lists, shipments, waybills


async def of_waybill(session: Session, waybill: str) -> list[Shipment]:
    """The shipments that a waybill belongs to, newest first: couriers number independently, so there may be several."""
    known = (await waybills.find(session, [waybill])).get(waybill, [])
    found = await shipments.get_many(session, sorted({k.reference_number for k in known}))
    return sorted(found, key=_place, reverse=True)


async def search(
    session: Session, text: str, *, before: tuple[datetime, str] | None = None, limit: int
) -> list[Shipment]:
    """The shipments whose reference number, waybill (own, of a piece, RTO) or order id is exactly this, newest first.

    `before` is the (created_at, reference_number) where the last page ended.
    """
    text = text.strip()
    if not text:
        return []
    found = {s.reference_number: s for s in await of_waybill(session, text)}
    if (named := await shipments.get(session, text)) is not None:
        found[text] = named
    older = [s for s in found.values() if before is None or _place(s) < before]
    of_order = await lists.newest_of_order(session, text, before=before, limit=limit)
    unique = {s.reference_number: s for s in (*older, *of_order)}
    return sorted(unique.values(), key=_place, reverse=True)[:limit]


def _place(shipment: Shipment) -> tuple[datetime, str]:
    return shipment.created_at, shipment.reference_number


async def named(session: Session, name: str, *, now: datetime) -> Shipment:
    """The shipment of this reference number, else of this waybill, as it is shown.

    Raises NotFound, or NotPossible where the waybill is one of several shipments.
    """
    shipment = await shipments.get(session, name)
    if shipment is None:
        found = await of_waybill(session, name)
        if len(found) > 1:
            listed = ", ".join(f"{s.reference_number} (courier {s.courier_partner_id})" for s in found)
            raise NotPossible(
                f"waybill {name} belongs to several shipments: {listed}. Name one by its reference number"
            )
        shipment = found[0] if found else None
    if shipment is None:
        raise NotFound(f"there is no shipment {name}, neither by reference number nor by waybill")
    return lists.shown(shipment, await accounts.held(session, now=now))
