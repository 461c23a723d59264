"""Runs the step that marks stuck parcels, at a time of the test's choice."""

from __future__ import annotations

from datetime import datetime

from awbridge.domain.tracking.overdue import DEFAULT_STUCK_AFTER, StuckAfter
from awbridge.steps.tracking.mark_stuck import MarkStuck
from awbridge.store import Store


async def mark_stuck(store: Store, now: datetime, limits: StuckAfter = DEFAULT_STUCK_AFTER, *, batch: int = 500) -> int:
    """Look at all parcels whose time has come by then; how many there were."""
    step = MarkStuck(store=store, clock=lambda: now, limits=limits, batch=batch)
    looked_at = 0
    while found := await step.round():
        looked_at += found
    return looked_at
