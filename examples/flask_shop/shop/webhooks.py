"""Receives awbridge's events: each is verified, and processed once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, current_app, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from standardwebhooks import Webhook, WebhookVerificationError

from shop.models import Order, Parcel, ReceivedEvent, sessions

hooks = Blueprint("hooks", __name__)


@hooks.post("/hooks/awbridge")
def receive() -> ResponseReturnValue:
    """Acknowledge an event after the commit. awbridge repeats what gets another answer than 2xx."""
    try:
        secret = Webhook(current_app.config["SHIPPING_WEBHOOK_SECRET"])
        event = secret.verify(request.get_data(), dict(request.headers))
    except WebhookVerificationError as error:
        return str(error), 400
    webhook_id = request.headers["webhook-id"]
    with sessions().begin() as session:
        if session.get(ReceivedEvent, webhook_id) is None:
            # Where the same event comes twice at once, the second violates the key: 500, and awbridge repeats it.
            session.add(ReceivedEvent(webhook_id=webhook_id))
            process(session, event)
    return "", 204


def process(session: Session, event: dict[str, Any]) -> None:
    """Update the parcel, and the order when it is delivered. Events come in any order; those of other shops too."""
    data = event["data"]
    order = session.get(Order, data["order_id"] or "", with_for_update=True)
    if order is None:
        return
    parcel = session.get(Parcel, data["reference_number"])
    if parcel is None:
        parcel = Parcel(reference_number=data["reference_number"], order=order, waybill="", status="", replaced_by="")
        session.add(parcel)
    parcel.waybill = data["waybill"] or parcel.waybill
    parcel.replaced_by = data["replaced_by"] or parcel.replaced_by
    parcel.track_url = data["track_url"] or ""
    if event["type"] in ("shipment.rejected", "shipment.gave_up"):
        parcel.problem = (data["problem"] or "see awbridge")[:2000]
    elif event["type"] == "shipment.placed":
        parcel.problem = ""
    elif event["type"] == "shipment.cancelled":
        parcel.cancelled = True
    if status := data.get("status"):
        at = datetime.fromisoformat(status["at"])
        if parcel.status_at is None or at >= parcel.status_at:
            parcel.status, parcel.status_at = status["name"], at
    if event["type"] == "delivered" and order.delivered_at is None:
        order.delivered_at = datetime.fromisoformat(event["timestamp"])
        # Here the shop does what it does once for a delivered order, such as asking for a review.
