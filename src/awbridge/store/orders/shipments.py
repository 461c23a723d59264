"""The table `shipments`: stored, changed, cancelled, listed. How push claims and records is in dispatch.py."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from awbridge.domain.json import JsonObject, written
from awbridge.domain.orders.shipment import NO_COURIER, NewShipment, Region, Shipment, StoredPayload, Tracked, shard_of
from awbridge.store.couriers import accounts
from awbridge.store.customer_page import links
from awbridge.store.engine.database import Row, Session, Writes, reader_of, row_as
from awbridge.store.engine.packing import packed_texts, text_of
from awbridge.store.engine.queries import Queries, Statement
from awbridge.store.engine.shards import fetch_of
from awbridge.store.tracking import inbox

_sql = Queries(__name__)
_read_payload = msgspec.json.Decoder().decode
MOST_OF_ORDER = 20  # shipments of one order that are looked at: one order id may be that of every shipment there is
FEW_OF_ORDER = 3  # of them that are named: two are ambiguous


def from_row(row: Row) -> Shipment:
    """A shipment out of its row."""
    return from_rows([row])[0]


def from_rows(rows: Sequence[Row]) -> list[Shipment]:
    """Shipments out of their rows, all of one statement."""
    read = reader_of(Shipment, rows)
    return [read(row, _made(row)) for row in rows]


def _made(row: Row) -> dict[str, object]:
    return {
        "stored_payload": StoredPayload(_payload, row),
        "payload_version": row["payload_version"] or 1,
        "updated_at": max(row["updated_at"], row["last_tracked_at"] or row["updated_at"]),
        **_tracked(row),
    }


def _payload(row: Row) -> JsonObject:
    return _read_payload(text_of(row, "payload"))


def _tracked(row: Row) -> dict[str, object]:
    children = tuple(json.loads(row["children"])) if row["children"] else ()
    return {"children": children, "link_generation": row["link_generation"] or 0}


async def fetch_shipments(session: Session, statement: Statement, *args: object) -> list[Shipment]:
    """The rows of a statement as shipments."""
    return from_rows(await session.fetch(statement, *args))


def payload_text(payload: Mapping[str, Any]) -> str:
    """The payload as it is kept: its own order of fields, nothing escaped that need not be."""
    return written(payload)


async def add(session: Session, new: NewShipment, *, now: datetime) -> bool:
    """Store a shipment, ready to be pushed; False when its reference number is taken."""
    return bool(await add_many(session, [new], now=now))


async def add_many(session: Session, new: Sequence[NewShipment], *, now: datetime) -> set[str]:
    """Store shipments with their links, each ready to be pushed or, without a courier, to be allocated.

    Returns the reference numbers of those that were stored: the others are taken.
    """
    await accounts.ensure(session, [(one.courier_partner_id, one.account_code) for one in new])
    rows = sorted((_row(one, now) for one in new), key=lambda row: row[:2])
    added = {row["reference_number"] for row in await session.fetch_rows(_sql.add, rows)}
    await links.add_many(session, ((reference_number, 0) for reference_number in added))
    return added


def _row(new: NewShipment, now: datetime) -> tuple[Any, ...]:
    return (
        shard_of(new.reference_number),
        new.reference_number,
        new.order_id,
        new.transporter,
        new.courier_partner_id,
        new.account_code,
        new.region.value,
        new.delivery_type,
        packed_texts(payload_text(new.payload), thoroughly=True),
        new.account,
        new.priority,
        new.allocated_by if new.courier_partner_id != NO_COURIER else None,
        now,
        new.phone_tail,
        new.cod,
    )


async def wake_deliveries(session: Session, added: Sequence[NewShipment], *, now: datetime) -> None:
    """Deliveries that came before their shipments get their turn now."""
    await inbox.wake(session, [f"r:{n.reference_number}" for n in added], now=now)
    await wake_orders(session, [n.order_id for n in added if n.order_id], now=now)


async def wake_orders(session: Session, order_ids: Sequence[str], *, now: datetime) -> None:
    """What waits for one of these orders gets its turn, where the order has one shipment: of several, none is meant."""
    if waited_for := await inbox.waited_for(session, [f"o:{order_id}" for order_id in order_ids]):
        orders = await of_orders(session, [key.removeprefix("o:") for key in waited_for])
        of_one = [key for key in waited_for if len(orders.get(key.removeprefix("o:"), ())) < 2]
        await inbox.wake(session, of_one, now=now)


async def get(session: Session, reference_number: str) -> Shipment | None:
    """One shipment; None when there is none of that reference number."""
    rows = await session.fetch(_sql.get, shard_of(reference_number), reference_number)
    return from_row(rows[0]) if rows else None


async def payloads(session: Session, references: Sequence[str]) -> dict[str, tuple[Region, str]]:
    """The region and the payload's text of those of these shipments that are neither cancelled nor being cancelled."""
    rows = await fetch_of(session, _sql.payloads, references)
    return {row["reference_number"]: (Region(row["region"]), text_of(row, "payload")) for row in rows}


async def lock_many(session: Session, references: Sequence[str]) -> dict[str, Shipment]:
    """These shipments by reference number, locked until the transaction ends."""
    locked = from_rows(await fetch_of(session, _sql.lock_many, references))
    return {shipment.reference_number: shipment for shipment in locked}


class TrackedRows(Mapping[str, Tracked]):
    """Locked shipments by reference number. Each is made of its row when it is first asked for: apply needs few."""

    def __init__(self, rows: Mapping[str, Row]) -> None:
        self.rows = dict(rows)
        self._made: dict[str, Tracked] = {}

    def __getitem__(self, reference_number: str) -> Tracked:
        made = self._made.get(reference_number)
        if made is None:
            row = self.rows[reference_number]
            made = self._made[reference_number] = row_as(Tracked, row, **_tracked(row))
        return made

    def __contains__(self, reference_number: object) -> bool:
        return reference_number in self.rows

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def renew(self, other: TrackedRows) -> None:
        """Replace these shipments by their newer rows."""
        self.rows |= other.rows
        for reference_number in other.rows:
            self._made.pop(reference_number, None)


async def lock_tracked(session: Session, references: Sequence[str]) -> TrackedRows:
    """What tracking needs of these shipments, by reference number; locked until the transaction ends.

    Without the payload, which is most of a row: apply reads a thousand of them a second.
    """
    rows = await fetch_of(session, _sql.lock_tracked, references)
    return TrackedRows({row["reference_number"]: row for row in rows})


async def tracked_after(session: Session, after: tuple[int, str], *, limit: int) -> list[Tracked]:
    """Shipments with updates, after this (shard, reference number), locked until the transaction ends."""
    rows = await session.fetch(_sql.tracked_after, *after, limit)
    read = reader_of(Tracked, rows)
    return [read(row, _tracked(row)) for row in rows]


async def get_many(session: Session, references: Sequence[str]) -> list[Shipment]:
    """Those of these shipments that exist."""
    return from_rows(await fetch_of(session, _sql.get_many, references))


async def of_orders(session: Session, order_ids: Sequence[str]) -> dict[str, list[str]]:
    """Order id -> the reference numbers of its shipments; of an order of many, of some: more than one.

    Not those that a fallback ended: they are not at ClickPost, the successor is meant.
    """
    looked_at: dict[str, list[Row]] = {}
    if order_ids:
        keys = [(order_id, MOST_OF_ORDER) for order_id in sorted(set(order_ids))]
        for row in await session.fetch_rows(_sql.of_orders, keys):
            looked_at.setdefault(row["order_id"], []).append(row)
    found: dict[str, list[str]] = {}
    for order_id, rows in looked_at.items():
        is_whole = len(rows) < MOST_OF_ORDER
        live = [row["reference_number"] for row in rows if not (is_whole and row["replaced"])]
        if live:
            found[order_id] = sorted(live)[:FEW_OF_ORDER]
    return found


async def try_again(session: Session, reference_number: str, *, now: datetime) -> bool:
    """Push (or allocate, where it has no courier) takes it up at once; False when its state does not allow that."""
    return await session.execute(_sql.try_again, shard_of(reference_number), reference_number, now) > 0


async def change_payload(session: Session, new: NewShipment, *, now: datetime, version: int | None = None) -> bool:
    """Replace the payload and push it again; False when it is placed, cancelled or in flight.

    `version` counts its payloads; None keeps the count.
    """
    await accounts.ensure(session, [(new.courier_partner_id, new.account_code)])
    changed = await session.execute(
        _sql.new_payload,
        shard_of(new.reference_number),
        new.reference_number,
        packed_texts(payload_text(new.payload), thoroughly=True),
        new.order_id,
        new.transporter,
        new.courier_partner_id,
        new.account_code,
        new.delivery_type,
        now,
        new.region.value,
        version,
        new.account,
        new.priority,
        new.phone_tail,
        new.cod,
    )
    return changed > 0


async def cancel(session: Session, reference_number: str, *, now: datetime) -> None:
    """Cancel at once what never went out; for the rest, note that it must be cancelled at ClickPost."""
    shard = shard_of(reference_number)
    if not await session.execute(_sql.cancel_unsent, shard, reference_number, now):
        await session.execute(_sql.ask_cancel, shard, reference_number, now)


async def claim_cancels(session: Session, *, owner: str, now: datetime, until: datetime, limit: int) -> list[Shipment]:
    """Take up to `limit` placed shipments that are to be cancelled at ClickPost."""
    return await fetch_shipments(session, _sql.claim_cancels, owner, until, now, limit)


async def set_label(session: Session, reference_number: str, label_url: str, *, now: datetime) -> None:
    """Store the URL of a fresh label."""
    await session.execute(_sql.set_label, shard_of(reference_number), reference_number, label_url, now)


async def set_security_key(session: Session, reference_number: str, security_key: str, *, now: datetime) -> None:
    """Keep the key that opens the shipment's tracking page."""
    await session.execute(_sql.set_security_key, shard_of(reference_number), reference_number, security_key, now)


async def cancel_is_asked(session: Session, reference_number: str) -> bool:
    """Whether the cancellation of this shipment is requested."""
    return bool(await session.fetch(_sql.cancel_asked, shard_of(reference_number), reference_number))


async def settle_not_held(
    session: Session, reference_number: str, *, by: str, problem: str | None, now: datetime
) -> bool:
    """Record a person's statement that no order is held; False if none may be placed, or a call is in progress.

    It is cancelled where that was requested.
    """
    shard = shard_of(reference_number)
    return await session.execute(_sql.settle_not_held, shard, reference_number, now, by, problem) > 0


async def settle_held(session: Session, reference_number: str, *, by: str, now: datetime) -> None:
    """Record who stated under which waybill it is held; `dispatch.place` stores the waybill."""
    await session.execute(_sql.settle_held, shard_of(reference_number), reference_number, now, by)


async def unread(session: Session, *, limit: int) -> list[tuple[int, str, str]]:
    """(shard, reference number, payload) of shipments whose payload an older version stored and nobody has read."""
    rows = await session.fetch(_sql.unread, limit)
    return [(row["shard"], row["reference_number"], text_of(row, "payload")) for row in rows]


async def set_read(store: Writes, rows: Sequence[tuple[int, str, str, bool]]) -> None:
    """Store (shard, reference number, phone tail, COD) of such shipments, in key order."""
    await store.write_at_once([_sql.set_read], rows)
