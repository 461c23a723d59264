"""What is reported of applied deliveries: counts for /metrics and for the shares of each source, scans for traces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from awbridge.steps.runtime import traces
from awbridge.steps.runtime.meters import APPLIED, APPLY_LAG
from awbridge.steps.runtime.traces import Heard
from awbridge.steps.tracking.next_scan import NextScan
from awbridge.steps.tracking.timeline_builder import TimelineBuilder
from awbridge.store.polling.arrivals import Arrival
from awbridge.store.tracking.inbox import Delivery


def report(applied: Sequence[Delivery], heard: Sequence[Heard], *, began_at: datetime, now: datetime) -> None:
    """Report deliveries that were applied from `began_at` on, once that is committed.

    The lag is counted of those that are read for the first time.
    """
    for source, number in Counter(delivery.source for delivery in applied).items():
        APPLIED.add(source.value, number=number)
    APPLY_LAG.observe([(now - d.received_at).total_seconds() for d in applied if not d.tries and not d.again])
    if traces.current and heard:
        traces.current.heard(heard, began_at=began_at, now=now)


def heard_of(steps: Iterable[NextScan], builders: Iterable[TimelineBuilder]) -> list[Heard]:
    """The new scans, while traces are on."""
    if not traces.current:
        return []
    usual = [
        Heard(s.reference_number, s.scan.code, s.scan.scanned_at, s.delivery.received_at, s.delivery.source.value)
        for s in steps
    ]
    return usual + [
        Heard(builder.shipment.reference_number, new.code, new.seen_at, new.received_at, new.source.value)
        for builder in builders
        for new in builder.timeline.new
    ]


def arrivals_of_timelines(builders: Iterable[TimelineBuilder]) -> list[Arrival]:
    """What the new scans of these timelines count as, by source and courier."""
    return [
        Arrival(e.received_at, e.courier_partner_id or builder.shipment.courier_partner_id, e.source, scans=1)
        for builder in builders
        for e in builder.timeline.new
    ]
