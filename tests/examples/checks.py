"""What every payload of the examples keeps."""

from __future__ import annotations

from typing import Any

from awbridge.clickpost.orders.normalize import warnings_of
from awbridge.clickpost.orders.payload import check_payload
from awbridge.domain.orders.shipment import Region


def accepted(payload: dict[str, Any]) -> dict[str, Any]:
    """The payload, which awbridge takes without a doubt once a courier is allocated."""
    order = {name: value for name, value in payload.items() if name not in ("region", "transporter")}
    order["shipment_details"] = {**order["shipment_details"], "courier_partner": 4}
    region = Region(payload.get("region", "india"))
    assert check_payload(order, region) == []
    assert warnings_of(order, region) == []
    return payload
