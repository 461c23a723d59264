"""Rows for the tests of the store, of the steps and of the web, and a way to look at tables directly."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from awbridge.domain.outcome import Placed
from awbridge.domain.scan import Scan, Source
from awbridge.domain.shipment import NewShipment, Region
from awbridge.domain.timeline import Entry, Timeline
from awbridge.store import Store, shipments
from awbridge.store.inbox import NewDelivery
from awbridge.store.queries import Statement, parse

T0 = datetime(2026, 11, 2, 6, 30, 0, 123456, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def new_shipment(reference: str = "REF-1", **changes: Any) -> NewShipment:
    values: dict[str, Any] = {
        "reference_number": reference,
        "order_id": f"order of {reference}",
        "transporter": None,
        "courier_partner_id": 4,
        "account_code": "main",
        "region": Region.INDIA,
        "delivery_type": "FORWARD",
        "payload": {"shipment_details": {"reference_number": reference}},
    }
    return NewShipment(**{**values, **changes})


def delivery(identity: str, **changes: Any) -> NewDelivery:
    values: dict[str, Any] = {"source": Source.WEBHOOK, "body": b"{}", "received_at": T0, "problem": None}
    return NewDelivery(identity=identity, **{**values, **changes})


def scan(code: int = 5, at: datetime = T0, **changes: Any) -> Scan:
    values: dict[str, Any] = {"waybill": "AWB1", "courier_partner_id": 4, "code": code, "scanned_at": at}
    return Scan(**{**values, **changes})


def new_scan(reference: str, told: Scan, *, received_at: datetime = T0, **changes: Any) -> tuple[str, Entry]:
    timeline = Timeline()
    timeline.tell(told, own=told.waybill, received_at=received_at, source=Source.WEBHOOK)
    return reference, replace(timeline.entries[0], **changes)


def placed(waybill: str = "AWB1", **changes: Any) -> Placed:
    return Placed(waybill=waybill, **changes)


def sql(text: str) -> Statement:
    """A statement of the test's own, in the house's notation."""
    return parse(f"-- name: own\n{text}")["own"]


async def fetch(store: Store, text: str, *args: object) -> list[dict[str, Any]]:
    async with store.read() as session:
        return [dict(row) for row in await session.fetch(sql(text), *args)]


async def count(store: Store, table: str) -> int:
    return (await fetch(store, f"SELECT COUNT(*) AS n FROM {table}"))[0]["n"]


async def add(store: Store, *references: str, now: datetime = T0, **changes: Any) -> None:
    async with store.write() as session:
        for reference in references:
            assert await shipments.add(session, new_shipment(reference, **changes), now=now)


async def place(store: Store, reference: str, waybill: str, *, now: datetime = T0, **changes: Any) -> None:
    """A shipment that push has registered."""
    async with store.write() as session:
        shipment = await shipments.get(session, reference)
        assert shipment is not None
        answer = placed(waybill, **changes)
        await shipments.place(session, shipment, answer, note=None, now=now, next_ask_at=now + timedelta(days=1))
