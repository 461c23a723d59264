"""The milestones of a journey that people are told about, and which of them comes after which."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from enum import StrEnum


class Milestone(StrEnum):
    """Something about a parcel that is worth a message. Reached once for each shipment."""

    AWB_GENERATED = "awb_generated"
    OUT_FOR_PICKUP = "out_for_pickup"
    SHIPPED = "shipped"
    OUT_FOR_DELIVERY = "out_for_delivery"
    FAILED_DELIVERY = "failed_delivery"
    DELIVERED = "delivered"
    RTO_STARTED = "rto_started"
    RTO_DELIVERED = "rto_delivered"
    CANCELLED = "cancelled"
    DAMAGED = "damaged"
    LOST = "lost"
    DELAYED = "delayed"
    STUCK = "stuck"


# Those along the way, in order. Being late or stuck is no place on the way: it overtakes nothing.
JOURNEY = (
    Milestone.AWB_GENERATED,
    Milestone.OUT_FOR_PICKUP,
    Milestone.SHIPPED,
    Milestone.OUT_FOR_DELIVERY,
    Milestone.FAILED_DELIVERY,
    Milestone.DELIVERED,
    Milestone.RTO_STARTED,
    Milestone.RTO_DELIVERED,
    Milestone.CANCELLED,
    Milestone.DAMAGED,
    Milestone.LOST,
)
_PLACE = {milestone: place for place, milestone in enumerate(JOURNEY)}
_NO_MORE_LATENESS = _PLACE[Milestone.DELIVERED]

# Of a return the customer is the one who hands the parcel over: its way to the warehouse's door is no news to them.
FOR_RETURNS = frozenset(
    {
        Milestone.AWB_GENERATED,
        Milestone.OUT_FOR_PICKUP,
        Milestone.SHIPPED,
        Milestone.DELIVERED,
        Milestone.CANCELLED,
        Milestone.DAMAGED,
        Milestone.LOST,
    }
)


def overtaken_by(milestone: Milestone, reached: Iterable[Milestone]) -> Milestone | None:
    """The latest of the reached milestones, if it lies behind this one on the way; None where none does."""
    places = [place for other in reached if (place := _PLACE.get(other)) is not None]
    here = _PLACE.get(milestone)
    limit = here if here is not None else _NO_MORE_LATENESS - 1
    latest = max(places, default=-1)
    return JOURNEY[latest] if latest > limit else None


def edd_day(edd: str | None) -> date | None:
    """The day of an expected date of delivery as couriers write it; None where it cannot be read."""
    try:
        return date.fromisoformat((edd or "")[:10])
    except ValueError:
        return None
