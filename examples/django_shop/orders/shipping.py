"""Hands orders to awbridge: within the transaction of the order, or over HTTP where the database is another one."""

import json

import httpx2
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.utils.timezone import localdate

from awbridge.enqueue import enqueue
from orders.models import Order, Parcel


def payload_of(order: Order) -> dict[str, object]:
    """The order as ClickPost's create-order payload. Weights are in grams, lengths in cm, amounts in rupees."""
    return {
        "transporter": settings.TRANSPORTER,
        "pickup_info": settings.PICKUP,
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
            "cod_value": order.price if order.cash_on_delivery else 0,
            "delivery_type": "FORWARD",
            "invoice_value": order.price,
            "invoice_number": f"INV-{order.number}",
            "invoice_date": localdate(order.placed_at),
            "length": 30,
            "breadth": 20,
            "height": 5,
            "weight": order.weight,
            "items": [{"sku": order.sku, "description": order.title, "quantity": 1, "price": order.price}],
        },
        "gst_info": {},
        "additional": {"label": True},
    }


def hand_over(order: Order) -> None:
    """Enqueue a new order in the open transaction; on another database leave it to `send_orders`.

    Raises PayloadRefused, in which case the caller's transaction must not commit the order.
    """
    if settings.SHIPPING_SCHEMA and connection.vendor == "postgresql":
        enqueue(connection, payload_of(order), schema=settings.SHIPPING_SCHEMA)
        order.awbridge_has_it = True
        order.save(update_fields=["awbridge_has_it"])
    Parcel.objects.create(reference_number=order.number, order=order)


def send_orders() -> tuple[int, int]:
    """Send the orders that awbridge does not have; how many it took, and how many it refused.

    To send an order twice has no effect, so that a crash between the two writes costs nothing. Raises httpx2.HTTPError
    if awbridge cannot be reached.
    """
    sent = refused = 0
    headers = {"content-type": "application/json"}
    if settings.SHIPPING_API_KEY:
        headers["authorization"] = f"Bearer {settings.SHIPPING_API_KEY}"
    with httpx2.Client(base_url=settings.SHIPPING_API, headers=headers, timeout=10) as http:
        for order in Order.objects.filter(awbridge_has_it=False, problem="").order_by("placed_at"):
            body = json.dumps(payload_of(order), cls=DjangoJSONEncoder)
            answer = http.post("/v1/shipments", content=body)
            if answer.status_code in (409, 422):
                order.problem = answer.json()["detail"]
                refused += 1
            else:
                answer.raise_for_status()
                order.awbridge_has_it = True
                sent += 1
            order.save(update_fields=["awbridge_has_it", "problem"])
    return sent, refused
