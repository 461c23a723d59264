"""Receives awbridge's events: each is verified, and processed once."""

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from standardwebhooks import Webhook, WebhookVerificationError

from orders.models import Order, Parcel, ReceivedEvent


@csrf_exempt
@require_POST
def receive(request: HttpRequest) -> HttpResponse:
    """Acknowledge an event after the commit. awbridge repeats what gets another answer than 2xx."""
    try:
        event = Webhook(settings.SHIPPING_WEBHOOK_SECRET).verify(request.body, dict(request.headers))
    except WebhookVerificationError as error:
        return HttpResponse(str(error), status=400)
    with transaction.atomic():
        _, is_new = ReceivedEvent.objects.get_or_create(webhook_id=request.headers["webhook-id"])
        if is_new:
            process(event)
    return HttpResponse(status=204)


def process(event: dict) -> None:
    """Update the parcel, and the order when it is delivered. Events come in any order; those of other shops too."""
    data = event["data"]
    order = Order.objects.select_for_update().filter(number=data["order_id"]).first()
    if order is None:
        return
    parcel, _ = Parcel.objects.get_or_create(reference_number=data["reference_number"], defaults={"order": order})
    parcel.waybill = data["waybill"] or parcel.waybill
    parcel.replaced_by = data["replaced_by"] or parcel.replaced_by
    parcel.track_url = data["track_url"] or ""
    if event["type"] in ("shipment.rejected", "shipment.gave_up"):
        parcel.problem = data["problem"] or "see awbridge"
    elif event["type"] == "shipment.placed":
        parcel.problem = ""
    elif event["type"] == "shipment.cancelled":
        parcel.cancelled = True
    if status := data.get("status"):
        at = datetime.fromisoformat(status["at"])
        if parcel.status_at is None or at >= parcel.status_at:
            parcel.status, parcel.status_at = status["name"], at
    parcel.save()
    if event["type"] == "delivered" and order.delivered_at is None:
        order.delivered_at = datetime.fromisoformat(event["timestamp"])
        order.save(update_fields=["delivered_at"])
        # Here the shop does what it does once for a delivered order, such as asking for a review.
