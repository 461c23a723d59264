"""Release: a shipment that was held until the one before it is cancelled is pushed once that has happened.

Where the cancellation came to another end it goes on waiting, says why, and an alarm is raised: a person decides.
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

log = structlog.get_logger()

PAGE = 200


async def release_due(*, store: Store, clock: Clock) -> int:
    """Let go of every shipment whose predecessor is cancelled by now; how many.

    It looks at the rows and not at who cancelled: a cancellation comes from here, from ClickPost, or from another step.
    """
    released, in_vain, after = 0, 0, (-1, "")
    while True:
        async with store.read() as session:
            page = await shipments.waiting(session, after, limit=PAGE)
            olds = {s.reference_number: s for s in await shipments.get_many(session, list(page.values()))}
        gone = {name for name, old in olds.items() if old.state is State.CANCELLED}
        free = [reference for (_, reference), old in page.items() if old in gone]
        stuck = {r: olds[old] for (_, r), old in page.items() if old in olds and _will_stay(olds[old])}
        if free or stuck:
            async with store.write() as session:
                for reference in free:
                    await shipments.release(session, reference, now=clock())
                await _explain(session, stuck, clock)
        for reference in free:
            log.info("shipment.released", reference=reference)
        released, in_vain = released + len(free), in_vain + len(stuck)
        if len(page) < PAGE:
            break
        after = max(page)
    await _alarm(store, in_vain, clock)
    return released


def _will_stay(old: Shipment) -> bool:
    asked = cancellation.of_shipment(old)
    return asked is not None and asked.state in cancellation.FAILED


async def _explain(session: Session, stuck: dict[str, Shipment], clock: Clock) -> None:
    for reference, old in stuck.items():
        why = (old.problem or "it is not cancelled").rstrip(".")
        problem = (
            f"waits until {old.reference_number} is cancelled, and that will not happen by itself ({why}). "
            f"Retry {reference} to send it all the same, or cancel it"
        )
        if await shipments.explain_waiting(session, reference, problem, now=clock()):
            log.warning("shipment.waits_in_vain", reference=reference, waits_for=old.reference_number)


async def _alarm(store: Store, in_vain: int, clock: Clock) -> None:
    async with store.read() as session:
        raised = await alarms.raised(session, AlarmCause.REPLACEMENTS_WAITING)
    text = f"{in_vain} replacements wait for shipments that will not be cancelled; their problem says what to do"
    if in_vain and (raised is None or raised.text != text):
        async with store.write() as session:
            await alarms.raise_(session, AlarmCause.REPLACEMENTS_WAITING, text, now=clock())
    elif raised and not in_vain:
        async with store.write() as session:
            await alarms.clear(session, AlarmCause.REPLACEMENTS_WAITING, now=clock())
