"""Converts an order in any form to JSON and its region."""

from __future__ import annotations

from awbridge.clickpost.models.base import RequestModel, as_payload
from awbridge.clickpost.models.neutral.consignment import Consignment
from awbridge.clickpost.models.orders.world import WorldOrder
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.shipment import Region

OrderBody = RequestModel | Consignment | JsonObject
"""An order: ClickPost's payload as a model or as JSON, or a neutral Consignment."""


def order_body(order: OrderBody, region: Region | None) -> tuple[JsonObject, Region]:
    """The JSON of an order, and its region: the one given, else the order's own, else India.

    Raises ValueError if a consignment cannot be converted to the region's form.
    """
    if isinstance(order, Consignment):
        abroad = order.crosses_border or order.sender.country != "IN"
        region = region or (Region.WORLD if abroad else Region.INDIA)
        return order.to_payload(region), region
    own = Region.WORLD if isinstance(order, WorldOrder) else Region.INDIA
    return as_payload(order), region or own
