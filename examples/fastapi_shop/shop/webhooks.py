"""awbridge's events: each is verified, and processed once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from standardwebhooks import Webhook, WebhookVerificationError

from shop.models import Order, Parcel, ReceivedEvent


def verified(secret: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """The event of a delivery. Raises ValueError for one that awbridge did not sign, or more than 5 minutes ago."""
    try:
        return Webhook(secret).verify(body, dict(headers))
    except WebhookVerificationError as error:
        raise ValueError(str(error)) from error


async def process_once(session: AsyncSession, webhook_id: str, event: dict[str, Any]) -> None:
    """Process an event unless it was processed before. The caller commits."""
    if await session.get(ReceivedEvent, webhook_id) is None:
        # Where the same event comes twice at once, the second violates the key: 500, and awbridge repeats it.
        session.add(ReceivedEvent(webhook_id=webhook_id))
        await process(session, event)


async def process(session: AsyncSession, event: dict[str, Any]) -> None:
    """Update the parcel, and the order when it is delivered. Events come in any order; those of other shops too."""
    data = event["data"]
    order = await session.get(Order, data["order_id"] or "", with_for_update=True)
    if order is None:
        return
    parcel = await session.get(Parcel, data["reference_number"])
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
