"""Release: a shipment that was held until the one before it is cancelled is pushed once that has happened."""

from __future__ import annotations

import structlog

from awbridge.domain.shipment import State
from awbridge.steps.clock import Clock
from awbridge.store import Store, shipments

log = structlog.get_logger()

PAGE = 200


async def release_due(*, store: Store, clock: Clock) -> int:
    """Let go of every shipment whose predecessor is cancelled by now; how many.

    It looks at the rows and not at who cancelled: a cancellation comes from here, from ClickPost, or from another step.
    """
    released, after = 0, (-1, "")
    while True:
        async with store.read() as session:
            page = await shipments.waiting(session, after, limit=PAGE)
            olds = await shipments.get_many(session, list(page.values()))
        gone = {old.reference_number for old in olds if old.state is State.CANCELLED}
        free = [reference for (_, reference), old in page.items() if old in gone]
        if free:
            async with store.write() as session:
                for reference in free:
                    await shipments.release(session, reference, now=clock())
        for reference in free:
            log.info("shipment.released", reference=reference)
        released += len(free)
        if len(page) < PAGE:
            return released
        after = max(page)
