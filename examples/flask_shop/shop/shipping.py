"""Hands orders to awbridge: within the transaction of the order, or over HTTP where the database is another one."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import httpx2
from flask import current_app
from sqlalchemy import select
from sqlalchemy.orm import Session

from awbridge.enqueue import enqueue
from shop.models import Order, Parcel, sessions

PICKUP = {
    "pickup_name": "Main Warehouse",
    "pickup_phone": "9000000001",
    "pickup_address": "12 Dock Road",
    "pickup_city": "Mumbai",
    "pickup_state": "Maharashtra",
    "pickup_pincode": "400065",
    "pickup_country": "IN",
}


def payload_of(order: Order) -> dict[str, object]:
    """The order as ClickPost's create-order payload. Weights are in grams, lengths in cm, amounts in rupees."""
    price = str(order.price)  # text, so that money stays exact
    return {
        "transporter": current_app.config["TRANSPORTER"],
        "pickup_info": PICKUP,
        "drop_info": {
            "drop_name": order.name,
            "drop_phone": order.phone,
            "drop_address": order.address,
            "drop_city": order.city,
            "drop_state": order.state,
            "drop_pincode": order.pincode,
            "drop_country": "IN",
        },
        "shipment_details": {
            "reference_number": order.number,
            "order_id": order.number,
            "order_type": "COD" if order.cash_on_delivery else "PREPAID",
            "cod_value": price if order.cash_on_delivery else 0,
            "delivery_type": "FORWARD",
            "invoice_value": price,
            "invoice_number": f"INV-{order.number}",
            "invoice_date": order.placed_at.astimezone(ZoneInfo("Asia/Kolkata")).date().isoformat(),
            "length": 30,
            "breadth": 20,
            "height": 5,
            "weight": 450,
            "items": [{"sku": order.sku, "description": order.title, "quantity": 1, "price": price}],
        },
        "gst_info": {},
        "additional": {"label": True},
    }


def hand_over(session: Session, order: Order) -> None:
    """Enqueue a new order in the session's transaction; on another database leave it to `flask send-orders`.

    Raises PayloadRefused, in which case the caller's transaction must not commit the order.
    """
    session.add_all([order, Parcel(reference_number=order.number, order=order)])
    session.flush()  # gives the order its defaults
    schema = current_app.config["SHIPPING_SCHEMA"]
    if schema and session.get_bind().dialect.name == "postgresql":
        enqueue(session, payload_of(order), schema=schema)
        order.awbridge_has_it = True


def send_orders() -> tuple[int, int]:
    """Send the orders that awbridge does not have; how many it took, and how many it refused.

    To send an order twice has no effect, so that a crash before the commit costs nothing. Raises httpx2.HTTPError if
    awbridge cannot be reached.
    """
    sent = refused = 0
    key = current_app.config["SHIPPING_API_KEY"]
    headers = {"authorization": f"Bearer {key}"} if key else {}
    due = select(Order.number).where(~Order.awbridge_has_it, Order.problem == "").order_by(Order.placed_at)
    with sessions()() as session:
        numbers = session.scalars(due).all()
    with httpx2.Client(base_url=current_app.config["SHIPPING_API"], headers=headers, timeout=10) as http:
        for number in numbers:
            with sessions()() as session:
                payload = payload_of(session.get_one(Order, number))
            answer = http.post("/v1/shipments", json=payload)  # no transaction is open meanwhile
            with sessions().begin() as session:
                order = session.get_one(Order, number)
                if answer.status_code in (409, 422):
                    order.problem = answer.json()["detail"][:2000]
                    refused += 1
                else:
                    answer.raise_for_status()
                    order.awbridge_has_it = True
                    sent += 1
    return sent, refused
