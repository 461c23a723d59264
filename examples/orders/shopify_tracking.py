"""Shopify's fulfillments: which request brings a waybill, a status or a cancellation to an order. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from .bridge import Update
from .fields import Json, object_of, objects_of, text_of

OPEN = ("OPEN", "IN_PROGRESS")
"""States of a fulfillment order that can be fulfilled. ON_HOLD and SCHEDULED ones become open later."""

# ClickPost's status code -> Shopify's FulfillmentEventStatus. Shopify has none for the way back.
EVENT_STATUS = {
    4: "CARRIER_PICKED_UP",
    5: "IN_TRANSIT",
    6: "OUT_FOR_DELIVERY",
    8: "DELIVERED",
    9: "ATTEMPTED_DELIVERY",
    16: "FAILURE",
    17: "FAILURE",
    18: "DELAYED",
}

PARCELS_OF_ORDER = """
query parcels($id: ID!) {
  order(id: $id) {
    fulfillmentOrders(first: 50) {
      nodes {
        id
        status
        assignedLocation { location { id } }
        lineItems(first: 250) { nodes { remainingQuantity totalQuantity lineItem { id } } }
      }
    }
    fulfillments(first: 50) {
      id
      status
      trackingInfo(first: 10) { number }
      events(first: 250) { nodes { status happenedAt } }
      fulfillmentOrders(first: 50) { nodes { id } }
    }
  }
}
"""
CREATE_FULFILLMENT = """
mutation ship($fulfillment: FulfillmentInput!) {
  fulfillmentCreate(fulfillment: $fulfillment) { fulfillment { id } userErrors { field message } }
}
"""
UPDATE_TRACKING = """
mutation track($id: ID!, $tracking: FulfillmentTrackingInput!) {
  fulfillmentTrackingInfoUpdate(fulfillmentId: $id, trackingInfoInput: $tracking, notifyCustomer: true) {
    fulfillment { id }
    userErrors { field message }
  }
}
"""
CANCEL_FULFILLMENT = """
mutation cancel($id: ID!) {
  fulfillmentCancel(id: $id) { fulfillment { id } userErrors { field message } }
}
"""
ADD_EVENT = """
mutation event($event: FulfillmentEventInput!) {
  fulfillmentEventCreate(fulfillmentEvent: $event) { fulfillmentEvent { id } userErrors { field message } }
}
"""


def tracking_request(update: Update, order: Json) -> tuple[str, Json] | None:
    """The mutation that brings a waybill to an order (`order`: the answer to PARCELS_OF_ORDER), and its variables.

    A fulfillment is created once; if another waybill replaces the first, its tracking number is changed. None if the
    order has this waybill already, or nothing left to fulfil.
    """
    target = update.shop_ids[1] if len(update.shop_ids) > 1 else ""
    made = [one for one in objects_of(order.get("fulfillments")) if one.get("status") != "CANCELLED"]
    if _fulfillment_with(made, update.waybill):
        return None
    tracking = {"number": update.waybill, "company": update.courier}
    if update.track_url:
        tracking["url"] = update.track_url
    for one in made:
        numbers = {id_of(held.get("id")) for held in _nodes(one, "fulfillmentOrders")}
        if not target or target in numbers:
            return UPDATE_TRACKING, {"id": one["id"], "tracking": tracking}
    still_open = [
        {"fulfillmentOrderId": one["id"]}
        for one in _nodes(order, "fulfillmentOrders")
        if one.get("status") in OPEN and target in ("", id_of(one.get("id")))
    ]
    if not still_open:
        return None
    fulfillment = {"lineItemsByFulfillmentOrder": still_open, "notifyCustomer": True, "trackingInfo": tracking}
    return CREATE_FULFILLMENT, {"fulfillment": fulfillment}


def event_request(update: Update, order: Json) -> tuple[str, Json] | None:
    """The mutation that adds a status to the fulfillment with this waybill; None if it has it, or Shopify has none."""
    fulfillment = _fulfillment_with(objects_of(order.get("fulfillments")), update.waybill)
    status = EVENT_STATUS.get(update.status)
    if fulfillment is None or status is None:
        return None
    at = datetime.fromisoformat(update.at)
    for known in _nodes(fulfillment, "events"):
        if known.get("status") == status and datetime.fromisoformat(text_of(known.get("happenedAt"))) == at:
            return None
    return ADD_EVENT, {"event": {"fulfillmentId": fulfillment["id"], "status": status, "happenedAt": at.isoformat()}}


def cancel_request(update: Update, order: Json) -> tuple[str, Json] | None:
    """The mutation that takes back the fulfillment of a cancelled parcel; None if there is none."""
    fulfillment = _fulfillment_with(objects_of(order.get("fulfillments")), update.waybill)
    if fulfillment is None or fulfillment.get("status") == "CANCELLED":
        return None
    return CANCEL_FULFILLMENT, {"id": fulfillment["id"]}


def _fulfillment_with(fulfillments: Iterable[Json], waybill: str) -> Json | None:
    for one in fulfillments:
        if waybill and any(info.get("number") == waybill for info in objects_of(one.get("trackingInfo"))):
            return one
    return None


def _nodes(holder: Json, name: str) -> list[Json]:
    return objects_of(object_of(holder.get(name)).get("nodes"))


def id_of(value: object) -> str:
    """The number in an id such as gid://shopify/Order/5678."""
    return text_of(value).rpartition("/")[2]
