"""Fixtures for the steps: orders, a manual clock, a store that can be made to fail."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from awbridge.domain.errors import StoreBusy
from awbridge.domain.orders.shipment import Shipment
from awbridge.store import Store
from awbridge.store.audit import attempts
from awbridge.store.engine.database import Row, Session
from awbridge.store.engine.queries import Statement
from awbridge.store.orders import shipments
from awbridge.store.tracking import scans
from tests.support.rows import T0, sql

INDIA = ZoneInfo("Asia/Kolkata")


class SetClock:
    """A clock that does not move until a test moves it."""

    def __init__(self, now: datetime = T0) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


def an_order(reference: str = "REF-1", **details: Any) -> dict[str, Any]:
    """A payload of create-order v3 that ClickPost accepts. `details` change shipment_details."""

    def place(side: str) -> dict[str, str]:
        fields = {
            "name": "Asha Rao",
            "address": "12 MG Road",
            "city": "Pune",
            "state": "Maharashtra",
            "pincode": "411001",
            "phone": "9000000000",
        }
        return {f"{side}_{name}": value for name, value in fields.items()}

    return {
        "pickup_info": place("pickup"),
        "drop_info": place("drop"),
        "shipment_details": {
            "courier_partner": 4,
            "account_code": "main",
            "reference_number": reference,
            "order_id": f"order of {reference}",
            "order_type": "PREPAID",
            "delivery_type": "FORWARD",
            "cod_value": 0,
            "invoice_value": 500,
            "invoice_number": "INV-1",
            "invoice_date": "2026-11-02",
            "length": 10,
            "breadth": 10,
            "height": 10,
            "weight": 500,
            "items": [{"sku": "S1", "description": "shirt", "quantity": 1, "price": 500}],
            **details,
        },
        "additional": {},
    }


async def get(store: Store, reference: str) -> Shipment:
    async with store.read() as session:
        found = await shipments.get(session, reference)
    assert found is not None
    return found


async def timeline(store: Store, reference: str) -> list[scans.TimelineScan]:
    async with store.read() as session:
        return await scans.timeline(session, reference)


async def attempts_of(store: Store, reference: str) -> Sequence[attempts.Attempt]:
    async with store.read() as session:
        return await attempts.of_shipment(session, reference)


def indian(at: datetime) -> str:
    """A time as ClickPost's webhooks write it: Indian, with a meaningless Z."""
    return at.astimezone(INDIA).strftime("%Y-%m-%dT%H:%M:%SZ")


def webhook(waybill: str, code: int, at: datetime, **more: Any) -> dict[str, Any]:
    """An all-statuses delivery of one scan."""
    scan = {"timestamp": indian(at), "clickpost_status_code": code, "status": f"s{code}", "location": "Pune"}
    return {"waybill": waybill, "cp_id": 4, **scan, "remark": "", "additional": {"latest_status": scan}, **more}


def as_body(value: object) -> bytes:
    return json.dumps(value).encode()


class _TrippingSession:
    """A session in which the database itself refuses every statement that contains the marker."""

    def __init__(self, session: Session, marker: str) -> None:
        self._session = session
        self._marker = marker

    async def _check(self, values: object) -> None:
        if self._marker in repr(values):
            await self._session.execute(sql("INSERT INTO a_table_that_does_not_exist VALUES (1)"))

    async def fetch(self, statement: Statement, *args: object) -> list[Row]:
        await self._check(args)
        return await self._session.fetch(statement, *args)

    async def execute(self, statement: Statement, *args: object) -> int:
        await self._check(args)
        return await self._session.execute(statement, *args)

    async def write_rows(self, statement: Statement, rows: Sequence[Sequence[object]]) -> None:
        await self._check(rows)
        await self._session.write_rows(statement, rows)

    async def add_rows(self, statement: Statement, rows: Sequence[Sequence[object]]) -> None:
        await self._check(rows)
        await self._session.add_rows(statement, rows)

    async def fetch_rows(self, statement: Statement, rows: Sequence[Sequence[object]]) -> list[Row]:
        await self._check(rows)
        return await self._session.fetch_rows(statement, rows)


class TrippingStore:
    """A real store that refuses statements with `marker`, and is busy for the writes whose numbers `busy` selects."""

    def __init__(self, store: Store, *, marker: str = "\x00none", busy: Callable[[int], bool] | None = None) -> None:
        self._store = store
        self._marker = marker
        self._busy = busy or (lambda _: False)
        self.writes = 0

    def read(self) -> Any:
        return self._store.read()

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[Any]:
        self.writes += 1
        if self._busy(self.writes):
            raise StoreBusy("busy for this test")
        async with self._store.write() as session:
            yield _TrippingSession(session, self._marker)

    async def transact(self, work: Callable[[Any], Coroutine[Any, Any, Any]], *, lasts: bool = True) -> Any:
        async with self.write() as session:
            return await work(session)

    async def write_at_once(
        self,
        statements: Sequence[Statement],
        rows: Sequence[Sequence[object]],
        *,
        on_written: Callable[[], None] | None = None,
    ) -> None:
        async with self.write() as session:
            for statement in statements:
                await session.write_rows(statement, rows)

    @property
    def as_store(self) -> Store:
        return cast("Store", self)
