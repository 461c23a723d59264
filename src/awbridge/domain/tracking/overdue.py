"""Stuck and late shipments: functions of the row and the clock. Only which ones are to be listed as stuck is stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from awbridge.domain.orders.shipment import Shipment, State
from awbridge.domain.tracking.lifecycle import Bucket


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckAfter:
    """How long a parcel may go without a scan on each leg of its journey before it counts as stuck."""

    pickup: timedelta = timedelta(hours=48)
    transit: timedelta = timedelta(hours=72)
    delivery: timedelta = timedelta(hours=48)
    way_back: timedelta = timedelta(hours=120)

    def on_leg(self, bucket: int | None) -> timedelta:
        """The limit for a shipment whose status is in this bucket; without a status, the pickup limit applies."""
        if bucket in (None, Bucket.ORDER_PLACED):
            return self.pickup
        if bucket in (Bucket.OUT_FOR_DELIVERY, Bucket.FAILED_DELIVERY):
            return self.delivery
        return self.way_back if bucket == Bucket.RETURNED else self.transit

    @property
    def shortest(self) -> timedelta:
        """The shortest of them: until then a parcel is stuck on no leg."""
        return min(self.pickup, self.transit, self.delivery, self.way_back)

    def since(self, now: datetime) -> tuple[datetime, datetime, datetime, datetime]:
        """Since when a parcel has no scan that is stuck now: before pickup, in transit, at delivery, going back."""
        return now - self.pickup, now - self.transit, now - self.delivery, now - self.way_back


DEFAULT_STUCK_AFTER = StuckAfter()


def is_open(shipment: Shipment) -> bool:
    """Whether a parcel is still expected to move: it is placed and has no final status."""
    return shipment.state is State.PLACED and not shipment.final


def silent_since(shipment: Shipment) -> datetime | None:
    """The time of the newest scan; before the first scan, the time of placing."""
    return shipment.status_at or shipment.placed_at


def stuck_since(shipment: Shipment, limits: StuckAfter, now: datetime) -> datetime | None:
    """Since when a shipment is stuck, if longer than its leg allows; else None."""
    since = silent_since(shipment)
    if not is_open(shipment) or since is None:
        return None
    return since if now - since >= limits.on_leg(shipment.status_bucket) else None


def counted_from(shipment: Shipment, limits: StuckAfter, now: datetime) -> datetime | None:
    """The time from which the shortest limit is counted until the parcel is looked at again; None before it is placed.

    Neither after `now`, as the next scan may begin a leg with that limit, nor so late that the parcel is stuck before.
    """
    since = silent_since(shipment)
    return min(since + limits.on_leg(shipment.status_bucket) - limits.shortest, now) if since else None


def late_since(shipment: Shipment, now: datetime, *, turned_back_at: datetime | None = None) -> datetime | None:
    """When the promised day ended, if the parcel had neither ended nor turned back by then; else None."""
    due = shipment.edd_due_at
    return due if due is not None and due <= (turned_back_at or _ended_at(shipment) or now) else None


def _ended_at(shipment: Shipment) -> datetime | None:
    if shipment.state is State.CANCELLED:
        return shipment.cancel_requested_at
    return shipment.status_at if shipment.final else None


def sla_breached(shipment: Shipment, now: datetime) -> bool:
    """Whether the promised day is over and the parcel has no final status."""
    return is_open(shipment) and shipment.edd_due_at is not None and shipment.edd_due_at <= now
