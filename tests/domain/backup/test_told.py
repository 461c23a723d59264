"""What a customer may have been told within the span that a restore took away."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from awbridge.domain.backup.lost_span import LostSpan
from awbridge.domain.backup.told import maybe_told
from awbridge.domain.orders.shipment import Shipment, State
from awbridge.domain.tracking.lifecycle import Bucket
from awbridge.domain.tracking.milestones import Milestone
from awbridge.domain.tracking.overdue import DEFAULT_STUCK_AFTER
from tests.support.rows import T0
from tests.support.shipments import a_shipment

HOUR = timedelta(hours=1)
LOST = LostSpan(point_at=T0, until_at=T0 + 2 * HOUR, restored_at=T0 + 3 * HOUR)
AFTER = LOST.restored_at + HOUR


def told(
    milestone: Milestone, *, status_at: datetime = T0 + HOUR, shipment: Shipment | None = None, **more: Any
) -> bool:
    facts: dict[str, Any] = {"reached_at": AFTER, "was_due_at": None, "placed_since": False, **more}
    found = maybe_told(
        LOST,
        milestone=milestone,
        shipment=shipment or a_shipment(state=State.PLACED),
        status_at=status_at,
        stuck_after=DEFAULT_STUCK_AFTER,
        **facts,
    )
    assert found is None or "since it was restored" in found
    return found is not None


@pytest.mark.parametrize(
    ("status_at", "expected"), [(T0 - HOUR, True), (T0 + HOUR, True), (LOST.until_at, True), (AFTER, False)]
)
def test_what_happened_before_the_service_ended_may_have_been_told(status_at: datetime, expected: bool) -> None:
    assert told(Milestone.SHIPPED, status_at=status_at) is expected


def test_a_milestone_that_was_reached_before_the_restore_may_have_been_told() -> None:
    assert told(Milestone.SHIPPED, status_at=AFTER, reached_at=LOST.point_at)


def test_a_message_that_was_delayed_beyond_the_span_was_not_sent() -> None:
    assert not told(Milestone.SHIPPED, was_due_at=LOST.until_at + HOUR)
    assert told(Milestone.SHIPPED, was_due_at=LOST.until_at - HOUR)


def test_a_waybill_is_news_only_where_the_order_was_placed_since() -> None:
    assert told(Milestone.AWB_GENERATED, status_at=AFTER)
    assert not told(Milestone.AWB_GENERATED, status_at=AFTER, placed_since=True)
    later = AFTER + timedelta(days=8)
    assert not told(Milestone.AWB_GENERATED, status_at=later, reached_at=later)


def test_a_cancellation_that_was_asked_for_before_the_restore_may_have_been_told() -> None:
    asked = a_shipment(state=State.CANCELLED, cancel_requested_at=T0)
    assert told(Milestone.CANCELLED, status_at=AFTER, shipment=asked)
    assert not told(Milestone.CANCELLED, status_at=AFTER, shipment=replace(asked, cancel_requested_at=AFTER))


def test_lateness_counts_where_it_began_before_the_service_ended() -> None:
    late = a_shipment(state=State.PLACED, edd_due_at=T0 + HOUR)
    assert told(Milestone.DELAYED, shipment=late)
    assert not told(Milestone.DELAYED, shipment=replace(late, edd_due_at=AFTER))
    stuck = a_shipment(state=State.PLACED, status_at=T0 - timedelta(hours=80), status_bucket=Bucket.IN_TRANSIT)
    assert told(Milestone.STUCK, status_at=T0 - timedelta(hours=80), shipment=stuck)
    young = replace(stuck, status_at=T0 - timedelta(hours=69))
    assert not told(Milestone.STUCK, status_at=T0 - timedelta(hours=69), shipment=young)
