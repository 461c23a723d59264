"""The shop's tests. On SQLite they need nothing else; on PostgreSQL they include the common transaction."""

from __future__ import annotations

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from standardwebhooks import Webhook

from awbridge.enqueue import enqueue
from shop.models import Order, Parcel, ReceivedEvent, sessions
from shop.shipping import hand_over, payload_of
from shop.views import read_order
from tests.conftest import ON_POSTGRESQL, SECRET

FORM = {
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


def place(app: Flask) -> str:
    """Place the order of the form; its number."""
    answer = app.test_client().post("/orders/new", data=FORM)
    assert answer.status_code == 303, answer.text
    return answer.location.rpartition("/")[2]


def page(app: Flask, number: str) -> str:
    return app.test_client().get(f"/orders/{number}").text


def event(kind: str, number: str, *, status: str = "", at: str = "2026-11-23T08:30:00+00:00", **more: Any) -> str:
    """An event as awbridge sends it."""
    data = {"reference_number": number, "order_id": number, "waybill": "1234567890", "track_url": None}
    data |= {"replaces": None, "replaced_by": None, **more}
    if status:
        data["status"] = {"code": 8, "name": status, "bucket": 6, "at": at, "final": False}
    return json.dumps({"type": kind, "timestamp": at, "data": data})


def deliver(app: Flask, body: str, webhook_id: str, secret: str = SECRET) -> int:
    """Send an event as awbridge does; the shop's answer."""
    now = datetime.now(UTC)
    headers = {"webhook-id": webhook_id, "webhook-timestamp": str(int(now.timestamp()))}
    headers["webhook-signature"] = Webhook(secret).sign(webhook_id, now, body)
    return app.test_client().post("/hooks/awbridge", data=body, headers=headers).status_code


def test_the_page_follows_the_parcel(app: Flask) -> None:
    number = place(app)
    assert "Being packed" in page(app, number)
    assert deliver(app, event("shipment.placed", number), "evt_1") == 204
    assert "Handed to the courier, waybill 1234567890" in page(app, number)
    assert deliver(app, event("delivered", number, status="Delivered"), "evt_2") == 204
    assert "Delivered" in page(app, number)


def test_an_event_that_is_repeated_is_processed_once(app: Flask) -> None:
    number = place(app)
    delivered = event("delivered", number, status="Delivered")
    assert deliver(app, delivered, "evt_1") == 204
    with sessions().begin() as session:
        session.get_one(Order, number).delivered_at = None
    assert deliver(app, delivered, "evt_1") == 204
    with sessions()() as session:
        assert session.get_one(Order, number).delivered_at is None


def test_an_older_status_that_comes_later_changes_nothing(app: Flask) -> None:
    number = place(app)
    deliver(app, event("status.changed", number, status="Delivered", at="2026-11-23T08:30:00+00:00"), "evt_2")
    deliver(app, event("status.changed", number, status="In Transit", at="2026-11-22T08:30:00+00:00"), "evt_1")
    assert "Delivered" in page(app, number)


def test_the_page_shows_the_parcel_that_replaced_another(app: Flask) -> None:
    number = place(app)
    deliver(app, event("shipment.placed", number, reference_number="NEW", waybill="2"), "evt_2")
    deliver(app, event("shipment.cancelled", number, replaced_by="NEW", waybill="1"), "evt_1")
    assert "waybill 2" in page(app, number)
    assert "waybill 1" not in page(app, number)


def test_a_forged_event_is_refused_and_one_of_another_shop_is_ignored(app: Flask) -> None:
    number = place(app)
    forged = "whsec_Zm9yZ2VkIHNlY3JldCBvZiBzb21lYm9keSBlbHNl"
    assert deliver(app, event("delivered", number, status="Delivered"), "evt_1", secret=forged) == 400
    assert "Delivered" not in page(app, number)
    assert deliver(app, event("delivered", "OTHER", status="Delivered"), "evt_1") == 204
    with sessions()() as session:
        assert session.get(Parcel, "OTHER") is None


def test_a_wrong_field_places_no_order(app: Flask) -> None:
    answer = app.test_client().post("/orders/new", data={**FORM, "pincode": "12", "price": "free"})
    assert (answer.status_code, "Please correct: pincode, price" in answer.text) == (422, True)
    assert count(Order) == 0


@pytest.mark.skipif(ON_POSTGRESQL, reason="on PostgreSQL orders need no sending")
def test_an_order_stays_until_awbridge_took_it(app: Flask) -> None:
    number = place(app)
    app.config["SHIPPING_API"] = "http://127.0.0.1:9"
    done = app.test_cli_runner().invoke(args=["send-orders"])
    assert (done.exit_code, "awbridge did not take the orders, which stay" in done.output) == (1, True)
    with sessions()() as session:
        assert session.get_one(Order, number).awbridge_has_it is False


def send(app: Flask) -> str:
    return app.test_cli_runner().invoke(args=["send-orders"]).output.strip()


@with_service
def test_an_order_is_sent_once(app: Flask) -> None:
    number = place(app)
    assert [send(app), send(app)] == ["sent 1, refused 0", "sent 0, refused 0"]
    with sessions().begin() as session:
        order = session.get_one(Order, number)
        assert order.awbridge_has_it
        order.awbridge_has_it = False  # as after a crash before the commit
    assert send(app) == "sent 1, refused 0"


@with_service
def test_a_refused_order_says_why_and_is_not_sent_again(app: Flask) -> None:
    number = place(app)
    app.config["TRANSPORTER"] = "Nobody"
    assert [send(app), send(app)] == ["sent 0, refused 1", "sent 0, refused 0"]
    with sessions()() as session:
        assert "'Nobody' is not known" in session.get_one(Order, number).problem


def count(table: type) -> int:
    with sessions()() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def is_stored(app: Flask, order: Order) -> bool:
    """Whether awbridge has the order: it is then not stored again. The session is rolled back."""
    with sessions()() as session:
        return not enqueue(session, payload_of(order), schema=app.config["SHIPPING_SCHEMA"]).created


@on_postgresql
def test_the_order_and_its_shipment_commit_together(app: Flask) -> None:
    number = place(app)
    with sessions()() as session:
        order = session.get_one(Order, number)
        assert order.awbridge_has_it
        assert is_stored(app, order)


@on_postgresql
def test_the_same_event_twice_at_once_is_processed_once(app: Flask) -> None:
    number = place(app)
    delivered = event("delivered", number, status="Delivered")
    blocked = text("SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    with ThreadPoolExecutor(1) as pool, sessions().begin() as first, sessions()() as watching:
        first.add(ReceivedEvent(webhook_id="evt_1"))
        first.flush()
        second = pool.submit(deliver, app, delivered, "evt_1")
        while not watching.scalar(blocked):
            time.sleep(0.01)
            watching.rollback()
    assert second.result() == 500  # awbridge repeats it
    assert deliver(app, delivered, "evt_1") == 204
    assert "Delivered" not in page(app, number)


@on_postgresql
def test_they_roll_back_together(app: Flask) -> None:
    order = read_order(FORM)
    with pytest.raises(ZeroDivisionError), sessions().begin() as session:
        hand_over(session, order)
        1 / 0  # noqa: B018 such as a payment that fails
    assert count(Order) == 0
    order.placed_at = datetime.now(UTC)
    assert not is_stored(app, order)


@on_postgresql
def test_without_a_schema_the_order_waits_to_be_sent(app: Flask) -> None:
    app.config["SHIPPING_SCHEMA"] = ""
    number = place(app)
    with sessions()() as session:
        assert session.get_one(Order, number).awbridge_has_it is False


@on_postgresql
def test_what_awbridge_refuses_is_not_ordered(app: Flask) -> None:
    app.config["TRANSPORTER"] = "Nobody"
    answer = app.test_client().post("/orders/new", data=FORM)
    assert (answer.status_code, "This order cannot be shipped: transporter: " in answer.text) == (422, True)
    assert count(Order) == 0
