"""Release: pushes a replacement once the shipment that it waits for is cancelled.

Where that cancellation failed, the replacement stays held with the reason, and an alarm is raised: a person decides.
"""

from __future__ import annotations

import structlog

from awbridge.domain.notify.alarm_causes import AlarmCause
from awbridge.domain.orders import cancellation
from awbridge.domain.orders.shipment import Shipment, State
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.engine.database import Session
from awbridge.store.notify import alarms
from awbridge.store.orders import shipments
from awbridge.store.registration import replacements

log = structlog.get_logger()

PAGE = 200


async def release_due(*, store: Store, clock: Clock) -> int:
    """Release every shipment whose predecessor is cancelled; how many.

    Reads the rows, because a cancellation may come from a caller, from ClickPost, or from another step.
    """
    released, blocked, after = 0, 0, (-1, "")
    while True:
        async with store.read() as session:
            page = await replacements.waiting(session, after, limit=PAGE)
            olds = {s.reference_number: s for s in await shipments.get_many(session, list(page.values()))}
        cancelled = {name for name, old in olds.items() if old.state is State.CANCELLED}
        released_now = [reference for (_, reference), old in page.items() if old in cancelled]
        stuck = {r: olds[old] for (_, r), old in page.items() if old in olds and _cancel_failed(olds[old])}
        if released_now or stuck:
            async with store.write() as session:
                for reference in released_now:
                    await replacements.release(session, reference, now=clock())
                await _explain(session, stuck, clock)
        for reference in released_now:
            log.info("shipment.released", reference=reference)
        released, blocked = released + len(released_now), blocked + len(stuck)
        if len(page) < PAGE:
            break
        after = max(page)
    await _alarm(store, blocked, clock)
    return released


def _cancel_failed(old: Shipment) -> bool:
    asked = cancellation.of_shipment(old)
    return asked is not None and asked.state in cancellation.FAILED


async def _explain(session: Session, stuck: dict[str, Shipment], clock: Clock) -> None:
    for reference, old in stuck.items():
        why = (old.problem or "it is not cancelled").rstrip(".")
        problem = (
            f"waits until {old.reference_number} is cancelled, and that will not happen by itself ({why}). "
            f"Retry {reference} to send it all the same, or cancel it"
        )
        if await replacements.explain_waiting(session, reference, problem, now=clock()):
            log.warning("replacement.blocked", reference=reference, waits_for=old.reference_number)


async def _alarm(store: Store, blocked: int, clock: Clock) -> None:
    async with store.read() as session:
        raised = await alarms.raised(session, AlarmCause.REPLACEMENTS_WAITING)
    text = f"{blocked} replacements wait for shipments that will not be cancelled; their problem says what to do"
    if blocked and (raised is None or raised.text != text):
        async with store.write() as session:
            await alarms.raise_(session, AlarmCause.REPLACEMENTS_WAITING, text, now=clock())
    elif raised and not blocked:
        async with store.write() as session:
            await alarms.clear(session, AlarmCause.REPLACEMENTS_WAITING, now=clock())
