"""Cancel: takes back at ClickPost what was placed there and is not wanted any more."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from awbridge.clickpost.answers import CancelAnswer
from awbridge.domain import events as happened
from awbridge.domain.retry import delay_before_retry
from awbridge.domain.shipment import Shipment, State
from awbridge.steps.clock import Clock
from awbridge.store import Store, attempts, events, shipments
from awbridge.store.shipments import CancelResult

log = structlog.get_logger()

LEASE = timedelta(seconds=60)
CONFIRM_AFTER = timedelta(minutes=5)  # after "accepted, done later", and while key or account are at fault


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
            if answer.cancelled:
                await events.write(session, [happened.cancelled(shipment, now=at)], now=at)
        _tell(shipment, answer)
    return len(claimed)


def _decide(shipment: Shipment, answer: CancelAnswer, now: datetime, delays: tuple[float, ...]) -> CancelResult:
    tries = shipment.cancel_tries
    if answer.cancelled:
        return CancelResult(state=State.CANCELLED, tries=tries, problem=None, next_try_at=None)
    if answer.accepted:
        return CancelResult(state=State.PLACED, tries=tries, problem="cancelling", next_try_at=now + CONFIRM_AFTER)
    problem = f"not cancelled at ClickPost: {answer.message}"
    if answer.advice:
        problem = f"{problem.rstrip('.')}. {answer.advice}"
    if answer.misconfigured:
        return CancelResult(state=State.PLACED, tries=tries, problem=problem, next_try_at=now + CONFIRM_AFTER)
    delay = delay_before_retry(delays, tries + 1, at_least=answer.retry_after) if answer.again else None
    again_at = now + delay if delay else None
    return CancelResult(state=State.PLACED, tries=tries + 1, problem=problem, next_try_at=again_at)


def _tell(shipment: Shipment, answer: CancelAnswer) -> None:
    if answer.cancelled:
        log.info("shipment.cancelled", reference=shipment.reference_number)
    elif answer.accepted:
        log.info("shipment.cancelling", reference=shipment.reference_number)
    else:
        log.warning("shipment.not_cancelled", reference=shipment.reference_number, again=answer.again)
