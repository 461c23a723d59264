"""What the customer's page shows of shipments and their scans, for many pages in a few statements."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import structs

from awbridge.domain.json import JsonObject
from awbridge.domain.orders.shipment import State
from awbridge.domain.tracking.promise import Promise
from awbridge.store.engine.database import Row, Session
from awbridge.store.engine.packing import text_of
from awbridge.store.engine.queries import Queries
from awbridge.store.engine.shards import fetch_of

_sql = Queries(__name__)

MOST_SCANS = 200  # of a parcel, as its statement says
MOST_NEAR = 21  # shipments of an order that are looked at, before and after the link's own


class PageShipment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the page needs of a shipment. Times are aware, UTC."""

    reference_number: str
    order_id: str | None
    delivery_type: str
    courier_partner_id: int
    state: State
    payload: JsonObject
    placed_at: datetime | None
    waybill: str | None
    children: tuple[str, ...]
    status_code: int | None
    status_at: datetime | None
    status_bucket: int | None
    final: bool
    edd: str | None
    ndr_code: int | None
    created_at: datetime
    replaces: str | None
    replaced_by: str | None
    cancel_requested_at: datetime | None
    phone_tail: str | None
    ndr_at: datetime | None

    def __repr__(self) -> str:
        return f"PageShipment({self.reference_number!r})"  # the rest is personal


class PageScan(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the page needs of a scan, in the order of its statement. `return_event`: JSON, or None."""

    waybill: str
    code: int
    location: str
    ndr_code: int | None
    scanned_at: datetime
    received_at: datetime
    return_event: str | None
    edd: str | None
    source: str

    @property
    def seen_at(self) -> datetime:
        """When it was scanned. A time in the future counts as the time of receipt."""
        return min(self.scanned_at, self.received_at)


class PageParcel(msgspec.Struct, frozen=True, kw_only=True):
    """A shipment with its newest scans and its stated days of delivery, in no particular order.

    `has_others`: whether its order has another shipment.
    """

    shipment: PageShipment
    scans: Sequence[PageScan]
    promised: Sequence[Promise]
    has_others: bool


class _Stated(msgspec.Struct, frozen=True, array_like=True, gc=False):
    edd: str
    stated_at: datetime
    received_at: datetime
    source: str


class _Parcel(msgspec.Struct, frozen=True, array_like=True):
    """A parcel in the order of its statement. SQLite has numbers for truth."""

    reference_number: str
    order_id: str | None
    delivery_type: str
    courier_partner_id: int
    state: State
    payload: str | None
    packed_payload: str | None
    placed_at: datetime | None
    waybill: str | None
    children: str | None
    status_code: int | None
    status_at: datetime | None
    status_bucket: int | None
    final: int | bool
    edd: str | None
    ndr_code: int | None
    created_at: datetime
    replaces: str | None
    replaced_by: str | None
    cancel_requested_at: datetime | None
    phone_tail: str | None
    ndr_at: datetime | None
    scans: tuple[PageScan, ...] | None
    promised: tuple[_Stated, ...] | None
    has_others: int | bool


class PagePromise(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A stated day of delivery, as `Promise` has it, in the order of its statement."""

    reference_number: str
    edd: str
    stated_at: datetime
    received_at: datetime
    source: str


_parcels = msgspec.json.Decoder(list[_Parcel])
_payload = msgspec.json.Decoder(dict[str, Any])
_promises = msgspec.json.Decoder(list[PagePromise])


async def parcels(session: Session, references: Iterable[str]) -> dict[str, PageParcel]:
    """Those of these shipments that exist, by reference number."""
    rows = await fetch_of(session, _sql.parcels, references)
    found = [_parcel(one) for row in rows for one in _parcels.decode(row["found"] or "[]")]
    cut = [one.shipment.reference_number for one in found if len(one.scans) == MOST_SCANS]
    stated = await _promised(session, cut) if cut else {}
    return {
        reference: structs.replace(one, promised=stated[reference]) if reference in stated else one
        for one in found
        for reference in (one.shipment.reference_number,)
    }


async def of_orders(session: Session, some: Sequence[PageShipment]) -> dict[str, list[PageShipment]]:
    """By order id, other shipments that were created about when these were, whose customer may be the same person."""
    keys = [(s.order_id, s.created_at, s.phone_tail, s.reference_number, MOST_NEAR) for s in some if s.order_id]
    found: dict[str, dict[str, PageShipment]] = {}
    for row in await session.fetch_rows(_sql.of_orders, keys) if keys else ():
        near = found.setdefault(row["order_id"], {})
        if row["reference_number"] not in near:
            near[row["reference_number"]] = _shipment(row)
    return {order_id: list(near.values()) for order_id, near in found.items()}


async def _promised(session: Session, references: Iterable[str]) -> dict[str, list[Promise]]:
    """Every stated day of delivery of these shipments, by reference number."""
    found: dict[str, list[Promise]] = {}
    for row in await fetch_of(session, _sql.promised, references):
        for one in _promises.decode(row["found"] or "[]"):
            stated = Promise(edd=one.edd, stated_at=one.stated_at, received_at=one.received_at, source=one.source)
            found.setdefault(one.reference_number, []).append(stated)
    return found


def _parcel(row: _Parcel) -> PageParcel:
    scans = row.scans or ()
    stated = [
        Promise(edd=one.edd, stated_at=one.stated_at, received_at=one.received_at, source=one.source)
        for one in row.promised or ()
    ]
    stated += [
        Promise(edd=one.edd, stated_at=one.seen_at, received_at=one.received_at, source=one.source)
        for one in scans
        if one.edd is not None
    ]
    packed = bytes.fromhex(row.packed_payload) if row.packed_payload else None
    payload = text_of({"payload": row.payload, "packed_payload": packed}, "payload")
    return PageParcel(
        shipment=PageShipment(
            reference_number=row.reference_number,
            order_id=row.order_id,
            delivery_type=row.delivery_type,
            courier_partner_id=row.courier_partner_id,
            state=row.state,
            payload=_payload.decode(payload),
            placed_at=row.placed_at,
            waybill=row.waybill,
            children=_children(row.children),
            status_code=row.status_code,
            status_at=row.status_at,
            status_bucket=row.status_bucket,
            final=bool(row.final),
            edd=row.edd,
            ndr_code=row.ndr_code,
            created_at=row.created_at,
            replaces=row.replaces,
            replaced_by=row.replaced_by,
            cancel_requested_at=row.cancel_requested_at,
            phone_tail=row.phone_tail,
            ndr_at=row.ndr_at,
        ),
        scans=scans,
        promised=stated,
        has_others=bool(row.has_others),
    )


def _children(text: str | None) -> tuple[str, ...]:
    return tuple(json.loads(text)) if text else ()


def _shipment(row: Row) -> PageShipment:
    return PageShipment(
        reference_number=row["reference_number"],
        order_id=row["order_id"],
        delivery_type=row["delivery_type"],
        courier_partner_id=row["courier_partner_id"],
        state=State(row["state"]),
        payload=_payload.decode(text_of(row, "payload")),
        placed_at=row["placed_at"],
        waybill=row["waybill"],
        children=_children(row["children"]),
        status_code=row["status_code"],
        status_at=row["status_at"],
        status_bucket=row["status_bucket"],
        final=bool(row["final"]),
        edd=row["edd"],
        ndr_code=row["ndr_code"],
        created_at=row["created_at"],
        replaces=row["replaces"],
        replaced_by=row["replaced_by"],
        cancel_requested_at=row["cancel_requested_at"],
        phone_tail=row["phone_tail"],
        ndr_at=row["ndr_at"],
    )
