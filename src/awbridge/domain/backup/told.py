"""Whether a customer may have been told already, by what a restored database does not know any more. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from awbridge.domain.backup.lost_span import LostSpan
from awbridge.domain.orders.shipment import Shipment
from awbridge.domain.tracking.milestones import Milestone
from awbridge.domain.tracking.overdue import StuckAfter, sla_breached, stuck_since

ORDERS_COME_AGAIN_WITHIN = timedelta(days=7)  # orders that were lost are sent again by the order system


def maybe_told(
    lost: LostSpan,
    *,
    milestone: Milestone,
    shipment: Shipment,
    status_at: datetime,
    reached_at: datetime,
    was_due_at: datetime | None,
    placed_since: bool,
    stuck_after: StuckAfter,
) -> str | None:
    """Why a message may have been sent within the lost span; None where it cannot have been.

    `was_due_at`: when a message is due that was stored before the point. `placed_since`: a call after the restore
    placed the order for the first time.
    """
    if was_due_at is not None and was_due_at > lost.until_at:
        return None  # it was delayed beyond the span
    if not _may_be_of(lost, milestone, shipment, status_at, reached_at, stuck_after, placed_since=placed_since):
        return None
    return (
        f"it may have been sent between {lost.point_at:%Y-%m-%d %H:%M} and {lost.until_at:%Y-%m-%d %H:%M} UTC, which "
        "the database does not know since it was restored"
    )


def _may_be_of(
    lost: LostSpan,
    milestone: Milestone,
    shipment: Shipment,
    status_at: datetime,
    reached_at: datetime,
    stuck_after: StuckAfter,
    *,
    placed_since: bool,
) -> bool:
    if reached_at <= lost.restored_at:
        return True
    if milestone is Milestone.DELAYED:
        return sla_breached(shipment, lost.until_at)
    if milestone is Milestone.STUCK:
        return stuck_since(shipment, stuck_after, lost.until_at) is not None
    if milestone is Milestone.AWB_GENERATED and status_at > lost.until_at:
        # Dated by us. An order that ClickPost held before was placed within the span.
        return not placed_since and reached_at - lost.restored_at < ORDERS_COME_AGAIN_WITHIN
    if milestone is Milestone.CANCELLED and status_at > lost.until_at:
        asked_at = shipment.cancel_requested_at
        return asked_at is not None and asked_at <= lost.restored_at
    return status_at <= lost.until_at
