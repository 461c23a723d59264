"""A shipment as the domain knows it, without a database."""

from __future__ import annotations

from typing import Any, cast

from awbridge.domain.orders.shipment import Shipment, State
from tests.support.rows import T0


def a_shipment(**changes: Any) -> Shipment:
    """A placed shipment; every field that is not given is None."""
    values = dict.fromkeys(Shipment.__struct_fields__)
    values |= {"reference_number": "R", "state": State.PLACED, "waybill": "AWB1", "delivery_type": "FORWARD"}
    values |= {"courier_partner_id": 4, "final": False, "children": (), "created_at": T0, "placed_at": T0}
    return Shipment(**cast("Any", values | changes))
