"""The shop's tests. On SQLite they need nothing else; on PostgreSQL they include the common transaction."""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from standardwebhooks import Webhook

from awbridge.enqueue import enqueue_async
from shop.app import NewOrder, app
from shop.models import Order, Parcel, new_number
from shop.settings import Settings
from shop.shipping import hand_over, payload_of, send_orders
from tests.conftest import ON_POSTGRESQL, SECRET

ORDER = {
    "name": "Asha Rao",
    "phone": "9000000002",
    "address": "5 Lake View",
    "city": "Bengaluru",
    "state": "Karnataka",
    "pincode": "560001",
    "sku": "SHIRT-M",
    "title": "Cotton shirt, M",
    "price": "1499.50",
}
with_service = pytest.mark.skipif(
    ON_POSTGRESQL or "SHOP_SHIPPING_API" not in os.environ,
    reason="needs SQLite and a running awbridge, which SHOP_SHIPPING_API names",
)
on_postgresql = pytest.mark.skipif(not ON_POSTGRESQL, reason="shop and awbridge share a database on PostgreSQL only")


def in_session(client: TestClient, work: Callable[[AsyncSession], Awaitable[Any]]) -> Any:
    """What `work` returns, in a transaction in the application's event loop."""

    async def run() -> Any:
        async with app.state.sessions.begin() as session:
            return await work(session)

    assert client.portal
    return client.portal.call(run)


def place(client: TestClient) -> str:
    """Place the order; its number."""
    answer = client.post("/orders", json=ORDER)
    assert answer.status_code == 201, answer.text
    return answer.json()["number"]


def parcels(client: TestClient, number: str) -> list[tuple[str, str]]:
    """(what the customer reads, the waybill) of each parcel that the order's page shows."""
    return [(parcel["text"], parcel["waybill"]) for parcel in client.get(f"/orders/{number}").json()["parcels"]]


def event(kind: str, number: str, *, status: str = "", at: str = "2026-11-23T08:30:00+00:00", **more: Any) -> str:
    """An event as awbridge sends it."""
    data = {"reference_number": number, "order_id": number, "waybill": "1234567890", "track_url": None}
    data |= {"replaces": None, "replaced_by": None, **more}
    if status:
        data["status"] = {"code": 8, "name": status, "bucket": 6, "at": at, "final": False}
    return json.dumps({"type": kind, "timestamp": at, "data": data})


def deliver(client: TestClient, body: str, webhook_id: str, secret: str = SECRET) -> int:
    """Send an event as awbridge does; the shop's answer."""
    now = datetime.now(UTC)
    headers = {"webhook-id": webhook_id, "webhook-timestamp": str(int(now.timestamp()))}
    headers["webhook-signature"] = Webhook(secret).sign(webhook_id, now, body)
    return client.post("/hooks/awbridge", content=body, headers=headers).status_code


def test_the_page_follows_the_parcel(client: TestClient) -> None:
    number = place(client)
    assert parcels(client, number) == [("Being packed", "")]
    assert deliver(client, event("shipment.placed", number), "evt_1") == 204
    assert parcels(client, number) == [("Handed to the courier", "1234567890")]
    assert deliver(client, event("delivered", number, status="Delivered"), "evt_2") == 204
    assert parcels(client, number) == [("Delivered", "1234567890")]


def test_an_event_that_is_repeated_is_processed_once(client: TestClient) -> None:
    number = place(client)
    delivered = event("delivered", number, status="Delivered")
    assert deliver(client, delivered, "evt_1") == 204

    async def forget(session: AsyncSession) -> None:
        (await session.get_one(Order, number)).delivered_at = None

    in_session(client, forget)
    assert deliver(client, delivered, "evt_1") == 204
    assert in_session(client, lambda session: session.get_one(Order, number)).delivered_at is None


def test_an_older_status_that_comes_later_changes_nothing(client: TestClient) -> None:
    number = place(client)
    deliver(client, event("status.changed", number, status="Delivered", at="2026-11-23T08:30:00+00:00"), "evt_2")
    deliver(client, event("status.changed", number, status="In Transit", at="2026-11-22T08:30:00+00:00"), "evt_1")
    assert parcels(client, number) == [("Delivered", "1234567890")]


def test_the_page_shows_the_parcel_that_replaced_another(client: TestClient) -> None:
    number = place(client)
    deliver(client, event("shipment.placed", number, reference_number="NEW", waybill="2"), "evt_2")
    deliver(client, event("shipment.cancelled", number, replaced_by="NEW", waybill="1"), "evt_1")
    assert parcels(client, number) == [("Handed to the courier", "2")]


def test_a_forged_event_is_refused_and_one_of_another_shop_is_ignored(client: TestClient) -> None:
    number = place(client)
    forged = "whsec_Zm9yZ2VkIHNlY3JldCBvZiBzb21lYm9keSBlbHNl"
    assert deliver(client, event("delivered", number, status="Delivered"), "evt_1", secret=forged) == 400
    assert parcels(client, number) == [("Being packed", "")]
    assert deliver(client, event("delivered", "OTHER", status="Delivered"), "evt_1") == 204
    assert in_session(client, lambda session: session.get(Parcel, "OTHER")) is None


def test_a_wrong_field_places_no_order(client: TestClient) -> None:
    answer = client.post("/orders", json={**ORDER, "pincode": "12", "price": "free"})
    assert answer.status_code == 422
    assert [problem["loc"][-1] for problem in answer.json()["detail"]] == ["pincode", "price"]
    assert orders(client) == 0


@pytest.mark.skipif(ON_POSTGRESQL, reason="on PostgreSQL orders need no sending")
def test_an_order_stays_until_awbridge_took_it(client: TestClient) -> None:
    number = place(client)
    nowhere = replace(app.state.settings, shipping_api="http://127.0.0.1:9")
    assert client.portal
    with pytest.raises(httpx2.ConnectError):
        client.portal.call(send_orders, app.state.sessions, nowhere)
    assert in_session(client, lambda session: session.get_one(Order, number)).awbridge_has_it is False


def send(client: TestClient, settings: Settings) -> tuple[int, int]:
    """(how many were sent, how many refused)."""
    assert client.portal
    return client.portal.call(send_orders, app.state.sessions, settings)


@with_service
def test_an_order_is_sent_once(client: TestClient) -> None:
    number = place(client)
    settings = replace(app.state.settings, shipping_api=os.environ["SHOP_SHIPPING_API"])
    assert [send(client, settings), send(client, settings)] == [(1, 0), (0, 0)]

    async def forget(session: AsyncSession) -> None:
        order = await session.get_one(Order, number)
        assert order.awbridge_has_it
        order.awbridge_has_it = False  # as after a crash before the commit

    in_session(client, forget)
    assert send(client, settings) == (1, 0)


@with_service
def test_a_refused_order_says_why_and_is_not_sent_again(client: TestClient) -> None:
    number = place(client)
    settings = replace(app.state.settings, shipping_api=os.environ["SHOP_SHIPPING_API"], transporter="Nobody")
    assert [send(client, settings), send(client, settings)] == [(0, 1), (0, 0)]
    assert "'Nobody' is not known" in in_session(client, lambda session: session.get_one(Order, number)).problem


def orders(client: TestClient) -> int:
    return in_session(client, lambda session: session.scalar(select(func.count()).select_from(Order)))


def is_stored(client: TestClient, order: Order) -> bool:
    """Whether awbridge has the order: it is then not stored again."""
    settings = app.state.settings

    async def ask(session: AsyncSession) -> bool:
        taken = await enqueue_async(session, payload_of(order, settings), schema=settings.shipping_schema)
        await session.rollback()
        return not taken.created

    return in_session(client, ask)


@on_postgresql
def test_the_order_and_its_shipment_commit_together(client: TestClient) -> None:
    number = place(client)
    order = in_session(client, lambda session: session.get_one(Order, number))
    assert order.awbridge_has_it
    assert is_stored(client, order)


@on_postgresql
def test_they_roll_back_together(client: TestClient) -> None:
    order = Order(number=new_number(), placed_at=datetime.now(UTC), **NewOrder.model_validate(ORDER).model_dump())

    async def fail(session: AsyncSession) -> None:
        await hand_over(session, order, app.state.settings)
        1 / 0  # noqa: B018 such as a payment that fails

    with pytest.raises(ZeroDivisionError):
        in_session(client, fail)
    assert orders(client) == 0
    assert not is_stored(client, order)


@on_postgresql
def test_what_awbridge_refuses_is_not_ordered(client: TestClient) -> None:
    app.state.settings = replace(app.state.settings, transporter="Nobody")
    answer = client.post("/orders", json=ORDER)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("This order cannot be shipped: transporter: ")
    assert orders(client) == 0
