"""What the customer's page shows of shipments and their scans, for many pages in a few statements."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from pydantic_core import from_json

from awbridge.domain.json import JsonObject
from awbridge.domain.orders.shipment import State
from awbridge.domain.tracking.promise import Promise
from awbridge.store.engine.database import Row, Session
from awbridge.store.engine.packing import text_of
from awbridge.store.engine.queries import Queries
from awbridge.store.engine.shards import fetch_of

_sql = Queries(__name__)

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

    reference_number: str
    waybill: str
    code: int
    location: str
    ndr_code: int | None
    scanned_at: datetime
    received_at: datetime
    return_event: str | None

    @property
    def seen_at(self) -> datetime:
        """When it was scanned. A time in the future counts as the time of receipt."""
        return min(self.scanned_at, self.received_at)


class PagePromise(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A stated day of delivery, as `Promise` has it, in the order of its statement."""

    reference_number: str
    edd: str
    stated_at: datetime
    received_at: datetime
    source: str


_scans = msgspec.json.Decoder(list[PageScan])
_promises = msgspec.json.Decoder(list[PagePromise])


async def shipments(session: Session, references: Iterable[str]) -> dict[str, PageShipment]:
    """Those of these shipments that exist, by reference number."""
    rows = await fetch_of(session, _sql.shipments, references)
    return {row["reference_number"]: _shipment(row) for row in rows}


async def of_orders(session: Session, some: Sequence[PageShipment]) -> dict[str, list[PageShipment]]:
    """By order id, other shipments that were created about when these were, whose customer may be the same person."""
    own = [(s.order_id, s.reference_number) for s in some if s.order_id]
    rows = await session.fetch_rows(_sql.orders_of_several, own) if own else ()
    several = {row["id"] for row in rows}  # most orders are of one parcel, and cost no more than this
    keys = [
        (s.order_id, s.created_at, s.phone_tail, s.reference_number, MOST_NEAR) for s in some if s.order_id in several
    ]
    found: dict[str, dict[str, PageShipment]] = {}
    for row in await session.fetch_rows(_sql.of_orders, keys) if keys else ():
        near = found.setdefault(row["order_id"], {})
        if row["reference_number"] not in near:
            near[row["reference_number"]] = _shipment(row)
    return {order_id: list(near.values()) for order_id, near in found.items()}


async def scans(session: Session, references: Iterable[str]) -> dict[str, list[PageScan]]:
    """The newest scans of these shipments, by reference number, in no particular order."""
    found: dict[str, list[PageScan]] = {}
    for row in await fetch_of(session, _sql.scans, references):
        for scan in _scans.decode(row["found"] or "[]"):
            found.setdefault(scan.reference_number, []).append(scan)
    return found


async def promised(session: Session, references: Iterable[str]) -> dict[str, list[Promise]]:
    """Every stated day of delivery of these shipments, by reference number."""
    found: dict[str, list[Promise]] = {}
    for row in await fetch_of(session, _sql.promised, references):
        for one in _promises.decode(row["found"] or "[]"):
            stated = Promise(edd=one.edd, stated_at=one.stated_at, received_at=one.received_at, source=one.source)
            found.setdefault(one.reference_number, []).append(stated)
    return found


def _shipment(row: Row) -> PageShipment:
    return PageShipment(
        reference_number=row["reference_number"],
        order_id=row["order_id"],
        delivery_type=row["delivery_type"],
        courier_partner_id=row["courier_partner_id"],
        state=State(row["state"]),
        payload=from_json(text_of(row, "payload"), cache_strings="keys"),
        placed_at=row["placed_at"],
        waybill=row["waybill"],
        children=tuple(json.loads(row["children"])) if row["children"] else (),
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
