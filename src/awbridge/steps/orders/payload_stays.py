"""Why the payload of a shipment cannot be changed, and what can be done instead: texts, no I/O."""

from __future__ import annotations

from awbridge.clickpost.orders.create import own_waybill
from awbridge.domain.orders.shipment import NO_COURIER, NewShipment, SettleBy, Shipment, State


def stays_where_maybe_placed(existing: Shipment, new: NewShipment) -> str | None:
    """Why this change could create a second parcel: a courier recognizes an order that it may hold by these fields."""
    to_nobody = new.courier_partner_id == NO_COURIER
    pairs = {
        "courier": (existing.courier_partner_id, existing.courier_partner_id if to_nobody else new.courier_partner_id),
        "account": (existing.account_code, existing.account_code if to_nobody else new.account_code),
        "region": (existing.region, new.region),
        "order_id": (existing.order_id, new.order_id),
        "awb_number": (own_waybill(existing.payload), own_waybill(new.payload)),
    }
    changed = [name for name, (before, after) in pairs.items() if before != after]
    if not changed:
        return None
    return (
        f"{existing.reference_number} may be placed at ClickPost: {', '.join(changed)} cannot change before that is "
        "settled. Retry it, or look in ClickPost's dashboard and say what it shows (awbridge shipments settle, or "
        "POST .../settle)"
    )


def why_payload_stays(shipment: Shipment) -> str:
    """Why a payload cannot be changed, and what can be done instead."""
    reference = shipment.reference_number
    if shipment.replaced_by:
        return f"{reference} is replaced by {shipment.replaced_by}: its payload cannot change any more"
    if shipment.success or shipment.state is State.CANCELLED:
        return (
            f"{reference} is {shipment.state}: its payload cannot change any more. "
            "Replace it by a new shipment: awbridge shipments replace, or POST .../replace"
        )
    if shipment.cancel_requested_at:
        return f"{reference} is being cancelled: its payload cannot change any more"
    if shipment.settle_by is SettleBy.ASKING:
        return (
            f"the courier says that it already holds {reference}: settle it before changing its payload "
            "(awbridge shipments settle, or POST .../settle)"
        )
    return f"{reference} is being sent right now: its payload cannot change while it is. Try again in a minute"
