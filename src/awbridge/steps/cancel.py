"""Cancel: takes back at ClickPost what was placed there and is not wanted any more."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from awbridge.clickpost.client import CancelAnswer
from awbridge.domain.retry import delay_before_retry
from awbridge.domain.shipment import Shipment, State
from awbridge.steps.clock import Clock
from awbridge.store import Store, attempts, shipments
from awbridge.store.shipments import NotPlaced

log = structlog.get_logger()

LEASE = timedelta(seconds=60)
CONFIRM_AFTER = timedelta(minutes=5)  # ClickPost answered "accepted, done later"


class CancelsOrders(Protocol):
    """What cancel needs of the vendor."""

    async def cancel_order(self, waybill: str, cp_id: int, account_code: str) -> CancelAnswer:
        """Cancel one shipment by its waybill."""
        ...


async def cancel_due(
    *, store: Store, clickpost: CancelsOrders, clock: Clock, retry_delays: tuple[float, ...], limit: int = 20
) -> int:
    """Cancel placed shipments that somebody wants cancelled, one batch; how many were claimed."""
    owner = uuid.uuid4().hex
    now = clock()
    async with store.write() as session:
        claimed = await shipments.claim_cancels(session, owner=owner, now=now, until=now + LEASE, limit=limit)
    for shipment in claimed:
        if clock() >= now + LEASE:
            break
        answer = await clickpost.cancel_order(
            shipment.waybill or "", shipment.courier_partner_id, shipment.account_code or ""
        )
        async with store.write() as session:
            at = clock()
            decided = _decide(shipment, answer, at, retry_delays)
            outcome = "cancelled" if answer.cancelled else "not_cancelled"
            await attempts.add(
                session, answer.call, reference_number=shipment.reference_number, outcome=outcome, made_at=at
            )
            await shipments.after_cancel(session, shipment.reference_number, owner, decided, now=at)
        log.info(f"shipment.{outcome}", reference=shipment.reference_number)
    return len(claimed)


def _decide(shipment: Shipment, answer: CancelAnswer, now: datetime, delays: tuple[float, ...]) -> NotPlaced:
    tries = shipment.no_of_retries
    if answer.cancelled:
        return NotPlaced(state=State.CANCELLED, no_of_retries=tries, problem=None, next_try_at=None)
    placed = State.PLACED
    if answer.accepted:
        return NotPlaced(state=placed, no_of_retries=tries, problem="cancelling", next_try_at=now + CONFIRM_AFTER)
    delay = delay_before_retry(delays, tries + 1) if answer.again else None
    return NotPlaced(
        state=placed,
        no_of_retries=tries + 1,
        problem=f"not cancelled at ClickPost: {answer.message}",
        next_try_at=now + delay if delay else None,
    )
